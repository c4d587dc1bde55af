"""One training step: tokens/s, model FLOP/s as a share of the machine's peak, memory, loss.

    python bench/train.py                                    # 6 layers x 384, 8 x 256 tokens
    python bench/train.py --shape gpt2 --dtype bfloat16      # GPT-2 124M, 4 x 1024 tokens
    python bench/train.py --peer torch                       # and PyTorch, in turns

The peer lives in a process of its own, so each side's memory is counted alone, and the sides take
turns, so both see the same machine. PyTorch runs eager and compiled; the faster one counts. The
peak is measured in this process just before and just after each of our rounds. The last line is
one JSON object. A step is forward, backward, clipping and AdamW on one batch; model FLOPs are
6N + 6LCT a token.
"""

import argparse
import json
import math
import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np

import gptengine as ge
from gptengine import _core
from peer import Peer

SHAPES = {
    "tiny": dict(layers=2, heads=4, model_dim=64, context=64, batch=4, vocab=512),
    "small": dict(layers=6, heads=6, model_dim=384, context=256, batch=8, vocab=8192),
    "gpt2": dict(layers=12, heads=12, model_dim=768, context=1024, batch=4, vocab=50257),
    "llama": dict(
        layers=12, heads=12, model_dim=768, context=1024, batch=4, vocab=32000, family="llama"
    ),
}
STEPS = {"tiny": 20, "small": 4, "gpt2": 1, "llama": 1}  # a round takes a few seconds
PEER = Path(__file__).parent / "peers" / "torch_train.py"


class Ours:
    def __init__(self, shape, dtype):
        self.model = ge.Model(config_of(shape), dtype=dtype)
        rng = np.random.default_rng(0)
        shape_of_tokens = (shape["batch"], shape["context"] + 1)
        tokens = rng.integers(shape["vocab"], size=shape_of_tokens, dtype=np.int32)
        self.inputs = np.ascontiguousarray(tokens[:, :-1])
        self.targets = np.ascontiguousarray(tokens[:, 1:])
        self.dlogp = np.full(self.inputs.size, -1 / self.inputs.size, np.float32)

    def run(self, steps):
        """Seconds of that many steps, and the loss before the last."""
        start = time.perf_counter()
        for _ in range(steps):
            logp = self.model.forward_backward(self.inputs, self.targets, self.dlogp)
            self.model.step(lr=3e-4, weight_decay=0.1, clip=1.0)
        return time.perf_counter() - start, -float(logp.mean())

    def peak_rss(self):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Torch(Peer):
    def run(self, steps):
        answer = self.ask(f"steps {steps}")
        return (answer["seconds"], answer["loss"]) if answer else (math.inf, math.nan)

    def peak_rss(self):
        return self.ask("quit")["peak_rss"]


def config_of(shape):
    family = ge.Config.llama if shape.get("family") == "llama" else ge.Config
    names = ("vocab", "context", "layers", "heads", "model_dim")
    return family(*(shape[name] for name in names))


def faster_peer(args, shape, steps):
    """PyTorch eager or compiled, whichever is faster here, warmed up, and what both did by name."""
    peers, found = {}, {}
    for name in ["eager", "compiled"] if args.compile else ["eager"]:
        compiled = name == "compiled"
        # Multiples of 64 are the usual advice for PyTorch.
        sizes = shape | dict(vocab=-(-shape["vocab"] // 64) * 64, dtype=args.dtype)
        flags = sizes | ({"compile": True} if compiled else {})
        peer = Torch(args.torch_python, PEER, flags, args.threads, args.limit, quiet=compiled)
        first, _ = peer.run(1)
        if first == math.inf:
            peer.kill()
            print(f"torch {name}: does not run")
            continue
        seconds = min(peer.run(steps)[0] for _ in range(2)) / steps
        print(f"torch {name}: warm-up {first:.1f} s, then {seconds:.3f} s/step")
        peers[name], found[name] = peer, dict(seconds_per_step=round(seconds, 4))
    if not peers:
        raise SystemExit(f"bench/train.py: {args.torch_python} cannot run {PEER}")
    best = min(found, key=lambda name: found[name]["seconds_per_step"])
    for name, peer in peers.items():
        if name != best:
            found[name]["peak_rss_mib"] = round(peer.peak_rss() / 2**20, 1)
    return peers[best], best, found


def measured(side, steps, tokens):
    """Tokens/s of one round."""
    return tokens * steps / side.run(steps)[0]


def parse():
    parser = argparse.ArgumentParser(description="Measure a training step.")
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=_core.available_threads())
    parser.add_argument("--steps", type=int, help="steps a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", choices=["torch"])
    parser.add_argument("--torch-python", default=sys.executable, help="interpreter with torch")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--limit", type=float, default=600, help="seconds to wait for the peer")
    args = parser.parse_args()
    if args.peer and "family" in SHAPES[args.shape]:
        parser.error(f"--peer {args.peer} trains a GPT-2, not {args.shape}")
    return args


def main():
    args = parse()
    shape = SHAPES[args.shape]
    steps = args.steps or STEPS[args.shape]
    tokens = shape["batch"] * shape["context"]
    _core.set_threads(args.threads)

    peer = None
    if args.peer:
        peer, variant, found = faster_peer(args, shape, steps)
    ours = Ours(shape, args.dtype)
    first_loss = ours.run(1)[1]
    flops = ours.model.flops_per_token(shape["context"])
    rates, theirs, shares = [], [], []
    for i in range(args.rounds):
        before = _core.peak_flops(args.dtype, args.threads, 0.3)
        rates.append(measured(ours, steps, tokens))
        peak = (before + _core.peak_flops(args.dtype, args.threads, 0.3)) / 2
        shares.append(rates[-1] * flops / peak)
        line = f"round {i}: {rates[-1]:8.0f} tokens/s, {shares[-1]:.3f} of {peak / 1e9:.0f} GFLOP/s"
        if peer:
            theirs.append(measured(peer, steps, tokens))
            line += f"; torch {theirs[-1]:8.0f} tokens/s, ratio {rates[-1] / theirs[-1]:.2f}"
        print(line, flush=True)

    median = statistics.median
    result = dict(
        bench="train",
        shape=args.shape,
        dtype=args.dtype,
        threads=args.threads,
        isa=_core.isa(),
        parameters=ours.model.num_parameters,
        tokens_per_step=tokens,
        tokens_per_second=round(median(rates), 1),
        share_of_peak=round(median(shares), 4),
        peak_rss_mib=round(ours.peak_rss() / 2**20, 1),
        planned_mib={name: round(n / 2**20, 1) for name, n in ours.model.memory(tokens).items()},
        loss=[round(first_loss, 4), round(ours.run(1)[1], 4)],
    )
    if peer:
        found[variant]["peak_rss_mib"] = round(peer.peak_rss() / 2**20, 1)
        for side in found.values():
            side["memory_ratio"] = round(result["peak_rss_mib"] / side["peak_rss_mib"], 3)
        result |= dict(
            faster_torch=variant,
            torch=found,
            torch_tokens_per_second=round(median(theirs), 1),
            ratio=round(median(a / b for a, b in zip(rates, theirs, strict=True)), 3),
        )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
