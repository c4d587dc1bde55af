"""From a conversation to ids, and which of them count in training.

Only a template's own texts are looked through for control tokens. What a role says is encoded as
plain text, whatever it spells, so nobody can end a turn or begin another's by writing so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from gptengine.chat.conversation import ROLES, conversation
from gptengine.chat.template import GIVEN, SAID, Segment

LOSS_ROLES = ("system", "developer", "assistant")


class Rendered(NamedTuple):
    """A conversation as ids, (N,) each: of a token its message (-1: of none), part and weight."""

    ids: np.ndarray  # uint32
    message: np.ndarray  # int32
    part: np.ndarray  # uint8: GIVEN, SAID or MARK
    weight: np.ndarray  # float32: how much the token counts as a target

    @property
    def loss_tokens(self) -> int:
        return int(np.count_nonzero(self.weight))


class Renderer:
    """A template and a tokenizer, ready to render; ValueError where the latter lacks a token."""

    def __init__(self, template, tok):
        check_control_tokens(template, tok)
        self.template, self.tok, self._specials = template, tok, tok.special_tokens
        longest_first = sorted(self._specials, key=len, reverse=True)
        self._finder = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def __call__(
        self,
        messages,
        *,
        tools: Iterable[dict] = (),
        answer: str | None = None,
        loss_on: Iterable[str] = LOSS_ROLES,
    ) -> Rendered:
        """See `render`."""
        messages, loss_on = conversation(messages), set(loss_on)
        if unknown := loss_on - {*ROLES}:
            raise ValueError(f"loss_on: {min(unknown)!r:.80} is none of {', '.join(ROLES)}")
        segments = [*self.template.segments(messages, tuple(tools), answer)]
        ids, message, part = self._encoded(segments)
        weights = [m.loss_weight if m.role in loss_on else 0.0 for m in messages]
        # of an answer to come, and of what belongs to no message, which has the index -1
        weights = np.array([*weights, 0.0, 0.0], np.float32)
        weight = np.where(part == GIVEN, np.float32(0), weights[message])
        return Rendered(ids, message, part, weight)

    def _encoded(self, segments: list[Segment]):
        """ids, and the message and part of each.

        Between two control tokens lies one text, which is encoded as a whole, as other programs do.
        Of a token that two segments share, the segment is that of its first byte.
        """
        ids, owners, run = [], [], []
        for i, segment in enumerate(segments):
            if segment.part == SAID:
                run.append((i, segment.text.encode("utf-8", "replace")))
                continue
            at = 0
            for found in self._finder.finditer(segment.text):
                run.append((i, segment.text[at : found.start()].encode()))
                self._flush(run, ids, owners)
                ids.append([self._specials[found[0]]])
                owners.append([i])
                at = found.end()
            run.append((i, segment.text[at:].encode()))
        self._flush(run, ids, owners)
        owner = np.concatenate([np.empty(0, np.int64), *owners])
        about = np.array([(s.message, s.part) for s in segments], np.int32).reshape(-1, 2)
        return (
            np.concatenate([np.empty(0, np.uint32), *ids]).astype(np.uint32),
            about[owner, 0],
            about[owner, 1].astype(np.uint8),
        )

    def _flush(self, run: list, ids: list, owners: list) -> None:
        """Encode the texts of a run as one, and forget them."""
        if text := b"".join(piece for _, piece in run):
            found, spans = self.tok.encode_with_offsets(text, specials="text")
            ends = np.cumsum([len(piece) for _, piece in run])
            which = np.searchsorted(ends, spans[:, 0], side="right")
            ids.append(found)
            owners.append(np.array([i for i, _ in run])[np.minimum(which, len(run) - 1)])
        run.clear()


def render(template, tok, messages, **options) -> Rendered:
    """The ids of a conversation (messages or their dicts) by a template.

    Of a turn of the roles in loss_on count what is said and the token that ends it, each as much
    as the message's weight; headers never do. tools, answer: see `Template.segments`. ValueError
    for what is no conversation, and where the vocabulary lacks a control token of the template.
    """
    return Renderer(template, tok)(messages, **options)


def check_control_tokens(template, tok) -> None:
    """Refuse a vocabulary that lacks control tokens of the template."""
    missing = [name for name in template.control_tokens() if name not in tok.special_tokens]
    if missing:
        raise ValueError(
            f"the vocabulary has no control token {', '.join(missing)}, which the template "
            f"{template.name!r} needs: extend it (`gptengine sft --extend`), or take another one"
        )
