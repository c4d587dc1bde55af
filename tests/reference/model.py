"""The whole transformer in plain NumPy, float64: what the engine has to compute.

`forward` and the heads are analytic as written, so that the complex step differentiates them;
`backward` spells the same gradients out. A block's backward first repeats the block's forward:
only the input of each block is kept. `c` is a gptengine.Config, `p` maps names to arrays.

Sizes: N tokens of all segments, C model_dim, H heads, K kv_heads, D head_dim, V vocab_size.
"""

import math

import numpy as np

from reference.layers import (
    activation,
    activation_backward,
    linear,
    linear_backward,
    norm,
    norm_backward,
    rope,
    rope_frequencies,
    segment_attention,
    segment_attention_backward,
)


def parameter_shapes(c):
    """Name to shape of every parameter, matrices (the weight-decayed ones) first."""
    C, D, H, K, F = c.model_dim, c.head_dim, c.heads, c.kv_heads, c.hidden_dim
    fc = 2 * F if c.activation == "swiglu" else F
    matrices, vectors = {"wte": (c.vocab_size, C)}, {}
    if c.position == "learned":
        matrices["wpe"] = (c.context_length, C)
    if c.token_types:
        matrices["wtt"] = (c.token_types, C)

    def norm_shapes(name):
        vectors[f"{name}.weight"] = (C,)
        if c.norm == "layer" and c.bias:
            vectors[f"{name}.bias"] = (C,)

    if c.embedding_norm:
        norm_shapes("embedding_norm")
    for h in (f"h.{i}" for i in range(c.layers)):
        matrices[f"{h}.attn.qkv.weight"] = ((H + 2 * K) * D, C)
        matrices[f"{h}.attn.proj.weight"] = (C, H * D)
        matrices[f"{h}.mlp.fc.weight"] = (fc, C)
        matrices[f"{h}.mlp.proj.weight"] = (C, F)
        norm_shapes(f"{h}.norm1")
        if c.qkv_bias:
            vectors[f"{h}.attn.qkv.bias"] = ((H + 2 * K) * D,)
        if c.qk_norm:
            vectors[f"{h}.attn.q_norm.weight"] = vectors[f"{h}.attn.k_norm.weight"] = (D,)
        if c.bias:
            vectors[f"{h}.attn.proj.bias"] = (C,)
        norm_shapes(f"{h}.norm2")
        if c.bias:
            vectors[f"{h}.mlp.fc.bias"] = (fc,)
            vectors[f"{h}.mlp.proj.bias"] = (C,)
    if c.norm_order == "pre":
        norm_shapes("norm")
    if c.head != "lm":
        matrices["head.weight"], vectors["head.bias"] = (1, C), (1,)
    elif not c.tied:
        matrices["lm_head.weight"] = (c.vocab_size, C)
    return matrices | vectors


def random_parameters(c, rng, scale=0.2):
    """Weights large enough that every gradient is well above rounding; norms lie around 1."""
    return {
        name: rng.normal(size=shape) * scale + (".weight" in name and len(shape) == 1)
        for name, shape in parameter_shapes(c).items()
    }


# ---------------------------------------------------------------- tokens to hidden states


def positions_of(segments):
    """(N,) the position of each token in its own segment."""
    return np.concatenate([np.arange(length) for length in np.diff(segments)])


def sinusoids(positions, C):
    """sin and cos of position / 10000^(2i/C) in turn (Vaswani et al. 2017)."""
    angles = positions[:, None] * 10000.0 ** (-np.arange(0, C, 2) / C)
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(len(positions), C)


def alibi_slopes(H):
    """2^(-8(h+1)/H); for other than powers of two every second slope of the next (Press 2021)."""
    power = 2 ** math.floor(math.log2(H))
    slopes = [2.0 ** (-8 * (h + 1) / power) for h in range(power)]
    return np.array(slopes + [2.0 ** (-4 * (2 * h + 1) / power) for h in range(H - power)])


def embed(c, p, tokens, segments, types=0):
    """(N, C), before the norm of the embedding; types: (N,), or one for all tokens."""
    x, positions = p["wte"][tokens], positions_of(segments)
    if c.position == "learned":
        x = x + p["wpe"][positions]
    if c.position == "sinusoidal":
        x = x + sinusoids(positions, c.model_dim)
    if c.token_types:
        x = x + p["wtt"][types]
    return x


def normed(c, p, name, x):
    return norm(c.norm, x, p[f"{name}.weight"], p.get(f"{name}.bias"), c.norm_eps)


def projected(p, name, x):
    return linear(x, p[f"{name}.weight"], p.get(f"{name}.bias"))


