"""`plan`: what a recipe means, before any work: files, bytes, tasks, steps, memory."""

from __future__ import annotations

import os

from . import graph
from .memory import Memory
from .recipe import STEPS, Recipe, load_recipe, source_files


def plan(recipe, *, workers: int = 0, memory: int | str = "4GiB") -> dict:
    """Plain values: "sources" with files, bytes, tasks and steps; "memory"; "recipe_digest".

    Reads the beginning of each file, and the names of all.
    """
    recipe, base = load_recipe(recipe)
    sources = {}
    for name, source in sorted(recipe.sources.items()):
        files = source_files(source, base)
        sources[name] = dict(
            tier=source.tier,
            weight=source.weight,
            files=len(files),
            bytes=sum(map(os.path.getsize, files)),
            tasks=sum(graph.stride_count(path, source) for path in files),
            steps=steps_on(recipe, name),
        )
    planned = Memory.plan(recipe, memory, workers, base)
    return dict(sources=sources, memory=planned, recipe_digest=recipe.digest())


def steps_on(recipe: Recipe, name: str) -> list[str]:
    """The steps that the texts of a source go through."""
    own = recipe.for_source(name)
    return [step for step in STEPS if getattr(own, step)]
