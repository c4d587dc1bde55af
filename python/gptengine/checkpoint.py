"""Save and load models as Hugging Face folders or GGUF files, and training state as safetensors.

A folder holds config.json, model.safetensors, generation_config.json and the tokenizer's files;
`transformers`, vLLM and llama.cpp open it. Nothing in it can run code when it is read.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gptengine.config import Config
from gptengine.files import (
    atomic_folder,
    atomic_write,
    folder_in_use,
    parse_object,
    read_json,
    recover,
)
from gptengine.gguf import model as gguf_model
from gptengine.huggingface import ignored, model_type, parts, read_config, write_config
from gptengine.tensorfile import TensorFile, write_tensors

__all__ = [
    "atomic_folder",
    "atomic_write",
    "config_of",
    "find_model_folder",
    "load",
    "load_folder",
    "load_state",
    "recover",
    "save",
    "save_folder",
    "save_state",
]

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"  # names the files of a model in several
REPLACED = (INDEX, "model-?????-of-?????.safetensors")  # a program that finds them would read them
STATE_KEY = "gptengine.state"
FOLDER_DTYPES = {"F32": "float32", "BF16": "bfloat16"}  # how weights are called there


def load(path, progress=None) -> tuple[Config, dict[str, np.ndarray]]:
    """Read a model: a .gguf file, or else a folder; its Config and parameters as `load_folder`.

    progress is called now and then with the bytes of a file that are read, and with all of them.
    """
    return gguf_model.load(path, progress) if is_gguf(path) else load_folder(path)


def save(
    path, config: Config, params: dict, tokenizer=None, weights: str = "F32", progress=None
) -> None:
    """Write a model: a .gguf file, or else a folder.

    weights: how the matrices are stored, F32 or BF16; in a .gguf file also Q8_0 or Q4_0.
    """
    if not is_gguf(path):
        if weights not in FOLDER_DTYPES:
            raise ValueError(
                f"save: a folder cannot hold weights {weights!r}, only {', '.join(FOLDER_DTYPES)}: "
                f"give a name that ends in {gguf_model.SUFFIX}"
            )
        return save_folder(path, config, params, tokenizer, FOLDER_DTYPES[weights])
    _check(config, params, tokenizer)
    keys = None if tokenizer is None else tokenizer.gguf_keys(config.vocab_size)
    with folder_in_use(Path(path).parent):
        gguf_model.save(path, config, params, keys, weights, progress)


def is_gguf(path) -> bool:
    """Whether a model of this name is one GGUF file."""
    return Path(path).suffix == gguf_model.SUFFIX


def save_folder(
    folder, config: Config, params: dict, tokenizer=None, dtype: str = "float32"
) -> None:
    """Write a model folder, replacing an earlier one's model in a single step.

    params: our names to float32 arrays, all of them. dtype: how the weights are stored, float32
    or bfloat16. A tied output matrix is stored once. Other files in the folder stay.
    """
    with atomic_folder(folder, REPLACED) as partial:
        write_folder(partial, config, params, tokenizer, dtype)


def write_folder(
    folder, config: Config, params: dict, tokenizer=None, dtype: str = "float32"
) -> None:
    """Write a model's files into an existing folder, as `save_folder` does into its own."""
    folder = Path(folder)
    _check(config, params, tokenizer)
    arrays = {}
    for name, pieces in parts(config).items():
        for part in pieces:
            rows = params[name][part.begin : part.end]
            arrays[part.name] = rows.T if part.transposed else rows
    write_tensors(folder / WEIGHTS, arrays, {"format": "pt"}, dtype)
    eos = getattr(tokenizer, "eos_id", None)
    values = write_config(config, dtype, bos=eos, eos=eos)
    _write_json(folder / "config.json", values)
    if config.head == "lm":
        ends = {} if eos is None else {"bos_token_id": eos, "eos_token_id": eos}
        _write_json(folder / "generation_config.json", {"do_sample": True, **ends})
    if tokenizer is not None:
        tokenizer.save(folder)


def load_folder(folder) -> tuple[Config, dict[str, np.ndarray]]:
    """Read a model folder, or a run's best: its Config and every parameter by our name, float32.

    Every tensor is checked: it is there, has its shape, is a floating-point number and finite,
    and there is none that the model does not have.
    """
    folder = find_model_folder(folder)
    config = config_of(folder)
    files = _weight_files(folder)
    params, seen = {}, set()
    shapes = config.parameter_shapes()
    for name, pieces in parts(config).items():
        found = []  # all of it is checked before it gets memory
        for part in pieces:
            stored = _stored_name(files, part.name, folder)
            seen.add(stored)
            want = (part.end - part.begin, *shapes[name][1:])
            rows = _checked(files[stored], stored, want[::-1] if part.transposed else want)
            found.append((part, rows.T if part.transposed else rows))
        params[name] = np.empty(shapes[name], np.float32)
        for part, rows in found:
            params[name][part.begin : part.end] = rows
    for stored in sorted(set(files) - seen):
        if stored == "lm_head.weight" and config.tied:
            if np.array_equal(files[stored][stored], params["wte"]):
                continue  # some programs store a tied matrix twice
            raise ValueError(
                f"{files[stored].path}: tensor {stored!r} differs from the embedding, but "
                f"config.json says that they are tied"
            )
        if not ignored(config, stored):
            raise ValueError(
                f"{files[stored].path}: tensor {stored!r} is not part of a "
                f"{model_type(config)} model with {config.layers} layers"
            )
    return config, params


