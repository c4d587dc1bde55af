"""Curves from run.jsonl, round ticks, a picture that is well-formed and shows the points."""

import json
import math
import xml.etree.ElementTree as ElementTree

import pytest

from gptengine.report import plot
from gptengine.report.plot import Curve, loss_curves, smooth, sparkline, svg, ticks


def test_curves_take_the_last_value_of_a_repeated_step():
    records = [
        {"plan": 1},
        {"step": 0, "loss": 3.0, "val_loss": 3.1},
        {"step": 2, "loss": 2.0},
        {"step": 1, "loss": 9.0},
        {"step": 1, "loss": 2.5},
        {"step": 3, "loss": math.nan},
    ]
    train, held = loss_curves(records, {"loss": "train", "val_loss": "held out", "none": "none"})
    assert (train.name, train.x, train.y) == ("train", [0, 1, 2], [3.0, 2.5, 2.0])
    assert (held.name, held.x, held.y) == ("held out", [0], [3.1])


@pytest.mark.parametrize(
    "low, high, want",
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 1400, [0, 500, 1000]),
        (1.91, 2.09, [1.95, 2.0, 2.05]),
        (-3, 2, [-3, -2, -1, 0, 1, 2]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_round_and_inside(low, high, want):
    assert ticks(low, high) == want


def test_smooth_keeps_a_line_and_its_start():
    line = [10 - 0.01 * i for i in range(1000)]
    means = smooth(line)
    assert means[0] == line[0]
    assert means[:960] == pytest.approx(line[:960])
    assert abs(means[-1] - line[-1]) < 0.2


def test_picture_holds_every_curve_and_escapes_names():
    curves = [
        Curve(
            "train", list(range(5000)), [9 * math.exp(-i / 500) for i in range(5000)], noisy=True
        ),
        Curve("held <out>", [0, 2500, 4999], [9.0, 1.0, 0.5]),
    ]
    text = svg(curves, title="A & B", subtitle="2 threads", y_name="loss")
    root = ElementTree.fromstring(text)
    words = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert {"A & B", "2 threads", "step", "loss", "held <out> 0.5"} <= set(words)
    paths = [e.get("d") for e in root.iter() if e.tag.endswith("path")]
    assert len(paths) == 3  # the noisy curve twice
    assert all(len(p.split()) <= 2 * (plot.MOST_POINTS + 1) for p in paths)
    for x, y in (pair.split() for p in paths for pair in p.replace("M", "").split("L")):
        assert plot.LEFT <= float(x) <= plot.WIDTH - plot.RIGHT
        assert plot.TOP <= float(y) <= plot.HEIGHT - plot.BOTTOM


def test_one_point_and_no_point():
    ElementTree.fromstring(svg([Curve("loss", [7], [1.5])], title="one"))
    with pytest.raises(ValueError, match="no curve has a point"):
        svg([], title="none")


def test_labels_do_not_overlap():
    ys = [y for y, _ in plot._apart([(10.0, "a"), (11.0, "b"), (60.0, "c")], 18)]
    assert ys == [10.0, 28.0, 60.0]


def test_sparkline_falls():
    line = sparkline([8, 7, 6, 5, 4, 3, 2, 1])
    assert line == "█▇▆▅▄▃▂▁"
    assert len(sparkline(range(1000), width=40)) == 40
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([]) == sparkline([math.nan]) == ""


def test_main_writes_the_picture(tmp_path, capsys):
    records = [{"step": i, "loss": 5.0 - i, "val_loss": 5.5 - i} for i in range(4)]
    (tmp_path / "run.jsonl").write_text("\n".join(map(json.dumps, records)))
    plot.main(tmp_path)
    ElementTree.parse(tmp_path / "loss.svg")
    assert "train     5.000 █▆▃▁ 2.000" in capsys.readouterr().out
