"""Decoding with the cache: tokens/s by number of sequences, and how much of the memory's speed.

    python bench/decode.py --shape gpt2 --weights bfloat16
    python bench/decode.py --shape llama --prompt 512 --peer llama.cpp
    python bench/decode.py --shape llama --weights bfloat16 --sequences 32 --peer torch
    python bench/decode.py --shape gpt2 --weights q8 --turns

A step has to read every weight once, and the keys and values of all positions so far: these bytes x
steps/s over the measured bandwidth are how close decoding is to what the machine allows. q8 and q4
are matrices of 8 and 4 bits a weight; what is computed with them, keys and values included, is
bfloat16.

A peer lives in a process of its own, with weights of as many bits, and the sides take turns, so
both see the same machine. PyTorch runs two loops in two types; the fastest counts. Every token is
the likeliest one. --turns: the time to the first token of a second turn of a chat, by the length of
the first. The last line is one JSON object.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import gptengine as ge
from gptengine import _core
from gptengine.generator import Generator
from gptengine.kv_blocks import block_bytes
from peer import Peer
from train import SHAPES, config_of

PEERS = Path(__file__).parent / "peers"
FORMS = {"float32": "F32", "bfloat16": "BF16", "q8": "Q8_0", "q4": "Q4_0"}  # ours: llama.cpp's


class Ours:
    def __init__(self, config, weights, sequences):
        quantize = weights if weights in ("q8", "q4") else None
        dtype = "bfloat16" if quantize else weights
        self.model = ge.Model(config, dtype=dtype, quantize=quantize)
        if quantize:
            self.model.set_parameters(ge.Model(config).parameters())
        self.sequences = sequences

    def run(self, prompt, new):
        """Seconds of reading the prompts, and of writing the tokens after the first ones."""
        rng, shape = np.random.default_rng(0), (self.sequences, prompt)
        prompts = rng.integers(self.model.config.vocab_size, size=shape, dtype=np.int32)
        room = self.sequences * (prompt + new + _core.CACHE_BLOCK)
        rows = min(self.sequences * prompt, 1024)
        generator = Generator(self.model, slots=self.sequences, kv_tokens=room, prefill_tokens=rows)
        sampler = ge.Sampler(temperature=0)
        requests = [generator.submit(one, new, sampler=sampler) for one in prompts]
        start = time.perf_counter()
        while not all(len(request.samples[0].logprobs) for request in requests):
            generator.step()
        first = time.perf_counter()
        while not all(request.done for request in requests):
            generator.step()
        return first - start, time.perf_counter() - first

    def second_turns(self, new=16):
        """Seconds to the first token after `new` more tokens, by the tokens of the turns before."""
        c, rng, seconds = self.model.config, np.random.default_rng(0), {}
        for history in (c.context_length // 8, c.context_length // 2, c.context_length - 2 * new):
            generator, times = Generator(self.model, slots=1), []
            for _ in range(5):
                text = rng.integers(c.vocab_size, size=history, dtype=np.int32)
                generator.submit(text, 1)
                for _ in generator.run():
                    pass
                turn = rng.integers(c.vocab_size, size=new, dtype=np.int32)
                generator.submit(np.concatenate([text, turn]), 1)
                start = time.perf_counter()
                generator.step()
                times.append(time.perf_counter() - start)
            seconds[history] = statistics.median(times)
        return seconds


class Theirs:
    def __init__(self, args, program, **flags):
        self.what = " ".join(map(str, flags.values()))
        shared = dict(context=args.prompt + args.new, sequences=args.sequences)
        self.peer = Peer(args.peer_python, PEERS / program, shared | flags, args.threads, 600)

    def run(self, prompt, new):
        answer = self.peer.ask(f"decode {prompt} {new}")
        if answer is None:
            raise SystemExit(f"bench/decode.py: the peer {self.what} died or took too long")
        return answer["prefill"], answer["seconds"]


def weight_bytes(config, weights):
    """Of what a step reads: all matrices but the tables that it looks few rows up in."""
    shapes = {name: s for name, s in config.parameter_shapes().items() if len(s) == 2}
    shapes.pop("wpe", None)
    if not config.tied:
        shapes.pop("wte")
    if weights in ("q8", "q4"):
        bits = int(weights[1])
        return sum(int(np.prod(_core.quantized_shape(*s, bits))) for s in shapes.values())
    return sum(rows * columns for rows, columns in shapes.values()) * (2 + 2 * (weights[0] == "f"))


def llama_cpp(args, shape, weights, folder):
    config = config_of(shape)
    path = Path(folder) / f"{weights}.gguf"
    ge.Model(config).save(path, ge.Tokenizer.bytes(), weights=FORMS[weights])
    return Theirs(args, "llama_cpp_decode.py", model=path)


def fastest_torch(args, shape, folder):
    """The fastest of PyTorch's loops, warmed up."""
    config = config_of(shape)
    sizes = {k: getattr(config, k) for k in ("layers", "heads", "model_dim", "hidden_dim")}
    best, least = None, float("inf")
    for loop in ("plain", "transformers"):
        for dtype in ("float32", "bfloat16"):
            flags = sizes | dict(vocab=config.vocab_size, loop=loop, dtype=dtype)
            peer = Theirs(args, "torch_decode.py", **flags)
            peer.what = f"torch {loop} {dtype}"
            peer.run(args.prompt, 2)
            seconds = peer.run(args.prompt, max(2, args.new // 4))[1] / (max(2, args.new // 4) - 1)
            print(f"{peer.what}: {seconds * 1e3:.1f} ms a step")
            if seconds < least:
                peer, best, least = best, peer, seconds
            if peer:
                peer.peer.kill()
    return best


def compare(args, config, weights, theirs):
    """The medians of some rounds, in which the sides take turns."""
    ours = Ours(config, weights, args.sequences)
    matrices = weight_bytes(config, weights)
    positions = args.sequences * (args.prompt + args.new / 2)  # of the steps on average
    read = matrices + block_bytes(ours.model, None) * positions / _core.CACHE_BLOCK
    sides = [ours, theirs] if theirs else [ours]
    for side in sides:
        side.run(args.prompt, 2)
    shares, prompts, steps = [], [[] for _ in sides], [[] for _ in sides]
    for _ in range(args.rounds):
        before = _core.memory_bandwidth(args.threads, 0.3)
        for i, side in enumerate(sides):
            prefill, seconds = side.run(args.prompt, args.new)
            prompts[i].append(args.sequences * args.prompt / prefill)
            steps[i].append(args.sequences * (args.new - 1) / seconds)
            if i == 0:
                bandwidth = (before + _core.memory_bandwidth(args.threads, 0.3)) / 2
                shares.append(read * steps[0][-1] / args.sequences / bandwidth)
    rate, *their_rate = map(statistics.median, steps)
    prompt, *their_prompt = map(statistics.median, prompts)
    share = statistics.median(shares)
    line = f"{weights:8} {rate:8.1f} tokens/s, {share:.2f} of {bandwidth / 1e9:.1f} GB/s "
    line += f"({share * matrices / read:.2f} without keys and values); "
    line += f"prompt {prompt:8.1f} tokens/s"
    result = dict(tokens_per_second=round(rate, 1), share_of_bandwidth=round(share, 3))
    result["share_of_matrices"] = round(share * matrices / read, 3)
    result["prompt_tokens_per_second"] = round(prompt, 1)
    if theirs:
        ratios = [rate / their_rate[0], prompt / their_prompt[0]]
        line += f" | {args.peer} {their_rate[0]:8.1f}, ratio {ratios[0]:.2f}; "
        line += f"prompt {their_prompt[0]:8.1f}, ratio {ratios[1]:.2f}"
        result |= dict(peer=theirs.what if args.peer == "torch" else args.peer)
        result |= dict(ratio=round(ratios[0], 3), prompt_ratio=round(ratios[1], 3))
        result["peer_tokens_per_second"] = round(their_rate[0], 1)
        result["peer_prompt_tokens_per_second"] = round(their_prompt[0], 1)
    print(line, flush=True)
    if args.turns:
        result["second_turn_ms"] = {}
        for history, seconds in ours.second_turns().items():
            print(
                f"second turn after {history:5} tokens: {1000 * seconds:7.1f} ms to its first token"
            )
            result["second_turn_ms"][history] = round(1000 * seconds, 2)
    return result


def parse():
    parser = argparse.ArgumentParser(description="Measure decoding.")
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--weights", choices=FORMS, nargs="+", default=["bfloat16", "q8", "q4"])
    parser.add_argument("--threads", type=int, default=_core.available_threads())
    parser.add_argument("--sequences", type=int, default=1)
    parser.add_argument("--prompt", type=int, default=32, help="tokens of each sequence's prompt")
    parser.add_argument("--new", type=int, default=64, help="tokens to write a sequence")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turns", action="store_true", help="also time the second turn of a chat")
    parser.add_argument("--peer", choices=["llama.cpp", "torch"])
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter with the peer")
    args = parser.parse_args()
    if args.new < 2:
        parser.error(f"--new {args.new} must be at least 2: the first token is the prompt's")
    context = SHAPES[args.shape]["context"]
    if args.prompt + args.new > context:
        parser.error(f"{args.prompt} + {args.new} tokens exceed {context}")
    if args.peer == "torch" and "family" not in SHAPES[args.shape]:
        parser.error(f"--peer torch decodes a Llama, not {args.shape}: give --shape llama")
    return args


def main():
    args = parse()
    _core.set_threads(args.threads)
    shape = SHAPES[args.shape]
    config = config_of(shape)
    result = dict(bench="decode", shape=args.shape, threads=args.threads, isa=_core.isa())
    result |= dict(sequences=args.sequences, prompt=args.prompt, new=args.new)
    with tempfile.TemporaryDirectory() as folder:
        theirs = fastest_torch(args, shape, folder) if args.peer == "torch" else None
        for weights in args.weights:
            if args.peer == "llama.cpp":
                theirs = llama_cpp(args, shape, weights, folder)
            result[weights] = compare(args, config, weights, theirs)
            if args.peer == "llama.cpp":
                theirs.peer.kill()
        if theirs:
            theirs.peer.kill()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
