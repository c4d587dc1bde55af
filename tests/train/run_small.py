"""A small pretraining in a process of its own, for the tests that kill it.

python run_small.py OUT DATA [setting=value ...]
"""

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from data.byte_tokenizer import ByteTokenizer
from gptengine.train.pretrain import pretrain
from train.fake_model import BigramModel

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


def main(out, data, *changes):
    changes = {name: ast.literal_eval(value) for name, value in (c.split("=") for c in changes)}
    run = pretrain(BigramModel(), ByteTokenizer(), data, out, **{**SETTINGS, **changes})
    print(run)


if __name__ == "__main__":
    main(*sys.argv[1:])
