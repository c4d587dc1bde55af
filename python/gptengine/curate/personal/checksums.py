"""Numbers that prove themselves: cards, IBANs, German tax and insurance numbers, American SSNs."""

from __future__ import annotations

from collections import Counter

IBAN_LENGTHS = {  # characters, by country (registry of ISO 13616)
    length: countries.split()
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ DZ ES MD PK RO SA SE SK TN VG",
        25: "AO LY PT ST",
        26: "IS TR",
        27: "BF BI DJ FR GR IT MC MG MR SM",
        28: "AL AZ BY CY DO GT HU LB PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
        32: "LC",
    }.items()
}
IBAN_LENGTH = {country: n for n, countries in IBAN_LENGTHS.items() for country in countries}
CARDS = (  # first and last prefix, and the lengths of the numbers that begin so
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14,)),  # Diners Club
    ("36", "36", (14,)),
    ("38", "39", (14,)),
    ("3528", "3589", (16,)),  # JCB
    ("6011", "6011", (16, 19)),  # Discover
    ("644", "659", (16, 19)),
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("2200", "2204", (16,)),  # Mir
    ("5018", "5038", (16,)),  # Maestro
    ("5893", "5893", (16,)),
    ("6304", "6304", (16,)),
    ("6759", "6763", (16,)),
)
INSURANCE_WEIGHTS = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)


def is_card(digits: str) -> bool:
    """Whether an issuer gives numbers that begin so, of this length, and the last digit fits."""
    return any(
        len(digits) in lengths and first <= digits[: len(first)] <= last
        for first, last, lengths in CARDS
    ) and luhn(digits)


def luhn(digits: str) -> bool:
    """The sum of Luhn (ISO/IEC 7812): from the right each second digit is doubled."""
    total = sum(map(int, digits[-1::-2]))
    total += sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return total % 10 == 0


def is_iban(number: str) -> bool:
    """Whether a country's IBANs have this length, and modulo 97 is 1; no blanks, any case."""
    number = number.upper()
    if IBAN_LENGTH.get(number[:2]) != len(number) or not number.isalnum():
        return False
    return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1


def is_tax_id(digits: str) -> bool:
    """A German tax identification number: 11 digits, ISO 7064 modulo 11,10.

    It does not begin with 0; of its first ten digits one occurs twice or thrice, no other does.
    """
    if len(digits) != 11 or digits[0] == "0":
        return False
    repeated = [n for n in Counter(digits[:10]).values() if n > 1]
    if repeated not in ([2], [3]):
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10 == int(digits[10])


def is_insurance_number(number: str) -> bool:
    """A German social insurance number: office, birthday DDMMYY, letter, serial, check digit."""
    office, day, month, letter = number[:2], number[2:4], number[4:6], number[8:9].upper()
    if len(number) != 12 or not "A" <= letter <= "Z" or office == "00":
        return False
    if not (1 <= int(day) <= 31 and 1 <= int(month) <= 12):
        return False
    digits = f"{number[:8]}{ord(letter) - 64:02}{number[9:11]}"
    weighted = (int(d) * w for d, w in zip(digits, INSURANCE_WEIGHTS, strict=True))
    return sum(sum(divmod(product, 10)) for product in weighted) % 10 == int(number[11])


def is_ssn(digits: str) -> bool:
    """Whether nine digits can be an American social security number: it has no check digit."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"
