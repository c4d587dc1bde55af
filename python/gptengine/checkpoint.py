"""Save and load models as Hugging Face folders or GGUF files, and training state as safetensors.

A folder holds config.json, model.safetensors, generation_config.json and the tokenizer's files;
`transformers`, vLLM and llama.cpp open it. Nothing in it can run code when it is read.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
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
    write_json,
)
from gptengine.gguf import model as gguf_model
from gptengine.huggingface import parts, read_config, write_config
from gptengine.huggingface.reader import GENERATION, INDEX, WEIGHTS, FolderReader, first_bad
from gptengine.sentence import MODULES, Pooling, write_pooling
from gptengine.tensorfile import Later, TensorFile, write_tensors

__all__ = [
    "Weights",
    "atomic_folder",
    "atomic_write",
    "config_of",
    "find_model",
    "find_model_folder",
    "load",
    "load_folder",
    "load_state",
    "open_folder",
    "open_model",
    "recover",
    "save",
    "save_folder",
    "save_state",
]

REPLACED = (
    INDEX,
    MODULES,
    "model-?????-of-?????.safetensors",
)  # a program that finds them would read them
STATE_KEY = "gptengine.state"
FOLDER_DTYPES = {"F32": "float32", "BF16": "bfloat16"}  # how weights are called there


def load(path) -> tuple[Config, dict[str, np.ndarray]]:
    """Read a model: a .gguf file, or else a folder; its Config and parameters as `load_folder`."""
    path = find_model(path)
    return gguf_model.load(path) if is_gguf(path) else load_folder(path)


def open_model(path) -> FolderReader | gguf_model.ModelFile:
    """A model that is ready to be read: its `config`, and `read_into` for its weights."""
    path = find_model(path)
    return gguf_model.ModelFile(path) if is_gguf(path) else open_folder(path)


class Weights(Mapping):
    """The parameters of a model on disk by our names, float32, each read when it is asked for.

    The one asked for last stays in memory, and no other. progress is called before each with the
    bytes of those that were read, and with those of all.
    """

    def __init__(self, source: FolderReader | gguf_model.ModelFile, progress=None):
        self._source, self._progress = source, progress
        self._shapes = source.config.parameter_shapes()
        self._last, self._done = (None, None), 0
        self._total = 4 * source.config.num_parameters

    def __getitem__(self, name: str) -> np.ndarray:
        if name != self._last[0]:
            self._last = None, None  # first, so that there are never two
            if self._progress is not None:
                self._progress(self._done, self._total)
            array = np.empty(self._shapes[name], np.float32)
            self._source.read(name, array)
            self._last = name, array
            self._done += array.nbytes
        return self._last[1]

    def __iter__(self):
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def save(
    path,
    config: Config,
    params: Mapping[str, np.ndarray],
    tokenizer=None,
    weights: str = "F32",
    pooling: Pooling | None = None,
    end_ids: Sequence[int] = (),
) -> None:
    """Write a model: a .gguf file, or else a folder.

    params: our names to float32 arrays, all of them, or the Weights of a model of this config.

    weights: how the matrices are stored, F32 or BF16; in a .gguf file also Q8_0 or Q4_0. pooling:
    of a sentence encoder, which only a folder can say. end_ids: of the tokens that end a text,
    beside the tokenizer's; read with it alone.
    """
    if not is_gguf(path):
        if weights not in FOLDER_DTYPES:
            raise ValueError(
                f"save: a folder cannot hold weights {weights!r}, only {', '.join(FOLDER_DTYPES)}: "
                f"give a name that ends in {gguf_model.SUFFIX}"
            )
        dtype = FOLDER_DTYPES[weights]
        options = dict(pooling=pooling, end_ids=end_ids)
        return save_folder(path, config, params, tokenizer, dtype, **options)
    if pooling is not None:
        raise ValueError(f"save: {path}: a GGUF file cannot say how a sentence encoder pools")
    _check(config, params, tokenizer)
    keys = None if tokenizer is None else tokenizer.gguf_keys(config.vocab_size)
    with folder_in_use(Path(path).parent):
        gguf_model.save(path, config, params, keys, weights, end_ids)


def is_gguf(path) -> bool:
    """Whether a model of this name is one GGUF file."""
    return Path(path).suffix == gguf_model.SUFFIX


def save_folder(
    folder,
    config: Config,
    params: dict,
    tokenizer=None,
    dtype: str = "float32",
    *,
    pooling: Pooling | None = None,
    end_ids: Sequence[int] = (),
) -> None:
    """Write a model folder, replacing an earlier one's model in a single step.

    params: our names to float32 arrays, all of them. dtype: how the weights are stored, float32
    or bfloat16. A tied output matrix is stored once. pooling: of a sentence encoder. end_ids: as
    in `save`. Other files in the folder stay.
    """
    with atomic_folder(folder, REPLACED) as partial:
        options = dict(pooling=pooling, end_ids=end_ids)
        write_folder(partial, config, params, tokenizer, dtype, **options)


def write_folder(
    folder,
    config: Config,
    params: dict,
    tokenizer=None,
    dtype: str = "float32",
    *,
    pooling: Pooling | None = None,
    end_ids: Sequence[int] = (),
) -> None:
    """Write a model's files into an existing folder, as `save_folder` does into its own."""
    folder = Path(folder)
    _check(config, params, tokenizer)
    arrays, pieces = {}, parts(config)
    for name, shape in config.parameter_shapes().items():
        for part in pieces[name]:
            stored = (part.end - part.begin, *shape[1:])
            read = functools.partial(_rows, params, name, part)
            arrays[part.name] = Later(stored[::-1] if part.transposed else stored, read)
    write_tensors(folder / WEIGHTS, arrays, {"format": "pt"}, dtype)
    eos, bos = (getattr(tokenizer, name, None) for name in ("eos_id", "bos_id"))
    bos = eos if bos is None else bos  # what ends one text begins the next
    values = write_config(config, dtype, bos=bos, eos=eos)
    write_json(folder / "config.json", values)
    if config.head == "lm" and config.causal:
        ends = {} if eos is None else {"bos_token_id": bos, "eos_token_id": eos}
        others = [] if tokenizer is None else [i for i in end_ids if i != eos]
        if others:
            ends["eos_token_id"] = others if eos is None else [eos, *others]
        write_json(folder / GENERATION, {"do_sample": True, **ends})
    if pooling is not None:
        write_pooling(folder, pooling, config.model_dim)
    if tokenizer is not None:
        tokenizer.save(folder)


