"""Does curation make a better model? The same sources, raw and curated, in the same training.

    python examples/curated_or_raw.py recipe.yaml --held-out books laws

Of the sources named by --held-out one document in twenty is in neither corpus, together with all
that is nearly like it. The recipe makes the curated corpus. The raw one is the same records with
every step off: all text of a page, with its menus, notices and footers, and spam and copies as they
were found. Both are mixed at the recipe's weights, with one vocabulary that is learned from both. A
model of the same shape and seed reads as many tokens of each, and what counts is how many bits a
byte of the held-out texts costs it. The sources have to fit into memory, three times.
"""

import argparse
import json
import os
import zlib
from pathlib import Path

from resiliparse.extract.html2text import extract_plain_text

from gptengine import Config, Model, Tokenizer, curate, pretrain
from gptengine.curate.mixing import beginning, documents_of
from gptengine.curate.near import near_groups, signatures
from gptengine.curate.readers import read_file
from gptengine.curate.recipe import STEPS, find_files, load_recipe
from gptengine.curate.settings import plain
from gptengine.data import TokenShards, write_shards
from gptengine.train.evaluate import bytes_per_token, evaluate

HELD_OUT = 0.05
LEARNED_FROM = 4 << 20  # bytes of each source, raw and curated, for the vocabulary
KINDS = ("raw", "curated")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--held-out", nargs="+", required=True, help="sources to test on")
    parser.add_argument("--out", type=Path, default=Path("runs/curated_or_raw"))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=16, help="texts of a step")
    parser.add_argument("--context", type=int, default=256, help="tokens of a text")
    parser.add_argument("--vocab-size", type=int, default=4096)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--model-dim", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=1, help="models of each: what is chance?")
    args = parser.parse_args()
    out = args.out.resolve()
    recipe, base = load_recipe(args.recipe)
    unknown = {*args.held_out} - {*recipe.sources}
    if unknown:
        parser.error(f"--held-out {min(unknown)} is none of {', '.join(recipe.sources)}")
    os.chdir(base)  # from where the recipe means its paths
    held_out = write_texts(recipe, args.held_out, out / "texts")
    recipes = {kind: changed(recipe, kind, out, args) for kind in KINDS}
    for kind in KINDS:
        account = curate.run(recipes[kind], out / kind)["account"]
        print(f"{kind}: {account}", flush=True)
    parts = [documents_of(out / kind, name) for kind in KINDS for name in recipe.sources]
    texts = (text for paths in parts for text in beginning(paths, LEARNED_FROM))
    tok = Tokenizer.train(texts, vocab_size=args.vocab_size)
    tok.save(out / "tokenizer")
    for kind in KINDS:
        mixture = curate.mix(recipes[kind], out / kind)
        print(f"{kind}: {mixture['tokens']:,} tokens", flush=True)
        for name, share in mixture["sources"].items():
            print(f"    {name:16} {share['reached']:7.2%}  read {share['epochs']:.2f} times")
    for name, some in held_out.items():
        write_shards(some, out / "held_out" / name, tok, held_out=0)
    scores = [
        [trained(out / kind, tok, seed, args) for kind in KINDS] for seed in range(args.seeds)
    ]
    print(f"{'bits a byte':16}{'seed':>6}{KINDS[0]:>10}{KINDS[1]:>10}")
    for name in args.held_out:
        for seed, (raw, curated) in enumerate(scores):
            change = curated[name] / raw[name] - 1
            print(f"{name:16}{seed:6}{raw[name]:10.4f}{curated[name]:10.4f}  {change:+.2%}")


def write_texts(recipe, held_out, folder):
    """Each source's records as files for either corpus; and by source what is in neither."""
    left_out = {}
    for name, source in recipe.sources.items():
        records = [
            record
            for path in find_files(source.path, ".")
            for record in read_file(path, source.read_options())
            if hasattr(record, "content")  # what cannot be read is neither raw nor curated
        ]
        if name in held_out:
            texts = [record.content for record in records]
            keeper = near_groups(signatures(texts)).keeper.tolist()
            held = [zlib.crc32(texts[first].encode()) < HELD_OUT * 2**32 for first in keeper]
            left_out[name] = [t for t, out in zip(texts, held, strict=True) if out]
            if not left_out[name]:
                raise SystemExit(f"{name}: none of {len(texts)} texts is held out: it needs more")
            records = [r for r, out in zip(records, held, strict=True) if not out]
        for kind in KINDS:
            path = folder / kind / f"{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                for record in records:
                    file.write(json.dumps(as_found(record, kind)) + "\n")
    return left_out


def as_found(record, kind):
    """A record as a line of JSON: of a page all its text, or the page for the recipe's steps."""
    content, field = record.content, record.kind
    if kind == "raw" and field == "html":
        content, field = extract_plain_text(content, main_content=False), "text"
    known = dict(id=record.own_id, url=record.url, license=record.licence)
    return record.meta | known | {field: content}


def changed(recipe, kind, out, args):
    """The recipe over the files of `kind`, raw without any step, and for so many tokens."""
    mapping = plain(recipe)
    if kind == "raw":
        mapping |= dict.fromkeys(STEPS, False)
    for name, source in mapping["sources"].items():
        path = str(out / "texts" / kind / f"{name}.jsonl")
        source |= dict(path=path, format="", field="", html_field="", max_epochs=1000)
        source |= dict(licences=()) if kind == "raw" else {}
    tokens = args.steps * args.batch * args.context
    blocks = dict(length=args.context, batch=args.batch, tokens=tokens, held_out=0)
    return mapping | {"blocks": blocks | {"tokenizer": str(out / "tokenizer")}}


def trained(folder, tok, seed, args):
    """Bits a byte of each held-out source, of a model trained on a folder's tokens."""
    shape = dict(layers=args.layers, heads=max(1, args.model_dim // 64), model_dim=args.model_dim)
    model = Model(Config(tok.vocab_size, args.context, **shape), seed=seed)
    how = dict(steps=args.steps, batch=args.batch, context=args.context, seed=seed, sample_every=0)
    pretrain(model, tok, folder / "tokens", folder / f"model{seed}", **how)
    scores = {}
    for name in args.held_out:
        shards = TokenShards(folder.parent / "held_out" / name)
        found = evaluate(model, shards, bytes_per_token(tok), args.batch, args.context, 1 << 18)
        scores[name] = found["val_bpb"]
    return scores


if __name__ == "__main__":
    main()
