"""`gptengine quickstart`: text, tokenizer, pretraining, samples, report card; resumes where it was.

What each stage needs from the one before lies in the run folder, so the same command goes on after
a stop, and after the end shows the card again.
"""

from __future__ import annotations

import dataclasses
import json
import lzma
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from gptengine.config import check_seed
from gptengine.files import folder_in_use, locked, read_json, recover, write_json
from gptengine.options import option
from gptengine.quickstart import card, corpus

EXAMPLES = """\
  gptengine quickstart
  gptengine quickstart --minutes 20 --out runs/longer"""

VOCABULARY = 4096
# Chosen by held-out bits a byte after four minutes: a Llama-shaped model reads this text better
# than a GPT-2-shaped one of the same size, and small batches give it more steps.
SHAPE = dict(context_length=256, layers=4, heads=4, model_dim=256, hidden_dim=672)
SHAPE |= dict(norm="rms", position="rope", activation="swiglu", bias=False)
TRAINING = dict(batch=4, lr=1.5e-3, warmup=50, weight_decay=0.1, beta2=0.95, floor=0.05)
VALIDATIONS, SAMPLES, CHECKPOINTS = 6, 6, 4  # in a run
PROMPTS = ("Return the", "The ", "Raises ")
FEWEST_STEPS = 20
MEASURE_SECONDS = 8.0
WARM_UP_STEPS = 4  # before the measurement: they touch the memory and warm the machine
USED = 0.95  # of the time, by the planned steps: the rest is for a machine that gets slower
PREPARATION = 20.0  # seconds; what else than training takes longer shortens the training
PLAN = "quickstart.json"
MADE_BY = "quickstart"  # the mark of its own folder of shards


@dataclasses.dataclass(frozen=True)
class QuickstartConfig:
    """Train a small GPT on the documentation of this Python's library, and let it write.

    The same command again goes on where a stopped one ended.
    """

    out: str = option("runs/quickstart", "folder of the run", shows="FOLDER")
    minutes: float = option(4.0, "time to train")
    seed: int = option(0, "of the split, the weights and the batches")

    def __post_init__(self):
        if not 0 < self.minutes <= 24 * 60:
            raise ValueError(f"quickstart: minutes {self.minutes} must be above 0, at most a day")
        check_seed("quickstart", self.seed)


def main(c: QuickstartConfig) -> None:
    from rich.console import Console

    from gptengine.model import Model
    from gptengine.tokenizer import Tokenizer
    from gptengine.train.pretrain import pretrain

    console = Console(highlight=False)
    say = lambda text: console.print(text, markup=False, soft_wrap=True)
    out = Path(c.out)
    say(f"quickstart: a GPT learns to write like Python's documentation, in {out}")
    say(
        f"plan     text and tokenizer 10 s, at most {c.minutes:g} "
        f"{'minute' if c.minutes == 1 else 'minutes'} of training, samples, "
        f"report card"
    )
    with folder_in_use(out), locked(out):
        plan = read_plan(out, c) or prepare(out, c, say)
    tok = Tokenizer.load(out / "data")
    run = pretrain(
        new_model(tok, c.seed), tok, out / "data", out, console=console, **settings(plan, c)
    )
    say(f"\nsamples  by {run.best}, each after a prompt in bold\n")
    model = Model.load(run.best)
    texts = [write(model, tok, prompt, c.seed, console) for prompt in PROMPTS]
    finished = card.collect(out, plan, run, texts)
    card.save(out, finished)
    card.show(finished, console)
    say(f"\nnext: gptengine generate {run.best} 'Return the'")
    say(f"      gptengine tokenizer inspect {out / 'data'} documentation")
    say(f"      gptengine pretrain your-text.txt --out {out.parent / 'mine'}")


def read_plan(out: Path, c: QuickstartConfig) -> dict | None:
    """What an earlier start of this run prepared, or None."""
    path = out / PLAN
    if not path.exists():
        return None
    plan = read_json(path)
    if missing := sorted(
        {"minutes", "seed", "steps", "training_minutes", "xz_bpb", "held_out_bytes"} - plan.keys()
    ):
        raise ValueError(f"{path}: {missing[0]!r} is missing")
    for name, value in dict(minutes=c.minutes, seed=c.seed).items():
        if plan[name] != value:
            raise ValueError(
                f"quickstart: {name} is {value}, but the run in {out} was started with "
                f"{plan[name]}: give that value or another --out"
            )
    return plan


def prepare(out: Path, c: QuickstartConfig, say) -> dict:
    """Text, tokenizer, token shards and the number of steps; the plan is written last."""
    from gptengine.data import TokenShards, write_shards
    from gptengine.data.write import SOURCES
    from gptengine.tokenizer import Tokenizer

    check_own(out / "data")
    clock = Clock()
    documents, report = corpus.curated(corpus.gather(), out / card.TEXTS)
    train, held_out = ([d.text for d in part] for part in corpus.split(documents, c.seed))
    sizes = [len("".join(part).encode()) for part in (train, held_out)]
    xz = xz_bits_per_byte("".join(train).encode(), "".join(held_out).encode())
    clock.stop("text")
    account = report["account"]
    say(
        f"texts    {account['kept']:,} of {account['records']:,} documents kept, and why: "
        f"{out / card.TEXTS}/report.html"
    )
    say(
        f"text     {sizes[0]:,} bytes to learn from, {sizes[1]:,} held out "
        f"(which cost xz {xz:.2f} bits a byte)"
    )
    tok = Tokenizer.train(train, vocab_size=VOCABULARY)
    clock.stop("tokenizer")
    say(f"tokens   a vocabulary of {tok.vocab_size:,} in {clock.seconds['tokenizer']:.1f} s")
    sources = {SOURCES: (json.dumps({MADE_BY: dict(seed=c.seed)}) + "\n").encode()}
    write_shards(train, out / "data", tok, held_out=held_out, extra=sources)
    clock.stop("shards")
    step, validation = measure(new_model(tok, c.seed), TokenShards(out / "data", "val"), tok)
    clock.stop("measuring")
    minutes = training_minutes(c.minutes, sum(clock.seconds.values()) + validation)  # the last
    plan = dict(minutes=c.minutes, seed=c.seed, xz_bpb=xz, training_minutes=minutes)
    plan["steps"] = planned_steps(minutes, step, validation)
    plan |= dict(train_bytes=sizes[0], held_out_bytes=sizes[1], seconds=clock.seconds)
    write_json(out / PLAN, plan)
    return plan


