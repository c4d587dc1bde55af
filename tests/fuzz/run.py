"""Builds the fuzz targets and runs each for a while; fails if one finds something.

The last line is the total, and names what could not run.

python tests/fuzz/run.py --seconds 60           # all of them, two at a time
python tests/fuzz/run.py split encode           # these alone
"""

import argparse
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import util
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ENGINE = sorted(p.stem.removeprefix("fuzz_") for p in HERE.glob("fuzz_*.cpp"))
READERS = [
    "tokenizer_json",
    "tiktoken",
    "vocab_merges",
    "gguf",
    "gguf_model",
    "safetensors",
    "tekken",
    "sentencepiece",
    "subword_nmt",
    "wordpiece",
    "wordpiece_json",
    "documents_text",
    "documents_markdown",
    "documents_html",
    "documents_jsonl",
    "documents_jsonl_gz",
    "documents_warc",
    "documents_warc_gz",
    "documents_jsonl_zst",
    "documents_warc_zst",
    "documents_parquet",
]
MOST_BYTES = {"specials": 1 << 13}  # of an input: until long names are read backwards
FINDING = 77  # the exit code of a target that found something
GRACE = 120  # seconds that a target may take longer than it was told


@dataclasses.dataclass(frozen=True)
class Result:
    """What a target did. failed: its log's last lines, or None."""

    name: str
    executions: int
    seconds: float
    coverage: tuple[int, int]
    corpus: tuple[int, int]
    failed: str | None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(ENGINE + READERS)}")
    parser.add_argument("--compiler", action="store_true", help="only print the clang++ to be used")
    parser.add_argument(
        "--require", action="store_true", help="fail where a target of the engine cannot run"
    )
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time")
    parser.add_argument("--build", type=Path, default=ROOT / "build/fuzz", help="also the corpora")
    args = parser.parse_args()
    if args.compiler:
        compiler = find_clang()
        print(compiler or "no clang++ with libFuzzer")
        sys.exit(compiler is None)
    unknown = set(args.targets) - {*ENGINE, *READERS}
    if unknown:
        parser.error(f"{min(unknown)} is none of {', '.join(ENGINE + READERS)}")
    build = args.build.resolve()
    wanted = args.targets or ENGINE + READERS
    commands = engine_commands(build, [name for name in ENGINE if name in wanted])
    commands |= reader_commands([name for name in READERS if name in wanted])
    with ThreadPoolExecutor(args.jobs) as pool:
        fuzz_one = lambda name: fuzz(name, commands[name], build, args.seconds)
        results = list(pool.map(fuzz_one, commands))
    for result in results:
        if result.failed is not None:
            print(f"\n{result.name}: {result.failed}\n")
    not_run = [name for name in wanted if name not in commands]
    print(total(results, not_run))
    missing = args.require and any(name in ENGINE for name in not_run)
    sys.exit(missing or any(result.failed is not None for result in results))


def total(results, not_run):
    """One line: what ran, what was found, what did not run."""
    runs, seconds = sum(r.executions for r in results), sum(r.seconds for r in results)
    found = [r.name for r in results if r.failed is not None]
    line = f"fuzzing: {len(results)} targets, {runs} executions in {seconds:.0f} seconds of all, "
    line += f"{len(found)} with a finding{': ' if found else ''}{', '.join(found)}"
    return line + (f"; NOT RUN: {', '.join(not_run)}" if not_run else "")


def engine_commands(build, names):
    """The command of each target of the engine, built; none without a clang that has libFuzzer."""
    compiler = names and find_clang()
    if names and not compiler:
        print("fuzzing: no clang++ with libFuzzer, which the engine needs", flush=True)
    if not compiler:
        return {}
    configure = ["cmake", "-S", ROOT, "-B", build, "-DGPTE_FUZZ=ON", "-DCMAKE_BUILD_TYPE=Release"]
    configure += [f"-DCMAKE_CXX_COMPILER={compiler}"]
    configure += ["-G", "Ninja"] if shutil.which("ninja") else []
    targets = [f"fuzz_{name}" for name in names]
    call(configure)
    call(["cmake", "--build", build, "--parallel", str(os.cpu_count()), "--target", *targets])
    return {name: [build / "tests/fuzz" / f"fuzz_{name}"] for name in names}


