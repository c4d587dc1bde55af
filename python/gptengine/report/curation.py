"""The page of a curation: where records went, why, values against limits, samples, the mixture.

Made of what report.json holds, and of nothing else; every text in it is escaped.
"""

from __future__ import annotations

import html
import math

from .bars import histogram, shares
from .tokens import heading, page, paragraph, table

STYLE = """
table { display: block; max-width: 100%; overflow-x: auto; }
th, td { overflow-wrap: normal; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1.2rem; }
.card { border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; min-width: 0; }
.card h3 { margin: 0 0 .2rem; font-size: .95rem; overflow-wrap: anywhere; }
.card p { margin: .2rem 0; font-size: .85rem; }
svg { width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--faint); }
.bar { fill: rgb(59, 130, 246); } .out { fill: rgb(239, 88, 48); }
.limit { stroke: rgb(239, 88, 48); stroke-dasharray: 3 2; } .axis { stroke: var(--line); }
details { margin: .6rem 0; } summary { cursor: pointer; }
blockquote { margin: .4rem 0 .8rem; padding: .3rem .8rem; border-left: 3px solid var(--line);
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .9rem; max-height: 10rem;
  overflow: auto; }
.id { color: var(--faint); font-size: .8rem; overflow-wrap: anywhere; }
"""


def page_of(report: dict) -> str:
    """The whole page, of a report as `gptengine curate run` writes it."""
    account = report["account"]
    kept = account["kept"] / max(1, account["records"] + account["split"])
    parts = [
        paragraph(
            f"{account['records']:,} records came in and {account['split']:,} more by splitting; "
            f"{account['kept']:,} documents stayed ({kept:.1%}) and {account['dropped']:,} did "
            f"not. Nothing is missing in this account."
        ),
        _sources(report),
        _reasons(report),
        _changes(report),
        _rules(report),
        _samples(report),
        _clusters(report),
        _mixture(report),
        _origin(report),
        _speed(report),
        paragraph(
            f"Recipe {report['recipe_digest']}; "
            + ", ".join(f"{k} {v}" for k, v in sorted(report["versions"].items()))
        ),
    ]
    return page("Curation", *filter(None, parts), style=STYLE)


def _sources(report: dict) -> str:
    rows = []
    for name, source in report["sources"].items():
        a = source["account"]
        rows.append(
            [
                name,
                source["tier"],
                f"{a['records']:,}",
                f"{a['split']:,}",
                f"{a['dropped']:,}",
                f"{a['kept']:,}",
                f"{a['kept'] / max(1, a['records'] + a['split']):.1%}",
                _size(source["record_bytes"]),
                _size(source["text_bytes"]),
                _size(source["kept_bytes"]),
            ]
        )
    header = ("source", "tier", "records", "+ split", "- dropped", "= kept", "share")
    return heading("Sources") + _numbers((*header, "bytes read", "of text", "kept"), rows, left=2)


def _reasons(report: dict) -> str:
    names = list(report["sources"])
    total = max(1, report["account"]["records"] + report["account"]["split"])
    rows = []
    for reason, (documents, size) in most_first(report["reasons"]):
        counts = [report["sources"][n]["reasons"].get(reason, [0])[0] for n in names]
        by_source = [f"{n:,}" if n else "" for n in counts]
        rows.append([reason, f"{documents:,}", f"{documents / total:.2%}", _size(size), *by_source])
    header = ("reason", "documents", "share", "bytes", *names)
    return heading("Why documents were dropped") + (
        _numbers(header, rows, left=1) if rows else paragraph("None was.")
    )


def most_first(reasons: dict) -> list[tuple[str, list[int]]]:
    """Reasons with their documents and bytes, the most frequent first: a file has them by name."""
    return sorted(reasons.items(), key=lambda item: (-item[1][0], item[0]))


def _changes(report: dict) -> str:
    rows = [
        [name, what, f"{times:,}"]
        for name, source in report["sources"].items()
        for what, times in sorted(source["changes"].items())
    ]
    if not rows:
        return ""
    return heading("What was changed in texts") + _numbers(("source", "what", "times"), rows, 2)


def _rules(report: dict) -> str:
    dropped = set(report["reasons"])
    cards = {True: [], False: []}
    for rule in report["rules"]:
        total = sum(n for _, n in rule["bins"])
        note = f"{total:,} {'document' if total == 1 else 'documents'} came to it; {_limits(rule)}."
        title = html.escape(rule["reason"])
        near = "".join(
            f'<p class="id">{_fact(n)}</p><blockquote>{html.escape(n["text"])}</blockquote>'
            for n in (() if _is_flag(rule) else rule["near"])
        )
        near = near and f"<details><summary>nearest misses</summary>{near}</details>"
        picture = histogram(rule["bins"], rule["least"], rule["most"])
        card = f'<div class="card"><h3>{title}</h3>{picture}{paragraph(note)}{near}</div>'
        cards[rule["reason"] in dropped].append(card)
    return "".join(
        [
            heading("Values against limits"),
            paragraph(
                "A rule sees the documents that passed those before it. What lies beyond a limit, "
                "the dashed line, was dropped."
            ),
            f'<div class="cards">{"".join(cards[True])}</div>',
            f"<details><summary>{len(cards[False])} rules that dropped nothing</summary>"
            f'<div class="cards">{"".join(cards[False])}</div></details>',
        ]
    )


