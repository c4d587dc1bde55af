"""Conversations out of JSON lines, and as examples of a bounded length."""

import gzip
import json

import numpy as np
import pytest

from chat.test_render import TOK, marked
from gptengine import chat
from gptengine.chat.dialogs import dialog, read_dialogs
from gptengine.chat.examples import Counts, examples

TEMPLATE = chat.TEMPLATES["gptengine"]
ASKED = dict(role="user", content="A")
SAID = dict(role="assistant", content="B")


@pytest.mark.parametrize(
    "record",
    [
        dict(messages=[ASKED, SAID]),
        dict(prompt="A", completion="B"),
        dict(prompt=[ASKED], completion=[SAID]),
        dict(question="A", answer="B"),
        dict(instruction="A", output="B"),
        dict(instruction="A", input="", output="B"),
        dict(conversations=[{"from": "human", "value": "A"}, {"from": "gpt", "value": "B"}]),
        dict(prompt="A", chosen="B", rejected="C"),
        dict(chosen=[ASKED, SAID], rejected=[ASKED, SAID]),
    ],
)
def test_every_spelling_is_read(record):
    assert [(m.role, m.content) for m in dialog(record).messages] == [
        ("user", "A"),
        ("assistant", "B"),
    ]


def test_what_only_some_have():
    found = dialog(dict(system="S", instruction="A", input="I", output="B")).messages
    assert [m.content for m in found] == ["S", "A\n\nI", "B"]
    turns = [{"from": "human", "value": "A"}, {"from": "gpt", "value": "B", "weight": 2.0}]
    found = dialog(dict(system="S", conversations=turns)).messages
    assert [(m.role, m.weight) for m in found] == [("system", 1), ("user", 1), ("assistant", 2)]
    found = dialog(dict(prompt="A", completion="B", weight=0.5)).messages
    assert [m.weight for m in found] == [0.5, 0.5]
    assert dialog(dict(messages=[ASKED, SAID], tools=[{"name": "f"}])).tools == ({"name": "f"},)


@pytest.mark.parametrize(
    "line, says",
    [
        ("{", "line 2"),
        ("[]", "line 2"),
        ('{"text": "A"}', r"line 2: \['text'\] is none of messages, conversations, instruction"),
        ('{"messages": {}}', "line 2: messages {} is no list"),
        ('{"messages": [{"role": "x"}]}', r"line 2: messages\[0\]: role 'x' is none of"),
        ('{"conversations": [{"from": "me"}]}', r"conversations\[0\]: from 'me' is none of human"),
        ('{"prompt": 3, "completion": "B"}', "prompt 3 is neither text nor messages"),
        ('{"prompt": "A", "completion": ""}', r"messages\[1\]: the assistant's content is empty"),
        ('{"instruction": "A", "output": 3}', "output 3 is no text"),
        ('{"messages": [{"role": "user", "content": "A"}], "tools": 3}', "tools 3 is no list"),
    ],
)
def test_errors_name_file_and_line(tmp_path, line, says):
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "A", "completion": "B"}\n' + line + "\n")
    with pytest.raises(ValueError, match=says) as error:
        list(read_dialogs(path))
    assert str(path) in str(error.value)


def test_files(tmp_path):
    line = json.dumps(dict(prompt="A", completion="B")).encode() + b"\n"
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line + b"\n" + line))
    assert [d.where[-6:] for d in read_dialogs(tmp_path / "a.jsonl.gz")] == ["line 1", "line 3"]
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line)[:-9])
    with pytest.raises(ValueError, match="broken gzip file"):
        list(read_dialogs(tmp_path / "b.jsonl.gz"))
    with pytest.raises(ValueError, match="no such file"):
        list(read_dialogs(tmp_path / "c.jsonl"))


def long_dialog(turns, length=4, system=True):
    messages = [dict(role="system", content="S")] * system
    for i in range(turns):
        messages += [dict(role="user", content=f"{i}" * length)]
        messages += [dict(role="assistant", content=f"{i}" * length)]
    return dialog(dict(messages=messages), "here")


def test_long_conversations_are_split_at_questions():
    """Of 12 tokens an exchange and 3 of the system message, two fit in 27."""
    counts = Counts()
    made = list(examples([long_dialog(5)], TEMPLATE, TOK, 26, counts=counts))
    pair = lambda i: f"<|user|>{f'{i}' * 4}<|end|><|assistant|>«{f'{i}' * 4}<|end|>»"
    head = "<|system|>«S<|end|>»"
    want = [head + pair(0) + pair(1), head + pair(2) + pair(3), head + pair(4)]
    assert [marked(e) for e in made] == want
    assert (counts.dialogs, counts.examples, counts.split, counts.cut) == (1, 3, 1, 0)
    assert counts.loss_tokens == {"system": 6, "assistant": 25}
    assert counts.tokens == sum(len(e.ids) for e in made)


def test_other_policies():
    long, short = long_dialog(5), long_dialog(1)
    counts = Counts()
    (kept,) = examples([long, short], TEMPLATE, TOK, 26, too_long="drop", counts=counts)
    assert len(kept.ids) == 15 and (counts.dropped, counts.examples) == (1, 1)
    counts = Counts()
    first, _ = examples([long, short], TEMPLATE, TOK, 26, too_long="cut", counts=counts)
    whole = chat.render(TEMPLATE, TOK, long.messages)
    assert np.array_equal(first.ids, whole.ids[:27]) and counts.cut == 1
    with pytest.raises(ValueError, match="here: 63 tokens, at most 27 fit: give a longer context"):
        list(examples([long], TEMPLATE, TOK, 26, too_long="refuse"))


def test_an_exchange_that_is_too_long_is_cut_or_dropped():
    counts = Counts()
    made = list(examples([long_dialog(1, 20, False)], TEMPLATE, TOK, 29, counts=counts))
    assert len(made) == 1 and len(made[0].ids) == 30 and counts.cut == 1
    made = list(examples([long_dialog(1, 40, False)], TEMPLATE, TOK, 29, counts=counts))
    assert made == [] and counts.dropped == 1  # nothing of the answer is left
    assert "2 conversations, 1 examples, 1 cut, 1 dropped" in counts.line()


def test_a_conversation_in_which_nothing_counts_is_refused():
    with pytest.raises(ValueError, match="here: no token counts: it has no message of the roles"):
        list(examples([dialog(dict(messages=[ASKED]), "here")], TEMPLATE, TOK, 99))
