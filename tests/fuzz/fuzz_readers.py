"""Fuzzes a reader of tokenizers, models or documents with libFuzzer, through Atheris.

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
ROOMS = ("tokenizer", "gguf", "checkpoint", "tensorfile", "huggingface", "config", "curate")
with atheris.instrument_imports(include=[f"gptengine.{room}" for room in ROOMS]):
    import readers

    from gptengine.gguf import metadata

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
    for kind, mutator in ("safetensors", mutate_safetensors), ("gguf_model", mutate_gguf):
        options = {"custom_mutator": mutator} if name == kind else options
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


def mutate_gguf(data, most, seed):
    """Changes a key or an entry of a tensor, whose lengths and number stay right."""
    rng = random.Random(seed)
    try:
        reader = metadata.Reader(data)
        count, keys = reader.header()
        tensors = [tensor_entry(reader) for _ in range(min(count, 1000))]
    except ValueError:
        return atheris.Mutate(data, most)
    kind = rng.random()
    if kind < 0.3 or not (keys and tensors):
        return atheris.Mutate(data, most)
    if kind < 0.6:
        key = rng.choice(list(keys))
        keys[key] = other(keys[key], rng)
    elif kind < 0.65:
        del keys[rng.choice(list(keys))]
    elif kind < 0.95:
        entry = rng.choice(tensors)
        place = rng.randrange(4)
        entry[place] = change(entry[place], rng) if place == 1 else other(entry[place], rng)
    else:
        tensors[rng.randrange(len(tensors))] = copy.deepcopy(rng.choice(tensors))
    try:
        head = metadata.header(keys, len(tensors)) + b"".join(map(entry_bytes, tensors))
    except (ValueError, TypeError, AttributeError, UnicodeError, struct.error):
        return atheris.Mutate(data, most)  # a value that the format has no room for
    start = -(-reader.at // 32) * 32
    return (head + bytes(-len(head) % 32) + data[start:])[:most]


def tensor_entry(reader):
    """Its name, its sizes, the code of its format and its place."""
    name = reader.string(100)
    sizes = [reader.number("<u8") for _ in range(min(reader.number("<u4"), 9))]
    return [name, sizes, reader.number("<u4"), reader.number("<u8")]


def entry_bytes(entry):
    name, sizes, code, begin = entry
    sizes = struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
    return metadata.string(name) + sizes + struct.pack("<IQ", code, begin)


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
