"""Recipes: what is refused by name, what is filled in, and which files are meant."""

import json
import shutil
from pathlib import Path

import archive
import pytest
import small_corpora as corpora

from gptengine.curate import run
from gptengine.curate.recipe import Recipe, find_files, load_recipe
from gptengine.curate.settings import plain

ROOT = Path(__file__).parents[2]
LEAST = {"sources": {"a": {"path": "x.txt"}}}


def with_source(**settings):
    return {"sources": {"a": {"path": "x.txt", **settings}}}


@pytest.mark.parametrize(
    "recipe, says",
    [
        ({}, "'sources' is missing"),
        ({"sources": {}}, "sources: there is none"),
        ({"sources": {"a": {}}}, "sources.a: 'path' is missing"),
        ({**LEAST, "qualty": {}}, "unknown key \"qualty\"; did you mean 'quality'?"),
        (with_source(licens="x"), "sources.a: unknown key \"licens\"; did you mean 'licences'?"),
        (with_source(tier="best"), 'sources.a.tier: "best" is none of curated, licensed, public'),
        (with_source(weight=-1), "sources.a: weight -1.0 must be 0 or more"),
        (with_source(max_epochs=0), "sources.a: max_epochs 0.0 must be above 0"),
        (with_source(skip="qualiti"), "no step is called 'qualiti'; did you mean 'quality'?"),
        (with_source(format="doc"), "sources.a: format 'doc' is none of"),
        ({"sources": {"../a": {"path": "x"}}}, "files are named after it"),
        ({**LEAST, "near": {"jaccard": "high"}}, 'near.jaccard: "high" is no float'),
        ({**LEAST, "languages": {"wanted": ["de", False]}}, "false is no str; quote it"),
        ({**LEAST, "split": {"characters": 5}}, "split: characters 5 must be at least 100"),
        ({**LEAST, "blocks": {"held_out": 0.9}}, "blocks: held_out 0.9 must be from 0 to 0.5"),
        ({**LEAST, "blocks": {"length": True}}, "blocks.length: true is no int"),
        ({**LEAST, "shard_bytes": 0}, "shard_bytes 0 must be at least 1"),
    ],
)
def test_mistakes_are_named(recipe, says):
    with pytest.raises(ValueError) as error:
        load_recipe(recipe)
    assert says in str(error.value)


def test_a_step_is_on_off_or_changed():
    recipe, _ = load_recipe({**LEAST, "spam": False, "perplexity": True, "near": {"jaccard": 1}})
    assert recipe.spam is None and recipe.perplexity and recipe.near.jaccard == 1.0
    assert recipe.quality and recipe.decontamination is None
    off = load_recipe(with_source(skip=["quality", "policy_lines"]))[0].for_source("a")
    assert off.quality is None and not off.policy_lines and off.spam


def test_the_digest_is_of_all_settings():
    one, same = load_recipe(LEAST)[0], load_recipe({**LEAST, "near": {"jaccard": 0.8}})[0]
    other = load_recipe({**LEAST, "near": {"jaccard": 0.7}})[0]
    assert one.digest() == same.digest() != other.digest()
    assert load_recipe(plain(one))[0] == one


def test_a_key_of_the_whole_recipe_stands_behind_its_file(tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({**LEAST, "qualty": {}}))
    with pytest.raises(ValueError) as error:
        load_recipe(path)
    assert str(error.value).startswith(f"{path}: unknown key")


def test_files_of_recipes(tmp_path):
    (tmp_path / "r.json").write_text(json.dumps(LEAST))
    recipe, base = load_recipe(tmp_path / "r.json")
    assert isinstance(recipe, Recipe) and base == tmp_path
    (tmp_path / "bad.json").write_text("{")
    for path, says in (
        ("no.json", "no such file"),
        ("r.txt", "a recipe is a"),
        ("bad.json", "JSON"),
    ):
        with pytest.raises(ValueError, match=f"{path}.*{says}"):
            load_recipe(tmp_path / path)


def test_yaml(tmp_path):
    pytest.importorskip("yaml")
    path = tmp_path / "r.yaml"
    path.write_text("sources:\n  a: {path: [x.txt, 'b/*.md'], tier: curated}\nspam: false\n")
    recipe, _ = load_recipe(path)
    assert recipe.sources["a"].path == ("x.txt", "b/*.md") and recipe.spam is None
    for text, says in (
        ("sources: {a: {path: x}}\nsources: {}\n", "'sources' stands twice"),
        ("[1, 2]", "not a mapping"),
        ("a: !!python/object/apply:os.getcwd []", "not YAML"),
        ("a: [", "not YAML"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=says):
            load_recipe(path)


def test_files_are_found_in_order(tmp_path):
    for name in ("b.txt", "a.txt", "sub/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    find = lambda *paths: find_files(paths, tmp_path)
    names = [str(tmp_path / n) for n in ("a.txt", "b.txt", "sub/c.txt")]
    assert find(".") == names
    assert find("*.txt", "a.txt", "sub") == names
    with pytest.raises(ValueError, match=r"\*.md: no such file"):
        find("*.txt", "*.md")


def test_the_recipe_of_the_guide_is_one():
    yaml = pytest.importorskip("yaml")
    guide = (ROOT / "docs/curate.md").read_text(encoding="utf-8")
    recipe, _ = load_recipe(yaml.safe_load(guide.split("```yaml\n")[1].split("```")[0]))
    assert [*recipe.sources] == ["web", "guides", "books", "feedback"]
    assert recipe.spam is None and recipe.blocks.length == 2048


def test_the_recipe_of_the_examples_runs(tmp_path):
    """Over as little as it can be about."""
    pytest.importorskip("yaml")
    pytest.importorskip("trafilatura")
    shutil.copy(ROOT / "examples/recipe.yaml", tmp_path)
    prose = [corpora.prose(i) for i in range(8)]
    page = "<html><body><article><p>{}</p></article></body></html>"
    corpora.write_jsonl(
        tmp_path / "web/a.jsonl.gz", [{"html": page.format(prose[i])} for i in (0, 1)]
    )
    (tmp_path / "web/a.warc.gz").write_bytes(archive.packed(archive.pages(1)))
    corpora.write_jsonl(tmp_path / "licensed/b.jsonl", [{"text": prose[2]}, {"text": prose[3]}])
    corpora.write_jsonl(tmp_path / "feedback/c.jsonl", [{"response": t} for t in prose[4:6]])
    (tmp_path / "books").mkdir()
    (tmp_path / "books/d.txt").write_text(prose[6])
    tests = [{"question": prose[1], "answer": prose[7]}]
    corpora.write_jsonl(tmp_path / "evaluation/e.jsonl", tests)
    sources = load_recipe(tmp_path / "recipe.yaml")[0].sources
    weights = {name: source.weight for name, source in sources.items()}
    assert weights == {"web": 0.5, "press": 0.3, "books": 0.15, "feedback": 0.05}
    report = run(tmp_path / "recipe.yaml", tmp_path / "out", workers=1)
    assert report["reasons"]["decontaminate.overlap"][0] == 1
