"""Build and run the benchmarks: all of them, or those that are named.

    python -m bench                # everything
    python -m bench gemm train     # bench/gemm.cpp and bench/train.py
    python -m bench --list

C++ benchmarks are built into build/bench. Those in Python have options of their own when they are
run as files: python bench/train.py --help. The last line is one JSON object, by name.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
BUILD = ROOT / "build" / "bench"


def main():
    programs = sorted(path.stem for path in HERE.glob("*.cpp"))
    scripts = sorted(p.stem for p in HERE.glob("*.py") if p.name != Path(__file__).name)
    parser = argparse.ArgumentParser(prog="python -m bench", description="Run benchmarks.")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(programs + scripts))
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    args = parser.parse_args()
    for name in args.names:
        if name not in programs + scripts:
            parser.error(f"{name!r} is none of {', '.join(programs + scripts)}")
    if args.list:
        print(*programs, *scripts, sep="\n")
        return
    names = args.names or programs + scripts
    build([name for name in names if name in programs])
    results = {}
    for name in names:
        print(f"\n{name}", flush=True)
        script = [sys.executable, str(HERE / f"{name}.py")]
        results[name] = run(
            [str(BUILD / "bench" / f"bench_{name}")] if name in programs else script
        )
    print(json.dumps(results))


def build(names):
    """Compile the C++ benchmarks of those names."""
    if not names:
        return
    for tool in "cmake", "ninja":
        if not shutil.which(tool):
            sys.exit(f"python -m bench: {tool} is not there: pip install '.[dev]'")
    flags = [
        "-DGPTE_BENCH=ON",
        "-DCMAKE_BUILD_TYPE=Release",
        f"-DPython_EXECUTABLE={sys.executable}",
    ]
    configure = ["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", *flags]
    compile_them = ["cmake", "--build", BUILD, "--parallel", str(len(os.sched_getaffinity(0)))]
    compile_them += ["--target", *(f"bench_{name}" for name in names)]
    for command in configure, compile_them:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{done.stdout[-4000:]}{done.stderr}\npython -m bench: the build failed")


def run(command):
    """Pass its lines on and return the last one, which is JSON."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        last = "{}"
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line
    if process.returncode:
        sys.exit(f"python -m bench: {Path(command[-1]).name} ended with {process.returncode}")
    return json.loads(last)


if __name__ == "__main__":
    main()
