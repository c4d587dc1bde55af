"""`plan`: what a recipe means, before any work: files, bytes, tasks, steps, memory."""

from __future__ import annotations

import os

from .memory import Memory
from .recipe import STEPS, Recipe, find_files, load_recipe
from .strides import Strides


def plan(recipe, *, workers: int = 0, memory: int | str = "4GiB") -> dict:
    """Plain values: "sources" with files, bytes, tasks and steps; "memory"; "recipe_digest".

    Reads the beginnings of files, and the names of all.
    """
    recipe, base = load_recipe(recipe)
    planned = Memory.plan(recipe, memory, workers, base)
    paths = {name: find_files(source.path, base) for name, source in sorted(recipe.sources.items())}
    of_sources = [(path, recipe.sources[name]) for name, files in paths.items() for path in files]
    strides = Strides(of_sources, planned.workers)
    sources = {}
    for name, files in paths.items():
        source = recipe.sources[name]
        sources[name] = dict(
            tier=source.tier,
            weight=source.weight,
            files=len(files),
            bytes=sum(map(os.path.getsize, files)),
            tasks=sum(map(strides.count, files)),
            steps=steps_on(recipe, name),
        )
    return dict(sources=sources, memory=planned, recipe_digest=recipe.digest())


def steps_on(recipe: Recipe, name: str) -> list[str]:
    """The steps that the texts of a source go through."""
    own = recipe.for_source(name)
    return [step for step in STEPS if getattr(own, step)]
