"""What curation finds of planted copies: exact ones, and near ones by edit and by likeness.

    python bench/curate_copies.py                          # on text that this machine has anyway
    python bench/curate_copies.py --corpus laws.jsonl.gz   # or on files

What a corpus may be stands in bench/corpora.py; its documents are cut to about --length bytes, and
those that are alike by themselves are left out first. Exact copies go through a whole run, with
every other step off. Near copies are one edit of each text, strong enough for a likeness drawn from
0.6 to 1; what is shown is the share of pairs put together. The last line is one JSON object.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

import planted_copies
from curate import documents
from gptengine.curate import run
from gptengine.curate.document import document_id
from gptengine.curate.near import NearOptions, near_groups, signatures

BANDS = (0.9, 0.8, 0.7, 0.6)  # of Jaccard similarity, each from here to the one before
STEPS = "repair split languages host_lines policy_lines urls licences quality spam bad_words"
OFF = dict.fromkeys([*STEPS.split(), "personal"], False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", nargs="+", default=["docs", "multilingual"])
    parser.add_argument("--mb", type=float, default=10, help="of each corpus")
    parser.add_argument("--length", type=int, default=4000, help="bytes of a document")
    parser.add_argument("--share", type=float, default=0.45, help="of documents, exact copies")
    parser.add_argument("--jaccard", type=float, default=NearOptions.jaccard)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    texts = unlike([text for corpus in args.corpus for text in documents(corpus, args)])
    rows = exact_copies(rng, texts, args.share) | near_copies(rng, texts, args.jaccard)
    print(json.dumps({"rows": rows}))


def unlike(texts):
    """The texts of 100 words and more without those that are like another."""
    texts = [text for text in texts if len(text.split()) >= 100]
    groups = near_groups(signatures(texts), options=NearOptions(jaccard=0.4, bands=28, rows=4))
    left = [text for i, text in enumerate(texts) if groups.keeper[i] == i]
    print(f"{len(left)} documents; {len(texts) - len(left)} were like others and are left out")
    return left


def exact_copies(rng, texts, share):
    """Precision and recall of the step `exact`, by what a run keeps, then with `near` after it."""
    planted = planted_copies.exact(rng, texts, share)
    copies = sum(what == "copy" for _, what, _ in planted)
    print(f"{len(planted)} documents with {copies} exact copies, {copies / len(planted):.1%}")
    with tempfile.TemporaryDirectory() as folder:
        once, both = (left(Path(folder), planted, near) for near in (False, True))
    exactly = Counter(text for text, what, _ in planted if what != "other")
    stayed = Counter(planted[i][0] for i in once if planted[i][1] != "other")
    right = sum(min(n - stayed[text], n - 1) for text, n in exactly.items())
    nearly = {text for text, what, _ in planted if what == "other"}
    at_last = Counter(planted[i][0] for i in both)
    rows = {
        "exact, precision": right / max(1, len(planted) - len(once)),
        "exact, recall": right / copies,
        "one of exact and almost equal": sum(at_last[t] == 1 for t in nearly) / len(nearly),
        "texts lost": len(exactly) - len(at_last),
    }
    for name, value in rows.items():
        print(f"{name:32} {value:.4g}", flush=True)
    return rows


def left(folder, planted, near):
    """The numbers of the documents that a run keeps, all its other steps off."""
    lines = [json.dumps({"id": i, "text": text}) for i, (_, _, text) in enumerate(planted)]
    (folder / "planted.jsonl").write_text("\n".join(lines))
    path = str(folder / "planted.jsonl")
    source = {"path": path, "language": "en"}
    run({"sources": {"planted": source}, "near": near, **OFF}, folder / "out", workers=1)
    numbers = {document_id("planted", str(i), p[2]): i for i, p in enumerate(planted)}
    kept = (folder / "out/documents").glob("*.jsonl")
    return [numbers[json.loads(x)["id"]] for p in kept for x in p.read_text().splitlines()]


def near_copies(rng, texts, jaccard):
    """By edit and likeness the share of pairs put together; and texts put to a wrong one."""
    vocabulary = np.unique([word for text in texts[::20] for word in text.split()])
    kinds = [[*planted_copies.EDITS][i % len(planted_copies.EDITS)] for i in range(len(texts))]
    wanted = 0.58 + 0.42 * rng.random(len(texts))
    edit = lambda kind, *more: planted_copies.edited(rng, kind, *more, vocabulary)
    copies = list(map(edit, kinds, texts, wanted))
    true = np.array(list(map(planted_copies.overlap, texts, copies)))
    groups = near_groups(signatures(texts + copies), options=NearOptions(jaccard))
    found = groups.keeper[: len(texts)] == groups.keeper[len(texts) :]
    wrong = int((groups.keeper % len(texts) != np.arange(2 * len(texts)) % len(texts)).sum())
    rows = {}
    print(f"{'share found, of':20}" + "".join(f"{'from ' + str(b):>14}" for b in BANDS))
    for kind in [*planted_copies.EDITS, "all"]:
        mine = np.array([kind in (k, "all") for k in kinds])
        cells = []
        for least, most in zip(BANDS, (1.01, *BANDS), strict=False):
            some = found[mine & (true >= least) & (true < most)]
            rows[f"{kind}, {least}"] = share = float(some.mean()) if len(some) else None
            cells.append(f"{share:.3f} ({len(some)})" if len(some) else "-")
        print(f"{kind:20}" + "".join(f"{cell:>14}" for cell in cells), flush=True)
    rows |= {"precision": float((true[found] >= jaccard).mean()), "put to a wrong text": wrong}
    below = true[found & (true < jaccard)]
    print(
        f"of pairs found {rows['precision']:.3f} share {jaccard} or more, the least of them "
        f"{below.min(initial=1):.2f}; {wrong} put to another text"
    )
    return rows


if __name__ == "__main__":
    main()
