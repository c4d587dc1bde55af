"""From crawls, licensed texts and curated sets to documents that are worth training on.

from gptengine import curate

report = curate.run("recipe.yaml", "runs/corpus")  # documents, report.json, report.html
curate.mix("recipe.yaml", "runs/corpus")  # runs/corpus/tokens, for pretraining
curate.explain("runs/corpus", report["samples"]["quality.words"][0]["id"])
"""

import importlib

_HOMES = {  # imported when first used: a run's own processes need few of them
    "Recipe": "recipe",
    "RayExecutor": "executors",
    "Shard": "tasks",
    "Unfinished": "tasks",
    "explain": "explaining",
    "export": "exporting",
    "load_recipe": "recipe",
    "mix": "mixing",
    "plan": "planning",
    "run": "pipeline",
}

__all__ = [*_HOMES]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'gptengine.curate' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gptengine.curate.{_HOMES[name]}"), name)


def __dir__():
    return sorted(__all__)
