"""Read the weights of a model folder: mapped files, each tensor straight to where it is wanted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from gptengine.config import Config
from gptengine.files import read_json
from gptengine.huggingface import FAMILIES, ignored, joined, model_type, parts, spellings
from gptengine.huggingface.fields import end_ids
from gptengine.tensorfile import TensorFile

WEIGHTS = "model.safetensors"
GENERATION = "generation_config.json"  # where it is, it is what counts
INDEX = "model.safetensors.index.json"  # names the files of a model in several
HEAD = "lm_head.weight"


class FolderReader:
    """A model folder whose tensors are known and checked, and whose numbers are still to be read.

    Every tensor is there, has its shape and is of a floating-point type, and there is none that
    the model does not have. config: of the folder, tied where it has no output matrix. end_ids: of
    the tokens that end a text.
    """

    def __init__(self, folder, config: Config):
        self.folder, self._files = Path(folder), _weight_files(Path(folder))
        kind = model_type(config)
        if kind in FAMILIES and not config.tied and HEAD not in self._files:
            config = dataclasses.replace(config, tied=True)
        self.config, self._kind, shapes = config, kind, config.parameter_shapes()
        self.end_ids = _end_ids(self.folder, config.vocab_size)
        self._places = {}
        for name, pieces in parts(config).items():
            whole = joined(kind, name, shapes[name][0])
            if whole and any(s in self._files for s in spellings(kind, whole.name)):
                pieces = [whole]
            self._places[name] = [(part, self._find(part.name)) for part in pieces]
        for name, places in self._places.items():
            for part, stored in places:
                want = (part.end - part.begin, *shapes[name][1:])
                self._check(stored, want[::-1] if part.transposed else want)
        seen = {stored for places in self._places.values() for _, stored in places}
        for stored in sorted(set(self._files) - seen):
            if not (stored == HEAD and config.tied) and not ignored(kind, stored):
                raise ValueError(
                    f"{self._files[stored].path}: tensor {stored!r} is not part of a "
                    f"{kind} model with {config.layers} layers"
                )

    def read_into(self, params: dict[str, np.ndarray]) -> None:
        """Write every weight into float32 arrays of the config's shapes, by our names."""
        for name in self._places:
            self.read(name, params[name])

    def read(self, name: str, array: np.ndarray) -> None:
        """Write one weight into a float32 array. A value that is not finite is a ValueError."""
        for part, stored in self._places[name]:
            rows = array[part.begin : part.end]
            rows = rows.T if part.transposed else rows
            self._files[stored].read_into(stored, rows)
            if not np.isfinite(rows).all():
                raise ValueError(
                    f"{self._files[stored].path}: tensor {stored!r} holds {first_bad(rows)}"
                )
        # some programs store a tied matrix twice
        if name == "wte" and self.config.tied and HEAD in self._files:
            file = self._files[HEAD]
            if not np.array_equal(file[HEAD], array):
                raise ValueError(
                    f"{file.path}: tensor {HEAD!r} differs from the embedding, but config.json "
                    f"says that they are tied"
                )

    def _find(self, name: str) -> str:
        """`name` as this folder spells it."""
        for spelling in spellings(self._kind, name):
            if spelling in self._files:
                return spelling
        files = iter(self._files.values())
        where = next((file.path for file in files), self.folder / WEIGHTS)
        raise ValueError(f"{where}: tensor {name!r} is missing")

    def _check(self, name: str, want: tuple) -> None:
        file = self._files[name]
        if file.shape(name) != want:
            raise ValueError(
                f"{file.path}: tensor {name!r} has shape {file.shape(name)}, the config says {want}"
            )
        if file.dtype(name) not in ("F32", "BF16", "F16", "F64"):
            raise ValueError(
                f"{file.path}: tensor {name!r} has dtype {file.dtype(name)}, not a "
                f"floating-point one"
            )


def first_bad(array: np.ndarray) -> str:
    """The first value that is not finite, and its place."""
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return f"{array[index]} at index {index}"


def _end_ids(folder, vocab_size):
    names = (name for name in (GENERATION, "config.json") if (folder / name).is_file())
    file = folder / next(names)
    return end_ids(read_json(file), vocab_size, file)


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
