"""Training a tokenizer and encoding with it, beside its peers in the same process.

    python bench/tokenizer.py                               # on text that this machine has anyway
    python bench/tokenizer.py --corpus code novels.jsonl.gz news.txt
    python bench/tokenizer.py --parts encode decode         # of train encode decode load hostile
    python bench/tokenizer.py --equal                       # and compare all merges

What a corpus may be stands in bench/corpora.py. The training text takes equal parts of each; what
is encoded comes after it. Peers are measured where they are installed: pip install '.[peers]'.

Times are CPU seconds of one thread, the best of several rounds, so that other programs disturb them
little; peers run between our rounds. Those of several threads are of the clock, warm, and what they
gain is a figure of its own. A table comes at the end; the last line is one JSON object.
"""

import argparse
import dataclasses
import functools
import importlib.util
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import corpora
from gptengine import _core
from gptengine.tokenizer import Tokenizer
from gptengine.tokenizer.splits import PATTERNS
from peers import encode_text, train_text

PEERS = ("gigatoken", "tiktoken", "tokenizers")


@dataclasses.dataclass
class Work:
    """What every part is given: texts to train on, and to encode by corpus, all bytes."""

    args: argparse.Namespace
    mix: list
    held_out: dict
    place: Path
    rows: list = dataclasses.field(default_factory=list)

    def row(self, label, unit, figures):
        """Notes a line of the closing table, figures by name of the program."""
        self.rows.append((label, unit, figures))
        said = ", ".join(f"{name} {shown(value)}" for name, value in figures.items())
        print(f"{label}: {said} {unit}".rstrip(), flush=True)

    @functools.cached_property
    def folder(self):
        """It has a vocabulary of the training text as tokenizer.json and ranks.tiktoken."""
        specials = [train_text.SPECIAL]
        tok = Tokenizer.train(self.mix, vocab_size=self.args.vocab, special_tokens=specials)
        for name in ("tokenizer.json", "ranks.tiktoken"):
            tok.save(self.place / name)
        return self.place

    def ours(self):
        return encode_text.gptengine(self.folder, PATTERNS["gpt2"])

    def coders(self):
        """(name, what makes its Coder) of us and of those peers that are there."""
        for name in ("gptengine", *installed(self.args, PEERS)):
            yield name, functools.partial(getattr(encode_text, name), self.folder, PATTERNS["gpt2"])


def main():
    args = parse()
    # Peers read these when they are imported.
    os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    os.environ["TIKTOKEN_CACHE_DIR"] = ""  # it would read another file of the same name
    _core.set_threads(1)
    mix, held_out = texts(args)
    size = sum(map(len, mix)) / 1e6
    print(f"training text: {size:.1f} MB of {len(mix)} documents: {', '.join(args.corpus)}")
    if size < args.mb * 0.9:
        print(f"  there is less of it than --mb {args.mb}")
    with tempfile.TemporaryDirectory() as folder:
        work = Work(args, mix, held_out, Path(folder))
        for part in args.parts:
            PARTS[part](work)
    print_table(work.rows)
    settings = dict(mb=size, vocab=args.vocab, corpora=args.corpus, isa=_core.isa())
    rows = {label: dict(unit=unit, **figures) for label, unit, figures in work.rows}
    print(json.dumps(settings | {"rows": rows}))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    corpus = ["code", "docs", "multilingual"]
    parser.add_argument("--corpus", nargs="+", default=corpus, metavar="NAME_OR_FILE")
    parser.add_argument("--parts", nargs="+", default=[*PARTS], choices=PARTS)
    parser.add_argument("--mb", type=float, default=64, help="of training text")
    parser.add_argument("--encode-mb", type=float, default=20, help="to encode of each corpus")
    parser.add_argument("--vocab", type=int, default=32768)
    parser.add_argument("--peers", nargs="*", default=None, help="default: what is installed")
    parser.add_argument("--threads", type=int, default=2, help="of the measurement of several")
    parser.add_argument("--equal", action="store_true", help="compare all merges with the peers'")
    return parser.parse_args()


def texts(args):
    """(texts to train on, {corpus: texts to encode}), all bytes."""
    mix, held_out = [], {}
    for name in args.corpus:
        size = args.mb * 1e6 / len(args.corpus)
        first, held_out[corpora.title(name)] = corpora.divided(name, size, args.encode_mb * 1e6)
        mix += first
    return mix, {name: texts for name, texts in held_out.items() if texts}


