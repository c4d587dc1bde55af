"""`gptengine eval`: how well a model predicts a text, and what fewer bits lose of it."""

from __future__ import annotations

import dataclasses
import itertools
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from gptengine.options import REQUIRED, check_sizes, option

if TYPE_CHECKING:
    from gptengine.cli.progress import Progress
    from gptengine.config import Config
    from gptengine.data import TokenShards
    from gptengine.tokenizer import Tokenizer

EXAMPLES = """\
  gptengine eval runs/base runs/base/data               # the text that training held out
  gptengine eval runs/base book.txt --quantize q8 q4    # and what fewer bits a weight lose
  gptengine eval runs/base book.txt --kv-dtype bfloat16 q8    # in the cache, while it writes
  gptengine eval model.gguf book.txt --dtype float32 bfloat16 --tokens 100000
  gptengine eval llama-folder texts/ --context 2048 --json eval.json"""

PASS_TOKENS = 1024


@dataclasses.dataclass(frozen=True)
class EvalCommand:
    """Measure how well a model predicts text that it has not seen.

    Loss in nats a token, perplexity, and bits a byte, which compare models of any tokenizer; for
    the plain weights and for each other form of them and of the cache, with the perplexity that it
    loses.
    """

    model: str = option(REQUIRED, "run folder, model folder or .gguf file", positional=True)
    data: tuple[str, ...] = option(
        REQUIRED,
        "text files, folders, or a folder of token shards, of which the held-out part counts",
        positional=True,
    )
    quantize: tuple[Literal["q8", "q4"], ...] = option(
        (), "measure with matrices of 8 or 4 bits a weight, too"
    )
    dtype: tuple[Literal["float32", "bfloat16"], ...] = option(
        ("float32",), "what it computes in; the first one is what the others are compared with"
    )
    device: Literal["cpu", "cuda"] = option("cpu", "where it computes")
    kv_dtype: tuple[Literal["float32", "bfloat16", "q8"], ...] = option(
        (), "measure each with keys and values in such a cache, too"
    )
    context: int = option(0, "tokens of a block (0: the model's context, at most 1,024)")
    batch: int = option(0, "blocks at a time (0: as many as 1,024 tokens hold)")
    tokens: int = option(0, "score at most so many, spread evenly over the text (0: all)")
    field: str = option("text", "what holds the text in a .jsonl line", shows="NAME")
    json: str = option("", "file to write the figures to", shows="FILE")

    def __post_init__(self):
        if not self.data:
            raise ValueError("eval: no data: give text files, folders, or a folder of shards")
        check_sizes("eval", self, context=0, batch=0, tokens=0)
        for name in ("quantize", "dtype", "kv_dtype"):
            if len(set(given := getattr(self, name))) < len(given):
                flag = name.replace("_", "-")
                raise ValueError(f"eval: --{flag} {' '.join(given)} names one twice")
        if not self.dtype:
            raise ValueError("eval: --dtype needs one or more of float32, bfloat16")


class Form(NamedTuple):
    """How the weights are kept and computed with, and what the cache keeps, if there is one."""

    dtype: str
    quantize: str | None
    kv_dtype: str | None

    def __str__(self) -> str:
        kept = self.kv_dtype and f"kv {self.kv_dtype}"
        return " ".join(part for part in (self.dtype, self.quantize, kept) if part)


