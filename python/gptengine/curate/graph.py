"""The tasks of a run, stage by stage: what depends on what.

read     each file, in strides -> parts of documents
learn    all parts -> lines of hosts, a model of the curated tier
filter   each part -> documents that pass, hashes, signatures
compare  all parts -> which are copies
write    each source, by id -> shards of the output
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
from pathlib import Path

from gptengine import __version__
from gptengine.files import atomic_write, read_json

from .recipe import Recipe, find_files
from .settings import plain
from .stages.duplicates import decide
from .stages.filter import filter_part
from .stages.learn import learn
from .stages.read import read
from .stages.write import shard_count, write_shard
from .step_settings import Languages
from .strides import Remembered, Strides
from .tasks import Task

FORMAT = 2  # of the folders between the stages: another one makes all tasks new
PACKAGES = ("trafilatura", "resiliparse", "py3langid", "lxml")  # whose versions change results
DIGESTS = "digests.json"


def read_tasks(recipe: Recipe, base, work, workers: int) -> dict[str, list[Task]]:
    """The tasks of the first stage, by source, for so many workers; 0: for many machines."""
    digests = Digests(Path(work) / DIGESTS)
    files = {name: find_files(source.path, base) for name, source in recipe.sources.items()}
    strides = Strides([(p, recipe.sources[n]) for n, ps in files.items() for p in ps], workers)
    divided = Remembered(work, strides)
    tasks: dict[str, list[Task]] = {}
    for name, paths in files.items():
        wanted = plain(_reading(recipe, name))
        for path in paths:
            digest, size = digests.of(path), os.path.getsize(path)
            settings = dict(recipe=wanted, source=name, digest=digest, versions=versions())

            def make(count, path=path, size=size, settings=settings):
                own = [settings | {"stride": [first, count]} for first in range(count)]
                rest = ((path,), size // count, strides.weights[path])
                return [Task("read", read, each, *rest) for each in own]

            tasks.setdefault(name, []).extend(divided.tasks(path, digest, make))
    digests.save()
    divided.save()
    return tasks


def _reading(recipe: Recipe, name: str) -> Recipe:
    """What of a recipe decides about reading a source; the rest as it is by default."""
    source = dataclasses.replace(
        recipe.for_source(name).sources[name], path=("-",), weight=1.0, max_epochs=1.0, licences=()
    )
    steps = dict(repair=recipe.repair, split=recipe.split, languages=recipe.languages)
    steps["host_lines"] = recipe.host_lines
    steps = {k: None if k in source.skip else v for k, v in steps.items()}
    if steps["languages"]:
        steps["languages"] = Languages()
    if steps["host_lines"]:
        steps["host_lines"] = dataclasses.replace(steps["host_lines"], most_documents=1)
    return Recipe({name: dataclasses.replace(source, tier="public", skip=())}, **steps)


def versions() -> dict[str, str]:
    """Of what results depend on."""
    found = {"gptengine": __version__, "format": str(FORMAT)}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "none"
    return found


class Part:
    """Documents of a source that one read task wrote together."""

    def __init__(self, source: str, task: Task, number: int, work):
        self.source, self.path = source, f"{task.stage}/{task.key}/{number:05d}"
        self.size = (Path(work) / self.path / "documents.jsonl").stat().st_size


def parts_of(tasks: dict[str, list[Task]], work) -> list[Part]:
    """The parts that the read tasks wrote; in an order that does not depend on names of files."""
    return [
        Part(source, task, number, work)
        for source, of_source in sorted(tasks.items())
        for task in sorted(of_source, key=lambda t: t.key)
        for number in range(read_json(task.folder(work) / "parts.json")["parts"])
    ]


def learn_task(recipe: Recipe, tasks: dict[str, list[Task]], parts: list[Part]) -> Task | None:
    """The task that reads what all of the first stage wrote, if the filters need to know it."""
    if not (recipe.host_lines or recipe.perplexity):
        return None
    settings = dict(
        folders=sorted({f"read/{task.key}" for of_source in tasks.values() for task in of_source}),
        curated=[p.path for p in parts if recipe.sources[p.source].tier == "curated"],
        host_lines=plain(recipe.host_lines),
        perplexity=plain(recipe.perplexity),
    )
    return Task("learn", learn, settings, (), sum(p.size for p in parts))


def filter_tasks(recipe: Recipe, base, parts: list[Part], learned: Task | None, work) -> list[Task]:
    """One task a part."""
    lists = Digests(Path(work) / DIGESTS).lists(recipe, base)
    tasks = []
    for part in parts:
        settings = dict(
            recipe=plain(_filtering(recipe, part.source)),
            source=part.source,
            part=part.path,
            learned=f"learn/{learned.key}" if learned else "",
            lists=lists,
            versions=versions(),
        )
        tasks.append(Task("filter", filter_part, settings, (str(base),), part.size))
    return tasks


def _filtering(recipe: Recipe, name: str) -> Recipe:
    """What of a recipe decides about a source's filters."""
    changes: dict = dict(repair=None, split=None, blocks=type(recipe.blocks)(), shard_bytes=1 << 20)
    if recipe.near:
        changes["near"] = dataclasses.replace(recipe.near, jaccard=0.8, scope="all")
    source = recipe.sources[name]
    source = dataclasses.replace(
        source, path=("-",), weight=1.0, max_epochs=1.0, licence="", format="", field=""
    )
    return dataclasses.replace(recipe, sources={name: source}, **changes)


