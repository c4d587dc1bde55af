"""Loss curves of a run as an SVG picture and as a line in the terminal.

    python -m gptengine.report.plot runs/base        # writes runs/base/loss.svg

Reads `run.jsonl`. The picture is written by hand: SVG is text, and a plot needs no library.
"""

import dataclasses
import itertools
import math
import sys
from html import escape
from pathlib import Path

from ..files import atomic_write, read_log

WIDTH, HEIGHT = 880, 480
LEFT, RIGHT, TOP, BOTTOM = (
    70,
    150,
    70,
    56,
)  # margins; the names of the curves stand in the right one
COLORS = ("#2563eb", "#ea580c", "#059669", "#9333ea", "#dc2626", "#0891b2")
FONT = "font-family=\"Inter, 'Helvetica Neue', Arial, sans-serif\""
MOST_POINTS = 1500  # more than pixels would only make the file large
BARS = "▁▂▃▄▅▆▇█"


@dataclasses.dataclass(frozen=True)
class Curve:
    """A named line. A noisy one is drawn pale, with its running mean over it."""

    name: str
    x: list
    y: list
    noisy: bool = False


def loss_curves(records, keys):
    """A curve a key, of the records that have it as a finite number; `keys` maps key to name.

    A step that was run again after a resume counts once, with its last value.
    """
    curves = []
    for key, name in keys.items():
        points = {
            r["step"]: r[key]
            for r in records
            if "step" in r and isinstance(r.get(key), (int, float)) and math.isfinite(r[key])
        }
        if points:
            steps = sorted(points)
            curves.append(Curve(name, steps, [points[s] for s in steps], noisy=len(steps) > 200))
    return curves


def smooth(y):
    """Mean over the neighbours of each point: none at the steep start, then up to a fortieth of y.

    The window is centred, so that the curve does not lag behind; at the end it is one-sided.
    """
    sums = [0.0, *itertools.accumulate(y)]
    means = []
    for i in range(len(y)):
        reach = min(i // 4, len(y) // 40)
        first, last = i - reach, min(i + reach, len(y) - 1)
        means.append((sums[last + 1] - sums[first]) / (last + 1 - first))
    return means


def ticks(low, high, count=6):
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) between low and high."""
    if not high > low:
        return [low]
    step = 10 ** math.floor(math.log10((high - low) / count))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= count)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def svg(curves, *, title, subtitle="", x_name="step", y_name="loss"):
    """The picture as text: a line a curve, its name and last value beside its end."""
    if not curves:
        raise ValueError("plot: no curve has a point; the run has not logged a step yet")
    lines = [(c, smooth(c.y) if c.noisy else c.y) for c in curves]
    x_low, x_high = min(c.x[0] for c in curves), max(c.x[-1] for c in curves)
    y_low = min(min(line) for _, line in lines)
    y_high = max(max(line) for _, line in lines)
    room = 0.06 * (y_high - y_low) or 0.1 * abs(y_high) or 1.0
    y_low, y_high = y_low - room, y_high + room
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x, y):
        across = (x - x_low) / ((x_high - x_low) or 1)
        up = (min(max(y, y_low), y_high) - y_low) / (y_high - y_low)
        return LEFT + inner_width * across, HEIGHT - BOTTOM - inner_height * up

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" {FONT}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 32, title, 18, "#111827", weight=600),
        _text(LEFT, 53, subtitle, 13, "#6b7280"),
    ]
    for value in ticks(y_low, y_high):
        _, y = place(x_low, value)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>'
        )
        parts.append(_text(LEFT - 10, y + 4, f"{value:g}", 12, "#6b7280", anchor="end"))
    base = HEIGHT - BOTTOM
    for value in ticks(x_low, x_high, 8):
        x, _ = place(value, y_low)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 5}" stroke="#9ca3af"/>'
        )
        parts.append(_text(x, base + 20, f"{value:,g}", 12, "#6b7280", anchor="middle"))
    parts.append(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}" stroke="#9ca3af"/>'
    )
    parts.append(_text(LEFT + inner_width / 2, HEIGHT - 14, x_name, 13, "#374151", anchor="middle"))
    middle = TOP + inner_height / 2
    parts.append(
        f'<g transform="rotate(-90 20 {middle})">'
        + _text(20, middle, y_name, 13, "#374151", anchor="middle")
        + "</g>"
    )
    ends = []
    for i, (curve, line) in enumerate(lines):
        color = COLORS[i % len(COLORS)]
        if curve.noisy:
            parts.append(_path(map(place, *_thinned(curve.x, curve.y)), color, 1, 0.22))
        parts.append(_path(map(place, *_thinned(curve.x, line)), color, 2.2, 1))
        few = range(len(line)) if len(line) <= 60 else [-1]
        for x, y in (place(curve.x[k], line[k]) for k in few):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>')
        _, y = place(curve.x[-1], line[-1])
        ends.append((y, f"{curve.name} {line[-1]:.3g}", color))
    for y, name, color in _apart(ends, 18):
        parts.append(_text(WIDTH - RIGHT + 12, y + 4, name, 13, color, weight=600))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x, y, text, size, color, anchor="start", weight=400):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _path(points, color, width, opacity):
    data = " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
    return (
        f'<path d="{data}" fill="none" stroke="{color}" stroke-width="{width}" '
        f'stroke-opacity="{opacity}" stroke-linejoin="round" stroke-linecap="round"/>'
    )


def _thinned(x, y):
    """At most MOST_POINTS of the points, the last among them."""
    every = max(1, math.ceil(len(x) / MOST_POINTS))
    keep = sorted({*range(0, len(x), every), len(x) - 1})
    return [x[i] for i in keep], [y[i] for i in keep]


def _apart(labels, gap):
    """The labels from top to bottom, each moved down as far as it takes to be readable."""
    above = -math.inf
    for y, *rest in sorted(labels):
        above = max(y, above + gap)
        yield above, *rest


def sparkline(values, width=40):
    """A curve in one line of block characters; `width` means over equal parts of the values."""
    values = [v for v in values if math.isfinite(v)]
    if not values:
        return ""
    width = min(width, len(values))
    edges = [i * len(values) // width for i in range(width + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    low, high = min(means), max(means)
    top = len(BARS) - 1
    return "".join(BARS[round(top * (m - low) / (high - low)) if high > low else 0] for m in means)


def main(folder):
    folder = Path(folder)
    records = read_log(folder / "run.jsonl")
    curves = loss_curves(records, {"loss": "train", "val_loss": "held out"})
    picture = svg(curves, title=f"Loss of {folder.name}", y_name="loss (nats a token)")
    atomic_write(folder / "loss.svg", picture.encode())
    for curve in curves:
        print(f"{curve.name:9} {curve.y[0]:.3f} {sparkline(curve.y)} {curve.y[-1]:.3f}")
    print(f"wrote {folder / 'loss.svg'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
