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


def end_ids(values: dict, vocab_size: int, file) -> tuple[int, ...]:
    """The ids that end a text by a config.json or a generation_config.json: one, several or none.

    Those beyond the vocabulary are left out: GPT-2's stays in the configs of smaller ones.
    """
    said = values.get("eos_token_id")
    ids = said if isinstance(said, list) else [] if said is None else [said]
    for i in ids:
        if not isinstance(i, int) or isinstance(i, bool):
            raise ValueError(f"{file}: eos_token_id {said!r:.80} must be an id or a list of ids")
    return tuple(i for i in ids if 0 <= i < vocab_size)


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
