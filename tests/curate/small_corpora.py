"""Small corpora of made-up prose, in files as a recipe names them."""

import gzip
import hashlib
import json
import random

WORDS = (
    "the of and to in that is was for it with as his on be at by had not are but from or have an "
    "they which one you were all her she there would their we him been has when who will no more "
    "if out so said what up its about into than them can only other time new some could these two "
    "may first then do any like my now over such our man me even most made after also did many off "
    "river mountain village winter harvest letter captain window garden silence morning evening "
    "market bridge stranger journey shadow whisper candle forest harbour lantern orchard meadow"
).split()
# sources whose texts nobody has to look for a language in
PLAIN = {"languages": False, "blocks": {"tokenizer": "bytes", "length": 64, "batch": 4}}


def prose(seed, sentences=24) -> str:
    """English-looking text, another for each seed, that the rules of quality let pass."""
    rng = random.Random(f"{seed}")
    lines = []
    for i in range(sentences):
        words = [rng.choice(WORDS) for _ in range(rng.randint(8, 16))]
        lines.append(" ".join(words).capitalize() + rng.choice(".!?."))
        if i % 6 == 5:
            lines.append("\n\n")
    return " ".join(lines).replace(" \n\n ", "\n\n").strip()


def write_jsonl(path, records) -> None:
    data = "".join(json.dumps(r) + "\n" for r in records).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def three_sources(folder) -> dict:
    """A recipe over a web with spam, copies and personal data, guides and books."""
    web = [{"text": prose(i), "url": f"https://host{i % 3}.example/{i}"} for i in range(30)]
    web[3]["text"] += " Write to anna.schmidt@example.org about it."
    web += [{"text": web[5]["text"], "url": "https://copy.example/5"}]  # exact
    web += [{"text": web[6]["text"] + " One more thing was said.", "url": "https://copy.example/6"}]
    web += [{"text": "buy now " * 200}, {"text": "too short"}, {"text": "\ufeff\u200b"}]
    write_jsonl(folder / "web/a.jsonl", web[:20])
    write_jsonl(folder / "web/b.jsonl.gz", web[20:])
    with open(folder / "web/a.jsonl", "ab") as file:
        file.write(b'{"text": broken\n')
    books = folder / "books"
    books.mkdir()
    for i in range(4):
        (books / f"{i}.txt").write_text(prose(f"book{i}", 60))
    (books / "copied.txt").write_text(web[7]["text"])  # the better tier keeps it
    return {
        "sources": {
            "web": {"path": str(folder / "web/*"), "weight": 0.6, "language": "en"},
            "books": {
                "path": str(books),
                "tier": "curated",
                "weight": 0.4,
                "licence": "CC0",
                "language": "en",
                "max_epochs": 3,
            },
        },
        **PLAIN,
    }


def output_digest(out) -> str:
    """Of names and bytes of all files in documents."""
    digest = hashlib.sha256()
    for path in sorted((out / "documents").iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def kept_ids(out, source) -> list[str]:
    paths = sorted((out / "documents").glob(f"{source}-*.jsonl"))
    return [json.loads(line)["id"] for p in paths for line in p.read_text().splitlines()]
