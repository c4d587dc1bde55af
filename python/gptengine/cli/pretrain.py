"""`gptengine pretrain`: text or token shards in, a trained model folder out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from gptengine.config import Config
from gptengine.files import folder_in_use, locked
from gptengine.options import REQUIRED, check_sizes, option
from gptengine.train.pretrain import PretrainConfig

EXAMPLES = """\
  gptengine pretrain novels.jsonl.gz --out runs/novels
  gptengine pretrain shakespeare.txt --tokenizer bytes --layers 4 --heads 4 --model-dim 128 \\
      --context 64 --batch 12 --steps 2000 --out runs/shakespeare
  gptengine pretrain data/shards --architecture llama --layers 8 --model-dim 512 --lr 6e-4"""


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """The model's shape."""

    architecture: Literal["gpt2", "llama", "qwen3"] = option("gpt2", "family of the model")
    layers: int = option(6, "transformer blocks")
    model_dim: int = option(384, "channels")
    heads: int = option(0, "attention heads (0: about one for 64 channels)")
    kv_heads: int = option(0, "key and value heads (0: as many as heads)")
    hidden_dim: int = option(0, "channels inside the MLP (0: the architecture's usual)")
    context_length: int = option(0, "longest text (0: as --context)")
    dtype: Literal["float32", "bfloat16"] = option(
        "float32", "what it computes in; master weights are float32"
    )
    device: Literal["cpu", "cuda"] = option("cpu", "where it computes")
    recompute: Literal[0, 1, 2] = option(1, "more of it: less memory for more time")

    def __post_init__(self):
        smallest = dict(layers=1, model_dim=1, heads=0, kv_heads=0, hidden_dim=0)
        check_sizes("pretrain", self, **smallest, context_length=0)

    def config(self, vocab_size: int, context: int) -> Config:
        heads = self.heads or max(1, self.model_dim // 64)
        if not self.heads:
            heads = next(h for h in range(heads, 0, -1) if self.model_dim % h == 0)
        sizes = (vocab_size, self.context_length or context, self.layers, heads, self.model_dim)
        options = dict(kv_heads=self.kv_heads or None, hidden_dim=self.hidden_dim or None)
        families = dict(gpt2=Config, llama=Config.llama, qwen3=Config.qwen3)
        return families[self.architecture](*sizes, **options)


@dataclasses.dataclass(frozen=True)
class PretrainCommand:
    """Train a GPT from nothing on text files, .jsonl files, .gz of both, folders, or token shards.

    Of a folder of text, files that end in .txt, .jsonl and .gz of both are read.
    The same command again goes on where a stopped run ended, with the same result.
    """

    data: tuple[str, ...] = option(
        REQUIRED, "text files, folders, or a shard folder", positional=True, shows="PATH"
    )
    out: str = option("runs/base", "folder of the run", shows="FOLDER")
    tokenizer: str = option(
        "bpe", "bpe: learn one; bytes; or a tokenizer's file or folder", shows="{bpe,bytes,PATH}"
    )
    vocab_size: int = option(8192, "tokens of a learned vocabulary")
    field: str = option("text", "what holds the text in a .jsonl line", shows="NAME")
    held_out: float = option(0.1, "share of the text for validation")
    model: ModelOptions = ModelOptions()
    training: PretrainConfig = PretrainConfig(context=256)

    def __post_init__(self):
        if not self.data:
            raise ValueError("pretrain: no data: give text files, folders, or a folder of shards")
        check_sizes("pretrain", self, vocab_size=1)
        if not 0 <= self.held_out <= 0.5:
            raise ValueError(f"pretrain: --held-out {self.held_out} must be from 0 to 0.5")


def main(c: PretrainCommand) -> None:
    c.model.config(c.vocab_size, c.training.context or 256)  # a wrong shape is refused at once
    with folder_in_use(c.out):
        train(c)


def train(c: PretrainCommand) -> None:
    """Text to shards, shards to a model."""
    from rich.console import Console

    from gptengine.data.prepare import holds_shards, prepare
    from gptengine.model import Model
    from gptengine.model_memory import planned_memory
    from gptengine.tokenizer import Tokenizer
    from gptengine.train.log import say
    from gptengine.train.plan import check_memory
    from gptengine.train.pretrain import describe, pretrain

    data = c.data[0] if len(c.data) == 1 else c.data
    if holds_shards(data):
        refuse_text_options(c)
    console = Console()
    with locked(c.out), console.status("reading the text") as status:

        def tokenizer(documents):
            if c.tokenizer == "bytes":
                return Tokenizer.bytes()
            if c.tokenizer != "bpe":
                if not Path(c.tokenizer).exists():
                    raise ValueError(
                        f"pretrain: --tokenizer {c.tokenizer} is neither bpe nor bytes nor a "
                        f"tokenizer's file or folder"
                    )
                return Tokenizer.load(c.tokenizer)
            status.update(f"learning a vocabulary of {c.vocab_size} tokens")
            return Tokenizer.train(documents, vocab_size=c.vocab_size)

        settings = {"tokenizer": c.tokenizer}
        settings |= {"vocab_size": c.vocab_size} if c.tokenizer == "bpe" else {}
        shards = prepare(
            data,
            Path(c.out) / "data",
            tokenizer,
            settings,
            held_out=c.held_out,
            field=c.field,
            progress=lambda done: status.update(f"tokenizing: {done / 1e6:,.1f} MB"),
        )
    tok = Tokenizer.load(shards)
    if c.tokenizer == "bpe" and not holds_shards(data) and tok.vocab_size < c.vocab_size:
        say(
            console,
            f"note: the vocabulary has {tok.vocab_size:,} tokens, not the {c.vocab_size:,} of "
            f"--vocab-size: no other pair occurs twice in this text",
        )
    config = c.model.config(tok.vocab_size, c.training.context or 256)
    tokens = c.training.batch * (c.training.context or 256)
    sizes = dict(dtype=c.model.dtype, recompute=c.model.recompute)
    check_memory(planned_memory(config, tokens, **sizes), c.model.device)
    model = Model(
        config,
        seed=c.training.seed,
        dtype=c.model.dtype,
        device=c.model.device,
        recompute=c.model.recompute,
    )
    run = pretrain(model, tok, shards, c.out, config=c.training, console=console)
    say(console, describe(run))
    say(console, f"next: gptengine generate {c.out}")


def refuse_text_options(c: PretrainCommand) -> None:
    """Shards hold tokens already: what says how text becomes them would be ignored."""
    defaults = {f.name: f.default for f in dataclasses.fields(c)}
    for name in ("tokenizer", "vocab_size", "field", "held_out"):
        if getattr(c, name) != defaults[name]:
            raise ValueError(
                f"pretrain: {c.data[0]} holds token shards, made with their own tokenizer and "
                f"split: --{name.replace('_', '-')} {getattr(c, name)} has no effect, leave it out"
            )