def installed(args, names):
    """Those peers that are there, and were not left out."""
    found = [n for n in names if importlib.util.find_spec(n) and n in (args.peers or names)]
    return [] if args.peers == [] else found


def training(work):
    """Seconds and MB/s of all, the peak of our memory, and how many merges are equal."""
    args, mix = work.args, work.mix
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
    size = sum(map(len, mix)) / 1e6
    work.row("train", "CPU s", seconds)
    work.row("train, speed", "MB/s", {name: size / s for name, s in seconds.items()})
    work.row("train, memory over the text", "MB", {"gptengine": peak})
    ours = merges["gptengine"]
    equal = {name: sum(map(tuple.__eq__, ours, merges[name])) for name in names}
    work.row("train, equal merges", "merges", equal)
    for name in names:
        if args.equal and merges[name] != ours:
            sys.exit(f"bench/tokenizer.py: the merges of {name} differ")
    walls = {n: on_threads(n, mix, args.vocab) for n in (1, args.threads)}
    for n, wall in walls.items():
        work.row(f"train, threads: {n}", "s of the clock", {"gptengine": wall})
    times = {"gptengine": walls[1] / walls[args.threads]}
    work.row(f"train, gain of {args.threads} threads", "times", times)


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


def encoding(work):
    """MB of text a CPU second, cold and warm, of each corpus; whose ids are ours; threads."""
    several = work.args.threads
    for corpus, texts in work.held_out.items():
        cold, warm, ids = {}, {}, {}
        for name, coder in work.coders():
            cold[name], warm[name], ids[name] = encode_text.rates(coder, texts)
        work.row(f"encode {corpus}, cold", "MB/s", cold)
        work.row(f"encode {corpus}, warm", "MB/s", warm)
        same = {name: ids[name].tolist() == ids["gptengine"].tolist() for name in ids}
        work.row(f"encode {corpus}, equal ids", "", same)
        encode = work.ours().encode
        walls = encode_text.wall_rates(encode, texts, (1, several))
        for n, rate in walls.items():
            work.row(f"encode {corpus}, threads: {n}", "MB/s of the clock", {"gptengine": rate})
        times = {"gptengine": walls[several] / walls[1]}
        work.row(f"encode {corpus}, gain of {several} threads", "times", times)


def decoding(work):
    """MB of text a CPU second out of the ids of each corpus."""
    encode = work.ours().encode
    coders = {name: coder() for name, coder in work.coders()}
    for corpus, texts in work.held_out.items():
        text, ids = b"".join(texts), encode(texts)
        rates = {n: encode_text.decode_rate(c, ids, text) for n, c in coders.items()}
        work.row(f"decode {corpus}", "MB/s", rates)


def loading(work):
    """Of tokenizer.json; tiktoken, which knows no such file, reads ranks."""
    seconds = {name: encode_text.load_seconds(coder) for name, coder in work.coders()}
    work.row("load", "CPU ms", {name: 1000 * s for name, s in seconds.items()})


def hostile(work):
    """How much longer four times a hostile text takes, of the worst of them: 4 is linear."""
    for name, (encode, n) in encode_text.hostile_coders(work.folder).items():
        growths = encode_text.growths(encode, n)
        worst = max(growths, key=growths.get)
        figures = {"gptengine": growths[worst]}
        work.row(f"4 times a hostile text, {name}", f"times as long: {worst}", figures)


PARTS = dict(train=training, encode=encoding, decode=decoding, load=loading, hostile=hostile)


def print_table(rows):
    """A line a row, a column a program that any row has."""
    names = [n for n in ("gptengine", *PEERS) if any(n in figures for *_, figures in rows)]
    wide = max([len(label) for label, *_ in rows])
    print(f"\n{'':{wide}}" + "".join(f"{name:>12}" for name in names))
    for label, unit, figures in rows:
        cells = [shown(figures[name]) if name in figures else "-" for name in names]
        print(f"{label:{wide}}" + "".join(f"{cell:>12}" for cell in cells) + f"  {unit}")
    print()


def shown(value):
    """A figure with three digits or more, as it is read aloud."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


if __name__ == "__main__":
    main()
