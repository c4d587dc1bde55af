"""Licences get one name each; lists of sources, owners and pages decide what may be used."""

import pytest

from gptengine.curate.document import Document
from gptengine.curate.licence import Licences, normalise, reserved
from gptengine.curate.urls import Addresses


@pytest.mark.parametrize(
    "said, name",
    [
        ("CC BY 4.0", "cc-by-4.0"),
        ("CC-BY-SA-3.0", "cc-by-sa-3.0"),
        ("cc_by_nc_nd_4.0", "cc-by-nc-nd-4.0"),
        ("Creative Commons Attribution 4.0 International", "cc-by-4.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 3.0", "cc-by-nc-sa-3.0"),
        (
            "Creative Commons Namensnennung, Weitergabe unter gleichen Bedingungen 3.0",
            "cc-by-sa-3.0",
        ),
        ("https://creativecommons.org/licenses/by-sa/3.0/de/", "cc-by-sa-3.0"),
        ("//creativecommons.org/licenses/by/4.0", "cc-by-4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "public-domain"),
        ("CC0", "cc0-1.0"),
        ("cc-zero", "cc0-1.0"),
        ("public domain", "public-domain"),
        ("Gemeinfrei nach § 5 UrhG", "public-domain"),
        ("MIT", "mit"),
        ("The MIT License", "mit"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("GPL-3.0-or-later", "gpl-3.0-or-later"),
        ("GNU General Public License v2", "gpl-2.0"),
        ("GFDL 1.3", "gfdl-1.3"),
        ("BSD 3-Clause", "bsd-3-clause"),
        ("Datenlizenz Deutschland – Namensnennung – Version 2.0", "dl-de-by-2.0"),
        ("© 2021 Someone. All rights reserved.", "proprietary"),
        ("Alle Rechte vorbehalten", "proprietary"),
        ("Texte mit allen Rechten", "unknown"),
        ("", "unknown"),
        ("whatever", "unknown"),
    ],
)
def test_a_field_is_given_its_name(said, name):
    assert normalise(said) == name
    assert normalise(name) == name, "a name stays what it is"


def document(**fields):
    return Document(**{"id": "0", "source": "web", "text": "", **fields})


def failed(rule, document):
    return [(c.reason, c.note) for c in rule.checks(document) if not c.passed]


def test_a_source_takes_the_licences_of_its_list():
    rule = Licences(allowed={"web": ("cc-by-*", "CC0-*", "public-domain")})
    assert not failed(rule, document(licence="CC BY-SA 4.0"))
    assert not failed(rule, document(licence="cc0"))
    assert failed(rule, document(licence="© me")) == [("licence.not_allowed", "proprietary")]
    assert failed(rule, document()) == [("licence.not_allowed", "unknown")]
    assert not failed(rule, document(source="books")), "a source without a list takes any"
    assert failed(Licences(allowed={"web": ()}), document()), "an empty list takes none"


def test_who_opted_out_is_left_out():
    rule = Licences(opted_out=Addresses(["example.com", "host.example/private"]))
    assert failed(rule, document(url="https://www.example.com/a")) == [
        ("licence.opted_out", "example.com")
    ]
    assert failed(rule, document(url="http://host.example:80/private/x"))
    assert not failed(rule, document(url="http://host.example/public"))
    assert not failed(rule, document())


@pytest.mark.parametrize(
    "meta, said",
    [
        ({"robots": "noindex, NoAI"}, "noai"),
        ({"robots": ["index", "noai, noimageai"]}, "noai"),
        ({"robots": "googlebot: noindex, otherbot: noml"}, "noml"),
        ({"tdm-reservation": 1}, "tdm-reservation"),
        ({"tdm-reservation": " 1 "}, "tdm-reservation"),
        ({"robots": "noindex, tdm-reservation:1"}, "tdm-reservation"),
        ({"robots": "tdm-reservation:0"}, ""),
        ({"tdm-reservation": "0"}, ""),
        ({"robots": "noindex, nofollow"}, ""),
        ({"robots": None}, ""),
        ({}, ""),
    ],
)
def test_a_page_can_reserve_its_rights(meta, said):
    assert reserved(meta) == said
    assert bool(failed(Licences(), document(meta=meta))) == bool(said)
    assert not failed(Licences(heed_robots=False), document(meta=meta))
