"""The page of `gptengine inspect`: what its script reads, and the labels of its map."""

import base64
import json
import re

import numpy as np

from gptengine.report import inside


def decoded(text, T, causal):
    """What inside_script.js makes of a map."""
    raw = np.frombuffer(base64.b64decode(text), np.uint8)
    weights = (raw / 255) ** 2
    if not causal:
        return weights.reshape(T, T)
    full = np.zeros((T, T))
    for i in range(T):
        full[i, : i + 1] = weights[i * (i + 1) // 2 :][: i + 1]
    return full


def test_maps_survive_a_byte_a_weight(rng):
    for causal in (True, False):
        scores = rng.normal(size=(9, 9)) * 3
        weights = np.exp(scores) * (np.tri(9) if causal else 1)
        weights /= weights.sum(-1, keepdims=True)
        back = decoded(inside.coded(weights, causal), 9, causal)
        np.testing.assert_allclose(np.sqrt(back), np.sqrt(weights), atol=0.5 / 255 + 1e-9)


def test_data_is_json_that_cannot_leave_its_element():
    labels = ["</script><script>alert(1)</script>", "<!--", '"', "\\", "ü"]
    habits = {"first": np.ones((1, 1))}
    text = inside.data(labels, [1], np.ones((1, 1, 5, 5)), [0], habits, True, None)
    assert text.count("<") == 2 and text.endswith("</script>")
    record = json.loads(re.fullmatch(r"<script[^>]*>(.*)</script>", text)[1])
    assert record["tokens"] == labels and record["breaks"] == [1] and record["guesses"] is None
    assert record["habits"] == {"first": [[1.0]]} and len(record["maps"][0]) == 1


def test_the_script_finds_what_it_asks_for():
    """Its elements and classes stand in the page, the names of its numbers in the data."""
    page = inside.guesses_section("") + inside.attention_section("") + 'id="data"'
    script = inside.script()
    for name in re.findall(r'byId\("(\w+)"\)', script):
        assert f'id="{name}"' in page, name
    assert "innerHTML" not in script and "://" not in script and "eval(" not in script
    habits = set(re.findall(r"habits\.(\w+)", script)) | set(re.findall(r'of\("(\w+)"\)', script))
    assert habits == {"first", "before", "itself", "distance"}


def test_a_label_is_held_at_the_side_of_its_dot():
    assert inside.label_start((10, 0, 50, 16), 56) == (50, "end")
    assert inside.label_start((62, 0, 99, 16), 56) == (62, "start")
    assert inside.label_start((36, 0, 76, 16), 56) == (56, "middle")
    names, points = ["·a", "·long", "·b"], np.array([[0.0, 0], [1, 0], [1.01, 0]])
    page = inside.plane_section(names, points, np.array([0.6, 0.4]))
    assert 'text-anchor="end">·' in page and 'text-anchor="start">·' in page


def test_labels_cover_neither_one_another_nor_a_dot(rng):
    names = [f"·{'word' * (1 + i % 3)}{i}" for i in range(80)]
    at = rng.random((80, 2)) * [inside.WIDTH, inside.HEIGHT]
    boxes = inside.place_labels(names, at)
    placed = [b for b in boxes if b]
    assert 40 < len(placed) < 80
    for i, a in enumerate(placed):
        assert inside.inside(a) and not any(inside.cross(a, b) for b in placed[i + 1 :])
        assert not any(a[0] < x < a[2] and a[1] < y < a[3] for x, y in at)
    section = inside.plane_section(names, at, (0.5, 0.25))
    shown = section.count("<text ")
    assert 40 < shown < 80 and section.count("<circle ") == 80
    assert f"{80 - shown} of the dots have no label" in section and "50% and 25%" in section
    assert "no label" not in inside.plane_section(["<a>"], np.zeros((1, 2)), (0, 0))
    assert "<a>" not in inside.plane_section(["<a>"], np.zeros((1, 2)), (0, 0))
