"""Decoding with llama.cpp, all sequences in one batch a step: the other side of bench/decode.py.

Reads commands from stdin and answers each with a line of JSON, so that both sides can take turns:
    decode PROMPT NEW    reads a prompt of so many tokens into each sequence, then writes NEW tokens
                         greedily: {"prefill": seconds to the first of them, "seconds": of the rest}
    quit

    echo "decode 512 64" | python bench/peers/llama_cpp_decode.py --model model.gguf --context 1024
"""

import argparse
import json
import random
import sys
import time

import llama_cpp as cpp


class Decoder:
    def __init__(self, args):
        self.keep = cpp.llama_log_callback(lambda level, text, data: None)
        cpp.llama_log_set(self.keep, None)
        model = cpp.llama_model_load_from_file(
            args.model.encode(), cpp.llama_model_default_params()
        )
        params = cpp.llama_context_default_params()
        params.n_ctx = args.context * args.sequences
        params.n_batch = 2048
        params.n_seq_max = args.sequences
        params.n_threads = params.n_threads_batch = args.threads
        self.context = cpp.llama_init_from_model(model, params)
        if not self.context:
            raise SystemExit(f"llama.cpp cannot open {args.model}")
        self.vocab = cpp.llama_vocab_n_tokens(cpp.llama_model_get_vocab(model))
        self.sampler = cpp.llama_sampler_init_greedy()
        self.batch = cpp.llama_batch_init(params.n_batch, 0, 1)
        self.most, self.sequences = params.n_batch, args.sequences

    def run(self, tokens):
        """Decodes (token, position, sequence, whether logits are wanted) of at most n_batch."""
        batch = self.batch
        batch.n_tokens = len(tokens)
        for i, (token, position, sequence, wanted) in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, position
            batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = 1, sequence, wanted
        if status := cpp.llama_decode(self.context, batch):
            raise SystemExit(f"llama_decode: {status}")
        return [
            cpp.llama_sampler_sample(self.sampler, self.context, i)
            for i, (*_, wanted) in enumerate(tokens)
            if wanted
        ]

    def decode(self, prompt, new):
        cpp.llama_memory_clear(cpp.llama_get_memory(self.context), True)
        draw = random.Random(0)
        queue = [
            (draw.randrange(self.vocab), t, s, t == prompt - 1)
            for s in range(self.sequences)
            for t in range(prompt)
        ]
        start = time.perf_counter()
        last = []
        for i in range(0, len(queue), self.most):
            last += self.run(queue[i : i + self.most])
        first = time.perf_counter()
        for t in range(prompt, prompt + new - 1):
            last = self.run([(token, t, s, True) for s, token in enumerate(last)])
        return dict(prefill=first - start, seconds=time.perf_counter() - first)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help=".gguf file")
    parser.add_argument("--context", type=int, default=1024, help="of each sequence")
    parser.add_argument("--sequences", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    decoder = Decoder(parser.parse_args())
    for line in sys.stdin:
        command, *sizes = line.split()
        if command == "quit":
            break
        print(json.dumps(decoder.decode(*map(int, sizes))), flush=True)


if __name__ == "__main__":
    main()
