"""Fuzzes a reader of tokenizers or models with libFuzzer, through Atheris.

python tests/fuzz/fuzz_readers.py tokenizer_json -max_total_time=60 tests/fuzz/seeds/tokenizer_json
"""

import copy
import json
import random
import struct
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))
ROOMS = ("tokenizer", "gguf", "checkpoint", "tensorfile", "huggingface", "config")
with atheris.instrument_imports(include=[f"gptengine.{room}" for room in ROOMS]):
    import readers

VALUES = [None, True, False, 0, 1, -1, 255, 256, 2**31, 2**32, 2**63, 2**64, 10**30, 0.5, 1e308]
VALUES += [
    "",
    " ",
    "a",
    "Ġ",
    "</w>",
    "<unk>",
    "\ud800",
    "a b",
    "\0",
    [],
    {},
    [[]],
    ["a", "b"],
    "##a",
]


def main():
    name = sys.argv.pop(1)
    options = {"custom_mutator": mutate_json} if "json" in name or name == "tekken" else {}
    if name == "safetensors":
        options = {"custom_mutator": mutate_safetensors}
    atheris.Setup(sys.argv, lambda data: readers.read(name, data), **options)
    atheris.Fuzz()


def mutate_json(data, most, seed):
    """Changes a value or a key somewhere in the JSON, or else some bytes."""
    rng = random.Random(seed)
    if rng.random() < 0.3:
        return atheris.Mutate(data, most)
    parts = data.split(readers.SEPARATOR)
    place = rng.randrange(len(parts))
    try:
        tree = json.loads(parts[place])
    except (ValueError, RecursionError):
        return atheris.Mutate(data, most)
    for _ in range(rng.randint(1, 3)):
        tree = change(tree, rng)
    parts[place] = json.dumps(tree).encode()
    data = readers.SEPARATOR.join(parts)
    return data if len(data) <= most else data[:most]


def mutate_safetensors(data, most, seed):
    """Changes config.json, or the JSON of the header, whose length stays right."""
    rng = random.Random(seed)
    config, _, file = data.partition(readers.SEPARATOR)
    end = 8 + int.from_bytes(file[:8], "little")
    if rng.random() < 0.2 or not 8 < end <= len(file):
        return atheris.Mutate(data, most)
    if rng.random() < 0.3:
        config = mutate_json(config, most, seed)
    else:
        header = mutate_json(file[8:end], most, seed)
        file = struct.pack("<Q", len(header)) + header + file[end:]
    return (config + readers.SEPARATOR + file)[:most]


def change(tree, rng):
    """The tree with one node changed; each level is as likely to be that of the node."""
    if not isinstance(tree, dict | list) or not tree or rng.random() < 0.1:
        return other(tree, rng)
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    key, another = rng.choice(keys), rng.choice(keys)
    kind = rng.random()
    if kind < 0.1:
        del tree[key]
    elif kind < 0.2:  # the same thing twice
        tree[key] = copy.deepcopy(tree[another])
    elif kind < 0.25 and isinstance(tree, list):
        tree.insert(key, copy.deepcopy(tree[another]))
    elif kind < 0.3 and isinstance(tree, dict):
        tree[str(other(key, rng))[:40]] = tree.pop(key)
    elif kind < 0.35:
        tree[key], tree[another] = tree[another], tree[key]
    else:
        tree[key] = change(tree[key], rng)
    return tree


def other(value, rng):
    """Another value, often one like it."""
    if isinstance(value, bool) or rng.random() < 0.3:
        return copy.deepcopy(rng.choice(VALUES))
    if isinstance(value, int):
        return value + rng.choice([-256, -2, -1, 1, 2, 256])
    if isinstance(value, str) and value:
        at = rng.randrange(len(value))
        letter = rng.choice(["", value[at] * 2, "Ġ", " ", "a", "\n", "\0", "漢", value])
        return (value[:at] + letter + value[at + 1 :])[:4096]
    return copy.deepcopy(rng.choice(VALUES))


if __name__ == "__main__":
    main()
