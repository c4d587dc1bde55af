"""What the masks of personal data find of planted data, and what they mask in texts without any.

    python bench/curate_personal.py                          # recall alone
    python bench/curate_personal.py --corpus laws.jsonl.gz   # and masks a MB of a file

What a corpus may be stands in bench/corpora.py. Speeds are MB of UTF-8 a CPU second of one thread.
The last line is one JSON object.
"""

import argparse
import json
import time
from collections import Counter

import corpora
from gptengine.curate.personal import MASKS, mask
from planted import planted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", nargs="*", default=[])
    args = parser.parse_args()
    rows = {}
    for kind, items in planted():
        missed = [item for item in items if not masked_whole(kind, *item)]
        rows[f"recall {kind}"] = share = 1 - len(missed) / len(items)
        shown = "; ".join(frame.format(item) for frame, item in missed[:3])
        print(f"recall {kind:20} {share:.3f} of {len(items)}  {shown}", flush=True)
    for name in args.corpus:
        texts = [text.decode("utf-8", "replace") for text in corpora.documents(name)]
        size = sum(len(text.encode()) for text in texts) / 1e6
        start = time.process_time()
        counts = sum((mask(text)[1] for text in texts), Counter())
        speed = size / (time.process_time() - start)
        title = corpora.title(name)
        rows |= {f"masks a MB {title}": sum(counts.values()) / size, f"MB/s {title}": speed}
        kinds = ", ".join(f"{kind} {n}" for kind, n in counts.most_common())
        print(
            f"masks {title:21} {sum(counts.values()) / size:.2f} a MB of {size:.0f} MB, "
            f"{speed:.0f} MB/s: {kinds}",
            flush=True,
        )
    print(json.dumps({"rows": rows}))


def masked_whole(kind, frame, item):
    """Whether what is planted is masked, as what it is, and nothing around it."""
    return mask(frame.format(item))[0] == frame.format(MASKS[kind])


if __name__ == "__main__":
    main()
