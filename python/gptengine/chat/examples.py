"""Conversations as examples to train on: rendered, and cut where they are longer than a context.

Nothing is left out in silence: `Counts` says what became of every conversation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np

from gptengine.chat.dialogs import Dialog
from gptengine.chat.render import LOSS_ROLES, Rendered, Renderer

Policy = Literal["split", "drop", "cut", "refuse"]


@dataclasses.dataclass
class Counts:
    """What became of conversations, and the loss tokens by role."""

    dialogs: int = 0
    examples: int = 0
    split: int = 0  # conversations of which several examples were made
    cut: int = 0  # examples that lost their end
    dropped: int = 0  # conversations, or pieces of them, that were left out for their length
    tokens: int = 0
    loss_tokens: dict[str, int] = dataclasses.field(default_factory=dict)

    def line(self) -> str:
        """The counts as people read them."""
        text = f"{self.dialogs:,} conversations, {self.examples:,} examples"
        for name in ("split", "cut", "dropped"):
            if number := getattr(self, name):
                text += f", {number:,} {name}"
        counted = ", ".join(f"{role} {n:,}" for role, n in self.loss_tokens.items() if n)
        return f"{text}; {self.tokens:,} tokens, of which count: {counted or 'none'}"


def examples(
    dialogs: Iterable[Dialog],
    template,
    tok,
    context: int,
    *,
    loss_on: Iterable[str] = LOSS_ROLES,
    too_long: Policy = "split",
    counts: Counts | None = None,
) -> Iterator[Rendered]:
    """Examples of at most context + 1 tokens, so that context of them have a target.

    too_long: "split" begins a new example at a question, with the system message and tools again;
    a question and its answer that are too long for one are cut at their end. "cut" keeps the first
    context + 1 tokens, "drop" leaves the conversation out, "refuse" raises ValueError. A
    conversation in which nothing counts is a ValueError, with its place.
    """
    counts = Counts() if counts is None else counts
    loss_on, renderer = tuple(loss_on), Renderer(template, tok)
    for dialog in dialogs:
        counts.dialogs += 1
        show = lambda messages, dialog=dialog: renderer(
            messages, tools=dialog.tools, loss_on=loss_on
        )
        whole = show(dialog.messages)
        if not whole.loss_tokens:
            raise ValueError(
                f"{dialog.where}: no token counts: it has no message of the roles "
                f"{', '.join(loss_on)} with a weight"
            )
        pieces = [(dialog.messages, whole)]
        if len(whole.ids) > context + 1:
            if too_long == "refuse":
                raise ValueError(
                    f"{dialog.where}: {len(whole.ids)} tokens, at most {context + 1} fit: give a "
                    f"longer context, or too_long split, cut or drop"
                )
            if too_long == "drop":
                counts.dropped += 1
                continue
            if too_long == "split":
                pieces = [*_split(dialog.messages, show, context + 1)]
                counts.split += len(pieces) > 1
        for messages, rendered in pieces:
            if len(rendered.ids) > context + 1:
                rendered = Rendered(*(array[: context + 1] for array in rendered))
                counts.cut += rendered.loss_tokens > 0
            if not rendered.loss_tokens:
                counts.dropped += 1
                continue
            _count(counts, messages, rendered)
            yield rendered


def _split(messages, show, most: int) -> Iterator[tuple]:
    """Stretches of exchanges that fit, each behind the system message, where there is one.

    An exchange is never divided: an answer without its question teaches the wrong thing.
    """
    first = messages[:1] if messages[0].role == "system" else ()
    taken, shown = (), None
    for exchange in _exchanges(messages[len(first) :]):
        longer = show((*first, *taken, *exchange))
        if taken and len(longer.ids) > most:
            yield (*first, *taken), shown
            taken, longer = (), show((*first, *exchange))
        taken, shown = (*taken, *exchange), longer
    yield (*first, *taken), shown


def _exchanges(messages) -> Iterator[tuple]:
    """What is asked and what is answered, with all calls of tools between."""
    start = 0
    for i in range(1, len(messages)):
        asks = messages[i].role in ("user", "developer")
        if asks and messages[i - 1].role not in ("user", "developer"):
            yield messages[start:i]
            start = i
    yield messages[start:]


def _count(counts: Counts, messages, rendered: Rendered) -> None:
    counts.examples += 1
    counts.tokens += len(rendered.ids)
    of = rendered.message[rendered.weight > 0]
    for i, number in zip(*np.unique(of, return_counts=True), strict=True):
        role = messages[int(i)].role
        counts.loss_tokens[role] = counts.loss_tokens.get(role, 0) + int(number)
