"""Pages of coloured tokens and tables: one file that loads nothing and runs at most our script.

What a function is given is text, whatever it looks like: it is escaped, here and nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from typing import NamedTuple

COLORS = 6
STYLE = """
:root { color-scheme: light dark; --text: #1d1d1f; --back: #fff; --faint: #666; --line: #ddd;
  --0: #d7e8ff; --1: #ffe3d0; --2: #dcf3d6; --3: #f6dcf3; --4: #fff3c4; --5: #d6f2f0; }
@media (prefers-color-scheme: dark) { :root { --text: #eee; --back: #17181a; --faint: #999;
  --line: #3a3b3e; --0: #1f3f66; --1: #663a1d; --2: #27522a; --3: #5a2c58; --4: #5a4d12;
  --5: #1b4f4d; } }
body { font: 16px/1.6 system-ui, sans-serif; color: var(--text); background: var(--back);
  max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
.tokens { font-family: ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
  border: 1px solid var(--line); border-radius: 6px; padding: .8rem; }
.t { border-radius: 3px; padding: .1rem 0; cursor: help; }
.t:hover { outline: 2px solid currentColor; }
.s { font-weight: bold; text-decoration: underline; }
.c0 { background: var(--0); } .c1 { background: var(--1); } .c2 { background: var(--2); }
.c3 { background: var(--3); } .c4 { background: var(--4); } .c5 { background: var(--5); }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 600; }
p, th { color: var(--faint); }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # a second lock behind the escaping


class Shown(NamedTuple):
    """A token as it is shown; `hover` is what the mouse finds there."""

    text: str
    hover: str
    special: bool = False
    line_ends: bool = False  # whether the next token stands on a new line


def page(title: str, *parts: str, style: str = "", script: str = "") -> str:
    """A whole page of parts, which the functions below make.

    script: JavaScript of ours, at its end. The page allows this one by its hash, and no other.
    """
    policy, body = POLICY, "\n".join(parts)
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy += f"; script-src 'sha256-{digest}'"
        body += f"\n<script>{script}</script>"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}{style}</style></head>\n"
        f"<body>\n<h1>{html.escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def heading(text: str) -> str:
    return f"<h2>{html.escape(text)}</h2>"


def paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"


def tokens(shown: Iterable[Shown]) -> str:
    """Tokens in a frame."""
    return f'<div class="tokens">{_spans(shown)}</div>'


def frame(text: str) -> str:
    """Lines of text in a frame, as they are."""
    return f'<div class="tokens">{html.escape(text)}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[str | Sequence[Shown]]]) -> str:
    """A table whose cells are texts or lists of tokens."""
    out = ["<table><tr>", *(f"<th>{html.escape(name)}</th>" for name in header), "</tr>"]
    for row in rows:
        cells = (html.escape(c) if isinstance(c, str) else _framed(c) for c in row)
        out += ["\n<tr>", *(f"<td>{cell}</td>" for cell in cells), "</tr>"]
    return "".join([*out, "</table>"])


def _framed(shown):
    return f'<code style="white-space: pre-wrap">{_spans(shown)}</code>'


def _spans(shown):
    out = []
    for i, token in enumerate(shown):
        kind = f"t c{i % COLORS}" + (" s" if token.special else "")
        out.append(
            f'<span class="{kind}" title="{html.escape(token.hover)}">'
            f"{html.escape(token.text)}</span>" + ("\n" if token.line_ends else "")
        )
    return "".join(out)
