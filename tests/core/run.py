"""Runs a script in a Python of its own: for what an environment variable or a fork decides."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent
START = "import os, sys, threading\nimport numpy as np\nfrom gptengine import _core\n"


def run(script, timeout=120, **environment):
    """(exit status, stdout, stderr) of the script, with these environment variables."""
    done = subprocess.run(
        [sys.executable, "-c", START + script],
        env=child_environment(**environment),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def child_environment(**environment):
    """This process's environment and module path, and these variables."""
    path = os.pathsep.join(p for p in [str(TESTS), *sys.path] if p)
    return {**os.environ, "PYTHONPATH": path, **environment}