def main(c: EvalCommand) -> None:
    from rich.console import Console

    from gptengine import checkpoint
    from gptengine.cli.progress import Progress
    from gptengine.files import write_json
    from gptengine.tokenizer import Tokenizer
    from gptengine.train.log import say

    if c.json and Path(c.json).is_dir():
        raise ValueError(f"eval: --json {c.json} is a folder, it must be a file")
    Path(c.json).parent.mkdir(parents=True, exist_ok=True)  # or fail before the work is done
    console = Console(highlight=False)
    source = checkpoint.find_model(c.model)
    with Progress(console) as progress, tempfile.TemporaryDirectory() as work:
        config = checkpoint.open_model(source).config
        tok = Tokenizer.load(source)
        context = block_length(c, config, tok)
        shards = shards_of(c, tok, Path(work), progress)
        every = c.dtype, (None, *c.quantize), (None, *c.kv_dtype)
        forms = [Form(*form) for form in itertools.product(*every)]
        for line in plan(c, source, config, shards, context, forms):
            say(console, line)
        results = measure(c, source, config, tok, shards, context, forms, progress)
    for line in table(results):
        say(console, line)
    if c.json:
        record = dict(model=str(source), data=list(c.data), context=context, forms=results)
        write_json(c.json, record)
        say(console, f"saved    {c.json}")


def block_length(c: EvalCommand, config: Config, tok: Tokenizer) -> int:
    """Tokens of a block; refuses a model that this is not about."""
    if config.head != "lm" or not config.causal:
        what = f"has head {config.head}" if config.head != "lm" else "is not causal"
        raise ValueError(f"eval: {c.model} {what}: it predicts no text")
    if tok.vocab_size > config.vocab_size:
        raise ValueError(
            f"eval: the tokenizer has {tok.vocab_size} tokens, the model's vocabulary only "
            f"{config.vocab_size}"
        )
    if c.context > config.context_length:
        raise ValueError(
            f"eval: --context {c.context} is longer than the model's {config.context_length}"
        )
    return c.context or min(config.context_length, 1024)


def shards_of(c: EvalCommand, tok: Tokenizer, work: Path, progress: Progress) -> TokenShards:
    """The tokens to score: of shards the held-out part if there is one, of text all of it."""
    from gptengine.data import TokenShards
    from gptengine.data.prepare import holds_shards, prepare

    data = c.data[0] if len(c.data) == 1 else c.data
    if holds_shards(data):
        held_out = any(Path(data).glob("val-*.tok"))
        shards = TokenShards(data, "val" if held_out else "train")
        shards.check_tokenizer(tok)
        return shards
    told = lambda done: progress.show(f"tokenizing  {done / 1e6:,.1f} MB")
    learned = lambda documents: tok
    folder = prepare(data, work / "text", learned, {}, held_out=0, field=c.field, progress=told)
    return TokenShards(folder)


def plan(c: EvalCommand, source, config: Config, shards, context: int, forms) -> list[str]:
    """What is going to be done; what there is no memory for is refused here."""
    from gptengine.huggingface import model_type
    from gptengine.train.plan import check_memory

    tokens, length = tokens_to_score(c, shards, context)
    plans = [planned(config, form, batch_of(c, length), length) for form in forms]
    memory = max(plans, key=lambda m: sum(m.values()))
    check_memory(memory, c.device)
    part = f", the part {shards.split!r} of {shards.folder}" if len(c.data) == 1 else ""
    part = part if c.data[0] == str(shards.folder) else ""
    return [
        f"plan     {model_type(config)} of {source}, {config.num_parameters:,} parameters",
        f"data     {shards.tokens:,} tokens, {shards.text_bytes:,} bytes of text{part}",
        f"score    {tokens:,} tokens in blocks of {length:,}",
        f"weights  {', '.join(map(str, forms))}",
        f"memory   {sum(memory.values()) / 1e6:,.0f} MB: "
        + ", ".join(f"{name} {size / 1e6:,.0f}" for name, size in memory.items()),
    ]


def tokens_to_score(c: EvalCommand, shards: TokenShards, context: int) -> tuple[int, int]:
    """How many, and in blocks of how many."""
    from gptengine.data.loader import evaluation_blocks

    length, blocks = evaluation_blocks(shards, context, c.tokens or None)
    return len(blocks) * length, length


