"""Where each head of each layer looks: attention weights out of the engine's own pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gptengine.batch import int_vector
from gptengine.model import Model


def attention_maps(model: Model, tokens, layers: Sequence[int] | None = None) -> np.ndarray:
    """(L, H, T, T) float32: how much token i of a text (rows) takes from token j (columns).

    tokens: (T,) ids of one text, at most the model's context. layers: which ones (None: all), by
    number from 0 or, as in a list, from the end; L counts those. A row sums to 1, and is 0 where
    the model does not look: ahead in a causal model, and beyond its window.

    The engine keeps no weights. These are exp(scale q.k - slope distance - lse) of the queries, the
    keys and the log-sum-exp of its pass, the formula of cpp/ops/attention.h.
    """
    c = model.config
    layers = range(c.layers) if layers is None else [check_layer(i, c.layers) for i in layers]
    tokens = int_vector(tokens)
    T, H, K, D = len(tokens), c.heads, c.kv_heads, c.head_dim
    qkv, lse, slopes = model.engine.attention(tokens, np.array([0, T], np.int32))
    parts = qkv.numpy().reshape(c.layers, T, H + 2 * K, D).swapaxes(1, 2)  # heads before tokens
    lse = lse.numpy().swapaxes(1, 2)
    back = np.arange(T)[:, None] - np.arange(T)  # tokens from i back to j
    maps = np.empty((len(layers), H, T, T), np.float32)
    for out, i in zip(maps, layers, strict=True):
        q, k = parts[i, :H].reshape(K, H // K, T, D), parts[i, H : H + K, None]
        scores = (q @ k.swapaxes(-1, -2)).reshape(H, T, T) / np.float32(math.sqrt(D))
        if slopes is not None:
            scores -= slopes.numpy()[:, None, None] * np.abs(back).astype(np.float32)
        hidden = (back < 0) & c.causal | (back >= (c.window_of(i) or T))
        scores[:, hidden] = -np.inf
        np.exp(scores - lse[i, :, :, None], out=out)
    return maps


def check_layer(layer: int, layers: int) -> int:
    if not -layers <= layer < layers:
        raise ValueError(f"attention: layer {layer} must be in [0, {layers}), the model's layers")
    return layer % layers


def habits(maps: np.ndarray) -> dict[str, np.ndarray]:
    """What a head does on average over a text's tokens but the first, (L, H) by name.

    Shares of the attention: "first" on the text's first token, "before" on the token before,
    "itself" on the token itself; "distance": how many tokens away it looks. maps: (L, H, T, T) with
    T above 1. For the second token the first is the one before, and counts as both.
    """
    T = maps.shape[-1]
    if T < 2:
        raise ValueError(f"habits: {T} token; a text needs at least 2")
    at = np.arange(1, T)
    away = np.abs(at[:, None] - np.arange(T))
    rows = maps[:, :, 1:]
    return {
        "first": rows[..., 0].mean(-1),
        "before": maps[:, :, at, at - 1].mean(-1),
        "itself": maps[:, :, at, at].mean(-1),
        "distance": (rows * away).sum(-1).mean(-1),
    }
