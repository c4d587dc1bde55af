"""A chat template as data: the texts around what each role says, and the Jinja that says the same.

In these texts the names of control tokens are control tokens. In what people, documents and tools
say they never are: see render.py.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gptengine.chat.conversation import ROLES, Message, dump

# GIVEN is the template's, and is there when an answer begins or comes of itself. SAID is what a
# role says. MARK is the template's too, but a model has to write it, as the token that ends a turn.
GIVEN, SAID, MARK = range(3)
CONTROL_TOKEN = re.compile(r"<\|[^|<>]+\|>")


class Segment(NamedTuple):
    """A stretch of a rendered conversation."""

    text: str
    message: int  # index; -1 where it belongs to none
    part: int


@dataclasses.dataclass(frozen=True)
class Template:
    """How a conversation becomes one text.

    A turn is header, content, end, after; {role} in a header is what `roles` has for the role, and
    end is the control token by which a model stops.
    """

    name: str
    header: str
    end: str
    roles: Mapping[str, str]
    begin: str = ""
    after: str = ""
    call: tuple[str, str] = ("", "")  # around each call of a tool
    result: tuple[str, str] = ("", "")  # around what a tool gave
    between: str = ""  # before every call, and result of a turn, but the first thing in it
    joins_results: bool = False  # results that follow each other are one turn
    tools: tuple[str, str] | None = None  # around the tools that there are; None: it has no place
    tasks: Mapping[str, str] = dataclasses.field(default_factory=dict)  # marker by name
    strips: bool = False  # white space around a content is left out

    def __post_init__(self):
        for role in ROLES:
            if role not in self.roles:
                raise ValueError(f"template {self.name!r} has no header for the role {role}")

    def opening(self, role: str, task: str = "") -> str:
        """What stands before the content of a role; for the assistant what it goes on from."""
        if task and task not in self.tasks:
            known = ", ".join(self.tasks) or "none"
            raise ValueError(f"template {self.name!r} has no task {task!r:.80}: it has {known}")
        return self.header.replace("{role}", self.roles[role]) + self.tasks.get(task, "")

    def segments(
        self, messages: tuple[Message, ...], tools: tuple[dict, ...] = (), answer: str | None = None
    ) -> Iterator[Segment]:
        """The stretches of a conversation in order.

        answer: the name of a task, or "" for none, ends it with the header of an answer to come.
        """
        if tools and self.tools is None:
            raise ValueError(f"template {self.name!r} has no place for tools")
        yield Segment(self.begin, -1, GIVEN)
        at = int(bool(messages) and messages[0].role == "system")  # tools stand behind the system
        for i, message in enumerate(messages):
            if tools and i == at:
                yield from self._tools(tools)
            yield from self._turn(messages, i, message)
        if tools and len(messages) <= at:
            yield from self._tools(tools)
        if answer is not None:
            yield Segment(self.opening("assistant", answer), len(messages), GIVEN)

    def _tools(self, tools) -> Iterator[Segment]:
        yield Segment(self.tools[0], -1, GIVEN)
        yield Segment("\n".join(map(dump, tools)), -1, SAID)
        yield Segment(self.tools[1], -1, GIVEN)

    def _turn(self, messages, i: int, message: Message) -> Iterator[Segment]:
        result = message.role == "tool"
        joined = lambda k: (
            self.joins_results and result and k < len(messages) and messages[k].role == "tool"
        )
        before, behind = self.result if result else ("", "")
        if i > 0 and joined(i - 1):
            before = self.between + before
        else:
            yield Segment(self.opening(message.role, message.task), i, GIVEN)
        yield Segment(before, i, GIVEN)
        yield Segment(message.content.strip() if self.strips else message.content, i, SAID)
        yield Segment(behind, i, GIVEN)
        for k, call in enumerate(message.calls):
            between = self.between if k > 0 or message.content else ""
            yield Segment(between + self.call[0], i, MARK)
            yield Segment(call.to_json(), i, SAID)
            yield Segment(self.call[1], i, MARK)
        if not joined(i + 1):
            yield Segment(self.end, i, MARK)
            yield Segment(self.after, i, GIVEN)

    def control_tokens(self) -> list[str]:
        """The control tokens that its texts name, in the order in which they are first named."""
        texts = [self.begin, *(self.opening(role) for role in ROLES), self.end, self.after]
        texts += [*self.call, *self.result, *(self.tools or ()), *self.tasks.values()]
        return list(dict.fromkeys(CONTROL_TOKEN.findall("".join(texts))))
