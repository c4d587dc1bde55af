"""Cached decoding of a Llama in PyTorch, two loops: the other side of bench/decode.py.

Reads commands from stdin and answers each with a line of JSON, so that both sides can take turns:
    decode PROMPT NEW    reads a prompt of so many tokens into each sequence, then writes NEW tokens
                         greedily: {"prefill": seconds to the first of them, "seconds": of the rest}
    quit

--loop transformers is LlamaForCausalLM with its past_key_values. --loop plain is written for speed:
keys and values lie in one tensor for all positions, and a step does no more than it has to.

    echo "decode 32 64" | python bench/peers/torch_decode.py --sequences 32 --loop plain
"""

import argparse
import json
import sys
import time
import warnings

import torch
from torch.nn import functional as F


class Plain:
    def __init__(self, a, dtype):
        C, hidden, self.heads = a.model_dim, a.hidden_dim, a.heads
        self.dim = C // a.heads
        matrix = lambda rows, columns: (torch.randn(rows, columns) * 0.02).to(dtype)
        self.embedding, self.head = matrix(a.vocab, C), matrix(a.vocab, C)
        sizes = ((3 * C, C), (C, C), (2 * hidden, C), (C, hidden))
        self.layers = [[matrix(*size) for size in sizes] for _ in range(a.layers)]
        self.norm = torch.ones(C, dtype=dtype)
        shape = (a.layers, 2, a.sequences, a.heads, a.context, self.dim)
        self.cache = torch.zeros(shape, dtype=dtype)
        angles = torch.arange(a.context)[:, None] / 10000 ** (
            torch.arange(0, self.dim, 2) / self.dim
        )
        both = torch.cat([angles, angles], -1)
        self.cos, self.sin = both.cos().to(dtype), both.sin().to(dtype)

    def rotate(self, x, start, end):
        low, high = x.chunk(2, -1)
        return x * self.cos[start:end] + torch.cat([-high, low], -1) * self.sin[start:end]

    def __call__(self, tokens, start):
        B, T = tokens.shape
        end = start + T
        x = self.embedding[tokens]
        for (qkv_w, proj_w, up_w, down_w), cache in zip(self.layers, self.cache, strict=True):
            y = F.rms_norm(x, self.norm.shape, self.norm, 1e-5)
            q, k, v = F.linear(y, qkv_w).view(B, T, 3, self.heads, self.dim).permute(2, 0, 3, 1, 4)
            cache[0, :, :, start:end] = self.rotate(k, start, end)
            cache[1, :, :, start:end] = v
            y = F.scaled_dot_product_attention(
                self.rotate(q, start, end),
                cache[0, :, :, :end],
                cache[1, :, :, :end],
                is_causal=T > 1,
            )
            x = x + F.linear(y.transpose(1, 2).reshape(B, T, -1), proj_w)
            gate, up = F.linear(F.rms_norm(x, self.norm.shape, self.norm, 1e-5), up_w).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, down_w)
        return F.linear(F.rms_norm(x[:, -1], self.norm.shape, self.norm, 1e-5), self.head)


class Transformers:
    def __init__(self, a, dtype):
        from transformers import LlamaConfig, LlamaForCausalLM, logging

        logging.set_verbosity_error()  # newer versions call past_key_values by another name
        warnings.filterwarnings("ignore", ".*past_key_values.*")
        config = LlamaConfig(
            vocab_size=a.vocab,
            hidden_size=a.model_dim,
            intermediate_size=a.hidden_dim,
            num_hidden_layers=a.layers,
            num_attention_heads=a.heads,
            max_position_embeddings=a.context,
        )
        self.model = LlamaForCausalLM(config).to(dtype).eval()

    def __call__(self, tokens, start):
        if start == 0:
            self.past = None
        out = self.model(tokens, past_key_values=self.past, use_cache=True, logits_to_keep=1)
        self.past = out.past_key_values
        return out.logits[:, -1]


LOOPS = {"plain": Plain, "transformers": Transformers}


@torch.inference_mode()
def decode(model, a, prompt, new):
    torch.manual_seed(0)
    tokens = torch.randint(a.vocab, (a.sequences, prompt))
    start = time.perf_counter()
    last = model(tokens, 0).argmax(-1, keepdim=True)
    first = time.perf_counter()
    for t in range(prompt, prompt + new - 1):
        last = model(last, t).argmax(-1, keepdim=True)
    last.sum().item()
    return dict(prefill=first - start, seconds=time.perf_counter() - first)


def main():
    parser = argparse.ArgumentParser()
    sizes = dict(layers=12, heads=12, model_dim=768, hidden_dim=2048, vocab=32000, context=1024)
    for name, default in (sizes | dict(sequences=1, threads=2)).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--loop", choices=LOOPS, default="plain")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = LOOPS[args.loop](args, getattr(torch, args.dtype))
    for line in sys.stdin:
        command, *lengths = line.split()
        if command == "quit":
            break
        print(json.dumps(decode(model, args, *map(int, lengths))), flush=True)


if __name__ == "__main__":
    main()
