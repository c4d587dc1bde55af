"""A folder of transformers to GGUF and back by the command line, with the same greedy text."""

import json
import os
import string

import numpy as np
import pytest

from gptengine import Tokenizer
from gptengine.cli.main import main
from text.vocabularies import corpus

os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
PROMPT = "the token's low"


def of_bytes(folder):
    names = ["<|begin_of_text|>", "<|end_of_text|>"]
    return Tokenizer.train(corpus(), vocab_size=500, split="llama3", special_tokens=names)


def of_sentencepiece(folder):
    sentencepiece = pytest.importorskip("sentencepiece")
    (folder / "text").write_text("\n".join(["\n".join(corpus())] * 3 + [*string.printable]))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text"),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=500,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
    )
    return Tokenizer.load(folder / "tokenizer.model")


def said(capsys, *arguments):
    assert main([*map(str, arguments)]) in (0, None)
    return capsys.readouterr().out


@pytest.mark.parametrize("make", [of_bytes, of_sentencepiece])
def test_there_and_back(make, tmp_path, capsys):
    tok = make(tmp_path)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=tok.vocab_size,
        max_position_embeddings=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        hidden_size=64,
        intermediate_size=96,
        initializer_range=0.2,
    )
    theirs = transformers.LlamaForCausalLM(config).eval()
    theirs.save_pretrained(tmp_path / "hf")
    tok.save(tmp_path / "hf")
    said(capsys, "convert", tmp_path / "hf", tmp_path / "m.gguf")
    said(capsys, "convert", tmp_path / "m.gguf", tmp_path / "back")

    length = ["--temperature", "0", "--max-new-tokens", "20"]
    texts = [
        said(capsys, "generate", tmp_path / name, PROMPT, *length)
        for name in ("hf", "m.gguf", "back")
    ]
    assert texts[0] == texts[1] == texts[2] and texts[0].startswith(PROMPT)

    other = transformers.AutoTokenizer.from_pretrained(tmp_path / "back")
    ids = other(PROMPT, add_special_tokens=False)["input_ids"]
    assert ids == tok.encode(PROMPT).tolist()
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "back")
    with torch.no_grad():
        written = model.generate(
            torch.tensor([ids]), do_sample=False, max_new_tokens=20, eos_token_id=tok.eos_id
        )[0].tolist()
    if written[-1] == tok.eos_id:
        del written[-1]
    assert tok.decode(written) + "\n" == texts[0]

    with open(tmp_path / "back/config.json") as file:
        assert json.load(file)["model_type"] == "llama"
    try:
        import llama_cpp
    except ImportError:
        return
    llama = llama_cpp.Llama(str(tmp_path / "m.gguf"), n_ctx=128, n_threads=2, verbose=False)
    assert llama.tokenize(PROMPT.encode(), add_bos=False, special=False) == ids
    steps = zip(llama.generate(ids, temp=0.0, repeat_penalty=1.0), range(20), strict=False)
    np.testing.assert_array_equal(
        [int(i) for i, _ in steps][: len(written) - len(ids)], written[len(ids) :]
    )
