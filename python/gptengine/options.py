"""A frozen dataclass is its own command line: `option` gives a field its help, `parse` reads it.

@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    steps: int = option(2000, "optimizer steps")

config = parse(PretrainConfig)
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from typing import Annotated

REQUIRED = dataclasses.MISSING
ABSENT = "\0"  # the default of a text that may be empty: no argument can hold it
LARGEST = 2**31 - 1  # of a size


def option(
    default,
    help: str,
    *,
    positional: bool = False,
    shows: str | None = None,
    repeated: bool = False,
):
    """A dataclass field with a default (or REQUIRED) and its line of help.

    shows: what stands for a value in the help, such as FILE; of a positional one its name, if
    nothing is said. repeated: each value has the flag before it; else several follow one flag.
    """
    metadata = {"help": help, "positional": positional, "shows": shows, "repeated": repeated}
    return dataclasses.field(default=default, metadata=metadata)


def check_sizes(where: str, config, **least: int) -> None:
    """Refuse whole numbers of a config below their least value, or that have no 32 bits."""
    for name, smallest in least.items():
        value = getattr(config, name)
        if value < smallest:
            raise ValueError(f"{where}: {name} {value} must be at least {smallest}")
        if value > LARGEST:
            raise ValueError(f"{where}: {name} {value} must be at most {LARGEST}")


def parse(cls, args: list[str] | None = None, prog: str | None = None, examples: str = ""):
    """Read `args` (the command line's, if None) into `cls`; nested dataclasses share its flags.

    Wrong flags end the process with a message and exit code 2, `--help` with 0.
    """
    import tyro  # 0.1 s that only a command line should pay

    description = inspect.cleandoc(cls.__doc__) + (f"\n\nExamples:\n{examples}" if examples else "")
    twin = tyro.conf.OmitArgPrefixes[_for_tyro(cls)]
    return _back(cls, tyro.cli(twin, args=args, prog=prog, description=description))


def _for_tyro(cls, instance=None):
    """A copy of the dataclass whose types carry the help in the way that tyro reads.

    The defaults are those of `instance`, if there is one.
    """
    import tyro

    types = typing.get_type_hints(cls)
    fields = []
    for f in dataclasses.fields(cls):
        kind, default = types[f.name], getattr(instance, f.name, f.default)
        if dataclasses.is_dataclass(kind):
            kind = _for_tyro(kind, default)
            default = dataclasses.field(default_factory=kind)
        elif "help" in f.metadata:
            marks = [tyro.conf.arg(help=f.metadata["help"], **_help_of_value(f, kind, default))]
            marks += [tyro.conf.Positional] * f.metadata["positional"]
            marks += [tyro.conf.UseAppendAction] * f.metadata["repeated"]
            for mark in marks:
                kind = Annotated[kind, mark]
        fields.append((f.name, kind, default) if default is not REQUIRED else (f.name, kind))
    return dataclasses.make_dataclass(cls.__name__, fields, frozen=True, kw_only=True)


def _help_of_value(f, kind, default):
    """How the help shows a field's value and its default, where tyro's own way says little."""
    name = f.metadata["shows"] or (f.name.upper() if f.metadata["positional"] else None)
    said = {}
    if default is REQUIRED:
        said["help_behavior_hint"] = "(required)"
    elif default in ("", (), ABSENT):
        said["help_behavior_hint"] = ""  # an empty default is said in the help, if it means much
    if name and typing.get_origin(kind) is tuple and not f.metadata["repeated"]:
        name = f"{name} [{name} ...]" if default is REQUIRED else f"[{name} ...]"
    elif name and f.metadata["positional"] and default is not REQUIRED:
        name = f"[{name}]"
    return said | ({"metavar": name} if name else {})


def _back(cls, values):
    types = typing.get_type_hints(cls)
    given = {}
    for f in dataclasses.fields(cls):
        value = getattr(values, f.name)
        nested = dataclasses.is_dataclass(types[f.name])
        given[f.name] = _back(types[f.name], value) if nested else value
    return cls(**given)
