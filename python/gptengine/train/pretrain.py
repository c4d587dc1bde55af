"""Pretrain a model on token shards; the same call or command goes on where it was stopped.

    run = pretrain(model, tok, "data/novels", out="runs/base", steps=2000)

The run folder is that of loop.py. A run that is stopped and resumed ends with the same bits as one
that is not. With a limit in `minutes` it does not: the learning rate then follows the clock, which
is never the same twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gptengine.data import TokenShards, open_loader
from gptengine.data.prepare import prepare
from gptengine.files import folder_in_use, locked
from gptengine.train.evaluate import bytes_per_token, evaluate
from gptengine.train.log import duration
from gptengine.train.loop import Batch, Loop
from gptengine.train.plan import model_line
from gptengine.train.run import Run, changed, checked_context, finished
from gptengine.train.settings import PretrainConfig

MANY_EPOCHS = 10  # repeated text soon teaches little (Muennighoff et al. 2023, arXiv:2305.16264)


def pretrain(
    model, tok, data, out, *, config: PretrainConfig | None = None, console=None, **settings
) -> Run:
    """Train `model` in place and return the finished run.

    data: a folder of token shards, or text files and folders, which become shards in `out/data`.
    settings: fields of PretrainConfig by name, over those of `config`. Ctrl-C and SIGTERM save a
    checkpoint first. `pretrain.iter(...)`, with the same arguments, yields after every step;
    in between signals do what they did before.
    """
    options = dict(config=config, console=console, **settings)
    return finished(out, iterate(model, tok, data, out, **options))


def iterate(
    model, tok, data, out, *, config: PretrainConfig | None = None, console=None, **settings
) -> Iterator[dict]:
    """As `pretrain`, but yields each step's record: step, loss, grad_norm, lr, val_loss, ..."""
    c = changed(config or PretrainConfig(), settings)
    with folder_in_use(out) as out, locked(out):
        task = Pretraining(model, tok, data, out, c)
        yield from Loop(task, model, tok, out, c, console).run()


pretrain.iter = iterate


class Pretraining:
    """Blocks of text in which every token counts: a task of loop.py."""

    name = "pretrain"

    def __init__(self, model, tok, data, out: Path, c: PretrainConfig):
        self.model, self.tok, self.c = model, tok, c
        self.context = checked_context("pretrain", model, tok, c.context)
        folder = prepare(data, out / "data", lambda _: tok, {"tokenizer": tok.fingerprint})
        self.train = TokenShards(folder, "train")
        self.train.check_tokenizer(tok)
        self.held_out = any(folder.glob("val-*.tok"))
        self.val = TokenShards(folder, "val") if self.held_out else None
        self.loader = open_loader(self.train, c.batch, self.context, c.seed)
        self.token_bytes = bytes_per_token(tok)
        self.most_tokens = c.batch * self.context

    def next(self) -> list[Batch]:
        return [Batch(*self.loader.next()) for _ in range(self.c.accumulate)]

    def state(self) -> dict:
        return self.loader.state()

    def load_state(self, state: dict) -> None:
        self.loader.load_state(state)

    def probe(self) -> tuple[Batch, int]:
        tokens = np.arange(self.most_tokens, dtype=np.int32) % self.model.config.vocab_size
        tokens = tokens.reshape(self.c.batch, self.context)
        return Batch(tokens, tokens), self.c.accumulate

    def settings(self) -> dict:
        return {
            "data": self.train.fingerprint,
            "held_out_data": self.val.fingerprint if self.val else None,
        }

    def plan(self, first: int) -> dict[str, str]:
        c, config, train, val = self.c, self.model.config, self.train, self.val
        step_tokens = self.most_tokens * c.accumulate
        total = c.steps * step_tokens
        given = self.loader.tokens  # of a mixture what its index names, not what the shards have
        epochs = total / given
        held = f" of {train.tokens:,} in the shards" if given != train.tokens else ""
        rows = {
            "model": model_line(config),
            "data": f"{given:,} tokens to train on{held}, {val.tokens if val else 0:,} held out, "
            f"{train.text_bytes / max(1, train.tokens):.2f} bytes a token",
            "steps": f"{c.steps:,} of {step_tokens:,} tokens "
            f"({c.batch} x {self.context} x {c.accumulate})",
            "tokens": f"{total:,}: {epochs:.1f} epochs, "
            f"{total / config.num_parameters:.1f} a parameter",
        }
        if epochs > MANY_EPOCHS:
            rows["note"] = f"the text is read {epochs:,.0f} times over: with more text or fewer "
            rows["note"] += "steps the model would do better on other text"
        return rows

    def evaluate(self) -> dict:
        c = self.c
        return evaluate(
            self.model, self.val, self.token_bytes, c.batch, self.context, c.eval_tokens
        )

    def describe(self, result: dict) -> str:
        text = score(result["val_loss"], result["val_bpb"])
        return f"{text}, over {result['val_tokens']:,} tokens"

    def sample(self) -> str:
        """What the model writes after the prompt, or after the end of a text."""
        c, tok = self.c, self.tok
        prompt = [*tok.template[0], *tok.encode(c.prompt, specials="text").tolist()]
        if not prompt:
            prompt = tok.encode("\n", specials="text").tolist()
            prompt = prompt if tok.eos_id is None else [tok.eos_id]
        prompt = prompt[-self.model.config.context_length // 2 :]
        (written,) = self.model.generate(
            [prompt], max_new_tokens=c.sample_tokens, temperature=0.8, seed=c.seed
        )
        # a model's vocabulary may be padded beyond the tokenizer's
        return c.prompt + tok.decode([i for i in written.tokens if i < tok.vocab_size])


def describe(run: Run) -> str:
    """A finished run in a line."""
    text = f"{run.steps:,} steps in {duration(run.seconds)}: the last batch's loss {run.loss:.4f}"
    if run.val_loss is not None:
        text += f", validation {score(run.val_loss, run.val_bpb)}"
    return f"{text}. Best model: {run.best}"


def score(val_loss: float, val_bpb: float) -> str:
    """One result in both of its units."""
    return f"loss {val_loss:.4f} nats a token = {val_bpb:.4f} bits a byte of text"
