"""A peer in a process of its own: it works when told to, and sleeps while others have a turn."""

import json
import os
import select
import subprocess


class Peer:
    """Runs a program that reads commands from stdin and answers each with a line of JSON."""

    def __init__(self, python, program, flags, threads, limit, quiet=False):
        """flags: values by name, True for a flag alone. limit: seconds to wait for an answer."""
        words = [f"--{k}" if v is True else f"--{k}={v}" for k, v in flags.items()]
        self.limit = limit
        self.process = subprocess.Popen(
            [python, str(program), f"--threads={threads}", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        )

    def ask(self, command):
        """The answer to a command, or None if the process died or took too long."""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        ready, _, _ = select.select([self.process.stdout], [], [], self.limit)
        line = self.process.stdout.readline() if ready else ""
        return json.loads(line) if line else None

    def kill(self):
        self.process.kill()
        self.process.wait()
