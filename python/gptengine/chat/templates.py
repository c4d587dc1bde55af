"""The chat templates that have a name: gptengine's own, ChatML, Llama 3's and Qwen's."""

from __future__ import annotations

import dataclasses

from gptengine.chat.conversation import ROLES
from gptengine.chat.jinja import to_jinja
from gptengine.chat.template import Template
from gptengine.tokenizer import Tokenizer

# How the assistant is to answer: the marker stands in the header of its answer, where the person
# that it talks with neither writes nor sees it.
TASKS = ("steps", "brief", "detailed", "simple", "formal", "code", "translate", "summary")

_WORDS = {role: role for role in ROLES}
GPTENGINE = Template(
    name="gptengine",
    header="{role}",
    end="<|end|>",
    roles={role: f"<|{role}|>" for role in ROLES},
    call=("<|call|>", ""),
    tools=("<|tools|>", "<|end|>"),
    tasks={name: f"<|{name}|>" for name in TASKS},
)
CHATML = Template(
    name="chatml",
    header="<|im_start|>{role}\n",
    end="<|im_end|>",
    after="\n",
    roles=_WORDS,
)
LLAMA3 = Template(
    name="llama3",
    begin="<|begin_of_text|>",
    header="<|start_header_id|>{role}<|end_header_id|>\n\n",
    end="<|eot_id|>",
    roles=_WORDS | {"tool": "ipython"},
    strips=True,
)
QWEN = dataclasses.replace(
    CHATML,
    name="qwen",
    roles=_WORDS | {"tool": "user"},
    call=("<tool_call>\n", "\n</tool_call>"),
    result=("<tool_response>\n", "\n</tool_response>"),
    between="\n",
    joins_results=True,
)
TEMPLATES = {t.name: t for t in (GPTENGINE, CHATML, LLAMA3, QWEN)}
CONTROL_TOKENS = tuple(GPTENGINE.control_tokens())  # to train a tokenizer with


def template_of(name: str) -> Template:
    """The template of that name; ValueError names those that there are."""
    if name not in TEMPLATES:
        raise ValueError(f"template {name!r:.80} is none of {', '.join(TEMPLATES)}")
    return TEMPLATES[name]


def with_template(tok: Tokenizer, template: Template) -> Tokenizer:
    """The tokenizer of a model that talks so: its files say the template, and the end of a turn."""
    config = tok.config | {"chat_template": to_jinja(template)}
    return Tokenizer(tok._vocabulary, template.end, config)