def open_folder(folder) -> FolderReader:
    """A model folder, or a run's best, ready to be read; see FolderReader."""
    folder = find_model_folder(folder)
    return FolderReader(folder, config_of(folder))


def load_folder(folder) -> tuple[Config, dict[str, np.ndarray]]:
    """Read a model folder, or a run's best: its Config and every parameter by our name, float32."""
    source = open_folder(folder)
    shapes = source.config.parameter_shapes()
    params = {name: np.empty(shape, np.float32) for name, shape in shapes.items()}
    source.read_into(params)
    return source.config, params


def config_of(folder) -> Config:
    """The Config of a model folder."""
    folder = Path(folder)
    recover(folder)
    path = folder / "config.json"
    if not folder.exists():
        raise ValueError(
            f"{folder}: no such model folder or {gguf_model.SUFFIX} file; models are read from "
            f"disk, nothing is downloaded"
        )
    if not folder.is_dir():
        raise ValueError(f"{folder}: neither a model folder nor a {gguf_model.SUFFIX} file")
    if not path.is_file():
        raise ValueError(f"{path}: no such file, so {folder} is not a model folder")
    return read_config(read_json(path), path)


def find_model(path) -> Path:
    """The model that `path` means: a .gguf file, the only one in a folder, or a model folder."""
    if is_gguf(path):
        return Path(path)
    folder = find_model_folder(path)
    files = sorted(folder.glob(f"*{gguf_model.SUFFIX}"))
    if not files or (folder / "config.json").is_file():
        return folder
    if len(files) > 1:
        names = ", ".join(file.name for file in files[:5])
        raise ValueError(f"{folder}: holds the models {names}: give the one that is meant")
    return files[0]


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


def _rows(params, name: str, part) -> np.ndarray:
    """A tensor of a folder, from the parameter that it is of."""
    rows = params[name][part.begin : part.end]
    return rows.T if part.transposed else rows


def _check(config: Config, params, tokenizer) -> None:
    if tokenizer is not None and tokenizer.vocab_size > config.vocab_size:
        raise ValueError(
            f"save: the tokenizer has {tokenizer.vocab_size} tokens, the model's vocabulary only "
            f"{config.vocab_size}"
        )
    if isinstance(params, Weights):  # of which its reader sees that they are right
        return
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
            raise ValueError(f"save: parameter {name!r} holds {first_bad(array)}")
