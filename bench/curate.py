"""What the engine does for curation: signing, grouping, counting and hashing texts; with peers.

    python bench/curate.py                               # on text that this machine has anyway
    python bench/curate.py --corpus novels.jsonl.gz      # or on a file
    python bench/curate.py --parts sign                  # of sign group count hash filters
    python bench/curate.py --parts filters --corpus laws.jsonl.gz --language de --length 30000

What a corpus may be stands in bench/corpora.py; its documents are cut to about --length bytes.
Peers are measured where they are installed, on a part of the text. Filters know the documents as
pages of one host in --language; half of them teach perplexity, and every hundredth is an evaluation
text. Speeds are MB of UTF-8 a CPU second of one thread, the best of several rounds. The last line
is one JSON object.
"""

import argparse
import importlib.util
import json
import time

import numpy as np

import corpora
from gptengine import _core
from gptengine.curate.bad_words import BadWords
from gptengine.curate.decontaminate import Decontaminate, index
from gptengine.curate.document import Document
from gptengine.curate.exact import text_hashes
from gptengine.curate.host_lines import HostLineOptions, HostLines, page_hashes
from gptengine.curate.language import LanguageFilter
from gptengine.curate.licence import Licences
from gptengine.curate.near import near_groups, signatures
from gptengine.curate.perplexity import Perplexity, train
from gptengine.curate.personal import Personal
from gptengine.curate.policy_lines import PolicyLines
from gptengine.curate.quality import Quality
from gptengine.curate.spam import Spam
from gptengine.curate.statistics import text_statistics, word_set
from gptengine.curate.steps import pass_through
from gptengine.curate.urls import Addresses, Urls
from peers import sign_text

PEERS = ("rensa", "datasketch", "datatrove")
STOP_WORDS = "the be to of and that have with der die das und ist von zu den mit".split()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", nargs="+", default=["docs", "multilingual"])
    parser.add_argument("--parts", nargs="+", default=[*PARTS], choices=PARTS)
    parser.add_argument("--mb", type=float, default=20, help="of each corpus")
    parser.add_argument("--peer-mb", type=float, default=2, help="of it, for a peer")
    parser.add_argument("--length", type=int, default=4000, help="bytes of a document")
    parser.add_argument("--language", default="en", help="that filters take the text for")
    parser.add_argument("--peers", nargs="*", default=None, help="default: what is installed")
    args = parser.parse_args()
    _core.set_threads(1)
    print(f"instruction set {_core.isa()}, documents of about {args.length} bytes")
    rows = {}
    for corpus in args.corpus:
        texts = [*documents(corpus, args)]
        for part in args.parts:
            for name, value in PARTS[part](texts, args):
                label = f"{part} {corpora.title(corpus)}, {name}"
                rows[label] = value
                print(f"{label}: {value:.4g}", flush=True)
    print(json.dumps({"isa": _core.isa(), "rows": rows}))


def documents(corpus, args):
    """Texts of whole lines, as str."""
    for text in corpora.take(corpora.documents(corpus), args.mb * 1e6):
        while text:
            end = text.find(b"\n", args.length) + 1 or len(text)
            yield text[:end].decode("utf-8", "replace")
            text = text[end:]


def size(texts):
    return sum(len(text.encode()) for text in texts) / 1e6


def best(work, rounds=4):
    """CPU seconds, of the fastest round."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def sign(texts, args):
    """MB/s of signatures of 112 places, and how many times a peer's."""
    some = texts[:: max(1, int(size(texts) / args.peer_mb))]
    ours = size(texts) / best(lambda: signatures(texts))
    yield "MB/s", ours
    wanted = PEERS if args.peers is None else args.peers
    for name in wanted:
        if not importlib.util.find_spec(name):
            continue
        theirs = getattr(sign_text, name)()
        theirs(some[:1])  # what it does once
        rate = size(some) / best(lambda theirs=theirs: theirs(some), rounds=2)
        yield f"{name} MB/s", rate
        yield f"times {name}", ours / rate


def group(texts, args):
    """Documents a second of grouping their signatures, in memory and by sorted runs."""
    signed = signatures(texts)
    signed = np.tile(signed, (max(1, 50_000 // len(signed)), 1))
    signed ^= np.arange(len(signed), dtype=np.uint32)[:, None] // len(texts) * 0x9E3779B9
    for name, memory in (("", 1 << 28), (" in 1 MiB", 1 << 20)):
        seconds = best(lambda memory=memory: near_groups(signed, memory_bytes=memory), 2)
        yield f"{len(signed)} documents{name}, documents/s", len(signed) / seconds


def count(texts, args):
    words = word_set(STOP_WORDS)
    yield "MB/s", size(texts) / best(lambda: [text_statistics(text, words) for text in texts])


def hashing(texts, args):
    yield "MB/s", size(texts) / best(lambda: text_hashes(texts))


def filters(texts, args):
    """MB/s of each step between reading and comparing, and of all of them one after the other.

    A text that one of them drops goes on to the next all the same.
    """
    known, some = texts[::2], texts[1::2]
    url = "https://www.example.com/pages/"
    documents = [
        Document(str(i), "web", text, f"{url}{i}", language=args.language)
        for i, text in enumerate(some)
    ]
    steps = [
        Urls(Addresses(["example.org", "example.com/shop"])),
        Licences({}, Addresses(["example.net"])),
        LanguageFilter(),
        HostLines(page_hashes(documents[0], HostLineOptions())[::50]),
        PolicyLines(),
        Quality(),
        Spam(),
        BadWords(),
        Perplexity({args.language: train(known)}),
        Decontaminate(index({"evaluation": known[::100]})),
        Personal(),
    ]
    fastest = {}
    for _ in range(4):
        seconds = {}
        for document in documents:
            for step in steps:
                document = pass_through([step], document, lambda *_: None, seconds)[0]
        for name, taken in seconds.items():
            fastest[name] = min(taken, fastest.get(name, taken))
    for name, taken in fastest.items():
        yield f"{name}, MB/s", size(some) / taken
    yield "all steps, MB/s", size(some) / sum(fastest.values())


PARTS = dict(sign=sign, group=group, count=count, hash=hashing, filters=filters)


if __name__ == "__main__":
    main()