def reader_commands(names):
    if names and util.find_spec("atheris") is None:
        print("fuzzing: no Atheris (pip install atheris), which the readers need", flush=True)
        return {}
    return {name: [sys.executable, HERE / "fuzz_readers.py", name] for name in names}


def find_clang():
    """A clang++ that can link a fuzz target, or None."""
    newest = [f"clang++-{version}" for version in range(30, 11, -1)]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "empty.cpp"
        source.write_text(
            'extern "C" int LLVMFuzzerTestOneInput(const char*, long) { return 0; }\n'
        )
        for compiler in [os.environ.get("CXX", "clang++"), "clang++", *newest]:
            if "clang" not in compiler or not shutil.which(compiler):
                continue
            command = [compiler, "-fsanitize=fuzzer,address,undefined", source]
            done = subprocess.run([*command, "-o", f"{folder}/out"], capture_output=True)
            if done.returncode == 0:
                return shutil.which(compiler)
    return None


def call(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{done.stdout[-5000:]}\n{' '.join(map(str, command))} failed")


def fuzz(name, command, build, seconds):
    """Runs a target from its seeds and what earlier runs found."""
    corpus, found = build / "corpus" / name, build / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    options = {
        "max_total_time": seconds,
        "max_len": MOST_BYTES.get(name, 1 << 15 if name in READERS else 1 << 11),
        "len_control": 10,  # long inputs soon: what fits into a scanner's window shows little
        "timeout": 30,
        "rss_limit_mb": 4096,
        "error_exitcode": FINDING,
        "timeout_exitcode": FINDING,
        "artifact_prefix": f"{found}/{name}-",
    }
    line = [*map(str, command), *(f"-{key}={value}" for key, value in options.items())]
    line += [str(corpus), str(HERE / "seeds" / name)]
    log, start = build / f"{name}.log", time.monotonic()
    with open(log, "w", errors="replace") as file:
        try:
            code = subprocess.run(
                line, stdout=file, stderr=file, timeout=seconds + GRACE, env=environment()
            ).returncode
        except subprocess.TimeoutExpired:
            code = FINDING
    result = summary(name, command, log.read_text(errors="replace"), code, time.monotonic() - start)
    print(
        f"{name:16} {result.executions:9} executions in {result.seconds:3.0f} s, coverage "
        f"{result.coverage[0]} -> {result.coverage[1]}, corpus {result.corpus[0]} -> "
        f"{result.corpus[1]}{'' if result.failed is None else ', A FINDING'}",
        flush=True,
    )
    return result


def environment():
    """Findings of UndefinedBehaviorSanitizer with their stack; our Python sources first."""
    paths = [str(ROOT / "python")] if any((ROOT / "python/gptengine").glob("_core*.so")) else []
    paths += [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    return {**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1", "PYTHONPATH": ":".join(paths)}


def summary(name, command, log, code, seconds):
    """What the log of libFuzzer says; its lines begin with the number of executions."""
    lines = re.findall(r"^#(\d+)\s.* cov: (\d+) ft: \d+ corp: (\d+)/", log, re.M)
    first, last = (lines[0], lines[-1]) if lines else (("0",) * 3, ("0",) * 3)
    done = re.search(r"^Done (\d+) runs", log, re.M)
    failed = None
    if code != 0:
        written = re.search(r"Test unit written to (\S+)", log)
        told = [line for line in log.splitlines() if not re.match(r"#\d+\s", line)]
        failed = "\n".join(told[-60:])
        if written:
            run = " ".join(map(str, [*command, written[1]]))
            failed += f"\nthe input is {written[1]}; again: {run}"
    return Result(
        name,
        int(done[1] if done else last[0]),
        seconds,
        (int(first[1]), int(last[1])),
        (int(first[2]), int(last[2])),
        failed,
    )


if __name__ == "__main__":
    main()
