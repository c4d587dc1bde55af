"""The page of `gptengine inspect`: guesses and attention along a text, neighbours, a map of words.

Texts go into the page as JSON that inside_script.js reads and shows as text, or escaped as in
report/tokens.py. Nothing here loads an engine: numbers come in as arrays.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

STYLE = """
:root { --ink: 59, 130, 246; --hot: 239, 88, 48; }
h3 { margin: 1rem 0 .3rem; font-size: 1rem; }
.split { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 26rem); gap: 1.5rem; }
.panel { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto;
  padding: .3rem; box-sizing: border-box; }
.panel p, .panel h3 { margin: .3rem 0; }
.split > .tokens { align-self: start; }
.tokens .t { cursor: pointer; padding: .1rem 0; }
.tokens .on { outline: 2px solid currentColor; }
.row { display: flex; gap: .6rem; margin-bottom: .4rem; }
.row > span { flex: 0 0 3.6rem; color: var(--faint); font-size: .85rem; }
.maps { display: flex; flex-wrap: wrap; gap: 4px; }
.maps button { padding: 0; border: 1px solid var(--line); background: none; cursor: pointer;
  line-height: 0; }
.maps button.on { outline: 2px solid rgb(var(--hot)); }
.maps canvas { --side: clamp(28px, calc(35.5rem / var(--heads) - 6px), 66px);
  width: var(--side); height: var(--side); image-rendering: pixelated; }
.big { position: relative; border: 1px solid var(--line); line-height: 0; cursor: crosshair;
  touch-action: manipulation; max-width: 24rem; }
.big canvas { width: 100%; image-rendering: pixelated; }
.big i { position: absolute; pointer-events: none; box-sizing: border-box;
  outline: 1px solid rgba(var(--hot), .9); }
.small { font-size: .8rem; line-height: 1.5; max-height: 14rem; overflow: auto; }
.bars { width: 100%; margin: .4rem 0; font-size: .9rem; }
.bars td { padding: .1rem .5rem .1rem 0; border: 0; white-space: pre;
  vertical-align: middle; }
.bars td:first-child { max-width: 11rem; overflow: hidden; text-overflow: ellipsis;
  font-family: ui-monospace, monospace; }
.bars td:nth-child(2) { text-align: right; width: 4.5rem; font-variant-numeric: tabular-nums; }
.bars td:last-child { width: 45%; }
.bars b { display: block; height: .7rem; border-radius: 2px; background: rgba(var(--ink), .75); }
.bars .its td { font-weight: bold; }
.bars .its b { background: rgb(var(--hot)); }
.scale { display: inline-block; width: 8rem; height: .7rem; vertical-align: baseline;
  background: linear-gradient(90deg, transparent, rgba(var(--hot), .85));
  border: 1px solid var(--line); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1.5rem; }
.wide { overflow-x: auto; }
.wide svg { box-sizing: border-box; min-width: 40rem; width: 100%;
  border: 1px solid var(--line); border-radius: 6px; }
.wide text { font: 13px system-ui, sans-serif; fill: var(--text); }
.wide circle { fill: rgb(var(--ink)); }
@media (max-width: 50rem) {
  .split { grid-template-columns: minmax(0, 1fr); gap: .6rem; }
  .maps canvas { --side: 66px; }
  .look .panel { order: -1; position: static; max-height: none; }
  .next .panel { top: auto; bottom: 0; max-height: 45vh; background: var(--back);
    border-top: 1px solid var(--line); }
}
"""
WIDTH, HEIGHT, EDGE = 900, 620, 30  # of the map of words
LETTER, LINE = 8.2, 16  # the size of a label's letters there, about


def script() -> str:
    """What the page runs: it shows the JSON of `data` and answers to mouse, finger and keys."""
    return Path(__file__).with_name("inside_script.js").read_text(encoding="utf-8")


def data(
    labels: Sequence[str],
    breaks: Sequence[int],
    maps: np.ndarray,
    layers: Sequence[int],
    habits: dict[str, np.ndarray],
    causal: bool,
    guesses: dict | None,
) -> str:
    """What the script reads.

    labels: (T,) what a token is called   breaks: after which of them the line ends
    maps: (L, H, T, T) attention   layers: (L,) their numbers   habits: (L, H) by name
    guesses: logprob, rank (T-1,) and top, (T-1) lists of pairs (label, logprob); None if the
    model makes none
    """
    record = {
        "tokens": list(labels),
        "breaks": list(breaks),
        "causal": causal,
        "layers": list(layers),
        "maps": [[coded(m, causal) for m in heads] for heads in maps],
        "habits": {name: np.round(a, 4).tolist() for name, a in habits.items()},
        "guesses": guesses,
    }
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    safe = text.replace("<", "\\u003c")  # no text can end the element, or open a comment
    return f'<script type="application/json" id="data">{safe}</script>'


def coded(weights: np.ndarray, causal: bool) -> str:
    """A map (T, T) in base64, a byte a weight: 255 times its root. Causal: up to the diagonal."""
    weights = weights[np.tril_indices(len(weights))] if causal else weights
    roots = np.sqrt(np.clip(weights, 0, 1))  # small weights are many, and want more of the steps
    return base64.b64encode(np.rint(255 * roots).astype(np.uint8).tobytes()).decode()


def guesses_section(says: str) -> str:
    return f"""<section class="next"><h2>Next tokens</h2>
