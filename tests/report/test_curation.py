"""The page of a curation: everything in it, escaped, with nothing loaded; two runs compared."""

import re
import xml.etree.ElementTree as ElementTree

from gptengine.report.bars import histogram, shares, short
from gptengine.report.curation import page_of
from gptengine.report.curation_diff import differences

EVIL = "<script>alert(1)</script>"


def report(kept=7):
    account = dict(records=9, split=1, kept=kept, dropped=10 - kept)
    rule = dict(reason="quality.words", least=50.0, most=None, bins=[[0, 1], [60, 8]], near=[])
    sample = dict(source=EVIL, id="ab", url=EVIL, text=EVIL, reason="r", value=1.0, note=EVIL)
    rule["near"] = [dict(distance=0.1, **sample)]
    source = dict(account=account, tier="public", record_bytes=10, text_bytes=9, kept_bytes=8)
    source |= dict(reasons={"quality.words": [10 - kept, 5]}, changes={"pii.email": 3}, steps={})
    mixed = dict(wanted=0.5, reached=0.25, blocks=3, shortfall=1, tokens=900, epochs=1.5)
    return dict(
        recipe_digest="f" * 32,
        versions={"gptengine": "1"},
        account=account,
        sources={EVIL: source},
        reasons={"quality.words": [10 - kept, 5]},
        rules=[rule],
        samples={"quality.words": [sample | dict(keeper="cd", keeper_text=EVIL)]},
        clusters={"near": {"2": 1}},
        licences={EVIL: {EVIL: [1, 2]}},
        languages={EVIL: {"de": 1}},
        mixture={EVIL: dict(wanted=0.5, of_text=0.4)},
        mixed=dict(blocks=3, length=64, batch=2, limited_by=EVIL, sources={EVIL: mixed}),
        speed=dict(seconds=1.0, memory=dict(workers=2), steps={"s": dict(seconds=1.0, bytes=9)}),
    )


def test_the_page_is_whole_escaped_and_alone():
    for mixed in (True, False):
        values = report()
        if not mixed:
            del values["mixed"]
        text = page_of(values)
        assert "<script" not in text and text.count("&lt;script&gt;") > 8
        assert not re.search(r"(src|href)\s*=|url\(|https?://", text.replace("xmlns", ""))
        assert "default-src 'none'" in text and "<svg" in text
        body = text[text.index("<body>") : text.index("</body>") + 7]
        ElementTree.fromstring(body)  # every element is closed


def test_a_report_of_nothing():
    values = report(10) | dict(reasons={}, samples={}, clusters={}, rules=[], licences={})
    assert "None was." in page_of(values)


def test_the_most_frequent_reason_is_first():
    values = report() | dict(reasons={"a": [1, 9], "b": [3, 9], "c": [3, 9]})
    text = page_of(values)
    assert text.index("<td>b</td>") < text.index("<td>c</td>") < text.index("<td>a</td>")


def test_a_flag_has_no_near_misses():
    values = report()
    assert "nearest misses" in page_of(values)
    values["rules"][0] |= dict(bins=[[0, 1], [1, 8]], least=1.0)
    assert "nearest misses" not in page_of(values)


def test_numbers_as_people_write_them():
    numbers = (0, 0.147, 12.6, 1662.3, 105000, 1e300)
    assert [*map(short, numbers)] == ["0", "0.147", "12.6", "1,662", "105,000", "1e+300"]


def test_bars_stand_where_their_values_are():
    root = ElementTree.fromstring(histogram([[0, 4], [0.5, 1], [0.9, 1]], None, 0.6))
    bars = [e for e in root if e.tag == "rect"]
    assert [b.get("class") for b in bars] == ["bar", "bar", "out"]
    (limit,) = (e for e in root if e.get("class") == "limit")
    assert float(bars[1].get("x")) < float(limit.get("x1")) < float(bars[2].get("x"))
    heights = [float(b.get("height")) for b in bars]
    assert heights[0] == max(heights) and heights[1] == heights[2]
    assert histogram([], 0, 1) == ""
    assert ElementTree.fromstring(histogram([[3, 1]], None, None)) is not None
    assert "50.0% wanted" in shares([("a", 0.5, 0.25)], "reached")


def test_what_differs_between_two():
    assert differences(report(), report()) == []
    changed = differences(report(7), report(4))
    assert (f"{EVIL}: kept", 7, 4) in changed and ("quality.words", 3, 6) in changed
