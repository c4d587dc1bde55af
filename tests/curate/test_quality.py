"""The rules of Gopher, C4 and FineWeb: prose of both languages stays, each rule drops its kind."""

import json

import pytest
from prose import DE, EN, LAW, MENU, RUBBISH_DE

from gptengine.curate.counted import counted
from gptengine.curate.document import Check, Document
from gptengine.curate.presets import Limit, default_presets, load_preset, names, preset_of
from gptengine.curate.quality import RULES, Quality, quality_checks


def failed(text, language, **changes):
    presets = {k: v.changed(quality=changes) for k, v in default_presets().items()}
    checks = Quality(presets).checks(Document("0", "web", text, language=language))
    return [c.reason.removeprefix("quality.") for c in checks if not c.passed]


@pytest.mark.parametrize("text, language", [(EN, "en"), (DE, "de"), (EN, ""), (DE, "fr")])
def test_prose_stays(text, language):
    assert failed(text, language) == []


def test_german_limits_keep_laws():
    assert failed(LAW, "de") == []
    own = {"duplicate_5gram": (0, 0.15), "terminal_punctuation_lines": (0.12, 1)}
    assert {*own} <= {*failed(LAW, "de", **own)}, "with Gopher's and FineWeb's own limits"


@pytest.mark.parametrize("kind", RUBBISH_DE)
def test_german_limits_drop_rubbish(kind):
    assert failed(RUBBISH_DE[kind], "de")


def test_english_rules_would_drop_german():
    assert "stop_words" in failed(DE, "en")


LINES = "This is a line about the sea and all of that.\n"
DROPPED = [  # a text, its language, and a rule that it does not pass
    ("stop_words", "en", "Berlin Hamburg Munich Cologne Dresden. " * 12),
    ("words", "en", "Too short a text."),
    ("mean_word_length", "de", "Donaudampfschifffahrtsgesellschaft " * 60),
    ("mean_word_length", "en", "a b c d e f " * 20),
    ("longest_word", "en", EN + "q" * 1001),
    ("alphabetic_words", "en", EN + "2020 17 " * 40),
    ("hash_ratio", "en", EN + "# " * 20),
    ("ellipsis_ratio", "en", EN + "so... " * 20),
    ("bullet_lines", "en", "- This is a thing to do.\n" * 20),
    ("ellipsis_lines", "en", "This is the beginning of it ...\n" * 20),
    ("duplicate_lines", "en", EN + LINES * 20),
    ("duplicate_line_characters", "en", EN + LINES * 20),
    ("duplicate_paragraphs", "en", EN + "\n\n" + (LINES + "\n") * 20),
    ("duplicate_paragraph_characters", "en", EN + "\n\n" + (LINES + "\n") * 20),
    ("top_2gram", "en", "buy shoes and " * 40),
    ("top_3gram", "en", "buy red shoes " * 40),
    ("top_4gram", "en", "buy red shoes now " * 40),
    *[(f"duplicate_{n}gram", "en", LINES * 20) for n in range(5, 11)],
    ("sentences", "en", EN.replace(".", ",")),
    ("curly_brackets", "en", EN + "if (a) { b(); }"),
    ("lorem_ipsum", "en", EN + "Lorem ipsum dolor sit amet."),
    ("terminal_punctuation_lines", "en", MENU),
    ("short_lines", "de", MENU),
    ("newline_ratio", "en", EN.replace(" ", "\n")),
]


@pytest.mark.parametrize("rule, language, text", DROPPED)
def test_each_rule_drops_its_kind(rule, language, text):
    assert rule in failed(text, language)
    assert rule not in failed(text, language, **{rule: None}), "a rule can be taken away"


def test_all_rules_are_tested():
    assert {rule for rule, _, _ in DROPPED} == set(RULES)


def test_values_and_order():
    text = "The sea. The sea. The sea, the sea."
    preset = load_preset("en").changed(quality={"words": (8, 8)})
    checks = list(quality_checks(counted(text, preset.stop_words), preset))
    values = {c.reason: c.value for c in checks}
    assert checks[0] == Check("quality.words", 8, 8, 8)
    assert values["quality.stop_words"] == 1
    assert values["quality.mean_word_length"] == 3
    assert values["quality.sentences"] == 3
    assert [c.reason for c in checks] == [f"quality.{r}" for r in RULES if r != "lorem_ipsum"]


def test_an_empty_text_has_values():
    checks = list(Quality().checks(Document("0", "web", "", language="en")))
    assert checks and not all(c.passed for c in checks)


def test_how_few_lines_end_says_nothing():
    assert failed(EN.replace("\n", " ").replace(" In April", " |\n In April") + "|", "en") == []


def test_presets_come_with_the_package_and_from_files(tmp_path):
    assert names() == ["de", "en", "neutral"]
    assert load_preset("de").quality["mean_word_length"] == Limit(3, 12)
    assert "daß" in load_preset("de").stop_words
    presets = default_presets()
    assert preset_of(presets, "fr") == load_preset("neutral") == presets[""]
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"language": "fr", "quality": {"words": {"least": 5}}}))
    assert load_preset(path).quality == {"words": Limit(5)}


@pytest.mark.parametrize(
    "values, says",
    [
        ({"qualty": {}}, "'qualty' is not among the keys: did you mean 'quality'?"),
        ({"quality": {"words": {"min": 5}}}, "'min' is not among the keys of words"),
        ({"spam": {"limit": {}}}, "'limit' is not among the keys of spam: did you mean 'limits'?"),
        ({"policy_lines": ["a", ""]}, "an empty phrase, which is in every text"),
    ],
)
def test_a_preset_with_a_mistake_is_refused(values, says, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match="bad.json: ") as error:
        load_preset(path)
    assert says in str(error.value)


def test_presets_are_checked_by_what_uses_them():
    with pytest.raises(ValueError, match="no preset 'xx': there are de, en, neutral"):
        load_preset("xx")
    wrong = load_preset("neutral").changed(quality={"word": (1, 2)})
    with pytest.raises(ValueError, match="preset neutral: 'word' is not among the quality: did"):
        Quality({"": wrong})
    with pytest.raises(ValueError, match="presets for en: the neutral one, '', is missing"):
        Quality({"en": load_preset("en")})
