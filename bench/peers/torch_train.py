"""GPT-2's training step in PyTorch, written for speed: the other side of bench/train.py.

Reads commands from stdin and answers each with a line of JSON, so that both sides can take turns:
    steps N     trains N steps: {"seconds": ..., "loss": ...}
    quit        {"peak_rss": bytes}

    echo "steps 2" | python bench/peers/torch_train.py --layers 2 --heads 4 --model_dim 64
"""

import argparse
import contextlib
import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, C, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.proj = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.up, self.down = nn.Linear(C, 4 * C), nn.Linear(4 * C, C)

    def forward(self, x):
        B, T, C = x.shape
        qkv = self.qkv(self.norm1(x)).view(B, T, 3, self.heads, C // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(B, T, C))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class GPT2(nn.Module):
    def __init__(self, vocab, context, layers, heads, C):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, C), nn.Embedding(context, C)
        self.blocks = nn.ModuleList(Block(C, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(C)
        for name, p in self.named_parameters():
            if p.dim() > 1:
                last = name.endswith(("proj.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / (2 * layers) ** 0.5 if last else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, tokens, targets):
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.norm(x), self.wte.weight)  # tied
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def training_step(args):
    """A function that trains one step and returns the loss."""
    torch.manual_seed(0)
    model = GPT2(args.vocab, args.context, args.layers, args.heads, args.model_dim)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [dict(params=matrices, weight_decay=0.1), dict(params=vectors, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, lr=3e-4, betas=(0.9, 0.95), fused=True)
    run = torch.compile(model) if args.compile else model
    tokens = torch.randint(args.vocab, (args.batch, args.context + 1))
    inputs, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    bf16 = args.dtype == "bfloat16"

    def step():
        cast = torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext()
        with cast:
            loss = run(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def main():
    parser = argparse.ArgumentParser()
    for name, default in dict(layers=6, heads=6, model_dim=384, context=256, batch=8).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--vocab", type=int, default=8192)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    step = training_step(args)
    for line in sys.stdin:
        command, *count = line.split()
        if command == "quit":
            break
        start = time.perf_counter()
        for _ in range(int(count[0])):
            loss = step()
        print(json.dumps(dict(seconds=time.perf_counter() - start, loss=loss)), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(dict(peak_rss=peak)), flush=True)


if __name__ == "__main__":
    main()
