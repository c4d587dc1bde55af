"""`gptengine inspect`: what a model looks at and expects along a text, and its words as vectors."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gptengine.files import atomic_write
from gptengine.options import REQUIRED, check_sizes, option

if TYPE_CHECKING:
    import numpy as np

    from gptengine.look.probabilities import TokenProbabilities

EXAMPLES = """\
  gptengine inspect runs/base "The old man said that he" --out page.html
  gptengine inspect runs/base --near king London --analogy "king - man + woman"
  gptengine inspect runs/base --words king,queen,man,woman,boy,girl --out words.html
  gptengine inspect gpt2-folder - --cut 200 --layers 0 5 11 --out page.html < book.txt"""
MOST_WEIGHTS = 8 << 20  # attention weights on a page, of a byte each
SURPRISES = 5  # tokens that the terminal lists


@dataclasses.dataclass(frozen=True)
class InspectCommand:
    """Look inside a model: attention, next-token probabilities, neighbours and a map of words.

    In the terminal, and with --out as a page for a browser, in one file that loads nothing.
    """

    model: str = option(REQUIRED, "run folder, model folder or .gguf file", positional=True)
    text: str = option("", "the text to follow; - reads it from standard input", positional=True)
    out: str = option("", "write a page to this file", shows="FILE")
    near: tuple[str, ...] = option(
        (), "words whose nearest tokens to show: king London", shows="WORD"
    )
    analogy: tuple[str, ...] = option((), 'sums of words: "king - man + woman"', shows="SUM")
    words: tuple[str, ...] = option(
        (),
        "words on the page's map: king,queen or king queen (none: the most frequent)",
        shows="WORD",
    )
    most: int = option(10, "how many neighbours of a word, and likely tokens at each place")
    layers: tuple[int, ...] = option((), "layers whose attention to show, from 0 (none: all)")
    cut: int = option(0, "follow only the first so many tokens of a longer text (0: refuse it)")
    specials: Literal["refuse", "text", "allow"] = option(
        "allow", "the name of a control token in the text: an error, text, or that token"
    )
    dtype: Literal["float32", "bfloat16"] = option("float32", "what it computes in")
    device: Literal["cpu", "cuda"] = option("cpu", "where it computes")

    def __post_init__(self):
        check_sizes("inspect", self, most=1, cut=0)
        if not (self.text or self.near or self.analogy or self.words):
            raise ValueError("inspect: give a text, --near, --analogy or --words to look at")
        if self.words and not self.out:
            raise ValueError("inspect: --words makes a map for a page: give --out too")


def main(c: InspectCommand) -> None:
    from rich.console import Console

    from gptengine.checkpoint import find_model
    from gptengine.model import Model
    from gptengine.tokenizer import Tokenizer
    from gptengine.train.log import say

    console = Console(highlight=False)
    folder = find_model(c.model)
    model = Model.load(folder, dtype=c.dtype, device=c.device, trainable=False)
    try:
        tok = Tokenizer.load(folder)
    except ValueError as error:
        if model.config.causal:
            raise
        raise ValueError(f"inspect: of encoders only those of BPE can be opened: {error}") from None
    parts = along_the_text(c, model, tok, console) if c.text else []
    parts += among_the_words(c, model, tok, console)
    if c.out:
        write_page(c, model, tok, parts)
        say(console, f"page     {c.out}")
        say(console, f"next     open {c.out} in a browser: it is one file and needs no network")
    else:
        more = "attention, and all that was likely" if c.text else "and a map of words"
        say(console, f"next     the same with --out page.html: {more}")


def along_the_text(c: InspectCommand, model, tok, console) -> list[str]:
    """Say how well the text is expected; for a page, its parts about the text."""
    from gptengine.look import token_probabilities
    from gptengine.train.log import say

    ids = read_tokens(c, model, tok)
    guesses, says = None, "This model does not predict next tokens."
    if model.config.head == "lm" and model.config.causal:
        guesses = token_probabilities(model, ids, c.most)
        says = score(tok, ids, guesses)
        say(console, f"text     {says}")
        for line in surprises(tok, ids, guesses):
            say(console, line)
    return text_parts(c, model, tok, ids, guesses, says) if c.out else []


def read_tokens(c: InspectCommand, model, tok) -> np.ndarray:
    """The ids of the text, cut where the command says so; refused where they are too many."""
    import numpy as np

    text = sys.stdin.buffer.read() if c.text == "-" else os.fsencode(c.text)
    before, config = tok.template[0], model.config  # as the model has always seen a text begin
    ids = np.array([*before, *tok.encode(text, specials=c.specials)], np.uint32)
    if tok.vocab_size > config.vocab_size:
        raise ValueError(
            f"inspect: the tokenizer has {tok.vocab_size} tokens, the model's vocabulary only "
            f"{config.vocab_size}"
        )
    if len(ids) < 2:
        raise ValueError(f"inspect: the text has {len(ids)} token; to follow it takes at least 2")
    if c.cut > config.context_length:
        raise ValueError(
            f"inspect: --cut {c.cut} must be at most the model's context of "
            f"{config.context_length} tokens"
        )
    if c.cut == 1:
        raise ValueError("inspect: --cut 1 must be 0 or at least 2")
    ids = ids[: c.cut] if c.cut else ids
    if len(ids) > config.context_length:
        raise ValueError(
            f"inspect: the text has {len(ids):,} tokens, the model's context is "
            f"{config.context_length:,}: --cut {config.context_length} takes its start"
        )
    layers = len(c.layers) or config.layers
    weights = layers * config.heads * len(ids) ** 2
    if c.out and weights > MOST_WEIGHTS:
        fit = int((MOST_WEIGHTS / (layers * config.heads)) ** 0.5)
        raise ValueError(
            f"inspect: {layers} layers of {config.heads} heads have {weights:,} weights along "
            f"{len(ids):,} tokens, a page holds {MOST_WEIGHTS:,}: --cut {fit} takes the start of "
            f"the text, --layers fewer layers"
        )
    return ids


def score(tok, ids, guesses: TokenProbabilities) -> str:
    specials = set(tok.special_tokens.values())
    size = len(tok.decode_bytes(ids)) - len(tok.decode_bytes(ids[:1]))
    size -= sum(len(tok.token_bytes(i)) for i in ids[1:] if int(i) in specials)
    return (
        f"{len(ids):,} tokens. After the first: {guesses.nats_per_token:.2f} nats a token, "
        f"{guesses.bits_per_byte(size):.2f} bits a byte."
    )


def surprises(tok, ids, guesses: TokenProbabilities) -> list[str]:
    """The tokens that the model expected least, in their order."""
    from gptengine.cli.tokenizer.show import clipped

    lines = ["least expected"]
    for t in sorted(guesses.logprob.argsort(kind="stable")[:SURPRISES]):
        token, p = name(tok, ids[t + 1]), math.exp(guesses.logprob[t])
        instead = ", ".join(name(tok, i) for i in guesses.top_ids[t, :3])
        lines.append(
            f"  {clipped(token, 20):20} {p:9.3%}  rank {guesses.rank[t]:<7,} rather {instead}"
        )
    return lines


def name(tok, i) -> str:
    """What a token is called; a model may have more ids than its tokenizer has tokens."""
    from gptengine.tokenizer.inspect import visible

    return visible(tok.token_bytes(i)) if int(i) < tok.vocab_size else f"id {i}"


def text_parts(c, model, tok, ids, guesses, says: str) -> list[str]:
    from gptengine.look import attention_maps, habits
    from gptengine.report import inside

    layers = [*c.layers] or [*range(model.config.layers)]
    maps = attention_maps(model, ids, layers)
    record = None
    if guesses is not None:
        logprobs = guesses.logprob.round(4).tolist()
        tops = zip(guesses.top_ids.tolist(), guesses.top_logprobs.round(4).tolist(), strict=True)
        top = [[(name(tok, i), p) for i, p in zip(*row, strict=True)] for row in tops]
        record = {"logprob": logprobs, "rank": guesses.rank.tolist(), "top": top}
    breaks = [t for t, i in enumerate(ids) if b"\n" in tok.token_bytes(i)]
    data = inside.data(
        [name(tok, i) for i in ids],
        breaks,
        maps,
        [i % model.config.layers for i in layers],
        habits(maps),
        model.config.causal,
        record,
    )
    parts = [inside.guesses_section(says)] if record else []
    return [*parts, inside.attention_section("" if record else says), data]


def among_the_words(c: InspectCommand, model, tok, console) -> list[str]:
    """Print neighbours and analogies, and return them as a part of a page."""
    from gptengine.look import analogy, neighbours
    from gptengine.report import inside
    from gptengine.train.log import say

    found = [
        (str(w), near) for w, near in (neighbours(model, tok, w, c.most) for w in split(c.near))
    ]
    sums = [analogy(model, tok, text, c.most) for text in c.analogy]
    found += [(str(a), a.found) for a in sums]
    for heading, near in found:
        say(console, f"near     {heading}")
        say(console, "  " + "  ".join(f"{n.text} {n.cosine:.2f}" for n in near))
    cards = [(heading, [(n.text, n.cosine) for n in near]) for heading, near in found]
    return [inside.near_section("Nearest tokens", cards)] if cards else []


def split(words: tuple[str, ...]) -> list[str]:
    """Words that are given one by one, or with commas between them."""
    return [part for word in words for part in word.split(",") if part.strip()]


def write_page(c: InspectCommand, model, tok, parts: list[str]) -> None:
    from gptengine.look import plane
    from gptengine.report import inside, tokens

    words = plane(model, tok, split(c.words))
    map_part = inside.plane_section([str(w) for w in words.words], words.points, words.shares)
    page = tokens.page(
        f"Inside {Path(c.model).name or c.model}",  # whoever is sent it need not know the folders
        *parts,
        map_part,
        style=inside.STYLE,
        script=inside.script() if c.text else "",
    )
    atomic_write(c.out, page.encode())