def compare_task(recipe: Recipe, parts: list[Part], filters: list[Task], memory: int) -> Task:
    settings = dict(
        parts=[f"filter/{task.key}" for task in filters],
        sources=[p.source for p in parts],
        exact=plain(recipe.exact),
        near=plain(recipe.near),
        skip={name: sorted(source.skip) for name, source in recipe.sources.items()},
    )
    size = sum(p.size for p in parts)
    return Task("compare", decide, settings, (str(memory),), size)


def write_tasks(
    recipe: Recipe, parts: list[Part], filters: list[Task], compare: Task, sizes: dict[str, int]
) -> dict[str, list[Task]]:
    """sizes: bytes of text that each source keeps: they decide about the number of shards."""
    tasks: dict[str, list[Task]] = {}
    for name in sorted(recipe.sources):
        mine = [
            [i, f"filter/{task.key}"]
            for i, (part, task) in enumerate(zip(parts, filters, strict=True))
            if part.source == name
        ]
        shards = shard_count(sizes.get(name, 0), recipe.shard_bytes)
        for shard in range(shards):
            settings = dict(source=name, parts=mine, decisions=f"compare/{compare.key}")
            settings |= dict(shard=shard, shards=shards)
            task = Task("write", write_shard, settings, (), sizes.get(name, 0) // shards)
            tasks.setdefault(name, []).append(task)
    return tasks


class Digests:
    """Digests of files' contents; one is taken again only if size or time of the file changed."""

    def __init__(self, path: Path):
        self.path = path
        self.known = read_json(path) if path.is_file() else {}

    def of(self, path: str) -> str:
        state = os.stat(path)
        name = os.path.realpath(path)
        seen = self.known.get(name)
        if not seen or seen[:2] != [state.st_size, state.st_mtime_ns]:
            digest = hashlib.blake2b(digest_size=16)
            with open(path, "rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
            self.known[name] = [state.st_size, state.st_mtime_ns, digest.hexdigest()]
        return self.known[name][2]

    def lists(self, recipe: Recipe, base) -> dict[str, str]:
        """Of the files that steps name."""
        named: list[str] = []
        if recipe.urls:
            named += recipe.urls.blocked + recipe.urls.allowed
        named += recipe.licences.opted_out if recipe.licences else ()
        named += recipe.quality.presets if recipe.quality else ()
        for paths in recipe.bad_words.lists.values() if recipe.bad_words else ():
            named += paths
        if recipe.decontamination:
            sets = find_files(recipe.decontamination.path, base)
            named += [os.path.relpath(path, base) for path in sets]
        found = {path: self.of(os.path.join(base, path)) for path in named}
        self.save()
        return found

    def save(self) -> None:
        atomic_write(self.path, (json.dumps(self.known, sort_keys=True) + "\n").encode())
