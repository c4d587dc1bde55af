"""Decoding with the cache: tokens/s by number of sequences, and how much of the memory's speed.

    python bench/decode.py --shape gpt2 --dtype bfloat16

A token of one sequence has to read every weight once, so bytes of weights x steps/s over the
measured bandwidth is how close decoding is to what the machine allows. Then the time to the first
token of a second turn of a chat, by the length of the first. The last line is one JSON object.
"""

import argparse
import json
import time

import numpy as np

import gptengine as ge
from gptengine import _core
from gptengine.generator import Generator
from train import SHAPES, config_of


def steps_per_second(model, sequences, prompt, new):
    """Steps a second while all sequences write, and the seconds to read their prompts."""
    rng = np.random.default_rng(0)
    generator = Generator(model, slots=sequences, kv_tokens=sequences * (prompt + new + 63))
    decoding, reading = [], []
    for _ in range(3):  # new prompts each time: nothing of them is in the cache
        prompts = rng.integers(model.config.vocab_size, size=(sequences, prompt), dtype=np.int32)
        requests = [generator.submit(one, new) for one in prompts]
        start = time.perf_counter()
        while any(not len(request.samples[0].logprobs) for request in requests):
            generator.step()
        reading.append(time.perf_counter() - start)
        start, steps = time.perf_counter(), generator.stats.steps
        while all(not request.done for request in requests):
            generator.step()
        decoding.append((generator.stats.steps - steps) / (time.perf_counter() - start))
        for _ in generator.run():
            pass
    return max(decoding), min(reading)


def second_turns(model, new):
    """Seconds to the first token after `new` more tokens, by the tokens of the turns before."""
    c, rng, seconds = model.config, np.random.default_rng(0), {}
    for history in (c.context_length // 8, c.context_length // 2, c.context_length - 2 * new):
        generator, times = Generator(model, slots=1), []
        text = rng.integers(c.vocab_size, size=history, dtype=np.int32)
        for _ in range(3):
            generator.submit(text, 1)
            for _ in generator.run():
                pass
            turn = rng.integers(c.vocab_size, size=new, dtype=np.int32)
            generator.submit(np.concatenate([text, turn]), 1)
            start = time.perf_counter()
            generator.step()
            times.append(time.perf_counter() - start)
        seconds[history] = min(times)
    return seconds


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
    new = 16
    for history, seconds in second_turns(model, new).items():
        print(f"{new} new tokens after {history:5}: {1000 * seconds:7.1f} ms to the first token")
        result[f"second_turn_ms_after_{history}"] = round(1000 * seconds, 1)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
