"""A template in Jinja, for transformers and all that reads its files."""

from __future__ import annotations

from gptengine.chat.conversation import ROLES
from gptengine.chat.template import Template


def to_jinja(template: Template) -> str:
    """The text of `chat_template` in tokenizer_config.json: it renders what `segments` gives.

    It knows the fields of a message that transformers knows, and `task`. What it does not know is
    that a message says no control tokens: whoever renders with it has to see to that.
    """
    t = template
    words = ", ".join(f"{role!r}: {quoted(t.opening(role))}" for role in ROLES)
    tasks = ", ".join(f"{name!r}: {quoted(text)}" for name, text in t.tasks.items())
    parts = [
        f"{{%- set headers = {{{words}}} -%}}",
        f"{{%- set tasks = {{{tasks}}} -%}}",
        put(quoted(t.begin)),
        "{%- for m in messages -%}",
        _tools(t, "loop.index0 == (messages[0]['role'] == 'system') | int"),
        _turn(t),
        "{%- endfor -%}",
        _tools(t, "messages | length == 1 and messages[0]['role'] == 'system'"),
        "{%- if add_generation_prompt -%}",
        put("headers['assistant']"),
        "{%- endif -%}",
    ]
    return "".join(parts)


def _turn(t: Template) -> str:
    header = put("headers[m['role']]")
    if t.tasks:
        header += "{%- if m['task'] -%}" + put("tasks[m['task']]") + "{%- endif -%}"
    end = put(quoted(t.end + t.after))
    before, behind = (put(quoted(text)) for text in t.result)
    if t.joins_results:
        first = "m['role'] != 'tool' or loop.first or loop.previtem['role'] != 'tool'"
        last = "m['role'] != 'tool' or loop.last or loop.nextitem['role'] != 'tool'"
        header = (
            f"{{%- if {first} -%}}{header}{{%- else -%}}{put(quoted(t.between))}{{%- endif -%}}"
        )
        end = f"{{%- if {last} -%}}{end}{{%- endif -%}}"
    content = put("(m['content'] or '')" + (" | trim" if t.strips else ""))
    if any(t.result):
        on = "{%- if m['role'] == 'tool' -%}"
        content = f"{on}{before}{{%- endif -%}}{content}{on}{behind}{{%- endif -%}}"
    between = f"{{%- if not loop.first or m['content'] -%}}{put(quoted(t.between))}{{%- endif -%}}"
    calls = [
        "{%- for c in m['tool_calls'] or [] -%}{%- set f = c['function'] or c -%}",
        between if t.between else "",
        put(quoted(t.call[0] + '{"name": ')),
        put("f['name'] | tojson"),
        put(quoted(', "arguments": ')),
        put("f['arguments'] | tojson"),
        put(quoted("}" + t.call[1])),
        "{%- endfor -%}",
    ]
    return header + content + "".join(calls) + end


def _tools(t: Template, condition: str) -> str:
    if t.tools is None:
        return ""
    each = "{%- for t in tools -%}" + put("t | tojson")
    each += "{%- if not loop.last -%}" + put(quoted("\n")) + "{%- endif -%}{%- endfor -%}"
    before, behind = (put(quoted(text)) for text in t.tools)
    return f"{{%- if tools and {condition} -%}}{before}{each}{behind}{{%- endif -%}}"


def put(expression: str) -> str:
    return f"{{{{- {expression} -}}}}" if expression != "''" else ""


def quoted(text: str) -> str:
    """A text as Jinja spells it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
