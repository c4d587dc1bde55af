"""Numbers that prove themselves: published examples pass, a changed digit does not."""

import pytest

from gptengine.curate.personal.checksums import (
    is_card,
    is_iban,
    is_insurance_number,
    is_ssn,
    is_tax_id,
    luhn,
)

GOOD = [
    (is_card, "4111111111111111"),  # the test numbers of the issuers
    (is_card, "378282246310005"),
    (is_card, "5555555555554444"),
    (is_card, "2223003122003222"),
    (is_card, "30569309025904"),
    (is_card, "3530111333300000"),
    (is_card, "6011111111111117"),
    (is_iban, "DE89370400440532013000"),  # the examples of the registry
    (is_iban, "GB29NWBK60161331926819"),
    (is_iban, "gb29nwbk60161331926819"),
    (is_iban, "CH9300762011623852957"),
    (is_iban, "MT84MALT011000012345MTLCAST001S"),
    (is_tax_id, "86095742719"),  # the examples of the tax office
    (is_tax_id, "65929970489"),
    (is_insurance_number, "65170839J003"),  # the example of the insurance
    (is_insurance_number, "15070649C103"),
]


@pytest.mark.parametrize("check, number", GOOD)
def test_a_changed_digit_is_noticed(check, number):
    assert check(number)
    for i, digit in enumerate(number):
        if i > 2 and digit.isdigit():
            changed = number[:i] + str((int(digit) + 1) % 10) + number[i + 1 :]
            assert not check(changed), changed


def test_what_is_no_number_of_that_kind():
    assert luhn("1234567812345670") and not is_card("1234567812345670"), "no issuer begins with 1"
    assert not is_card("411111111111111"), "15 digits are not Visa's"
    assert not is_iban("DE8937040044053201300")
    assert not is_iban("XX89370400440532013000")
    assert not is_iban("")
    assert not is_tax_id("06095742719") and not is_tax_id("12345678901")
    assert not is_insurance_number("65173939J003"), "day 17, month 39"
    assert not is_insurance_number("651708391003")
    assert is_ssn("078051120")
    assert not any(map(is_ssn, ["000121234", "666121234", "900121234", "123001234", "123120000"]))
