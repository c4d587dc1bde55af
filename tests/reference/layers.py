"""The layers of tests/reference/model.py: each formula, and its gradient spelled out.

A backward takes dy and what its forward took, and returns the gradients in that order.
"""

import math

import numpy as np


def linear(x, w, b):
    y = x @ w.T
    return y if b is None else y + b


def linear_backward(dy, x, w):
    return dy @ w, dy.T @ x, dy.sum(0)


def norm(kind, x, w, b, eps):
    """Layer norm (Ba et al. 2016) or RMS norm (Zhang, Sennrich 2019) over the last axis."""
    centered = x - x.mean(-1, keepdims=True) if kind == "layer" else x
    y = centered * ((centered * centered).mean(-1, keepdims=True) + eps) ** -0.5 * w
    return y if b is None else y + b


def norm_backward(kind, dy, x, w, eps):
    centered = x - x.mean(-1, keepdims=True) if kind == "layer" else x
    rstd = ((centered * centered).mean(-1, keepdims=True) + eps) ** -0.5
    unit, rows = centered * rstd, tuple(range(x.ndim - 1))
    dunit = dy * w
    dx = rstd * (dunit - unit * (dunit * unit).mean(-1, keepdims=True))
    if kind == "layer":
        dx -= dx.mean(-1, keepdims=True)
    return dx, (dy * unit).sum(rows), dy.sum(rows)


def erf(x):
    """Exact to first order in the imaginary part, which is all that the complex step reads."""
    real = np.vectorize(math.erf, otypes=[float])(x.real)
    if not np.iscomplexobj(x):
        return real
    return real + 1j * x.imag * 2 / math.sqrt(math.pi) * np.exp(-(x.real**2))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def activation(kind, x):
    if kind == "gelu":
        return x * (1 + erf(x / math.sqrt(2))) / 2
    if kind == "gelu_tanh":
        return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    if kind == "relu":
        return x * (x.real > 0)
    if kind == "silu":
        return x * sigmoid(x)
    gate, up = np.split(x, 2, axis=-1)  # swiglu
    return gate * sigmoid(gate) * up


def activation_backward(kind, dy, x):
    if kind == "gelu":
        density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        return dy * ((1 + erf(x / math.sqrt(2))) / 2 + x * density)
    if kind == "gelu_tanh":
        t = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
        inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
        return dy * ((1 + t) / 2 + x * (1 - t * t) * inner / 2)
    if kind == "relu":
        return dy * (x > 0)
    if kind == "silu":
        s = sigmoid(x)
        return dy * (s + x * s * (1 - s))
    gate, up = np.split(x, 2, axis=-1)
    dgate = activation_backward("silu", dy * up, gate)
    return np.concatenate([dgate, dy * activation("silu", gate)], axis=-1)


def rope_frequencies(
    theta, half, kind="none", factor=1.0, context=0, low=1.0, high=4.0, attention=1.0, divisors=()
):
    """(half,) frequencies and the number that multiplies cos and sin."""
    f = theta ** (-np.arange(half) / half)
    if kind in ("none", "dynamic"):
        return f, 1
    if kind == "longrope":
        return f / np.array(divisors), attention
    if kind == "linear":
        return f / factor, 1
    if kind == "llama3":  # as Llama 3.1: by the wave's length beside the context's
        length = 2 * np.pi / f
        smooth = (context / length - low) / (high - low)
        middle = (1 - smooth) * f / factor + smooth * f
        middle = np.where(length < context / high, f, middle)
        return np.where(length > context / low, f / factor, middle), 1
    pair = lambda turns: half * np.log(context / (turns * 2 * np.pi)) / np.log(theta)
    first, last = max(np.floor(pair(high)), 0), min(np.ceil(pair(low)), 2 * half - 1)
    ramp = np.clip((np.arange(half) - first) / ((last - first) or 0.001), 0, 1)
    return f / factor * ramp + f * (1 - ramp), 1 + 0.1 * np.log(factor)


def rope(x, positions, frequencies, m=1):
    """Turn each pair (x[i], x[i + D/2]) by position * frequency (Su et al. 2021), times m."""
    angles = positions[:, None, None] * frequencies
    a, b = np.split(x, 2, axis=-1)
    cos, sin = m * np.cos(angles), m * np.sin(angles)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def attention_weights(q, k, causal, slopes, window=0):
    """(H, T, T) softmax over the keys; q: (T, H, D), k: (T, H, D)"""
    t = np.arange(len(q))
    scores = np.einsum("thd,shd->hts", q, k) / math.sqrt(q.shape[-1])
    if slopes is not None:  # ALiBi: the farther, the less
        scores = scores - slopes[:, None, None] * abs(t[:, None] - t)
    if causal:
        scores = np.where(t[:, None] >= t, scores, -np.inf)
    if window:
        scores = np.where(t[:, None] - t < window, scores, -np.inf)
    weights = np.exp(scores - scores.real.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def segment_attention(q, k, v, causal, slopes, window=0):
    """One segment's attention. q, y: (T, H, D); k, v: (T, K, D), each serves H/K query heads."""
    k, v = (np.repeat(a, q.shape[1] // a.shape[1], axis=1) for a in (k, v))
    return np.einsum("hts,shd->thd", attention_weights(q, k, causal, slopes, window), v)


def segment_attention_backward(dy, q, k, v, causal, slopes, window=0):
    T, K, D = k.shape
    k, v = (np.repeat(a, q.shape[1] // K, axis=1) for a in (k, v))
    weights = attention_weights(q, k, causal, slopes, window)
    dweights = np.einsum("thd,shd->hts", dy, v)
    dscores = weights * (dweights - (dweights * weights).sum(-1, keepdims=True)) / math.sqrt(D)
    dq = np.einsum("hts,shd->thd", dscores, k)
    dk = np.einsum("hts,thd->shd", dscores, q)
    dv = np.einsum("hts,thd->shd", weights, dy)
    return dq, *(d.reshape(T, K, -1, D).sum(2) for d in (dk, dv))
