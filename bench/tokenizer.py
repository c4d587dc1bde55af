"""Training a tokenizer and encoding with it, beside its peers in the same process.

    python bench/tokenizer.py                                     # on Python's own sources and docs
    python bench/tokenizer.py --corpus code novels.jsonl.gz news.txt
    python bench/tokenizer.py --equal                             # and compare all merges

A corpus is a .txt or .jsonl file (.gz of both), "code": the .py files of this Python and of what is
installed in it, or "docs": their documentation. The training text takes equal parts of each; what
is encoded comes after it. Peers are measured where they are installed: pip install '.[peers]'.

Times are CPU seconds of one thread, the better of two rounds, so that other programs disturb them
little; peers run between our rounds. The last line is one JSON object.
"""

import argparse
import importlib.util
import itertools
import json
import os
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from gptengine import _core
from gptengine.data.documents import read_documents
from gptengine.tokenizer import Tokenizer
from gptengine.tokenizer.splits import PATTERNS
from peers import encode_text, train_text

GATHERED = {"code": {".py"}, "docs": {".rst", ".md", ".txt", ".html"}}
PARTS = ("train", "encode")
LONGEST = 1 << 20  # bytes of a gathered file: what is longer is data


def main():
    args = parse()
    # Peers read these when they are imported.
    os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    _core.set_threads(1)
    mix, held_out = corpora(args)
    size = sum(map(len, mix))
    print(f"training text: {size / 1e6:.1f} MB of {len(mix)} documents: {', '.join(args.corpus)}")
    if size < args.mb * 0.9e6:
        print(f"  there is less of it than --mb {args.mb}")
    results = dict(mb=size / 1e6, vocab=args.vocab, corpora=args.corpus)
    if "train" in args.parts:
        results["train"] = training(args, mix)
    if "encode" in args.parts:
        results["encode"] = encoding(args, mix, held_out)
    print(json.dumps(results))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", nargs="+", default=["code", "docs"], metavar="NAME_OR_FILE")
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--mb", type=float, default=64, help="of training text")
    parser.add_argument("--encode-mb", type=float, default=20, help="to encode of each corpus")
    parser.add_argument("--vocab", type=int, default=32768)
    parser.add_argument("--peers", nargs="*", default=None, help="default: what is installed")
    parser.add_argument("--threads", type=int, default=2, help="of the measurement of several")
    parser.add_argument("--equal", action="store_true", help="compare all merges with the peers'")
    return parser.parse_args()


def corpora(args):
    """(texts to train on, {corpus: texts to encode}), all bytes."""
    mix, held_out = [], {}
    for name in args.corpus:
        documents = gathered(name) if name in GATHERED else read_documents([name])
        mix += take(documents, args.mb * 1e6 / len(args.corpus))
        held_out[Path(name).name.split(".")[0]] = take(documents, args.encode_mb * 1e6)
    return mix, {name: texts for name, texts in held_out.items() if texts}


def gathered(name):
    """Files of the standard library and of installed packages, in a fixed order."""
    roots = {sysconfig.get_path(place) for place in ("stdlib", "purelib", "platlib")}
    seen = set()
    for folder, folders, files in itertools.chain(*(os.walk(root) for root in sorted(roots))):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for file in sorted(files):
            path = Path(folder, file)
            if path.suffix not in GATHERED[name] or not 0 < path.stat().st_size < LONGEST:
                continue
            text = path.read_bytes()
            if text in seen or text.decode("utf-8", "replace").encode() != text:
                continue
            seen.add(text)
            yield text


def take(documents, size):
    """Documents up to so many bytes; the last one may be cut, at the end of a line."""
    texts = []
    while size > 0 and (text := next(documents, None)) is not None:
        if len(text) > size:
            text = text[: text.rfind(b"\n", 0, int(size)) + 1]
            size = 0
        if text:
            texts.append(text)
        size -= len(text)
    return texts


def installed(args, names):
    """Those peers that are there, and were not left out."""
    found = [n for n in names if importlib.util.find_spec(n) and n in (args.peers or names)]
    return [] if args.peers == [] else found


