"""Writes the seeds of the fuzz targets: small files that reach much of what is fuzzed.

python tests/fuzz/seeds.py  # into tests/fuzz/seeds; findings are put there by hand
"""

import base64
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from gptengine import Config, checkpoint
from gptengine.tokenizer import Tokenizer, splits

SEEDS = Path(__file__).parent / "seeds"
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import documents  # noqa: E402
from readers import SEPARATOR  # noqa: E402

from text import pieces  # noqa: E402

TRAPS = [
    "The quick fox's don't we'LL that'ſx, //\n/x  \n\n 1234567 fooBar HTTPServer ǅabc",
    "a  b\t c\n\n d\r\n\r\n  e \n \n  f   ",
    "नमस्ते 漢字。😀👨\u200d👩\u200d👧 e\u0301 \u00a0x\u3000y\u0085z\u2028 \u200b\ufeff ªA漢A ½Ⅷ٣",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 4,
    "    return x  # <|a|>b <|a|> <| |>\n\n\n\tif y:\r\n\0\x1c//\n/x !!\n\n?? __a_b-c abababab",
    "low low low low low lower lower newest newest newest newest newest newest widest widest",
]
INVALID = b"\xff \xf0\x9f\x91 \xc0\x80 \xed\xa0\x80 \xf5\x80 a\xcc \xe2\x82"
TEXTS = [text.encode() for text in TRAPS] + [TRAPS[0].encode() + INVALID + TRAPS[2].encode()]


def main():
    for name, heads in HEADS.items():
        for i in range(max(len(heads), len(TEXTS))):
            write(name, f"text{i}", heads[i % len(heads)] + TEXTS[i % len(TEXTS)])
    for name, content in {**rules(), **readers(), **models(), **documents.seeds()}.items():
        write(*name, content)


# The first bytes of an input choose options: see each target.
MERGES = b"heThlolowe\x80rer in" + b"aaabababan" + b"\x80\x80\x81\x80"
MISSING = [0, 0xF9, 0xC3, 0, 0xE6, 0, 0]
HEADS = {
    "split": [bytes([i, 70, 40]) for i in range(8)],
    "encode": [
        bytes([i, i % 3, i % 5, 9, 7, 3 * i, i % 2, 15, i, MISSING[i]]) + MERGES for i in range(7)
    ],
    "parallel": [
        bytes([i, i % 3, i % 2, i % 4, 1, 3 * i, 0, 15, i, MISSING[i]]) + MERGES for i in range(3)
    ],
    "specials": [
        bytes([4, 5])
        + b"<|a|>\0"
        + b"\6<|a|>b\0"
        + b"\1a\0"
        + bytes([2, 97, 97, times])
        + bytes([0, 0, 0, 7, i])
        for i, times in ((0, 3), (2, 60))
    ],
    "train": [bytes([i, i % 2, 60, 0, 0, 0, 0, 2, 0, i % 3 == 1, 1, 30]) for i in range(9)],
    "pieces": [
        bytes([i % 4, i % 2, i % 3 == 1, i % 3 != 2, 9, 12])
        + bytes([1, 2, 9, 3, 0, 10, 4, 5, 12, 0, 0, 11, 13, 14])
        for i in range(8)
    ],
    "decode": [
        bytes([4, 3])
        + b"abc"
        + b"\x14"
        + b"b" * 20
        + b"\0\2\xc3\xa9"
        + bytes([5, 0, 1, 2, 3, 0, i, i])
        for i in (0, 3)
    ],
    "curate": [bytes([i, 40]) for i in range(3)],
    "vocabulary": [
        bytes([i, 0, 1, 2, 1, 2])
        + b"lo"
        + bytes([1, 3])
        + b"low"
        + bytes([2, 108, 111, 201, 119, 0, i % 3, 0])
        for i in (0, 3)
    ],
}


def rules():
    """Splits by rules."""
    written = ["_?L+|_?N+|_?[OM]+|S+", "[Ul]*[lCM]+|N{1,3}|O{2,}n*|S*n|_", "L{3}|[LN]?_+"]
    return {
        ("rules", f"{i}"): bytes([50, 0, 0, 0, 20, len(rule)]) + rule.encode() + TEXTS[i]
        for i, rule in enumerate(written)
    }