def check_own(data: Path) -> None:
    """Refuse a folder of shards that a preparation, one that was cut, did not leave here."""
    from gptengine.data.write import SOURCES

    recover(data)
    path = data / SOURCES
    if data.exists() and not (path.is_file() and MADE_BY in read_json(path)):
        raise ValueError(f"{data} was not made by quickstart: give another --out")


class Clock:
    """Seconds by stage: each `stop` ends one and begins the next."""

    def __init__(self):
        self.seconds, self._begin = {}, time.perf_counter()

    def stop(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name], self._begin = round(now - self._begin, 2), now


def xz_bits_per_byte(train: bytes, held_out: bytes) -> float:
    """What the held-out text costs a good compressor that has read the training text."""
    size = lambda text: len(lzma.compress(text, preset=6))
    return 8 * (size(train + held_out) - size(train)) / len(held_out)


def new_model(tok, seed: int):
    """The untrained model, in bfloat16 where the processor multiplies that faster."""
    from gptengine import _core
    from gptengine.config import Config
    from gptengine.model import Model

    dtype = "bfloat16" if "bf16" in _core.isa() else "float32"
    return Model(Config(vocab_size=tok.vocab_size, **SHAPE), seed=seed, dtype=dtype)


def training_minutes(minutes: float, beside: float) -> float:
    """What is left for the training with `beside` seconds of other work; at least half.

    So a machine on which everything takes longer is not late at the end.
    """
    return max(minutes / 2, minutes - max(0.0, beside - PREPARATION) / 60)


def planned_steps(minutes: float, step: float, validation: float) -> int:
    """How many steps of `step` seconds fit, with the validations of `validation` seconds.

    Should the machine get slower, the training ends after `minutes` all the same.
    """
    return max(FEWEST_STEPS, int((USED * 60 * minutes - VALIDATIONS * validation) / step))


def measure(model, held_out, tok) -> tuple[float, float]:
    """Seconds of an optimizer step and of a validation; the model is not to be used again."""
    from gptengine.train.evaluate import bytes_per_token, evaluate

    batch, context = TRAINING["batch"], SHAPE["context_length"]
    rng = np.random.default_rng(0)
    tokens = rng.integers(model.config.vocab_size, size=(batch, context), dtype=np.int32)
    dlogp = np.full(tokens.size, -1 / tokens.size, np.float32)
    count, begin = -WARM_UP_STEPS, 0.0
    while count < 3 or time.perf_counter() - begin < MEASURE_SECONDS:
        if count == 0:
            begin = time.perf_counter()
        model.forward_backward(tokens, tokens, dlogp)
        model.step(lr=1e-4)
        count += 1
    step = (time.perf_counter() - begin) / count
    begin = time.perf_counter()
    part = evaluate(model, held_out, bytes_per_token(tok), batch, context, 16 * batch * context)
    return step, (time.perf_counter() - begin) * held_out.tokens / part["val_tokens"]


def settings(plan: dict, c: QuickstartConfig) -> dict:
    """Those of the pretraining."""
    steps = plan["steps"]
    every = lambda times: max(1, steps // times)
    return TRAINING | dict(
        steps=steps,
        minutes=plan["training_minutes"],
        seed=c.seed,
        eval_every=every(VALIDATIONS),
        eval_tokens=plan["held_out_bytes"],  # a token is a byte or more: all of them, every time
        sample_every=every(SAMPLES),
        sample_tokens=48,
        prompt=PROMPTS[0],
        checkpoint_every=every(CHECKPOINTS),
        keep=1,
    )


def without_gaps(pieces: Iterable[str]) -> Iterator[str]:
    """The same text with one blank line where there are several, and none at the end."""
    space = ""  # held back until a letter comes
    for piece in pieces:
        shown = ""
        for letter in piece:
            space += letter
            if not letter.isspace():
                shown += re.sub(r"\n\s*\n", "\n\n", space)
                space = ""
        yield shown


def write(model, tok, prompt: str, seed: int, console) -> str:
    """Print the prompt and, as it is written, what the model makes of it; return what was shown."""
    from gptengine.generate import stream

    text = prompt
    console.print(prompt, markup=False, style="bold", end="")
    settings = dict(max_new_tokens=80, temperature=0.7, top_k=50)
    for piece in without_gaps(stream(model, tok, prompt, **settings, seed=seed)):
        console.print(piece, markup=False, end="", soft_wrap=True)
        text += piece
    console.print("\n")
    return text