<p>{html.escape(says)} The stronger the colour, the less the model expected the token:
<span class="scale"></span> Point at one.</p>
<div class="split"><div class="tokens" id="guesses"></div>
<div class="panel" id="guess"></div></div></section>"""


def attention_section(says: str) -> str:
    return f"""<section><h2>Attention</h2>
<p>{html.escape(says)} Each small map is a head: a row is a token, and its colours say which tokens
it takes from, the first one at the left. Point at a map to see it large, click to keep it; point
into the large one, or at a token of the text, to see where that token looks.</p>
<div class="split look"><div id="heads"></div>
<div class="panel"><p id="head"></p><div class="big"><canvas id="map"></canvas></div>
<p id="where">&nbsp;</p><div class="tokens small" id="text"></div></div></div></section>"""


def near_section(title: str, cards: Iterable[tuple[str, Sequence[tuple[str, float]]]]) -> str:
    """Cards of tokens and cosines, each under its heading."""
    parts = [f"<section><h2>{html.escape(title)}</h2>", '<div class="cards">']
    for heading, rows in cards:
        parts.append(f'<div><h3>{html.escape(heading)}</h3><table class="bars">')
        for text, cosine in rows:
            width = 100 * max(0.0, min(1.0, cosine))
            parts.append(
                f'<tr><td title="{html.escape(text)}">{html.escape(text)}</td>'
                f'<td>{cosine:.3f}</td><td><b style="width:{width:.1f}%"></b></td></tr>'
            )
        parts.append("</table></div>")
    return "\n".join([*parts, "</div></section>"])


def plane_section(names: Sequence[str], points: np.ndarray, shares: Sequence[float]) -> str:
    """A picture of named points (n, 2); `shares` of the variance on its axes."""
    low, span = points.min(0), np.maximum(np.ptp(points, axis=0), 1e-9)
    size = np.array([WIDTH, HEIGHT]) - 2 * EDGE
    at = EDGE + (points - low) / span * size
    at[:, 1] = HEIGHT - at[:, 1]
    boxes, hidden = place_labels(names, at), 0
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    for name, (x, y), box in zip(names, at, boxes, strict=True):
        safe = html.escape(name)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{safe}</title></circle>')
        if box:
            start, anchor = label_start(box, x)
            place = f'x="{start:.1f}" y="{box[3] - 4:.1f}" text-anchor="{anchor}"'
            parts.append(f"<text {place}>{safe}</text>")
        else:
            hidden += 1
    says = (
        f"Embeddings on the two axes along which these {len(names)} words differ most: "
        f"{shares[0]:.0%} and {shares[1]:.0%} of their variance. Near in the map is not always "
        f"near in the table."
    )
    if hidden:
        says += f" For lack of room {hidden} of the dots have no label: point at them."
    return "\n".join(
        [
            f"<section><h2>Map of words</h2><p>{html.escape(says)}</p>",
            '<div class="wide">',
            *parts,
            "</svg></div></section>",
        ]
    )


def place_labels(names: Sequence[str], at: np.ndarray) -> list[tuple | None]:
    """A box (left, top, right, bottom) beside each point, or None where all would cover something.

    Boxes lie in the picture and cover neither one another nor a point. First names choose first.
    """
    placed: list[tuple] = []
    dots = [(x - 3, y - 3, x + 3, y + 3) for x, y in at.tolist()]
    found = []
    for i, (name, (x, y)) in enumerate(zip(names, at.tolist(), strict=True)):
        w = LETTER * sum(1 + (ord(c) > 0x2E7F) for c in name)  # Chinese and its kin: twice as wide
        others = [*placed, *dots[:i], *dots[i + 1 :]]
        starts = [(x + 6, y - 8), (x - 6 - w, y - 8), (x - w / 2, y - 21), (x - w / 2, y + 5)]
        starts += [(x + 4, y - 18), (x + 4, y + 2), (x - 4 - w, y - 18), (x - 4 - w, y + 2)]
        tried = ((left, top, left + w, top + LINE) for left, top in starts)
        box = next((b for b in tried if inside(b) and not any(cross(b, o) for o in others)), None)
        placed += [box] if box else []
        found.append(box)
    return found


def label_start(box: tuple, x: float) -> tuple[float, str]:
    """Where a label in its box is held: at the side of its point, as its box is seldom filled."""
    left, _, right, _ = box
    if right < x:
        return right, "end"
    return (left, "start") if left > x else ((left + right) / 2, "middle")


def inside(box: tuple) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= WIDTH and box[3] <= HEIGHT


def cross(a: tuple, b: tuple) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
