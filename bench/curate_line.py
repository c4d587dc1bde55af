"""The whole line of curation beside the extractor that it uses, and two workers beside one.

    python bench/curate_line.py                                 # made-up pages: no judgement
    python bench/curate_line.py pages.jsonl.gz novels.jsonl.gz  # lines of {url, html} or {text}

Every page is taken --times times, each time from other hosts and with other numbers in it, so that
start-up is a small part. The extractor alone goes over the same pages in one process. A run counts
from the start of its process to its end: CPU seconds of all its processes, and seconds. The last
line is one JSON object.
"""

import argparse
import gzip
import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from curate_extract import made_up
from gptengine.curate.extract import extract
from gptengine.curate.readers import ReadOptions, read_file

RUN = """
import sys
from gptengine.curate import run

if __name__ == "__main__":
    report = run(sys.argv[1], sys.argv[2], workers=int(sys.argv[3]))
    print(report["account"]["records"])
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help=".jsonl or .jsonl.gz")
    parser.add_argument("--times", type=int, default=10, help="that each page is taken")
    parser.add_argument("--workers", type=int, default=2, help="beside one")
    parser.add_argument("--steps", action="store_true", help="CPU seconds of each step too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        pages, texts = corpus(args, folder)
        rows = {}
        if pages:
            rows |= one_process(pages, recipe(folder, {"pages": pages}), folder, args)
        rows |= workers(recipe(folder, {"pages": pages, "texts": texts}), folder, args.workers)
    print(json.dumps(rows))


def corpus(args, folder):
    """The files of pages and those of other texts, as a run shall read them."""
    pages, texts = [], []
    for place, path in enumerate(args.files or [None]):
        records = [*read(path)] if path else [(p["html"], "") for p in made_up(200)]
        if path and not records:
            texts.append(path)
            continue
        pages.append(folder / f"pages{place}.jsonl.gz")
        with gzip.open(pages[-1], "wt", compresslevel=6, encoding="utf-8") as file:
            for number in range(args.times):
                for html, url in records:
                    file.write(json.dumps(changed(html, url, number), ensure_ascii=False) + "\n")
    return pages, texts


def read(path):
    """(html, url) of each page of a file; nothing of other files."""
    for record in read_file(path, ReadOptions(html_field="html")):
        if getattr(record, "kind", "") == "html":
            yield record.content, record.url


def changed(html, url, number):
    """The page as another one: of another host, and with other numbers of four digits."""
    url = (url or "https://example.org/").replace("://", f"://n{number}.", 1)
    return {"url": url, "html": re.sub(r"(?<=\b\d{3})\d\b", str(number % 10), html)}


def recipe(folder, sources):
    """A recipe over files of each source, with all steps that are on by default."""
    path = folder / f"{'-'.join(sources)}.json"
    named = {n: {"path": [str(p.absolute()) for p in ps]} for n, ps in sources.items() if ps}
    path.write_text(json.dumps({"sources": named}))
    return path


def one_process(pages, path, folder, args):
    """Pages a CPU second of the extractor, and of a run with one worker."""
    records = [html for page in pages for html, _ in read(page)]
    extract(records[0])  # what is loaded at the first call
    start, cpu = time.perf_counter(), time.process_time()
    for html in records:
        extract(html)
    alone = {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    line = run(path, folder / "one", 1)
    rows = {"pages": len(records)}
    for name, seconds in ("extractor", alone), ("line", line):
        for clock in ("cpu", "wall"):
            rate = rows[f"{name} pages/s {clock}"] = len(records) / seconds[clock]
            print(f"{name}, {len(records)} pages: {rate:.1f} pages a second of {clock}", flush=True)
    rows["share"] = alone["cpu"] / line["cpu"]
    print(f"the line has {rows['share']:.1%} of the extractor's pages a CPU second")
    if args.steps:
        report = json.loads((folder / "one/report.json").read_text())
        steps = sorted(report["speed"]["steps"].items(), key=lambda step: -step[1]["seconds"])
        for name, spent in steps:
            print(f"  {spent['seconds']:8.2f} s  {name}")
        print(f"  {line['cpu'] - sum(s['seconds'] for _, s in steps):8.2f} s  around them")
    return rows


def workers(path, folder, count):
    """How many times faster so many workers are than one."""
    rows = {f"{n} workers": run(path, folder / f"workers{n}", n) for n in (1, count)}
    one, many = (digest(folder / f"workers{n}/documents") for n in (1, count))
    if one != many:
        sys.exit(f"bench/curate_line.py: {count} workers wrote other documents than one")
    for name, seconds in rows.items():
        print(f"{name}: {seconds['wall']:.1f} s, {seconds['cpu']:.1f} of a processor", flush=True)
    times = rows["1 workers"]["wall"] / rows[f"{count} workers"]["wall"]
    print(f"{count} workers are {times:.2f} times as fast")
    return {**rows, "times": times}


def digest(folder):
    """Of names and bytes of all files in a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def run(path, out, count):
    """Seconds of a run in a process of its own; its engine has one thread, as workers have."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-c", RUN, path, out, str(count)]
    subprocess.run(command, check=True, env=os.environ | {"GPTE_THREADS": "1"}, stdout=sys.stderr)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu}


if __name__ == "__main__":
    main()
