"""A forked child and its parent's models: no call waits for a thread that is not there."""

import os

import pytest

from core.run import run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

SCRIPT = """
import signal
from gptengine import Config, Model
model = Model(Config(300, 256, 2, 4, 64))
batch = np.arange(256, dtype=np.int32).reshape(1, 256) % 300
want = model.logprob(batch, batch)

def child(call):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)  # a child that hangs ends by it
        try:
            call()
            os._exit(0)
        except ValueError as error:
            os._exit(3 if "forked" in str(error) else 4)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def same():
    np.testing.assert_array_equal(model.logprob(batch, batch), want)
"""


def test_a_model_at_rest_works_in_the_child():
    script = """
def grandchild():
    same()
    assert child(same) == 0
print([child(grandchild) for _ in range(3)])
same()"""
    assert run(SCRIPT + script, PYTHONWARNINGS="ignore") == (0, "[0, 0, 0]", "")


def test_a_model_in_use_says_so_in_the_child():
    """Its call was cut there: what it holds is half written."""
    script = """
running = True
def others():
    while running:
        model.logprob(np.tile(batch, (8, 1)), np.tile(batch, (8, 1)))
other = threading.Thread(target=others)
other.start()
def twice():
    try:
        same()
    except ValueError:
        same()
def another():
    Model(model.config).logprob(batch, batch)
seen = {child(twice) for _ in range(20)}
rest = {child(another) for _ in range(3)}
running = False
other.join()
same()
assert 3 in seen and seen <= {0, 3}, seen
print(rest)"""
    assert run(SCRIPT + script, PYTHONWARNINGS="ignore") == (0, "{0}", "")
