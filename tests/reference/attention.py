"""Attention and its gradient in NumPy, float64: the formulas of cpp/ops/attention.h."""

from itertools import pairwise

import numpy as np


def heads_of(qkv, H, K):
    """(n, H, D) queries, and keys and values repeated for the heads that read them."""
    D = qkv.shape[1] // (H + 2 * K)
    parts = qkv.reshape(len(qkv), H + 2 * K, D)
    of = np.arange(H) // (H // K)
    return parts[:, :H], parts[:, H + of], parts[:, H + K + of]


def scores(q, k, scale, causal, slopes, window):
    """(H, n, n)"""
    at = np.arange(len(q))
    distance = np.abs(at[:, None] - at[None, :])
    s = scale * np.einsum("ihd,jhd->hij", q, k)
    if slopes is not None:
        s = s - slopes[:, None, None] * distance
    if causal:
        s = np.where(at[:, None] >= at[None, :], s, -np.inf)
    if window:
        s = np.where(at[:, None] - at[None, :] < window, s, -np.inf)
    return s


def log_sum_exp(s):
    top = s.real.max(-1, keepdims=True)
    return np.log(np.exp(s - top).sum(-1, keepdims=True)) + top


def attention(qkv, segments, H, K, scale, causal, slopes=None, window=0):
    """y (N, H D) and lse (N, H)."""
    ys, lses = [], []
    for begin, end in pairwise(segments):
        q, k, v = heads_of(qkv[begin:end], H, K)
        if begin == end:
            continue
        s = scores(q, k, scale, causal, slopes, window)
        lse = log_sum_exp(s)
        ys.append(np.einsum("hij,jhd->ihd", np.exp(s - lse), v).reshape(end - begin, -1))
        lses.append(lse[:, :, 0].T)
    return np.concatenate(ys), np.concatenate(lses)


def attention_gradient(dy, qkv, segments, H, K, scale, causal, slopes=None, window=0):
    """dqkv (N, (H+2K) D)."""
    dqkv = np.zeros_like(qkv)
    D = qkv.shape[1] // (H + 2 * K)
    for begin, end in pairwise(segments):
        if begin == end:
            continue
        q, k, v = heads_of(qkv[begin:end], H, K)
        s = scores(q, k, scale, causal, slopes, window)
        p = np.exp(s - log_sum_exp(s))
        g = dy[begin:end].reshape(-1, H, D)
        dp = np.einsum("ihd,jhd->hij", g, v)
        ds = p * (dp - (p * dp).sum(-1, keepdims=True)) * scale
        out = dqkv[begin:end].reshape(-1, H + 2 * K, D)
        out[:, :H] = np.einsum("hij,jhd->ihd", ds, k)
        for h in range(H):
            out[:, H + h // (H // K)] += np.einsum("ij,id->jd", ds[h], q[:, h])
            out[:, H + K + h // (H // K)] += np.einsum("ij,id->jd", p[h], g[:, h])
    return dqkv
