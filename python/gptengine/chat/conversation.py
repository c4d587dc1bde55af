"""Conversations: who says what, checked where they enter."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping

# by priority: an instruction yields to those of the roles before its own
ROLES = ("system", "developer", "user", "assistant", "tool")
FIELDS = ("role", "content", "tool_calls", "tool_call_id", "name", "task", "weight", "train")


@dataclasses.dataclass(frozen=True)
class ToolCall:
    """A call of a tool by the assistant."""

    name: str
    arguments: Mapping
    id: str = ""

    def to_json(self) -> str:
        """How a template spells it: one line of JSON."""
        return dump({"name": self.name, "arguments": dict(self.arguments)})


@dataclasses.dataclass(frozen=True)
class Message:
    """What one role says.

    task: the name of a task marker, which says how the assistant is to answer. weight, train: how
    much its tokens count in training, and whether they do.
    """

    role: str
    content: str = ""
    calls: tuple[ToolCall, ...] = ()
    task: str = ""
    weight: float = 1.0
    train: bool = True

    @property
    def loss_weight(self) -> float:
        return self.weight if self.train else 0.0

    @classmethod
    def from_dict(cls, data, where: str = "message") -> Message:
        """A message as JSON has it, in the fields of OpenAI's API and weight, train and task.

        ValueError names `where`, the field, and what it is.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"{where}: {data!r:.80} is no object with role and content")
        for name in data:
            if name not in FIELDS:
                raise ValueError(f"{where}: {name!r:.80} is none of {', '.join(FIELDS)}")
        role = data.get("role")
        if role not in ROLES:
            raise ValueError(f"{where}: role {role!r:.80} is none of {', '.join(ROLES)}")
        calls = data.get("tool_calls") or ()
        if calls and role != "assistant":
            raise ValueError(f"{where}: tool_calls are the assistant's, not of role {role}")
        if not isinstance(calls, (list, tuple)):
            raise ValueError(f"{where}: tool_calls {calls!r:.80} is no list")
        made = cls(
            role,
            _text(data.get("content"), where),
            tuple(_call(call, f"{where}: tool_calls[{i}]") for i, call in enumerate(calls)),
            data.get("task", ""),
            data.get("weight", 1.0),
            data.get("train", True),
        )
        made.check(where)
        return made

    def check(self, where: str) -> None:
        """Refuse what cannot be said or counted."""
        if not isinstance(self.task, str):
            raise ValueError(f"{where}: task {self.task!r:.80} is no name")
        if self.task and self.role != "assistant":
            raise ValueError(
                f"{where}: task {self.task!r:.80} of role {self.role}: it is an answer's"
            )
        if isinstance(self.weight, bool) or not isinstance(self.weight, (int, float)):
            raise ValueError(f"{where}: weight {self.weight!r:.80} is no number")
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"{where}: weight {self.weight} must be 0 or more")
        if not isinstance(self.train, bool):
            raise ValueError(f"{where}: train {self.train!r:.80} must be true or false")
        if not self.content and not self.calls and self.role != "tool":
            raise ValueError(f"{where}: the {self.role}'s content is empty")


def conversation(messages, where: str = "messages") -> tuple[Message, ...]:
    """Messages or their dicts, checked: a system message comes first, and there is one at most."""
    if isinstance(messages, (str, bytes, Mapping)) or not hasattr(messages, "__iter__"):
        raise ValueError(f"{where}: {messages!r:.80} is no list of messages")
    made = []
    for i, message in enumerate(messages):
        at = f"{where}[{i}]"
        if isinstance(message, Message):
            message.check(at)
        else:
            message = Message.from_dict(message, at)
        if message.role == "system" and i > 0:
            raise ValueError(
                f"{at}: a system message stands first and alone: what is said later and still goes "
                f"before the user has the role developer"
            )
        made.append(message)
    if not made:
        raise ValueError(f"{where}: no messages")
    return tuple(made)


def dump(value) -> str:
    """JSON in one line, as the filter tojson of transformers' templates writes it."""
    return json.dumps(value, ensure_ascii=False)


def _text(content, where: str) -> str:
    """The text of a content: a string, null, or a list of parts of type text."""
    if content is None:
        return ""
    if isinstance(content, list):
        for part in content:
            kind = part.get("type") if isinstance(part, Mapping) else None
            if kind != "text" or not isinstance(part.get("text"), str):
                raise ValueError(f"{where}: content has {part!r:.80}: only parts of text are read")
        return "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise ValueError(f"{where}: content {content!r:.80} is no text")
    return content


def _call(call, where: str) -> ToolCall:
    """As OpenAI's API has it, {"function": {"name", "arguments"}}, or without the outer object."""
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ValueError(f"{where}: {call!r:.80} names no function")
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            raise ValueError(f"{where}: arguments {arguments!r:.80} is no JSON") from None
    if not isinstance(arguments, Mapping):
        raise ValueError(f"{where}: arguments {arguments!r:.80} is no object")
    name = call.get("id") or ""
    if not isinstance(name, str):
        raise ValueError(f"{where}: id {name!r:.80} is no text")
    return ToolCall(function["name"], arguments, name)
