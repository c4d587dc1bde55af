"""What the tests of the model share: a Model with given weights, its outputs, and their error."""

import numpy as np

from gptengine import Model


def engine(c, p, dtype="float32", recompute=0):
    """A Model of config `c` with the weights `p`."""
    model = Model(c, dtype=dtype, recompute=recompute)
    model.set_parameters({name: array.astype(np.float32) for name, array in p.items()})
    return model


def error(got, want):
    """The largest difference relative to the largest true value."""
    return np.abs(np.asarray(got, np.float64) - want).max() / max(np.abs(want).max(), 1e-30)


def bits(*arrays):
    """Arrays as one byte string: -0.0 differs from 0.0, and a NaN equals itself."""
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


def outputs_and_gradients(model, tokens, targets, segments, dy):
    """Everything the reference knows: logp, logits or values, hidden states, all gradients."""
    if model.config.head == "lm":
        out = {"logp": model.forward(tokens, targets, segments)}
        model.backward(dy)
        out["logits"] = model.logits(tokens, segments, last_only=False)
    else:
        read = slice(None) if model.config.head == "value" else segments[1:] - 1
        dvalue = np.zeros(len(tokens), np.float32)
        dvalue[read] = dy
        out = {"values": model.values(tokens, segments, keep=True)[read]}
        model.backward(dvalue=dvalue)
    gradients = {name: g.copy() for name, g in model.gradients().items()}
    return out | {"hidden": model.hidden(tokens, segments)} | gradients
