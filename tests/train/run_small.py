"""A small pretraining in a process of its own, for the tests that kill it.

python run_small.py bigram|engine OUT DATA [setting=value ...]
"""

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from gptengine.train.pretrain import pretrain

SETTINGS = dict(
    steps=300,
    batch=4,
    accumulate=2,
    lr=0.05,
    warmup=10,
    eval_every=40,
    eval_tokens=256,
    sample_every=100,
    sample_tokens=8,
    checkpoint_every=15,
    guard_window=16,
)


def bigram():
    from data.byte_tokenizer import ByteTokenizer
    from train.fake_model import BigramModel

    return BigramModel(), ByteTokenizer()


def engine(dtype="float32"):
    from gptengine import Config, Model, Tokenizer

    config = Config.llama(257, 16, 2, 2, 32, kv_heads=1, hidden_dim=48)
    return Model(config, seed=1, dtype=dtype), Tokenizer.bytes()


def main(kind, out, data, *changes):
    changes = {name: ast.literal_eval(value) for name, value in (c.split("=") for c in changes)}
    model, tok = {"bigram": bigram, "engine": engine}[kind]()
    print(pretrain(model, tok, data, out, **{**SETTINGS, **changes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
