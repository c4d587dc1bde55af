"""All rules can be sent to other processes, and say the same there, in the same order."""

import pickle

import pytest
from prose import DE, EN

from gptengine.curate.bad_words import BadWords
from gptengine.curate.decontaminate import Decontaminate, index
from gptengine.curate.document import Document
from gptengine.curate.licence import Licences
from gptengine.curate.perplexity import Perplexity, train
from gptengine.curate.personal import Personal
from gptengine.curate.policy_lines import PolicyLines
from gptengine.curate.quality import Quality
from gptengine.curate.spam import Spam
from gptengine.curate.urls import Addresses, Urls

DOCUMENT = Document("0", "web", f"{EN} Mail a@b.example!", "http://a.example/b", language="en")
FILTERS = [
    Urls(blocked=Addresses(["a.example/b"])),
    Licences(allowed={"web": ("cc-*",)}),
    Quality(),
    Spam(),
    BadWords(),
    Perplexity({"en": train([EN * 9, DE * 9])}),
    Decontaminate(index({"a": [EN]})),
]


@pytest.mark.parametrize("rule", FILTERS, ids=lambda rule: rule.name)
def test_filters(rule):
    checks = list(rule.checks(DOCUMENT))
    again = pickle.loads(pickle.dumps(rule))  # noqa: S301, as a pool of processes does
    assert checks == list(again.checks(DOCUMENT)) == list(rule.checks(DOCUMENT))
    assert checks and all(check.reason.startswith(f"{rule.name}.") for check in checks)
    assert all(type(check.value) in (int, float) for check in checks), "JSON has them"


@pytest.mark.parametrize("rule", [PolicyLines(), Personal()], ids=lambda rule: rule.name)
def test_transforms(rule):
    change = rule.change(DOCUMENT)
    again = pickle.loads(pickle.dumps(rule))  # noqa: S301
    assert again.change(DOCUMENT) == change
    assert all(reason.startswith(f"{rule.name}.") for reason in change.counts)
