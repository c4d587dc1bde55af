"""Fine-tuning: packing, the share of pretraining text, resuming, and that it learns."""

import dataclasses
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gptengine import Config, Model, Tokenizer
from gptengine.chat import CONTROL_TOKENS, TEMPLATES, render, to_jinja
from gptengine.data import write_shards
from gptengine.files import read_log
from gptengine.train.checkpoints import checkpoints
from gptengine.train.extend import continues, extend
from gptengine.train.packing import epoch_batches, pack
from gptengine.train.sft import FineTuning, SftConfig, conversation_loss, sft, together

TOK = Tokenizer.bytes(special_tokens=("<|endoftext|>", *CONTROL_TOKENS))
QUICK = dict(steps=6, lr=3e-3, batch_tokens=96, eval_every=3, sample_every=0, warmup=1)
QUICK |= dict(checkpoint_every=3, held_out=0.2, mix=0.0)


def small(**options):
    return Model(Config.llama(TOK.vocab_size, 64, 2, 2, 32, hidden_dim=48), seed=1, **options)


@pytest.fixture(scope="module")
def dialogs(tmp_path_factory):
    path = tmp_path_factory.mktemp("dialogs") / "a.jsonl"
    lines = [dict(prompt=f"What is {i}?", completion=f"It is {i}{i}.") for i in range(40)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text") / "shards"
    write_shards([b"Once upon a time there was a text. " * 40] * 4, folder, TOK, held_out=0.25)
    return folder


def run(out, dialogs, **changes):
    console = Console(file=io.StringIO())
    settings = {**QUICK, **changes}
    return sft(
        settings.pop("model", None) or small(), TOK, [dialogs], out, console=console, **settings
    )


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(50, 120))
def test_packing_keeps_every_example_and_every_limit(lengths, capacity):
    bins = pack(np.array(lengths, np.int64), capacity)
    assert sorted(i for group in bins for i in group) == list(range(len(lengths)))
    assert all(sum(lengths[i] for i in group) <= capacity for group in bins)
    used = sorted(sum(lengths[i] for i in group) for group in bins)
    assert len(used) < 2 or used[0] + used[1] > capacity  # no two of them fit in one


def test_an_epoch_has_each_as_often_as_said():
    lengths, times = np.full(200, 3), np.array([1.0] * 100 + [2.5] * 100)
    seen = []
    for epoch in range(4):
        batches = epoch_batches(lengths, times, 12, 7, epoch)
        often = np.bincount(np.concatenate(batches), minlength=200)
        assert (often[:100] == 1).all() and np.isin(often[100:], (2, 3)).all()
        assert 220 < often[100:].sum() < 280
        seen.append(np.concatenate(batches).tolist())
    assert len({tuple(order) for order in seen}) == 4
    again = epoch_batches(lengths, times, 12, 7, 3)
    assert np.concatenate(again).tolist() == seen[3]
    with pytest.raises(ValueError, match="an example of 13 tokens, a batch has 12"):
        pack(np.array([13]), 12)


def some_examples(n=6):
    template = TEMPLATES["gptengine"]
    ask = lambda i: [
        dict(role="user", content="x" * (i + 1)),
        dict(role="assistant", content="y" * (2 * i + 1), weight=1 + i % 2),
    ]
    return [render(template, TOK, ask(i)) for i in range(n)]


def test_packed_equals_unpacked_to_the_bit():
    model, found = small(), some_examples()
    batch = together(found)
    packed = model.logprob(batch.tokens, batch.targets, batch.segments)
    alone = [
        model.logprob(b.tokens, b.targets, b.segments) for b in map(together, ([e] for e in found))
    ]
    assert packed.tobytes() == np.concatenate(alone).tobytes()
    assert np.array_equal(batch.weight, np.concatenate([e.weight[1:] for e in found]))
    one, many = (conversation_loss(model, found, most) for most in (30, 500))
    assert one["val_loss"] == pytest.approx(many["val_loss"], rel=1e-12)
    assert one["val_tokens"] == sum(e.loss_tokens for e in found)


@pytest.mark.parametrize("accumulate", [1, 2, 4, 8])
def test_micro_steps_change_nothing(accumulate):
    """The gradient of a step is that of its definition: the mean over what counts in all of it."""
    found, model = some_examples(8), small()
    groups = np.array_split(np.arange(8), accumulate)
    batches = [together([found[i] for i in group]) for group in groups]
    total = sum(batch.total() for batch in batches)
    for batch in batches:
        dlogp = (-batch.weight / total).astype(np.float32)
        model.forward_backward(batch.tokens, batch.targets, dlogp, batch.segments)
    whole, other = together(found), small()
    dlogp = (-whole.weight / total).astype(np.float32)
    other.forward_backward(whole.tokens, whole.targets, dlogp, whole.segments)
    for name, gradient in model.gradients().items():
        np.testing.assert_allclose(gradient, other.gradients()[name], rtol=2e-4, atol=2e-6)


def test_only_what_counts_has_a_gradient():
    """A text that differs in what a user says after the last answer has the same loss."""
    model = small()
    messages = [dict(role="user", content="A"), dict(role="assistant", content="B")]
    losses = []
    for last in ("C", "D"):
        example = render(TEMPLATES["gptengine"], TOK, [*messages, dict(role="user", content=last)])
        losses.append(conversation_loss(model, [example], 64)["val_loss"])
    assert losses[0] == losses[1]