def turned(c, x, positions):
    scaling = c.rope_scaling, c.rope_factor, c.rope_context, c.rope_low, c.rope_high
    longrope = c.rope_attention, c.rope_divisors
    frequencies = rope_frequencies(c.rope_theta, c.head_dim // 2, *scaling, *longrope)
    return rope(x, positions, *frequencies)


def queries_keys_values(c, p, name, qkv, segments):
    """(N, H, D), (N, K, D), (N, K, D): normalised and rotated."""
    H, K = c.heads, c.kv_heads
    q, k, v = np.split(qkv.reshape(len(qkv), H + 2 * K, c.head_dim), [H, H + K], axis=1)
    if c.qk_norm:
        q = norm("rms", q, p[f"{name}.q_norm.weight"], None, c.norm_eps)
        k = norm("rms", k, p[f"{name}.k_norm.weight"], None, c.norm_eps)
    if c.position == "rope":
        positions = positions_of(segments)
        q, k = turned(c, q, positions), turned(c, k, positions)
    return q, k, v


def attend(c, name, q, k, v, segments):
    slopes = alibi_slopes(c.heads) if c.position == "alibi" else None
    spans = zip(segments[:-1], segments[1:], strict=True)
    window = c.window_of(int(name.split(".")[1]))
    return np.concatenate(
        [segment_attention(q[a:b], k[a:b], v[a:b], c.causal, slopes, window) for a, b in spans]
    )


def attention(c, p, name, x, segments):
    q, k, v = queries_keys_values(c, p, name, projected(p, f"{name}.qkv", x), segments)
    y = attend(c, name, q, k, v, segments)
    return projected(p, f"{name}.proj", y.reshape(len(x), -1))


def mlp(c, p, name, x):
    return projected(p, f"{name}.proj", activation(c.activation, projected(p, f"{name}.fc", x)))


def block(c, p, name, x, segments):
    if c.norm_order == "pre":
        x = x + attention(c, p, f"{name}.attn", normed(c, p, f"{name}.norm1", x), segments)
        return x + mlp(c, p, f"{name}.mlp", normed(c, p, f"{name}.norm2", x))
    x = normed(c, p, f"{name}.norm1", x + attention(c, p, f"{name}.attn", x, segments))
    return normed(c, p, f"{name}.norm2", x + mlp(c, p, f"{name}.mlp", x))


def forward(c, p, tokens, segments, types=0):
    """hidden (N, C), and the inputs of every block and of the final norm for `backward`."""
    x = embed(c, p, tokens, segments, types)
    inputs = [normed(c, p, "embedding_norm", x) if c.embedding_norm else x]
    for i in range(c.layers):
        inputs.append(block(c, p, f"h.{i}", inputs[-1], segments))
    return (normed(c, p, "norm", inputs[-1]) if c.norm_order == "pre" else inputs[-1]), inputs


# ---------------------------------------------------------------- heads


def vocabulary(c, p):
    return p["wte" if c.tied else "lm_head.weight"]


def logits_of(c, p, hidden):
    return hidden @ vocabulary(c, p).T


def logprobs(logits):
    shifted = logits - logits.real.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def logp_of(c, p, hidden, targets):
    """(N,) log p of each target; 0 where the target is negative."""
    logp = logprobs(logits_of(c, p, hidden))
    return np.where(targets < 0, 0, logp[np.arange(len(targets)), np.maximum(targets, 0)])


def values_of(c, p, hidden, segments):
    """(N,) of a value head, (B,) of a reward head, which reads each segment's last token."""
    rows = hidden if c.head == "value" else hidden[np.asarray(segments[1:]) - 1]
    return rows @ p["head.weight"][0] + p["head.bias"][0]


# ---------------------------------------------------------------- backward


def backward(c, p, tokens, segments, targets=None, dlogp=None, dvalue=None, types=0):
    """Gradients of sum(dlogp * logp), or of sum(dvalue * values), by parameter name."""
    g = {name: np.zeros(array.shape) for name, array in p.items()}
    hidden, inputs = forward(c, p, tokens, segments, types)
    if c.head == "lm":
        dx = logp_backward(c, p, g, hidden, targets, dlogp)
    else:
        dx = values_backward(c, p, g, hidden, segments, dvalue)
    if c.norm_order == "pre":
        dx = normed_backward(c, p, g, "norm", dx, inputs[-1])
    for i in reversed(range(c.layers)):
        dx = block_backward(c, p, g, f"h.{i}", dx, inputs[i], segments)
    if c.embedding_norm:
        x = embed(c, p, tokens, segments, types)
        dx = normed_backward(c, p, g, "embedding_norm", dx, x)
    np.add.at(g["wte"], tokens, dx)
    if c.token_types:
        np.add.at(g["wtt"], np.broadcast_to(types, tokens.shape), dx)
    if c.position == "learned":
        np.add.at(g["wpe"], positions_of(segments), dx)
    return g


def logp_backward(c, p, g, hidden, targets, dlogp):
    dlogp = np.where(targets < 0, 0, dlogp)
    dlogits = -np.exp(logprobs(logits_of(c, p, hidden))) * dlogp[:, None]
    dlogits[np.arange(len(targets)), np.maximum(targets, 0)] += dlogp
    g["wte" if c.tied else "lm_head.weight"] += dlogits.T @ hidden
    return dlogits @ vocabulary(c, p)


def values_backward(c, p, g, hidden, segments, dvalue):
    rows = slice(None) if c.head == "value" else np.asarray(segments[1:]) - 1
    g["head.weight"] += dvalue @ hidden[rows]
    g["head.bias"] += dvalue.sum()
    dhidden = np.zeros_like(hidden)
    dhidden[rows] = np.outer(dvalue, p["head.weight"])
    return dhidden


def normed_backward(c, p, g, name, dy, x):
    dx, dw, db = norm_backward(c.norm, dy, x, p[f"{name}.weight"], c.norm_eps)
    g[f"{name}.weight"] += dw
    if f"{name}.bias" in g:
        g[f"{name}.bias"] += db
    return dx


def projected_backward(p, g, name, dy, x):
    dx, dw, db = linear_backward(dy, x, p[f"{name}.weight"])
    g[f"{name}.weight"] += dw
    if f"{name}.bias" in g:
        g[f"{name}.bias"] += db
    return dx


def mlp_backward(c, p, g, name, dy, x):
    pre = projected(p, f"{name}.fc", x)
    dact = projected_backward(p, g, f"{name}.proj", dy, activation(c.activation, pre))
    return projected_backward(p, g, f"{name}.fc", activation_backward(c.activation, dact, pre), x)


def attention_backward(c, p, g, name, dy, x, segments):
    N, H, K, D = len(x), c.heads, c.kv_heads, c.head_dim
    qkv = projected(p, f"{name}.qkv", x)
    q, k, v = queries_keys_values(c, p, name, qkv, segments)
    y = attend(c, name, q, k, v, segments).reshape(N, -1)
    dy = projected_backward(p, g, f"{name}.proj", dy, y).reshape(N, H, D)
    slopes = alibi_slopes(H) if c.position == "alibi" else None
    spans = zip(segments[:-1], segments[1:], strict=True)
    window = c.window_of(int(name.split(".")[1]))
    parts = [
        segment_attention_backward(dy[a:b], q[a:b], k[a:b], v[a:b], c.causal, slopes, window)
        for a, b in spans
    ]
    dq, dk, dv = (np.concatenate(part) for part in zip(*parts, strict=True))
    if c.position == "rope":  # a rotation's transpose turns back
        back = -positions_of(segments)
        dq, dk = turned(c, dq, back), turned(c, dk, back)
    if c.qk_norm:
        q, k, _ = np.split(qkv.reshape(N, H + 2 * K, D), [H, H + K], axis=1)
        dq, dw, _ = norm_backward("rms", dq, q, p[f"{name}.q_norm.weight"], c.norm_eps)
        g[f"{name}.q_norm.weight"] += dw
        dk, dw, _ = norm_backward("rms", dk, k, p[f"{name}.k_norm.weight"], c.norm_eps)
        g[f"{name}.k_norm.weight"] += dw
    dqkv = np.concatenate([dq, dk, dv], axis=1).reshape(N, -1)
    return projected_backward(p, g, f"{name}.qkv", dqkv, x)


def block_backward(c, p, g, name, dy, x, segments):
    norm1, norm2, attn, ff = f"{name}.norm1", f"{name}.norm2", f"{name}.attn", f"{name}.mlp"
    if c.norm_order == "pre":
        x1 = normed(c, p, norm1, x)
        mid = x + attention(c, p, attn, x1, segments)
        dff = mlp_backward(c, p, g, ff, dy, normed(c, p, norm2, mid))
        dmid = dy + normed_backward(c, p, g, norm2, dff, mid)
        dattn = attention_backward(c, p, g, attn, dmid, x1, segments)
        return dmid + normed_backward(c, p, g, norm1, dattn, x)
    sum1 = x + attention(c, p, attn, x, segments)
    mid = normed(c, p, norm1, sum1)
    dsum2 = normed_backward(c, p, g, norm2, dy, mid + mlp(c, p, ff, mid))
    dmid = dsum2 + mlp_backward(c, p, g, ff, dsum2, mid)
    dsum1 = normed_backward(c, p, g, norm1, dmid, sum1)
    return dsum1 + attention_backward(c, p, g, attn, dsum1, x, segments)