def _samples(report: dict) -> str:
    parts = [
        heading("Samples"),
        paragraph("Of each reason those with the lowest ids; personal data is masked."),
    ]
    for reason, samples in report["samples"].items():
        shown = "".join(_sample(s) for s in samples)
        parts.append(f"<details><summary>{html.escape(reason)}</summary>{shown}</details>")
    return "".join(parts)


def _sample(s: dict) -> str:
    text = f"<blockquote>{html.escape(s['text'])}</blockquote>" if s.get("text") else ""
    if s.get("keeper"):
        text += (
            f'<p class="id">kept instead: {html.escape(s["keeper"])}</p>'
            f"<blockquote>{html.escape(s['keeper_text'])}</blockquote>"
        )
    return f'<p class="id">{_fact(s)}</p>{text}'


def _fact(s: dict) -> str:
    """Where a sample is from and which value it had."""
    said = [s.get("source", ""), s.get("id", ""), s.get("url") or s.get("where", "")]
    if "value" in s:
        said.append(f"{s['value']:.4g}, {_limits(s)}")
    said.append(s.get("note", ""))
    return html.escape(" · ".join(filter(None, said)))


def _clusters(report: dict) -> str:
    parts = []
    for kind, sizes in sorted(report["clusters"].items()):
        if sizes:
            rows = [[size, f"{n:,}"] for size, n in sorted(sizes.items(), key=lambda i: int(i[0]))]
            parts += [paragraph(f"{kind}:"), _numbers(("texts", "clusters"), rows, left=0)]
    return heading("Clusters of copies") + "".join(parts) if parts else ""


def _mixture(report: dict) -> str:
    mixture, mixed = report["mixture"], report.get("mixed")
    if not mixed:
        rows = [(n, m["wanted"], m["of_text"]) for n, m in mixture.items()]
        says = "Wanted shares of tokens, and how the kept text is divided before the mixture."
        return heading("Mixture") + paragraph(says) + shares(rows, "of the kept text")
    rows = [(n, m["wanted"], m["reached"]) for n, m in mixed["sources"].items()]
    numbers = [
        [
            name,
            f"{m['wanted']:.2%}",
            f"{m['reached']:.2%}",
            f"{m['blocks']:,}",
            f"{m['shortfall']:,}",
            f"{m['tokens']:,}",
            f"{m['epochs']:.2f}",
        ]
        for name, m in mixed["sources"].items()
    ]
    header = ("source", "wanted", "reached", "blocks", "short of", "tokens it has", "epochs")
    says = (
        f"{mixed['blocks']:,} blocks of {mixed['length']:,} tokens, {mixed['batch']} a batch; "
        f"{mixed['limited_by'] or 'no source'} decides about the size."
    )
    return (
        heading("Mixture")
        + paragraph(says)
        + shares(rows, "reached")
        + _numbers(header, numbers, left=1)
    )


def _origin(report: dict) -> str:
    licences = [
        [source, licence, f"{n:,}", _size(size)]
        for source, found in sorted(report["licences"].items())
        for licence, (n, size) in sorted(found.items(), key=lambda i: -i[1][0])
    ]
    languages = [
        [source, language, f"{n:,}"]
        for source, found in sorted(report["languages"].items())
        for language, n in sorted(found.items(), key=lambda i: -i[1])
    ]
    return (
        heading("Licences of what was kept")
        + _numbers(("source", "licence", "documents", "bytes"), licences, left=2)
        + heading("Languages of what was kept")
        + _numbers(("source", "language", "documents"), languages, left=2)
    )


def _speed(report: dict) -> str:
    speed = report["speed"]
    rows = [
        [name, f"{s['seconds']:,.2f}", f"{s['bytes'] / 1e6 / max(s['seconds'], 1e-9):,.1f}"]
        for name, s in sorted(speed["steps"].items(), key=lambda i: -i[1]["seconds"])
    ]
    says = (
        f"{speed['seconds']:,.1f} seconds with {speed['memory']['workers']} workers, what was "
        f"done before not counted. Below, seconds of a processor by step, over all runs."
    )
    return heading("Speed") + paragraph(says) + _numbers(("step", "seconds", "MB/s"), rows, left=1)


def _numbers(header, rows, left: int) -> str:
    """A table whose columns from `left` on are numbers."""
    text = table(header, rows)
    if left >= len(header):
        return text
    out = []
    for line in text.split("<tr>"):
        tag = "th" if "<th>" in line else "td"
        cells = line.split(f"<{tag}>")
        out.append(
            f"<{tag}>".join(cells[: left + 1])
            + "".join(f'<{tag} class="n">{cell}' for cell in cells[left + 1 :])
        )
    return "<tr>".join(out)


def _is_flag(rule: dict) -> bool:
    """Whether its values are 0 and 1 alone, so that none is near a limit."""
    return all(edge in (0, 1) for edge, _ in rule["bins"])


def _limits(rule: dict) -> str:
    least, most = rule.get("least"), rule.get("most")
    limits = (("at least", least), ("at most", most))
    return " and ".join(f"{word} {_number(v)}" for word, v in limits if v is not None) or "no limit"


def _number(v: float) -> str:
    """A limit, as it was set."""
    return f"{v:,.0f}" if v == int(v) else f"{v:g}"


def _size(n: float) -> str:
    """Bytes with a unit."""
    if n < 1000:
        return f"{n:,.0f} B"
    power = min(4, int(math.log10(n) // 3))
    return f"{n / 1000**power:,.1f} {' kMGT'[power]}B"