def test_it_learns_and_resumes_with_the_same_bits(tmp_path, dialogs):
    whole = run(tmp_path / "a", dialogs, steps=60)
    log = read_log(whole.out / "run.jsonl")
    losses = [r["loss"] for r in log if "grad_norm" in r]
    assert losses[-1] < losses[0] / 2 and whole.val_loss < losses[0] / 2
    with pytest.raises(KeyboardInterrupt):
        console, settings = Console(file=io.StringIO()), {**QUICK, "steps": 60}
        for record in sft.iter(
            small(), TOK, [dialogs], tmp_path / "b", console=console, **settings
        ):
            if record["step"] == 31:
                raise KeyboardInterrupt
    run(tmp_path / "b", dialogs, steps=60)
    one, two = (checkpoints(tmp_path / x)[-1] for x in "ab")
    for name in ("model.safetensors",):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_the_mix_is_exact_over_any_stretch(dialogs, text, tmp_path):
    c = SftConfig(**{**QUICK, "mix": 0.5, "context": 32})
    task = FineTuning(small(), TOK, [dialogs], text, c)
    counted = []  # (of conversations, of text) a step
    for _ in range(40):
        batches = task.next()
        said = sum(b.total() for b in batches if b.weight is not None)
        counted.append((said, sum(b.total() for b in batches if b.weight is None)))
        if len(counted) == 20:
            state = json.loads(json.dumps(task.state()))
    said, mixed = np.cumsum(counted, 0).T
    assert np.abs(mixed - said).max() <= 32
    for first in range(0, 30, 7):
        stretch = np.sum(counted[first : first + 10], 0)
        assert abs(stretch[1] - stretch[0]) <= 2 * 32
    other = FineTuning(small(), TOK, [dialogs], text, c)
    other.load_state(state)
    again = [sum(b.total() for b in other.next() if b.weight is None) for _ in range(20)]
    assert again == [text for _, text in counted[20:]]
    found = run(tmp_path / "mixed", dialogs, pretraining=text, mix=0.3)
    assert found.val_bpb > 0


def test_the_model_says_its_template_and_stops(tmp_path, dialogs):
    out = run(tmp_path / "run", dialogs).best
    config = json.loads((out / "tokenizer_config.json").read_text())
    assert config["chat_template"] == to_jinja(TEMPLATES["gptengine"])
    assert config["eos_token"] == "<|end|>" and Tokenizer.load(out).eos_token == "<|end|>"


def test_the_plan_says_what_counts(tmp_path, dialogs):
    console = Console(file=io.StringIO(), width=200)
    sft(small(), TOK, [(dialogs, 2)], tmp_path / "run", console=console, **QUICK)
    said = console.file.getvalue()
    assert "40 conversations, 40 examples; " in said and "of which count: assistant " in said
    assert "messages of system, developer, assistant" in said


@pytest.mark.parametrize(
    "settings, says",
    [
        (dict(template="alpaca"), "template 'alpaca' is none of gptengine, chatml"),
        (dict(loss_on=("human",)), "loss_on 'human' is none of system"),
        (dict(loss_on=()), "loss_on names no role"),
        (dict(mix=1.0), "mix 1.0 must be from 0 to below 1"),
        (dict(epochs=0.0), "epochs 0.0 must be above 0"),
        (dict(held_out=0.6), "held_out 0.6 must be from 0 to 0.5"),
        (dict(context=65), "context 65 is longer than the model's context_length 64"),
        (dict(batch_tokens=0), "batch_tokens 0 must be at least 1"),
        (dict(volume=1), "unknown setting 'volume'; known: accumulate"),
        (dict(too_long="guess"), "too_long 'guess' is none of"),
    ],
)
def test_wrong_settings_are_named(tmp_path, dialogs, settings, says):
    with pytest.raises(ValueError, match=says):
        run(tmp_path / "run", dialogs, **settings)


def test_what_cannot_be_trained_on_is_named(tmp_path, dialogs):
    console = Console(file=io.StringIO())
    with pytest.raises(ValueError, match="times 0 must be above 0"):
        sft(small(), TOK, [(dialogs, 0)], tmp_path / "a", console=console, **QUICK)
    with pytest.raises(ValueError, match="no control token <.system.>"):
        sft(small(), Tokenizer.bytes(), [dialogs], tmp_path / "b", console=console, **QUICK)
    (tmp_path / "none.jsonl").write_text("\n")
    with pytest.raises(ValueError, match="no conversations to train on; 0 conversations"):
        sft(small(), TOK, [tmp_path / "none.jsonl"], tmp_path / "c", console=console, **QUICK)


def test_a_bad_number_keeps_the_batch(tmp_path, dialogs):
    model = small()
    next(iter(model.parameters().values()))[:] = np.nan
    model.weights_changed()
    with pytest.raises(ValueError, match=r"in a row without finite numbers.* its batch is .*npz"):
        run(tmp_path / "run", dialogs, model=model, checkpoint_every=99, eval_every=99)
    (kept,) = (tmp_path / "run").glob("broken-*.npz")
    arrays = np.load(kept)
    assert {"0.tokens", "0.targets", "0.weight", "0.segments"} == {*arrays}


def test_control_tokens_are_added_to_a_model(tmp_path, text):
    plain = Tokenizer.bytes()
    base = Model(Config.llama(plain.vocab_size, 64, 2, 2, 32, hidden_dim=48), seed=1)
    model, tok = extend(base, plain, CONTROL_TOKENS)
    assert tok.special_tokens == TOK.special_tokens and model.config.vocab_size == len(TOK)
    tokens = np.arange(20, dtype=np.int32)
    np.testing.assert_array_equal(model.logits(tokens)[:, : len(plain)], base.logits(tokens))
    assert len(np.unique(model.parameters()["wte"][len(plain) :], axis=0)) == len(CONTROL_TOKENS)
    assert extend(model, tok, CONTROL_TOKENS)[0] is model
    assert continues(tok, plain) and not continues(plain, tok)


def test_a_config_says_its_fields():
    assert dataclasses.asdict(SftConfig())["loss_on"] == ("system", "developer", "assistant")