def training(args, mix):
    """Seconds and MB/s of all, the peak of our memory, and how many merges are equal."""
    size = sum(map(len, mix)) / 1e6
    names = ["gptengine", *installed(args, ("gigatoken", "tokenizers"))]
    seconds, merges, peak = {}, {}, 0.0
    for round in range(2):
        for name in names:
            if round == 1 and seconds[name] > 10:  # one round of a slow one is enough
                continue
            before = start_of_peak()
            start = time.process_time()
            merges[name] = getattr(train_text, name)(mix, args.vocab)
            took = time.process_time() - start
            seconds[name] = min(took, seconds.get(name, took))
            if name == "gptengine":
                peak = max(peak, peak_since(before))
    results = {"peak_mb_over_text": peak}
    for name in names:
        results[name] = dict(cpu_s=seconds[name], mb_s=size / seconds[name])
        ratio = seconds[name] / seconds["gptengine"]
        more = f"+{peak:.0f} MB memory" if name == "gptengine" else f"{ratio:.1f} times as long"
        rate = f"{seconds[name]:7.2f} CPU s {size / seconds[name]:7.1f} MB/s"
        print(f"train {name:12} {rate}  {more}")
        if name != "gptengine":
            same = sum(map(tuple.__eq__, merges["gptengine"], merges[name]))
            results[name]["equal_merges"] = same
            print(f"      {same} of {len(merges['gptengine'])} merges are equal")
            if args.equal and not merges["gptengine"] == merges[name]:
                sys.exit(f"bench/tokenizer.py: the merges of {name} differ")
    results["wall_s"] = {n: on_threads(n, mix, args.vocab) for n in sorted({1, args.threads})}
    walls = ", ".join(f"{n} threads {s:.2f} s" for n, s in results["wall_s"].items())
    print(f"      of the clock: {walls}")
    return results


def on_threads(threads, mix, vocab_size):
    _core.set_threads(threads)
    start = time.perf_counter()
    train_text.gptengine(mix, vocab_size)
    _core.set_threads(1)
    return time.perf_counter() - start


def start_of_peak():
    """Forgets the process's peak of memory, where Linux allows it; MB now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return float("nan")
    return memory("VmRSS")


def peak_since(before):
    return memory("VmHWM") - before if before == before else float("nan")


def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / 1e6


def encoding(args, mix, held_out):
    """MB of text a CPU second, cold and warm, of each corpus, and whose ids are equal."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tokenizer.json")
        Tokenizer.train(mix, vocab_size=args.vocab, special_tokens=[train_text.SPECIAL]).save(path)
        names = ["gptengine", *installed(args, ("gigatoken", "tiktoken", "tokenizers"))]
        for corpus, texts in held_out.items():
            results[corpus], ids = {}, {}
            for name in names:
                # One that is cold: made anew for each corpus.
                encode = getattr(encode_text, name)(path, PATTERNS["gpt2"])
                cold, warm, ids[name] = encode_text.rates(encode, texts)
                same = ids[name].tolist() == ids["gptengine"].tolist()
                results[corpus][name] = dict(cold=cold, warm=warm, same_ids=same)
                rate = f"{cold:7.1f} cold {warm:7.1f} warm MB/s"
                print(f"encode {corpus:16} {name:12} {rate}{'' if same else '  ids differ'}")
            encode = encode_text.gptengine(path, PATTERNS["gpt2"])
            rate = {n: encode_text.wall_rate(encode, texts, n) for n in sorted({1, args.threads})}
            results[corpus]["of_the_clock"] = rate
            rates = ", ".join(f"{n} threads {r:.0f}" for n, r in rate.items())
            print(f"      of the clock: {rates} MB/s")
        tok = Tokenizer.load(path)
        texts = [text for texts in held_out.values() for text in texts]
        results["decode"] = encode_text.decode_rate(tok, texts)
        results["worst_growth"] = encode_text.worst_growth(tok)
    print(f"decode {results['decode']:.0f} MB/s")
    worst = max(results["worst_growth"].items(), key=lambda item: item[1])
    print(f"time of 4 times a hostile text: at most {worst[1]:.1f} times, of {worst[0]}")
    return results


if __name__ == "__main__":
    main()
