"""Tallies add up in any order; values are counted in bins; what passed narrowly is near."""

import json
import math
import random

import numpy as np
import pytest

from gptengine.curate.summary import check_account
from gptengine.curate.tally import SAMPLES, Tally, histogram, nearness, rule_key


def one(seed):
    rng, tally = random.Random(seed), Tally()
    for i in range(20):
        tally.add("web", "records")
        tally.drop("web", rng.choice(["a", "b"]), 10)
        tally.keep("web", "cc0-1.0", rng.choice(["de", ""]), 7)
        tally.change("web", {"pii.email": i % 2})
        tally.sample("a", f"{rng.getrandbits(64):016x}", {"text": str(i)})
    tally.values[rule_key("a", -math.inf, 3)] = histogram([rng.random() * 5 for _ in range(50)])
    tally.spend("step", 0.5, 100)
    tally.sizes["near"] = {"2": seed}
    return Tally.from_json(tally.to_json())


def test_the_order_of_adding_changes_nothing():
    parts = [one(seed) for seed in range(6)]
    totals = []
    for order in (range(6), reversed(range(6)), (3, 1, 5, 0, 2, 4)):
        total = Tally()
        for i in order:
            total.merge(Tally.from_json(parts[i].to_json()))
        totals.append(json.loads(total.to_json()))
    assert totals[0] == totals[1] == totals[2]
    assert totals[0]["sources"]["web"]["records"] == 120
    assert totals[0]["sizes"] == {"near": {"2": 15}}
    lowest = sorted(k for p in parts for k, _ in p.samples["a"])[:SAMPLES]
    assert [k for k, _ in totals[0]["samples"]["a"]] == lowest


def test_a_sample_is_kept_once():
    tally = Tally()
    for _ in range(9):
        tally.sample("a", "00", {"text": "the same"})
    assert len(json.loads(tally.to_json())["samples"]["a"]) == 1
    assert tally.wants("a", "ff") and not one(1).wants("a", "ffffffffffffffffff")


def test_bins_hold_their_values():
    values = [0, 0.019, 0.5, 1, -0.3, 7, 1000, 123456, math.inf]
    found = histogram(values)
    assert sum(found.values()) == len(values)
    assert found["0"] == 2 and found["0.5"] == 1 and found["1"] == 1
    edges = sorted(map(float, found))
    for value in values[:-1]:
        below = max(edge for edge in edges if edge <= value + 1e-6)
        assert below == pytest.approx(value, rel=0.13, abs=0.02)


@pytest.mark.parametrize("limit", [0.0, 0.14, 0.67, 3.0, 10302.3, 100_000.0])
def test_an_edge_is_on_the_side_of_its_values(limit):
    values = np.append(np.linspace(0.5, 1.5, 301) * limit, [limit, limit * 1.0001 + 0.0001])
    for least, most in ((limit, math.inf), (-math.inf, limit)):
        found = {float(edge): n for edge, n in histogram(values, least, most).items()}
        passed = sum(n for edge, n in found.items() if least <= edge <= most)
        assert passed == np.sum((values >= least) & (values <= most))
        assert sum(found.values()) == len(values)


def test_what_is_near_a_limit():
    near = nearness([50, 55, 61, 49, 100_000], 50, 100_000)
    assert np.allclose(near, [0, 0.1, math.inf, math.inf, 0])
    assert np.isinf(nearness([0, 1], 0, math.inf)).all()  # of a limit of 0 there is no share


def test_a_broken_account_names_the_numbers():
    check_account("web", dict(records=5, split=1, kept=4, dropped=2))
    with pytest.raises(ValueError, match="web does not balance: 5 records and 1 .* are 6, but 3"):
        check_account("web", dict(records=5, split=1, kept=3, dropped=2))
