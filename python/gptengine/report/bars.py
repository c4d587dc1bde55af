"""Small pictures of bars as SVG: values against a rule's limits, shares wanted and reached."""

from __future__ import annotations

import html
from collections.abc import Sequence

WIDTH, HEIGHT, BASE = 320, 90, 70
BARS = 40
ROW, NAME, FULL = 34, 90, 200  # of the picture of shares


def histogram(bins: Sequence[Sequence[float]], least: float | None, most: float | None) -> str:
    """bins: pairs (lower edge, count) in order; a dashed line stands at each limit.

    Counts are drawn as square roots, so that a few documents are seen beside many.
    """
    if not bins:
        return ""
    low, high = _range(bins, least, most)
    step = (high - low) / BARS
    place = lambda v: min(BARS - 1, max(0, int((v - low) / step + 1e-9)))
    inside, outside = [0] * BARS, [0] * BARS
    for edge, count in bins:
        beyond = (least is not None and edge < least) or (most is not None and edge > most)
        (outside if beyond else inside)[place(edge)] += int(count)
    top = max(a + b for a, b in zip(inside, outside, strict=True)) ** 0.5
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    width = WIDTH / BARS
    for i, (a, b) in enumerate(zip(inside, outside, strict=True)):
        if not a + b:
            continue
        height = max(2.0, (BASE - 8) * (a + b) ** 0.5 / top)
        red = height * b / (a + b)
        title = f"<title>{short(low + i * step)}: {a + b:,}</title>"
        parts.append(_bar(i * width, BASE - height, width, height - red, "bar", title))
        parts.append(_bar(i * width, BASE - red, width, red, "out", title))
    parts.append(f'<line class="axis" x1="0" x2="{WIDTH}" y1="{BASE}" y2="{BASE}"/>')
    for limit in {v for v in (least, most) if v is not None}:
        x = (limit - low) / (high - low) * WIDTH
        parts.append(f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{BASE}"/>')
    parts.append(f'<text x="0" y="{HEIGHT - 6}">{short(low)}</text>')
    parts.append(f'<text x="{WIDTH}" y="{HEIGHT - 6}" text-anchor="end">{short(high)}</text></svg>')
    return "".join(parts)


def short(value: float) -> str:
    """A number with three digits, or all those before the point."""
    return f"{value:,.0f}" if 100 <= abs(value) < 1e12 else f"{value:.3g}"


def _range(bins, least, most) -> tuple[float, float]:
    """What the picture shows: the values but the most extreme hundredth, and the limits."""
    total, seen, edges = sum(n for _, n in bins), 0, []
    for edge, count in bins:
        if seen <= 0.99 * total:
            edges.append(edge)
        seen += count
    shown = [*edges, *(v for v in (least, most) if v is not None and v < 1e12)]
    low, high = min(min(shown), 0), max(shown)
    if most is not None and least is not None and most > 4 * max(edges[-1], least):
        high = max(edges[-1], 2 * least)  # a limit far from everything would flatten the rest
    return low, high * 1.05 if high > low else low + 1


def _bar(x, y, width, height, kind, title) -> str:
    if height <= 0:
        return ""
    return (
        f'<rect class="{kind}" x="{x + 0.5:.1f}" y="{y:.1f}" width="{width - 1:.1f}" '
        f'height="{height:.1f}">{title}</rect>'
    )


def shares(rows: Sequence[tuple[str, float, float]], second: str) -> str:
    """Pairs of bars: (name, the share that is wanted, the other one), which `second` names."""
    height = ROW * len(rows)
    parts = [f'<svg viewBox="0 0 420 {height}" style="max-width: 44rem" role="img">']
    for i, (name, wanted, other) in enumerate(rows):
        y = i * ROW
        parts.append(f'<text x="0" y="{y + 18}">{html.escape(name)}</text>')
        bars = ((wanted, "bar", "wanted"), (other, "out", second))
        for k, (share, kind, what) in enumerate(bars):
            parts.append(_bar(NAME, y + 3 + 13 * k, max(1.0, FULL * share), 11, kind, ""))
            x = NAME + max(1.0, FULL * share) + 6
            parts.append(f'<text x="{x:.1f}" y="{y + 12 + 13 * k}">{share:.1%} {what}</text>')
    return "".join([*parts, "</svg>"])