def readers():
    """A small file in every format, as gptengine writes it or as others do."""
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for split in ("gpt2", "llama3", "words"):
            tok = Tokenizer.train(TRAPS[5], vocab_size=262 if split != "words" else 30, split=split)
            tok.save(folder / split)
            parts = [
                (folder / split / n).read_text()
                for n in ("tokenizer.json", "tokenizer_config.json")
            ]
            out["tokenizer_json", split] = SEPARATOR.join(dense(part) for part in parts)
        tok = Tokenizer.train(TRAPS[5], vocab_size=262)
        tok.save(folder / "ranks.tiktoken")
        out["tiktoken", "ranks"] = (folder / "ranks.tiktoken").read_bytes()
        tok.save(folder / "vocab.json")
        names = ("vocab.json", "merges.txt", "tokenizer_config.json")
        out["vocab_merges", "gpt2"] = SEPARATOR.join((folder / n).read_bytes() for n in names)
        added = b'{"<|endoftext|>": 261, "<more>": 262}'
        parts = [(folder / "vocab.json").read_bytes(), (folder / "merges.txt").read_bytes()]
        out["vocab_merges", "added"] = SEPARATOR.join([*parts, b"{}", added])
        for split in ("gpt2", "llama3"):
            Tokenizer.train(TRAPS[5], vocab_size=262, split=split).save(folder / "model.gguf")
            out["gguf", split] = (folder / "model.gguf").read_bytes()
        for prefix, mode in (("every", "bpe"), ("first", "merges")):
            pieces.tokenizer(prefix, mode=mode).save(folder / "pieces.json")
            out["tokenizer_json", f"pieces_{prefix}"] = dense((folder / "pieces.json").read_text())
        pieces.tokenizer().save(folder / "model.gguf")
        out["gguf", "pieces"] = (folder / "model.gguf").read_bytes()
    out["sentencepiece", "bpe"] = pieces.protobuf(pieces.vocabulary())
    out["subword_nmt", "codes"] = (
        b"#version: 0.2\nl o\nlo w</w>\nlo w\ne r</w>\nn e\nne w\ne s\nes t</w>\n"
    )
    out["tekken", "v3"] = tekken(tok)
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "the",
        "low",
        "##er",
        "##est",
        ",",
        "1",
        "##2",
    ]
    out["wordpiece", "vocab"] = SEPARATOR.join(
        ["\n".join([*words, ""]).encode(), b'{"do_lower_case": true}']
    )
    out["wordpiece_json", "bert"] = wordpiece(words)
    return out


def models():
    """Tiny models of each architecture, as files and as folders."""
    llama = dict(kv_heads=1, hidden_dim=32)
    configs = {
        "gpt2": (Config(9, 4, 1, 2, 32, hidden_dim=32), "Q4_0"),
        "llama": (Config.llama(9, 4, 1, 2, 32, **llama), "Q4_0"),
        "qwen2": (Config.llama(9, 4, 1, 2, 32, **llama, qkv_bias=True, tied=True), "Q8_0"),
        "qwen3": (Config.qwen3(9, 4, 1, 2, 32, **llama), "BF16"),
    }
    stretched = dict(rope_scaling="llama3", rope_factor=8.0, rope_context=8192)
    configs["llama3"] = (dataclasses.replace(configs["llama"][0], **stretched), "Q4_0")
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, (config, weights) in configs.items():
            shapes = config.parameter_shapes().items()
            params = {n: np.ones(shape, np.float32) for n, shape in shapes}
            checkpoint.save(folder / "m.gguf", config, params, weights=weights)
            out["gguf_model", name] = (folder / "m.gguf").read_bytes()
            checkpoint.save(folder / name, config, params, weights="BF16")
            said = dense((folder / name / "config.json").read_text())
            stored = (folder / name / "model.safetensors").read_bytes()
            out["safetensors", name] = said + SEPARATOR + stored
    return out


def dense(text):
    """The same JSON in fewer bytes."""
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")).encode()


def tekken(tok):
    ranks = [bytes([b]) for b in range(256)] + [tok.token_bytes(i) for i in range(256, 261)]
    vocab = [
        {"rank": i, "token_bytes": base64.b64encode(t).decode(), "token_str": None}
        for i, t in enumerate(ranks)
    ]
    config = dict(pattern=splits.PATTERNS["tekken"], num_vocab_tokens=len(ranks))
    config |= dict(default_vocab_size=len(ranks) + 4, default_num_special_tokens=4, version="v3")
    names = ["<unk>", "<s>", "</s>", "[INST]"]
    specials = [{"rank": i, "token_str": n, "is_control": True} for i, n in enumerate(names)]
    return dense(json.dumps({"config": config, "vocab": vocab, "special_tokens": specials}))


def wordpiece(words):
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    data = {
        "version": "1.0",
        "added_tokens": [
            {"id": i, "content": w, **flags, "special": True} for i, w in enumerate(words[:5])
        ],
        "normalizer": dict(
            type="BertNormalizer",
            clean_text=True,
            handle_chinese_chars=True,
            strip_accents=None,
            lowercase=True,
        ),
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": dict(
            type="WordPiece",
            unk_token="[UNK]",
            continuing_subword_prefix="##",
            max_input_chars_per_word=100,
            vocab={w: i for i, w in enumerate(words)},
        ),
    }
    return dense(json.dumps(data))


def write(target, name, content):
    path = SEEDS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    main()
