"""Decoding with the cache: tokens/s by number of sequences, and how much of the memory's speed.

    python bench/decode.py --shape gpt2 --dtype bfloat16

A token of one sequence has to read every weight once, so bytes of weights x steps/s over the
measured bandwidth is how close decoding is to what the machine allows. The last line is one JSON
object.
"""

import argparse
import json
import time

import numpy as np

import gptengine as ge
from gptengine import _core
from train import SHAPES, config_of


def steps_per_second(model, sequences, prompt, new):
    """The prefill is timed apart, by generating a single token, and taken off."""
    rng = np.random.default_rng(0)
    shape = (sequences, prompt)
    prompts = list(rng.integers(model.config.vocab_size, size=shape, dtype=np.int32))

    def seconds(tokens):
        start = time.perf_counter()
        model.generate(prompts, max_new_tokens=tokens, seed=0)
        return time.perf_counter() - start

    seconds(2)
    prefill = min(seconds(1) for _ in range(2))
    return (new - 1) / (min(seconds(new) for _ in range(2)) - prefill), prefill


def main():
    parser = argparse.ArgumentParser(description="Measure decoding.")
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=_core.available_threads())
    parser.add_argument("--sequences", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--new", type=int, default=64, help="tokens to write a sequence")
    args = parser.parse_args()
    _core.set_threads(args.threads)
    config = config_of(SHAPES[args.shape])
    if args.prompt + args.new > config.context_length:
        parser.error(f"{args.prompt} + {args.new} tokens exceed {config.context_length}")
    model = ge.Model(config, dtype=args.dtype)
    # Of the embeddings a step reads the output matrix, which is wte, but few rows of wpe.
    read = model.num_parameters - config.context_length * config.model_dim
    read *= 4 if args.dtype == "float32" else 2
    result = dict(bench="decode", shape=args.shape, dtype=args.dtype, threads=args.threads)
    for sequences in args.sequences:
        before = _core.memory_bandwidth(args.threads, 0.3)
        steps, prefill = steps_per_second(model, sequences, args.prompt, args.new)
        bandwidth = (before + _core.memory_bandwidth(args.threads, 0.3)) / 2
        share = read * steps / bandwidth
        rate, prefill_rate = sequences * steps, sequences * args.prompt / prefill
        print(
            f"{sequences:3} sequences: {rate:8.1f} tokens/s, {share:.2f} of "
            f"{bandwidth / 1e9:.1f} GB/s; prompt {prefill_rate:8.1f} tokens/s"
        )
        result[f"tokens_per_second_{sequences}"] = round(rate, 1)
        result[f"share_of_bandwidth_{sequences}"] = round(share, 3)
        result[f"prompt_tokens_per_second_{sequences}"] = round(prefill_rate, 1)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
