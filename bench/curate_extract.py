"""Extraction of pages: what is kept and what goes, and at what speed, beside the bare extractors.

    python bench/curate_extract.py                # made-up pages: only speed means something
    python bench/curate_extract.py pages.jsonl.gz # lines of {url, html, with, without}

`with` lists snippets of a page that its text must hold, `without` those that it must not; space
aside. F1 is of the share kept and of the share of snippets found that were wanted. Times are CPU
seconds of one thread, over all pages. The last line is one JSON object.
"""

import argparse
import json
import time
from pathlib import Path

import trafilatura
from resiliparse.extract.html2text import extract_plain_text

from gptengine.curate.extract import EXTRACTORS, ExtractOptions, extract
from gptengine.curate.language import detect
from gptengine.curate.readers import ReadOptions, read_file
from gptengine.curate.repair import repair


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="?", type=Path, help="a .jsonl or .jsonl.gz file")
    args = parser.parse_args()
    start = time.process_time()
    pages = read(args.pages) if args.pages else made_up(200)
    size = sum(len(page["html"].encode("utf-8", "replace")) for page in pages) / 1e6
    print(f"{len(pages)} pages, {size:.1f} MB, read in {time.process_time() - start:.2f} s")
    print(f"{'':24}{'kept':>12}{'gone':>12}{'F1':>8}{'pages/s':>9}{'MB/s':>7}")
    results, texts = {}, []
    for name, function in extractors().items():
        function(pages[0]["html"])  # what is loaded at the first call
        start = time.process_time()
        texts = [function(page["html"]) for page in pages]
        seconds = time.process_time() - start
        results[name] = {**score(pages, texts), "pages_per_second": len(pages) / seconds}
        row = results[name]
        print(
            f"{name:24}{row['kept']:12.4f}{row['gone']:12.4f}{row['f1']:8.4f}"
            f"{len(pages) / seconds:9.1f}{size / seconds:7.1f}",
            flush=True,
        )
    results |= after(texts)
    print(json.dumps(results))


def extractors():
    """Each of ours beside the one that it is made of."""
    ours = {
        f"gptengine, {options.extractor}": lambda html, options=options: extract(html, options)[0]
        for options in map(ExtractOptions, EXTRACTORS)
    }
    return {
        "trafilatura, fast": lambda html: (
            trafilatura.extract(html, fast=True, include_comments=False) or ""
        ),
        "resiliparse, main": lambda html: extract_plain_text(html, main_content=True),
        **ours,
    }


def score(pages, texts):
    """The shares of snippets kept and gone, their numbers, and F1."""
    kept = wanted = gone = unwanted = 0
    for page, text in zip(pages, map(plain, texts), strict=True):
        kept += sum(plain(snippet) in text for snippet in page["with"])
        gone += sum(plain(snippet) not in text for snippet in page["without"])
        wanted, unwanted = wanted + len(page["with"]), unwanted + len(page["without"])
    recall, precision = kept / wanted, kept / max(1, kept + unwanted - gone)
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return dict(kept=recall, gone=gone / unwanted, f1=f1, snippets=[wanted, unwanted])


def plain(text):
    return " ".join(text.split())


def after(texts):
    """The speed of what follows on the same texts, in MB/s."""
    size, results = sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6, {}
    detect("Loading the models takes a second.")
    for name, function in ("repair", repair), ("detect", detect):
        start = time.process_time()
        for text in texts:
            function(text)
        results[name] = size / (time.process_time() - start)
        print(f"{name:24}{results[name]:6.1f} MB/s")
    return results


def read(path):
    """The pages of a file, through our own reader."""
    records = list(read_file(path, ReadOptions(html_field="html")))
    lost = [record for record in records if not hasattr(record, "content")]
    if lost:
        print(f"{len(lost)} pages were lost, the first: {lost[0]}")
    kept = (record for record in records if hasattr(record, "content"))
    return [{"html": record.content, **record.meta} for record in kept]


def made_up(count):
    """Pages with an article between menus and notices; each is another."""
    pages = []
    for i in range(count):
        article = [
            f"Paragraph {i}.{k} tells, at length, what {k * i} people saw." for k in range(30)
        ]
        menu = "".join(f'<li><a href="/{i}/{k}">Entry {k}</a></li>' for k in range(60))
        notice = f"We use cookies to improve visit {i}."
        body = "".join(f"<p>{paragraph} And there is more to say.</p>" for paragraph in article)
        html = f"<html><body><nav><ul>{menu}</ul></nav><article><h1>News {i}</h1>{body}</article>"
        html += f"<div class='cookie'><p>{notice}</p></div><footer>Imprint</footer></body></html>"
        pages.append({"html": html, "with": article[::10], "without": [notice, "Imprint"]})
    return pages


if __name__ == "__main__":
    main()
