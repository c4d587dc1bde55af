"""Seconds of `import gptengine` and of the engine behind it, each in fresh processes.

python bench/import_time.py
"""

import json
import statistics
import subprocess
import sys

CODE = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
STATEMENTS = {
    "package": "import gptengine",
    "engine": "import gptengine._core",
    "model": "from gptengine import Model",
}


def seconds(statement, runs=7):
    """The median; the first run only warms the file cache."""
    command = [sys.executable, "-c", CODE.format(statement)]
    times = [float(subprocess.check_output(command, text=True)) for _ in range(runs + 1)]
    return statistics.median(times[1:])


if __name__ == "__main__":
    times = {name: round(seconds(statement), 4) for name, statement in STATEMENTS.items()}
    print(json.dumps(dict(bench="import_time", **times)))
