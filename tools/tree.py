"""Write the tree in README.md: each source file and the first sentence of what it says it is.

python tools/tree.py
"""

import argparse
import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("cpp", "cuda", "python", "bench", "examples", "cmake", "tools")
BEGIN, END = "<!-- tree: python tools/tree.py -->\n", "<!-- /tree -->\n"
WIDEST = 92  # letters of a sentence; a longer one ends at an earlier comma or colon


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()  # --help writes nothing
    folders = {}
    names = subprocess.run(["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True)
    for path in map(Path, names.stdout.split()):
        if path.name not in ("__init__.py", "py.typed"):
            folders.setdefault(path.parent, {}).setdefault(path.stem, []).append(path)
    lines = []
    for folder, stems in sorted(folders.items()):
        lines.append(f"{folder}/")
        for stem, paths in sorted(stems.items()):
            name = paths[0].name if len(paths) == 1 else stem  # a header and its source: one line
            sentences = filter(None, map(sentence, sorted(paths, key=lambda p: p.suffix != ".h")))
            lines.append(f"    {name:22} {next(sentences, '')}".rstrip())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    tree = "```\n" + "\n".join(lines) + "\n```\n"
    (ROOT / "README.md").write_text(before + BEGIN + tree + END + after, encoding="utf-8")


def sentence(path):
    """The first sentence of the docstring or opening comment."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
    else:
        comment = re.match(r"(?:(?://|#).*\n)*", text)[0]
        text = "\n".join(line.lstrip("/# ") for line in comment.splitlines())
    text = re.split(r"(?<=[.!?])\s", " ".join(text.split("\n\n")[0].split()))[0].rstrip(".")
    if len(text) > WIDEST:
        cut = max(text.rfind(mark, 30, WIDEST) for mark in (": ", "; ", ", ", " ("))
        text = text[:cut] if cut > 0 else text[:WIDEST].rsplit(" ", 1)[0]
    return text


if __name__ == "__main__":
    main()
