"""Whole models in GGUF files: read as float32 whatever their format, written in one of four.

Matrices are written in the format that is asked for, vectors and positions in float32, as
llama.cpp does.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gptengine.config import Config
from gptengine.gguf import blocks, rope, tensors
from gptengine.gguf.names import TOP, architecture, parts, read_config, write_keys
from gptengine.gguf.tensors import Entry, GgufFile

SUFFIX = ".gguf"
FILE_TYPES = {"F32": 0, "BF16": 32, "Q8_0": 7, "Q4_0": 2}  # what llama.cpp calls such a file
ENDS = tuple(f"tokenizer.ggml.{name}_token_id" for name in ("eos", "eot", "eom"))
NO_TOKENIZER = {"tokenizer.ggml.model": "no_vocab"}  # without the key llama.cpp reads no file


class ModelFile:
    """A file with a model, mapped and checked; nothing is decoded before it is asked for.

    Its tensors have the names and shapes of `config`. end_ids: of the tokens that end a text, a
    turn or a message, all of which end what a model writes.
    """

    def __init__(self, path):
        self.path, self.file = Path(path), GgufFile(path)
        if not self.file.tensors:
            raise ValueError(f"{path}: no model: the file has no tensors, at most a tokenizer")
        shapes = {name: tensor.shape for name, tensor in self.file.tensors.items()}
        try:
            divisors = self.file[rope.TENSOR] if rope.TENSOR in shapes else None
            self.config = read_config(self.file.metadata, shapes, divisors)
            _check_tensors(self.config, shapes)
            self._parts = parts(self.config)
            self.end_ids = _end_ids(self.file.metadata, self.config.vocab_size)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def read_into(self, params: dict[str, np.ndarray]) -> None:
        """Write every weight to the float32 arrays of our names, which are the model's."""
        for name, array in params.items():
            self.read(name, array)

    def read(self, name: str, array: np.ndarray) -> None:
        """Write one weight to a float32 array. Values that are not finite are a ValueError."""
        for part in self._parts[name]:
            rows = array[part.begin : part.end]
            if part.heads:
                array[part.order()] = self.file[part.name]
            else:
                form = self.file.tensors[part.name].form
                blocks.decode(form, self.file.raw(part.name), rows.reshape(-1))
            self.file.let_go(part.name)
            bad = rows.size - int(np.isfinite(rows).sum())
            if bad:
                raise ValueError(
                    f"{self.path}: the tensor {part.name!r} has {bad} values not finite"
                )


def _end_ids(metadata, vocab_size):
    said = {key: metadata[key] for key in ENDS if key in metadata}
    for key, i in said.items():
        if type(i) is not int or not 0 <= i < vocab_size:
            raise ValueError(f"{key} is {i!r:.40}, but the vocabulary has {vocab_size} tokens")
    return tuple(dict.fromkeys(said.values()))


def _check_tensors(config: Config, shapes: dict[str, tuple]) -> None:
    if config.layers > len(shapes):
        raise ValueError(f"{config.layers} layers are said, but there are {len(shapes)} tensors")
    left, wanted = dict(shapes), config.parameter_shapes()
    if config.rope_scaling == "llama3" and left.pop(rope.TENSOR) != (config.head_dim // 2,):
        raise ValueError(f"the tensor {rope.TENSOR!r} has the shape {shapes[rope.TENSOR]}")
    for name, pieces in parts(config).items():
        for part in pieces:
            want = (part.end - part.begin, *wanted[name][1:])
            if part.name not in left:
                raise ValueError(f"the tensor {part.name!r} is missing")
            if left.pop(part.name) != want:
                raise ValueError(
                    f"the tensor {part.name!r} has the shape {shapes[part.name]}, the keys say "
                    f"{want}"
                )
    for name in left:
        raise ValueError(
            f"the tensor {name!r:.100} is not supported in a {architecture(config)} model with "
            f"{config.layers} layers"
        )


def load(path) -> tuple[Config, dict[str, np.ndarray]]:
    """The Config of the model in a file and every parameter by our name, float32."""
    model = ModelFile(path)
    shapes = model.config.parameter_shapes().items()
    params = {name: np.empty(shape, np.float32) for name, shape in shapes}
    model.read_into(params)
    return model.config, params


def save(
    path,
    config: Config,
    params: Mapping[str, np.ndarray],
    tokenizer_keys: dict | None = None,
    weights: str = "F32",
    end_ids: Sequence[int] = (),
) -> None:
    """Write a model: its parameters by our names, the matrices in the format `weights`.

    tokenizer_keys: of the tokenizer, with a token for every row of the embedding. end_ids: of the
    tokens that end a text; beside the tokenizer's own there is a place for two.
    """
    path = Path(path)
    entries = planned(config, weights, params)
    if short := unquantised(config, weights):
        warnings.warn(
            f"{path}: {len(short)} matrices stay in F32, such as {short[0]}: their rows are no "
            f"multiple of {blocks.FORMATS[weights].size} numbers",
            stacklevel=4,  # of Model.save
        )
    keys = write_keys(config)
    keys |= {"general.type": "model", "general.name": path.stem}
    keys |= {"general.file_type": FILE_TYPES[weights], "general.quantization_version": 2}
    if tokenizer_keys is None:
        keys |= NO_TOKENIZER
    else:
        keys |= tokenizer_keys | _end_keys(path, tokenizer_keys, end_ids)
    tensors.write(path, keys, entries)


def _end_keys(path, tokenizer_keys, end_ids):
    """The keys of the tokens that end a text beside eos_token_id."""
    eos, *keys = ENDS
    others = [i for i in dict.fromkeys(end_ids) if i != tokenizer_keys.get(eos)]
    if len(others) > len(keys):
        warnings.warn(
            f"{path}: GGUF has no key for more than {len(keys)} tokens that end a text beside "
            f"eos_token_id: the ids {others[len(keys) :]} do not end texts of this file",
            stacklevel=5,  # of Model.save
        )
    return dict(zip(keys, others, strict=False))


def planned(config: Config, weights: str, params: Mapping | None = None) -> list[Entry]:
    """The tensors of a file, each with its format; without params only to be looked at.

    Those of a parameter follow one another, and it is asked for when they are written.
    """
    if weights not in FILE_TYPES:
        raise ValueError(f"gguf: weights {weights!r} is none of {', '.join(FILE_TYPES)}")
    entries, shapes = [], config.parameter_shapes()
    for name, pieces in parts(config).items():
        for part in pieces:
            shape = (part.end - part.begin, *shapes[name][1:])
            form = blocks.FORMATS[weights]
            if len(shape) == 1 or name == "wpe" or shape[-1] % form.size:
                form = blocks.FORMATS["F32"]
            entries.append(Entry(part.name, shape, form, _reader(params, name, part)))
    if (divisors := rope.divisors(config)) is not None:
        form = blocks.FORMATS["F32"]
        entries.append(Entry(rope.TENSOR, divisors.shape, form, lambda b, e: divisors[b:e]))
    return entries


def unquantised(config: Config, weights: str) -> list[str]:
    """The names of the matrices whose rows have no whole number of blocks."""
    matrices = (e for e in planned(config, weights) if len(e.shape) > 1 and e.name != TOP["wpe"])
    return [entry.name for entry in matrices if entry.form.name != weights]


def _reader(params, name, part):
    if part.heads:
        order = part.order()
        return lambda begin, end: params[name][order[begin:end]]
    return lambda begin, end: params[name][part.begin + begin : part.begin + end]
