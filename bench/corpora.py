"""Real text of many kinds that a machine has anyway, for benchmarks and for tests beside the peers.

A corpus is a .txt or .jsonl file (.gz of both), or the name of one that is gathered from this
Python, what is installed in it, and the machine:

code          .py files
docs          documentation, mostly English
multilingual  what programs say in other languages, in catalogs of gettext: where these are
              installed, tens of MB in a hundred languages; then lines of the above not in ASCII

What is gathered comes in the same order in every run on the same machine.
"""

import itertools
import os
import struct
import sys
import sysconfig
from pathlib import Path

from gptengine.data.documents import read_documents

GATHERED = {"code": {".py"}, "docs": {".rst", ".md", ".txt", ".html"}}
GATHERED["multilingual"] = set.union(*GATHERED.values())
LONGEST = 1 << 20  # bytes of a gathered file: what is longer is data
CATALOG = 0x950412DE  # the first number of a gettext catalog, little-endian


def documents(name):
    """The texts of a corpus, bytes of UTF-8."""
    if name not in GATHERED:
        return read_documents([name])
    texts = _files(GATHERED[name])
    if name == "multilingual":
        texts = itertools.chain(_catalogs(), map(_other_lines, texts))
    return filter(None, texts)


def title(name):
    """What a corpus is called: of a file, its name without endings."""
    return Path(name).name.split(".")[0]


def divided(name, first, second):
    """Two lists of texts of a corpus, of so many bytes; where there are fewer, shares of them."""
    texts = take(documents(name), first + second)
    share = min(1.0, sum(map(len, texts)) / (first + second))
    rest = iter(texts)
    return take(rest, share * first), list(rest)


def take(texts, size):
    """Texts up to so many bytes; the last one may be cut, at the end of a line."""
    taken = []
    while size > 0 and (text := next(texts, None)) is not None:
        if len(text) > size:
            text = text[: text.rfind(b"\n", 0, int(size)) + 1]
            size = 0
        if text:
            taken.append(text)
        size -= len(text)
    return taken


def _files(suffixes):
    """Files of the standard library and of installed packages, in a fixed order."""
    roots = {sysconfig.get_path(place) for place in ("stdlib", "purelib", "platlib")}
    seen = set()
    for folder, folders, files in itertools.chain(*(os.walk(root) for root in sorted(roots))):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for file in sorted(files):
            path = Path(folder, file)
            if path.suffix not in suffixes or not 0 < path.stat().st_size < LONGEST:
                continue
            text = path.read_bytes()
            if text not in seen and _is_text(text):
                seen.add(text)
                yield text


def _other_lines(text):
    """The lines of a text that are not ASCII."""
    lines = () if text.isascii() else text.splitlines(keepends=True)
    return b"".join(line for line in lines if not line.isascii())


def _catalogs():
    """The translations of each gettext catalog; the languages of a program side by side."""
    roots = sorted({Path(base, "share/locale") for base in (sys.prefix, sys.base_prefix, "/usr")})
    paths = itertools.chain(*(root.rglob("*.mo") for root in roots))
    for path in sorted(paths, key=lambda path: (path.name, path)):
        text = _translations(path.read_bytes())
        if not text.isascii() and _is_text(text):
            yield text


def _translations(data):
    """The second strings of a catalog, a line each; the first of them is about the catalog."""
    if len(data) < 20 or struct.unpack_from("<I", data)[0] != CATALOG:
        return b""
    count, start = struct.unpack_from("<I4xI", data, 8)
    places = struct.iter_unpack("<II", data[start + 8 : start + 8 * count])
    return b"\n".join(data[at : at + size].replace(b"\0", b"\n") for size, at in places)


def _is_text(text):
    return text.decode("utf-8", "replace").encode() == text
