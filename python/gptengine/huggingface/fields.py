"""What the families of models share: fields of config.json, and where parameters lie."""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """A tensor of the folder: rows `[begin, end)` of one of our parameters, maybe transposed."""

    name: str
    begin: int
    end: int
    transposed: bool = False


def in_layer(name: str) -> tuple[str, str, str]:
    """Layer, module and weight or bias, of the name of one of a block's parameters."""
    _, layer, rest = name.split(".", 2)
    module, kind = rest.rsplit(".", 1)
    return layer, module, kind


class Fields:
    """The contents of a config.json; what is missing or not supported is a ValueError by name."""

    def __init__(self, values: dict, kind: str, file):
        self.values, self.kind, self.file = values, kind, file

    def get(self, name, default=None):
        """A field, or the default where it is absent; null stays None."""
        return self.values.get(name, default)

    def need(self, name):
        if self.values.get(name) is None:
            raise ValueError(
                f"{self.file}: {name} is missing, and model_type {self.kind!r} needs it"
            )
        return self.values[name]

    def only(self, name, *allowed):
        """Settings of the format that this engine does not have; the first is the default."""
        value = self.values.get(name, allowed[0])
        if not any(value is a or (value == a and type(value) is type(a)) for a in allowed):
            wanted = " or ".join(repr(a) for a in allowed)
            raise ValueError(f"{self.file}: {name} {value!r} is not supported, only {wanted}")
        return value

    def object(self, name) -> dict:
        """A field that is an object; {} where it is absent or null."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            raise ValueError(f"{self.file}: {name} {value!r} must be an object")
        return value or {}

    def renamed(self, name, names: dict):
        """A field whose values have other names here: names maps theirs to ours."""
        return names[self.only(name, *names)]
