"""Personal data that belongs to nobody, in sentences: what masks have to find.

Made from random digits that fit their checksums, and from hosts that are reserved for examples.
"""

import random

from gptengine.curate.personal.checksums import IBAN_LENGTH, is_card, is_insurance_number, is_tax_id

NAMES = "anna max lena jonas müller schmidt o'brien garcia smith li weber".split()
HOSTS = "example.com mail.example.org firma.example müller.example uni.example.edu".split()
FRAMES = {
    "email": ["Schreiben Sie an {}.", "Mail me: {}", "<{}>", "({})", "E-Mail:{}, Fax", "“{}”"],
    "phone": [
        "Tel.: {}", "Telefon {}", "Phone: {}", "call me at {} today", "Mobil {}", "Fax {},",
        "Sie erreichen uns unter der Rufnummer {}.", "Handy: {}", "WhatsApp {}",
    ],
    "iban": ["IBAN: {}", "Konto {} bei der Bank", "Bitte auf {} überweisen.", "({})"],
    "card": ["Card number {}.", "Kreditkarte {}, gültig bis 12/27", "paid with {} yesterday"],
    "ip": ["login from {} failed", "Zugriff von {} um 12:30:45", "[{}]", "IP {}", "{} - - GET /"],
    "tax_id": ["Steuer-ID {}", "IdNr. {}.", "meine Nummer ist {} und", "({})"],
    "social_security_de": ["Versicherungsnummer {}", "SV-Nr. {},", "RVNR: {}", "({})"],
    "ssn": ["SSN {}", "social security number: {}.", "his number, {}, was", "({})"],
    "user_url": ["siehe {}", "Folgt mir: {}!", "my page ({})", 'href="{}">'],
}  # fmt: skip


def digits(random, n):
    return "".join(random.choices("0123456789", k=n))


def until(check, make):
    while not check(number := make()):
        pass
    return number


def email(r):
    name = r.choice([".", "_", "-", ""]).join(r.sample(NAMES, 2)) + r.choice(["", digits(r, 2)])
    at = r.choice(["@"] * 8 + [" (at) ", "[at]"])
    return f"{name}{at}{r.choice(HOSTS)}"


def phone(r):
    prefix, area = (
        r.choice(["+49 ", "0049 ", "0", "0", "+43 ", "+1-", "("]),
        r.choice(["30", "711", "171"]),
    )
    if prefix == "(":
        return f"({r.randint(200, 999)}) {r.randint(200, 999)}-{digits(r, 4)}"
    if prefix == "+1-":
        return f"+1-{r.randint(200, 999)}-{r.randint(200, 999)}-{digits(r, 4)}"
    rest = str(r.randint(1, 9)) + digits(r, r.randint(5, 7))
    spaced = " ".join(rest[i : i + 3] for i in range(0, len(rest), 3))
    return prefix + area + r.choice([" ", "/", "-", " / ", ""]) + r.choice([rest, spaced])


def iban(r):
    country = r.choice(["DE", "AT", "CH", "GB", "FR", "NL", "ES", "IT"])
    letters = {"GB": "WEST", "NL": "ABNA", "IT": "X"}.get(country, "")
    body = letters + digits(r, IBAN_LENGTH[country] - 4 - len(letters))
    check = 98 - int("".join(str(int(c, 36)) for c in body + country + "00")) % 97
    number = f"{country}{check:02}{body}"
    return r.choice([number, " ".join(number[i : i + 4] for i in range(0, len(number), 4))])


def card(r):
    prefix, length = r.choice([("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16)])
    number = until(is_card, lambda: prefix + digits(r, length - len(prefix)))
    cuts = (0, 4, 10, 15) if length == 15 else (0, 4, 8, 12, 16)
    between = r.choice(["", " ", "-"])
    return between.join(number[a:b] for a, b in zip(cuts, cuts[1:], strict=False))


def ip(r):
    if r.random() < 0.3:
        return ":".join(["2001", "db8", *(f"{r.randrange(1, 65536):x}" for _ in range(6))])
    if r.random() < 0.3:
        return f"2a02:8108:{r.randrange(1, 65536):x}::{r.randrange(1, 65536):x}"
    return ".".join(str(r.randint(1, 254)) for _ in range(4))


def tax_id(r):
    number = until(is_tax_id, lambda: digits(r, 11))
    return r.choice([number, f"{number[:2]} {number[2:5]} {number[5:8]} {number[8:]}"])


def insurance(r):
    def make():
        birth = f"{r.randint(1, 28):02}{r.randint(1, 12):02}{digits(r, 2)}"
        return f"{r.randint(2, 89):02}{birth}{r.choice('ABCDEFGHKLMRSWZ')}{digits(r, 3)}"

    n = until(is_insurance_number, make)
    return r.choice(
        [n, f"{n[:2]} {n[2:8]} {n[8]} {n[9:]}", f"{n[:2]} {n[2:8]} {n[8]} {n[9:11]} {n[11]}"]
    )


def ssn(r):
    return f"{r.randint(1, 665):03}-{r.randint(1, 99):02}-{r.randint(1, 9999):04}"


def user_url(r):
    user = (
        r.choice([".", "_", "-", ""])
        .join(r.sample([n for n in NAMES if n.isascii()], 2))
        .replace("'", "")
    )
    return r.choice(
        [
            f"https://www.facebook.com/{user}", f"https://twitter.com/{user}",
            f"instagram.com/{user}",
            f"https://de.linkedin.com/in/{user}/", f"https://www.tiktok.com/@{user}",
            f"https://forum.example/users/{user}?tab=1", f"http://www.uni.example/~{user}/index.html",
            f"ftp://{user}:secret@host.example/x", f"https://mastodon.example/@{user}",
        ]
    )  # fmt: skip


MAKERS = {
    "email": email, "phone": phone, "iban": iban, "card": card, "ip": ip, "tax_id": tax_id,
    "social_security_de": insurance, "ssn": ssn, "user_url": user_url,
}  # fmt: skip


def planted(seed=1, count=500):
    """By kind: sentences with one number or address in each, and what it is."""
    r = random.Random(seed)
    for kind, make in MAKERS.items():
        yield kind, [(r.choice(FRAMES[kind]), make(r)) for _ in range(count)]