def config_of(folder) -> Config:
    """The Config of a model folder."""
    folder = Path(folder)
    recover(folder)
    path = folder / "config.json"
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such model folder")
    if not path.is_file():
        raise ValueError(f"{path}: no such file, so {folder} is not a model folder")
    return read_config(read_json(path), path)


def find_model_folder(path) -> Path:
    """The model folder that `path` means: itself, or a run's best model or newest checkpoint."""
    path = Path(path)
    recover(path)
    recover(path / "best")
    found = [path, path / "best", *sorted(path.glob("checkpoints/step-*"), reverse=True)]
    return next((folder for folder in found if (folder / "config.json").is_file()), path)


def save_state(path, arrays: dict[str, np.ndarray], metadata: dict) -> None:
    """Write arrays and a JSON-able dictionary to one file, atomically."""
    write_tensors(path, arrays, {STATE_KEY: json.dumps(metadata)})


def load_state(path) -> tuple[dict[str, np.ndarray], dict]:
    """What `save_state` wrote: read-only views of the file, and the dictionary."""
    file = TensorFile(path)
    text = file.metadata.get(STATE_KEY)
    if not isinstance(text, str):
        raise ValueError(f"{path}: not a training state: its header has no {STATE_KEY!r}")
    metadata = parse_object(text, f"{path}: {STATE_KEY}")
    return {name: file[name] for name in file.names()}, metadata


def _check(config: Config, params: dict, tokenizer) -> None:
    if tokenizer is not None and tokenizer.vocab_size > config.vocab_size:
        raise ValueError(
            f"save: the tokenizer has {tokenizer.vocab_size} tokens, the model's vocabulary only "
            f"{config.vocab_size}"
        )
    shapes = config.parameter_shapes()
    for name in shapes.keys() - params.keys():
        raise ValueError(f"save: parameter {name!r} is missing")
    for name, array in params.items():
        if name not in shapes:
            raise ValueError(f"save: parameter {name!r} is not part of this model")
        if tuple(array.shape) != shapes[name]:
            raise ValueError(
                f"save: parameter {name!r} has shape {tuple(array.shape)}, the config says "
                f"{shapes[name]}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"save: parameter {name!r} holds {_first_bad(array)}")


def _weight_files(folder: Path) -> dict[str, TensorFile]:
    """Which file holds each stored tensor."""
    if (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file():
        file = TensorFile(folder / WEIGHTS)
        return dict.fromkeys(file.names(), file)
    index = read_json(folder / INDEX).get("weight_map")
    if not isinstance(index, dict) or not all(isinstance(name, str) for name in index.values()):
        raise ValueError(f"{folder / INDEX}: it has no weight_map of tensors to files")
    if any(Path(name).name != name for name in index.values()):
        raise ValueError(f"{folder / INDEX}: weight_map points outside the folder")
    opened = {name: TensorFile(folder / name) for name in sorted(set(index.values()))}
    for tensor, name in index.items():
        if tensor not in opened[name]:
            raise ValueError(
                f"{folder / name}: tensor {tensor!r} is missing, though {INDEX} says so"
            )
    return {tensor: opened[name] for tensor, name in index.items()}


def _stored_name(files: dict, name: str, folder: Path) -> str:
    """`name` as this folder spells it: GPT-2's first files lack the prefix."""
    short = name.removeprefix("transformer.")
    for spelling in (name, short):
        if spelling in files:
            return spelling
    where = next(iter(files.values())).path if files else folder / WEIGHTS
    raise ValueError(f"{where}: tensor {name!r} is missing")


def _checked(file: TensorFile, name: str, want: tuple) -> np.ndarray:
    if file.shape(name) != want:
        raise ValueError(
            f"{file.path}: tensor {name!r} has shape {file.shape(name)}, the config says {want}"
        )
    if file.dtype(name) not in ("F32", "BF16", "F16", "F64"):
        raise ValueError(
            f"{file.path}: tensor {name!r} has dtype {file.dtype(name)}, not a floating-point one"
        )
    array = file[name]
    if not np.isfinite(array).all():
        raise ValueError(f"{file.path}: tensor {name!r} holds {_first_bad(array)}")
    return array


def _first_bad(array: np.ndarray) -> str:
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return f"{array[index]} at index {index}"


def _write_json(path: Path, values: dict) -> None:
    atomic_write(path, (json.dumps(values, indent=2) + "\n").encode())