def batch_of(c: EvalCommand, length: int) -> int:
    """Blocks of a pass. Longer ones are hardly faster, and Ctrl-C waits for the end of a pass."""
    return c.batch or max(1, PASS_TOKENS // length)


def planned(config: Config, form: Form, batch: int, length: int) -> dict[str, int]:
    """Bytes by purpose of a model that is measured, and of a pass over so many blocks."""
    from gptengine import _core
    from gptengine.kv_blocks import blocks_for
    from gptengine.model_memory import planned_memory

    sizes = planned_memory(
        config,
        batch * length,
        dtype=form.dtype,
        quantize=form.quantize,
        training=False,
        trainable=False,
    )
    del sizes["decoding"]
    if form.kv_dtype:
        engine_config = _core.GPTConfig(**dataclasses.asdict(config))
        blocks = batch * blocks_for(length)
        sizes["cache"] = _core.cache_bytes(engine_config, form.kv_dtype, blocks)
    return sizes


def measure(c: EvalCommand, source, config, tok, shards, context, forms, progress) -> list[dict]:
    """The figures of one form after the other, on the same tokens."""
    import numpy as np

    from gptengine.model import Model
    from gptengine.model_memory import planned_memory
    from gptengine.train.evaluate import bytes_per_token, lost, scored
    from gptengine.train.log import duration

    token_bytes, results, first = bytes_per_token(tok), [], None
    all_tokens, done = len(forms) * tokens_to_score(c, shards, context)[0], 0
    start = time.perf_counter()
    for form in forms:
        progress.show(f"{form}  reading the weights")
        weights = dict(dtype=form.dtype, quantize=form.quantize)
        model = None  # first, so that the peak is not the sum of two
        model = Model.load(source, **weights, device=c.device, trainable=False)
        parts, text, begin = [], 0, time.perf_counter()
        blocks = shards, batch_of(c, context), context, c.tokens or None
        for logp, targets in scored(model, *blocks, kv_dtype=form.kv_dtype):
            parts.append(logp)
            text += int(token_bytes[targets].sum())
            done += len(logp)
            left = (time.perf_counter() - start) * (all_tokens / done - 1)
            progress.show(f"{form}  {done / all_tokens:.0%}, {duration(left)} left")
        logp = np.concatenate(parts)
        seconds = time.perf_counter() - begin
        first = logp if first is None else first
        loss = -float(logp.mean(dtype=np.float64))
        share, error = lost(logp, first)
        sizes = planned_memory(config, 1, training=False, **weights)
        results.append(
            dict(
                **form._asdict(),
                loss=loss,
                perplexity=math.exp(min(loss, 700)),
                bits_per_byte=len(logp) * loss / math.log(2) / max(1, text),
                perplexity_lost=share,
                perplexity_lost_error=error,
                weight_bytes=sizes.get("bfloat16 copies", sizes["weights"]),
                tokens=len(logp),
                text_bytes=text,
                tokens_per_second=round(len(logp) / seconds, 1),
            )
        )
    return results


def table(results: list[dict]) -> Iterator[str]:
    yield ""
    heads = ("nats/token", "perplexity", "bits/byte", "perplexity lost", "weights", "tokens/s")
    names = [str(Form(r["dtype"], r["quantize"], r["kv_dtype"])) for r in results]
    wide = max(14, *map(len, names))
    yield " " * wide + "".join(f"{head:>19}" if " " in head else f"{head:>12}" for head in heads)
    for i, (name, r) in enumerate(zip(names, results, strict=True)):
        share, error = 100 * r["perplexity_lost"], 100 * r["perplexity_lost_error"]
        yield (
            f"{name:{wide}}{r['loss']:12.4f}{r['perplexity']:12.3f}"
            f"{r['bits_per_byte']:12.4f}{f'{share:+.2f} ± {error:.2f} %' if i else '':>19}"
            f"{r['weight_bytes'] / 1e6:9,.1f} MB{r['tokens_per_second']:12,.0f}"
        )
