"""The report as plain values, and the account: what came in is what stayed and every reason."""

from __future__ import annotations

import json

from .recipe import Recipe
from .settings import plain
from .tally import Tally


def summary(recipe: Recipe, tally: Tally, versions: dict, memory: dict, seconds: float) -> dict:
    """What report.json holds. Everything but "speed" is the same for any workers and order.

    Raises ValueError where the account does not balance: then a step has lost documents.
    """
    sources = {name: _source(recipe, name, tally) for name in sorted(recipe.sources)}
    account = {
        what: sum(source["account"][what] for source in sources.values())
        for what in ("records", "split", "kept", "dropped")
    }
    check_account("all sources", account)
    return {
        "recipe": plain(recipe),
        "recipe_digest": recipe.digest(),
        "versions": versions,
        "account": account,
        "sources": sources,
        "rules": _rules(tally),
        "reasons": _reasons(tally),
        "samples": {k: [s for _, s in v] for k, v in sorted(tally.samples.items())},
        "clusters": tally.sizes,
        "licences": tally.licences,
        "languages": tally.languages,
        "mixture": _mixture(recipe, tally),
        "speed": _speed(tally, memory, seconds),
    }


def _source(recipe: Recipe, name: str, tally: Tally) -> dict:
    counts, reasons = tally.sources.get(name, {}), tally.reasons.get(name, {})
    account = dict(
        records=counts.get("records", 0),
        split=counts.get("split", 0),
        kept=counts.get("kept", 0),
        dropped=sum(n for n, _ in reasons.values()),
    )
    check_account(name, account)
    source = recipe.sources[name]
    return dict(
        account=account,
        tier=source.tier,
        record_bytes=counts.get("record_bytes", 0),
        text_bytes=counts.get("text_bytes", 0),
        kept_bytes=counts.get("kept_bytes", 0),
        reasons=reasons,
        changes=tally.changes.get(name, {}),
        steps={k.removeprefix("in."): n for k, n in counts.items() if k.startswith("in.")},
    )


def check_account(where: str, account: dict) -> None:
    """Records and what splitting added have to be the kept and the dropped."""
    came, went = account["records"] + account["split"], account["kept"] + account["dropped"]
    if came != went:
        raise ValueError(
            f"curate: the account of {where} does not balance: {account['records']:,} records and "
            f"{account['split']:,} by splitting are {came:,}, but {account['kept']:,} kept and "
            f"{account['dropped']:,} dropped are {went:,}; please report this"
        )


def _reasons(tally: Tally) -> dict:
    """Documents and bytes by reason, over all sources."""
    total: dict[str, list[int]] = {}
    for reasons in tally.reasons.values():
        for reason, (n, size) in reasons.items():
            before = total.get(reason, [0, 0])
            total[reason] = [before[0] + n, before[1] + size]
    return dict(sorted(total.items()))


def _rules(tally: Tally) -> list[dict]:
    """A rule with its limits, the values it met, and what came nearest to being dropped."""
    found = []
    for key in sorted(tally.values):
        reason, least, most = json.loads(key)
        bins = sorted(((float(edge), n) for edge, n in tally.values[key].items()))
        near = [dict(distance=d, **sample) for d, sample in tally.near.get(key, ())]
        found.append(dict(reason=reason, least=least, most=most, bins=bins, near=near))
    return found


def _mixture(recipe: Recipe, tally: Tally) -> dict:
    """What the recipe wants, and how the kept text is divided; `mix` counts in tokens."""
    total = sum(s.weight for s in recipe.sources.values()) or 1
    kept = {n: tally.sources.get(n, {}).get("kept_bytes", 0) for n in recipe.sources}
    whole = sum(kept.values()) or 1
    return {
        name: dict(wanted=source.weight / total, of_text=kept[name] / whole)
        for name, source in sorted(recipe.sources.items())
    }


def _speed(tally: Tally, memory: dict, seconds: float) -> dict:
    steps = {
        name: dict(seconds=round(spent, 3), bytes=size)
        for name, (spent, size) in tally.seconds.items()
    }
    return dict(seconds=round(seconds, 2), memory=memory, steps=steps)
