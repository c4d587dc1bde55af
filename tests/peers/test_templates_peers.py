"""The Jinja of every template, rendered by transformers, gives the ids that render gives."""

import json

import pytest

from chat.mask_cases import CASES
from chat.test_render import TOK, parsed
from gptengine import chat

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def peers(tmp_path_factory):
    """A tokenizer of transformers for each template."""
    made = {}
    for name, template in chat.TEMPLATES.items():
        folder = tmp_path_factory.mktemp(name)
        TOK.save(folder)
        path = folder / "tokenizer_config.json"
        config = json.loads(path.read_text()) | {"chat_template": chat.to_jinja(template)}
        path.write_text(json.dumps(config))
        made[name] = transformers.AutoTokenizer.from_pretrained(folder)
    return made


def ids(peer, messages, **options):
    return list(peer.apply_chat_template(messages, return_dict=True, **options)["input_ids"])


@pytest.mark.parametrize("name, messages, truth", CASES)
@pytest.mark.parametrize("answer", [None, ""])
def test_ids(peers, name, messages, truth, answer):
    if truth is None:
        pytest.skip("transformers takes the names of control tokens in texts for these tokens")
    messages = [parsed(m) for m in messages]
    ours = chat.render(chat.TEMPLATES[name], TOK, messages, answer=answer).ids.tolist()
    assert ids(peers[name], messages, add_generation_prompt=answer is not None) == ours


@pytest.mark.parametrize("messages", [["u A"], ["s A"], ["s A", "u B"], ["u A", "a B", "u C"]])
def test_tools(peers, messages):
    messages = [parsed(m) for m in messages]
    tools = [{"type": "function", "function": {"name": name}} for name in ("add", "größe")]
    template = chat.TEMPLATES["gptengine"]
    ours = chat.render(template, TOK, messages, tools=tools, answer="").ids.tolist()
    assert ids(peers["gptengine"], messages, tools=tools, add_generation_prompt=True) == ours
