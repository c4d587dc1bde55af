"""The packages of `gptengine[data]`, imported where they are needed and missed by name."""

from __future__ import annotations

import importlib


def need(module: str, purpose: str):
    """The module, or a ValueError that says what it is for and what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ValueError(
            f"{purpose} needs {package}: pip install 'gptengine[data]' ({error})"
        ) from None
