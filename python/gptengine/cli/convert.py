"""`gptengine convert`: a model from one kind of file to another, its tokenizer with it."""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from pathlib import Path
from typing import Literal

from gptengine.options import REQUIRED, option

EXAMPLES = """\
  gptengine convert runs/book book.gguf
  gptengine convert Qwen3-0.6B qwen.gguf --weights q8_0
  gptengine convert model-Q4_K_M.gguf model-folder --weights bf16
  gptengine convert llama-2.gguf llama-2 --no-tokenizer"""
BYTES = {"F32": 4, "BF16": 2}  # of a number in a folder


@dataclasses.dataclass(frozen=True)
class ConvertCommand:
    """Turn a model into a Hugging Face folder, or into a .gguf file, which llama.cpp reads."""

    source: str = option(REQUIRED, "model folder, run folder or .gguf file", positional=True)
    target: str = option(
        REQUIRED, "a new folder, or a new file that ends in .gguf", positional=True
    )
    weights: Literal["auto", "f32", "bf16", "q8_0", "q4_0"] = option(
        "auto",
        "how matrices are stored; q8_0 and q4_0, of 8.5 and 4.5 bits a number, in .gguf files "
        "alone; auto: bf16 where the source is, else f32",
    )
    tokenizer: bool = option(True, "convert the tokenizer and its chat template, too")


def main(c: ConvertCommand) -> None:
    from rich.console import Console

    from gptengine import checkpoint
    from gptengine.cli.progress import Progress
    from gptengine.sentence import is_sentence_folder, read_pooling
    from gptengine.train.log import say, warn

    console = Console(highlight=False)
    source = checkpoint.find_model(c.source)
    check_target(c.target)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = checkpoint.open_model(source)
        weights = c.weights.upper()
        if weights == "AUTO":
            weights = "BF16" if is_bf16(source, model) else "F32"
        tok = load_tokenizer(source, model.config) if c.tokenizer else None
        pooling = read_pooling(source) if is_sentence_folder(source) else None
        say(console, plan(c, source, model.config, weights, tok))
        start = time.perf_counter()
        with Progress(console) as progress:
            params = checkpoint.Weights(model, progress.phase("converting"))
            checkpoint.save(c.target, model.config, params, tok, weights, pooling, model.end_ids)
    for warning in said:
        warn(f"warning: {warning.message}")
    seconds = time.perf_counter() - start
    say(console, f"saved    {c.target}: {size_of(c.target) / 1e6:,.1f} MB in {seconds:.1f} s")
    if tok is not None and model.config.causal and model.config.head == "lm":
        say(console, f"next     gptengine generate {c.target} 'Once upon a time'")


def check_target(target: str) -> None:
    """Refuse to write over a model, or to a file of another kind."""
    from gptengine.checkpoint import is_gguf

    path = Path(target)
    if path.suffix in (".safetensors", ".bin", ".json", ".pt", ".onnx"):
        raise ValueError(
            f"convert: {target} must be a folder, or a file that ends in .gguf; "
            f"{path.suffix} files are written into folders"
        )
    if (path.exists() and (is_gguf(path) or path.is_file())) or (path / "config.json").exists():
        raise ValueError(f"convert: {target} is there already: give another name, or remove it")


def is_bf16(source: Path, model) -> bool:
    """Whether the matrices of a model are bfloat16."""
    from gptengine.checkpoint import is_gguf
    from gptengine.files import read_json

    if is_gguf(source):
        forms = {tensor.form.name for tensor in model.file.tensors.values()}
        return "BF16" in forms and forms <= {"BF16", "F32"}
    values = read_json(source / "config.json")
    return values.get("dtype", values.get("torch_dtype")) == "bfloat16"


def load_tokenizer(source: Path, config):
    from gptengine.huggingface import model_type
    from gptengine.tokenizer import Tokenizer, WordPiece

    try:
        return (WordPiece if model_type(config) == "bert" else Tokenizer).load(source)
    except ValueError as error:
        raise ValueError(f"{error}; --no-tokenizer converts the model without it") from None


def plan(c: ConvertCommand, source: Path, config, weights: str, tok) -> str:
    """What is going to be done; what cannot be is refused here."""
    from gptengine import checkpoint
    from gptengine.gguf.model import planned
    from gptengine.huggingface import model_type
    from gptengine.tokenizer import Tokenizer

    if checkpoint.is_gguf(c.target):
        size = sum(entry.size for entry in planned(config, weights))
        if tok is not None:
            tok.gguf_keys(config.vocab_size)
    elif weights in BYTES:
        size = config.num_parameters * BYTES[weights]
    else:
        raise ValueError(f"convert: weights {c.weights} go into a .gguf file, not into a folder")
    largest = max(map(math.prod, config.parameter_shapes().values()))
    tokens = "no tokenizer" if tok is None else f"{tok.vocab_size:,} tokens of WordPiece"
    if isinstance(tok, Tokenizer):
        template = "a" if tok.config.get("chat_template") else "no"
        tokens = f"{tok.vocab_size:,} tokens of split {tok._vocabulary.split}, {template} chat "
        tokens += "template"
    return "\n".join(
        [
            f"plan     {model_type(config)}, {config.layers} layers of {config.model_dim}, context "
            f"{config.context_length:,}, {config.num_parameters:,} parameters",
            f"from     {source}: {size_of(source) / 1e6:,.1f} MB",
            f"to       {c.target}: {weights}, {size / 1e6:,.1f} MB; in between, of its largest "
            f"matrix, {4 * largest / 1e6:,.1f} MB of memory",
            f"with     {tokens}",
        ]
    )


def size_of(path) -> int:
    """Bytes of a model's file, or of the weights in its folder."""
    path = Path(path)
    files = path.glob("*.safetensors") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)
