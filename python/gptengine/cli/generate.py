"""`gptengine generate`: a model goes on with a text, shown as it is written."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from typing import Literal

from gptengine.options import REQUIRED, check_sizes, option

EXAMPLES = """\
  gptengine generate runs/base "It was a dark and stormy night"
  gptengine generate runs/base --temperature 0 --max-new-tokens 50
  echo "Once upon a time" | gptengine generate gpt2-folder - --top-k 40
  gptengine generate big-folder "Once upon a time" --draft small-folder"""


@dataclasses.dataclass(frozen=True)
class GenerateCommand:
    """Let a model go on with a text: a run of `gptengine pretrain`, or a Hugging Face folder."""

    model: str = option(REQUIRED, "run folder or model folder", positional=True)
    prompt: str = option(
        "", "the text to go on with; - reads it from standard input", positional=True
    )
    max_new_tokens: int = option(200, "tokens to write at most")
    temperature: float = option(0.8, "0: always the likeliest token; 1: the model's own spread")
    top_k: int = option(0, "only the k likeliest tokens (0: all)")
    top_p: float = option(1.0, "only the likeliest tokens that hold this share together")
    min_p: float = option(0.0, "only tokens with this share of the likeliest one's probability")
    seed: int = option(0, "of the draws: the same seed writes the same text")
    dtype: Literal["float32", "bfloat16"] = option("float32", "what it computes in")
    draft: str = option("", "guesses tokens for speed: ngram, or folder of a smaller model")
    draft_tokens: int = option(4, "tokens that are guessed at once")

    def __post_init__(self):
        check_sizes("generate", self, max_new_tokens=1, top_k=0, draft_tokens=1)


def main(c: GenerateCommand) -> None:
    from gptengine.checkpoint import find_model_folder
    from gptengine.generate import stream
    from gptengine.model import Model
    from gptengine.tokenizer import Tokenizer

    folder = find_model_folder(c.model)
    model = Model.load(folder, dtype=c.dtype)
    tok = Tokenizer.load(folder)
    prompt = sys.stdin.read().rstrip("\n") if c.prompt == "-" else c.prompt
    sampler = dict(temperature=c.temperature, top_k=c.top_k, top_p=c.top_p, min_p=c.min_p)
    most = min(c.max_new_tokens, model.config.context_length + 1)  # more never fit
    draft = c.draft or None
    if draft and draft != "ngram":
        draft = Model.load(find_model_folder(draft), dtype=c.dtype)
    guesses = dict(draft=draft, draft_tokens=c.draft_tokens)
    pieces = stream(model, tok, prompt, max_new_tokens=most, seed=c.seed, **sampler, **guesses)
    finish = show(prompt, pieces)
    if finish == "context":
        print(
            f"gptengine: the text ends because the model's context of "
            f"{model.config.context_length} tokens is full",
            file=sys.stderr,
        )


def show(prompt: str, pieces: Iterator[str]) -> str:
    """Print the prompt and what follows as it comes; return why it ended."""
    waiting = prompt  # until the first piece: what is refused is refused before anything is written
    while True:
        try:
            piece = next(pieces)
        except StopIteration as end:
            print(waiting)
            return end.value
        print(waiting + piece, end="", flush=True)
        waiting = ""
