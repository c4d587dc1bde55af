"""Conversations out of JSON lines, in the spellings that data sets have.

messages        {"messages": [{"role", "content", ...}], "tools": [...]}
prompt          {"prompt", "completion"}, {"question", "answer"}; either may be a list of messages
Alpaca          {"instruction", "input", "output"}, and "system"
ShareGPT        {"conversations": [{"from": "human" | "gpt" | ..., "value"}]}
preferences     {"prompt", "chosen", "rejected"}: the chosen one; without a prompt it is in both
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from gptengine.chat.conversation import ROLES, Message, conversation
from gptengine.data.documents import records

SHAREGPT = {"human": "user", "gpt": "assistant", "function_call": "assistant"}
SHAREGPT |= {"observation": "tool", "function_response": "tool"} | {role: role for role in ROLES}
PAIRS = (("prompt", "completion"), ("question", "answer"), ("prompt", "response"))
WEIGHTS = ("weight", "train")  # of a whole line: for the messages that say nothing of their own


@dataclasses.dataclass(frozen=True)
class Dialog:
    """A conversation, the tools that it may call, and where it stands."""

    messages: tuple[Message, ...]
    tools: tuple[dict, ...]
    where: str


def read_dialogs(path) -> Iterator[Dialog]:
    """The conversations of a .jsonl or .jsonl.gz file; ValueError names file, line and field."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    for record, where in records(path):
        yield dialog(record, where)


def dialog(record: Mapping, where: str = "dialog") -> Dialog:
    """The conversation of one JSON object."""
    messages = _reader(record, where)(record, where)
    tools = record.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        raise ValueError(f"{where}: tools {tools!r:.80} is no list of objects")
    shared = {name: record[name] for name in WEIGHTS if name in record}
    if shared:
        messages = [shared | m if isinstance(m, Mapping) else m for m in messages]
    return Dialog(conversation(messages, f"{where}: messages"), tuple(tools), where)


def _reader(record: Mapping, where: str) -> Callable:
    if "messages" in record:
        return lambda record, where: _list(record, "messages", where)
    if "conversations" in record:
        return _sharegpt
    if "chosen" in record:
        return _chosen
    if "instruction" in record:
        return _alpaca
    for asked, answered in PAIRS:
        if asked in record and answered in record:
            return lambda record, where: (
                _messages(record, asked, "user", where)
                + _messages(record, answered, "assistant", where)
            )
    raise ValueError(
        f"{where}: {[*record]!r:.120} is none of messages, conversations, instruction and output, "
        f"prompt and completion, question and answer, chosen and rejected"
    )


def _messages(record: Mapping, name: str, role: str, where: str) -> list:
    """A text that the role says, or a list of messages."""
    value = record[name]
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{where}: {name} {value!r:.80} is neither text nor messages")
    return [{"role": role, "content": value}]


def _list(record: Mapping, name: str, where: str) -> list:
    if not isinstance(record[name], list):
        raise ValueError(f"{where}: {name} {record[name]!r:.80} is no list")
    return record[name]


def _chosen(record: Mapping, where: str) -> list:
    asked = _messages(record, "prompt", "user", where) if "prompt" in record else []
    return asked + _messages(record, "chosen", "assistant", where)


def _alpaca(record: Mapping, where: str) -> list:
    texts = {name: record.get(name) or "" for name in ("system", "instruction", "input", "output")}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{where}: {name} {text!r:.80} is no text")
    asked = "\n\n".join(filter(None, (texts["instruction"], texts["input"])))
    said = [("system", texts["system"])] if texts["system"] else []
    said += [("user", asked), ("assistant", texts["output"])]
    return [{"role": role, "content": text} for role, text in said]


def _sharegpt(record: Mapping, where: str) -> list:
    messages = []
    if record.get("system"):
        messages.append({"role": "system", "content": record["system"]})
    for i, turn in enumerate(_list(record, "conversations", where)):
        speaker = turn.get("from") if isinstance(turn, Mapping) else None
        if speaker not in SHAREGPT:
            raise ValueError(
                f"{where}: conversations[{i}]: from {speaker!r:.80} is none of "
                f"{', '.join(SHAREGPT)}"
            )
        said = {name: turn[name] for name in WEIGHTS if name in turn}
        messages.append({"role": SHAREGPT[speaker], "content": turn.get("value"), **said})
    return messages
