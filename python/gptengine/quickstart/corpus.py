"""The text that every machine with Python has: its standard library's documentation.

    python -m gptengine.quickstart.corpus        # what there is, in numbers

The docstrings of the library's sources and the language reference that `help()` shows, read as
text: nothing is imported or run. One document is one source file's docstrings, or one topic of the
reference.
"""

import ast
import dataclasses
import hashlib
import inspect
import json
import sysconfig
import warnings
from pathlib import Path

from gptengine.files import atomic_write

SKIPPED = {
    "test",
    "tests",
    "idle_test",
    "site-packages",
    "dist-packages",
    "__pycache__",
    "_bundled",
}
TOPICS = "pydoc_data/topics.py"
# What documentation goes through: the rules for prose would drop lists, examples and short texts.
SKIPPED_STEPS = ["policy_lines", "quality", "spam", "bad_words", "split"]
LEAST_BYTES = 200_000  # less than this teaches nothing: the library was stripped or lies in a zip
SHARED_BYTES = 120  # a paragraph this long in two documents makes them one group


@dataclasses.dataclass(frozen=True)
class Document:
    """A text and its name, `json/decoder` or `topic:for`, which is the same in every run."""

    id: str
    text: str


def gather(library=None):
    """The documents of the standard library in folder `library` (or the running Python's), by id.

    A docstring that was seen before is left out, so that inherited texts do not count twice.
    """
    library = Path(library or sysconfig.get_path("stdlib"))
    seen, documents = set(), []
    for path in _sources(library):
        name = path.relative_to(library).as_posix()
        tree = _parse(path)
        if tree is None:
            continue
        texts = [t for t in _docstrings(tree) if not (t in seen or seen.add(t))]
        if texts:
            documents.append(Document(name.removesuffix(".py"), "\n\n".join(texts) + "\n"))
        if name == TOPICS:
            documents += [Document(f"topic:{key}", text) for key, text in _topics(tree)]
    documents.sort(key=lambda d: d.id)
    size = sum(len(d.text.encode()) for d in documents)
    if size < LEAST_BYTES:
        raise ValueError(
            f"quickstart: {library} holds {size} bytes of documentation, need {LEAST_BYTES}: this "
            "Python was installed without its library's sources; give `gptengine pretrain` a text"
        )
    return documents


def curated(documents, folder):
    """The documents that `curate.run` keeps in `folder`, by id, and its report.

    Copies go and personal data is masked; the folder has report.html.
    """
    from gptengine.curate import run

    folder.mkdir(exist_ok=True)
    path = folder / "library.jsonl"
    records = ({"id": d.id, "name": d.id, "text": d.text} for d in documents)
    atomic_write(path, "".join(json.dumps(r) + "\n" for r in records).encode())
    library = dict(path=str(path), tier="curated", language="en", skip=SKIPPED_STEPS)
    report = run({"sources": {"library": library}, "languages": False}, folder, workers=1)
    kept = []
    for shard in sorted((folder / "documents").glob("library-*.jsonl")):
        with open(shard, encoding="utf-8") as lines:
            kept += map(json.loads, lines)
    kept = [Document(record["meta"]["name"], record["text"]) for record in kept]
    return sorted(kept, key=lambda d: d.id), report


def split(documents, seed=0, share=0.1):
    """Two lists, training and held-out; the second has about `share` of the bytes, never more.

    Documents that have a long paragraph in common go to the same side, so no held-out text was read
    in training. Which groups are held out is decided by a hash of their names and the seed.
    """
    groups = _groups(documents)
    room = share * sum(len(d.text.encode()) for d in documents)
    enough = room / 20  # stop here: the last gap would only ever take small documents
    held = set()
    for group in sorted(
        groups, key=lambda g: hashlib.sha256(f"{seed}:{g[0].id}".encode()).digest()
    ):
        size = sum(len(d.text.encode()) for d in group)
        if enough < room >= size:
            room -= size
            held.update(d.id for d in group)
    train = [d for d in documents if d.id not in held]
    return train, [d for d in documents if d.id in held]


def _sources(library):
    for path in sorted(library.iterdir()):
        if path.is_dir() and path.name not in SKIPPED:
            yield from _sources(path)
        elif path.suffix == ".py":
            yield path


def _parse(path):
    """The syntax tree, or None for the few files that are broken on purpose or not UTF-8."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in old files
            return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None


def _docstrings(node):
    """Docstrings of the module, its classes and functions, from top to bottom."""
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        text = ast.get_docstring(node)  # without the indentation
        if text and text.strip():
            yield _unix(text)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):  # what can hold a def
            yield from _docstrings(child)


def _topics(tree):
    """(key, text) of the dictionary `topics`, which is data and therefore read as a literal."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "topics":
            for key, text in sorted(ast.literal_eval(node.value).items()):
                yield key, inspect.cleandoc(_unix(text)) + "\n"


def _unix(text):
    """Lines end in \\n; lone surrogates, which no UTF-8 file can hold, become question marks."""
    lines = "\n".join(text.splitlines())
    return lines.encode("utf-8", "replace").decode()


def _groups(documents):
    """Lists of documents that long shared paragraphs link, in the order of their first ids."""
    leader = list(range(len(documents)))

    def find(i):
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    first = {}  # paragraph -> the document that had it first
    for i, document in enumerate(documents):
        for paragraph in document.text.split("\n\n"):
            words = " ".join(paragraph.split())
            if len(words) >= SHARED_BYTES:
                a, b = find(first.setdefault(words, i)), find(i)
                leader[max(a, b)] = min(a, b)
    groups = {}
    for i, document in enumerate(documents):
        groups.setdefault(find(i), []).append(document)
    return list(groups.values())


def main():
    documents = gather()
    train, held = split(documents)
    for name, part in ("all", documents), ("training", train), ("held out", held):
        print(
            f"{name:9} {len(part):5} documents {sum(len(d.text.encode()) for d in part):9,} bytes"
        )


if __name__ == "__main__":
    main()
