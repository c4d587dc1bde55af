"""Plain values of a recipe to frozen dataclasses: every key and value is checked and named."""

from __future__ import annotations

import dataclasses
import difflib
import json
import types
import typing
from pathlib import Path

from gptengine.files import parse_object


def read_mapping(path) -> dict:
    """The mapping in a .json, .yaml or .yml file; YAML needs `gptengine[data]`."""
    path = Path(path)
    if path.suffix not in (".json", ".yaml", ".yml"):
        raise ValueError(f"{path}: a recipe is a .yaml, .yml or .json file")
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    text = path.read_bytes()
    if path.suffix == ".json":
        return parse_object(text, path)
    try:
        import yaml
    except ImportError:
        raise ValueError(
            f"{path}: YAML needs pip install 'gptengine[data]'; JSON does without"
        ) from None
    try:
        values = yaml.load(text, _unique_keys(yaml))
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise ValueError(f"{path}: not YAML: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: not a mapping of names to settings")
    return values


def _unique_keys(yaml):
    """The safe loader, which makes plain values alone, but no second key of one name."""

    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader, node):
        keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                line = node.start_mark.line + 1
                raise yaml.YAMLError(f"{key!r} stands twice in the mapping at line {line}")
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    return Loader


def from_mapping(cls, values: dict, where: str):
    """An instance of the dataclass; `where` begins the ValueError about a key or a value."""
    here = f"{where}: " if where else ""
    if not isinstance(values, dict):
        raise ValueError(f"{here}{_shown(values)} is not a mapping of names to settings")
    kinds = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
    for name in values:
        if name not in fields:
            raise ValueError(f"{here}unknown key {_shown(name)}; {known(name, fields)}")
    missing = [
        name
        for name, f in fields.items()
        if f.default is f.default_factory is dataclasses.MISSING and name not in values
    ]
    if missing:
        raise ValueError(f"{here}{missing[0]!r} is missing")
    given = {k: convert(v, kinds[k], f"{where}.{k}".lstrip(".")) for k, v in values.items()}
    try:
        return cls(**given)
    except ValueError as error:
        raise ValueError(f"{here}{error}") from None


def known(name, names) -> str:
    """A hint for a message: the nearest of the names, or all of them."""
    near = difflib.get_close_matches(str(name), names, 1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"


def convert(value, kind, where: str):
    """The value as what a field's type says."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _optional(value, inner, where)
    if dataclasses.is_dataclass(kind):
        return from_mapping(kind, {} if value is True else value, where)
    if origin is tuple:
        items = value if isinstance(value, (list, tuple)) else [value]
        return tuple(convert(v, inner[0], f"{where}[{i}]") for i, v in enumerate(items))
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where}: {_shown(value)} is not a mapping")
        return {
            convert(k, inner[0], where): convert(v, inner[1], f"{where}.{k}")
            for k, v in value.items()
        }
    if origin is typing.Literal:
        if value not in inner:
            choices = ", ".join(map(str, inner))
            raise ValueError(f"{where}: {_shown(value)} is none of {choices}")
        return value
    return _plain(value, kind, where)


def _optional(value, inner, where: str):
    """A step of a recipe is on with its settings or `true`, and off with `false`."""
    if value is None or value is False:
        return None
    (kind,) = (k for k in inner if k is not type(None))
    return convert(value, kind, where)


def _plain(value, kind, where: str):
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        hint = "; quote it" if kind is str else ""  # YAML reads a bare no as false
        raise ValueError(f"{where}: {_shown(value)} is no {kind.__name__}{hint}")
    return value


def plain(value):
    """A dataclass as JSON values, with every default written out."""
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return value


def _shown(value) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"
