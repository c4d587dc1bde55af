"""Segments of plain text, with ids between them, become ids end to end: the body of chat templates.

Each segment of text is encoded for itself, all of them at once.
"""

import numpy as np

from gptengine.tokenizer.arguments import several


def encode_segments(tok, segments, *, mode=None, errors="replace"):
    """The ids (n,), uint32, of segments; Tokenizer.encode_segments says what they are."""
    if isinstance(segments, (str, bytes)):
        kind = type(segments).__name__
        raise ValueError(f"encode: segments is one {kind}, and must be a list of them and ids")
    segments = [*several("segments", segments)]
    # An empty text is nothing that another one could go on from.
    segments = [s for s in segments if s or not isinstance(s, (str, bytes))]
    parts = [tok._checked([s]) if isinstance(s, (int, np.integer)) else None for s in segments]
    goes_on = [
        at > 0 and (parts[at - 1] is None or not tok._core.restarts(int(parts[at - 1][0])))
        for at in range(len(parts))
    ]
    how = tok._how("text", mode, 0.0, 0, errors)
    for continued in (False, True):
        places = [i for i, part in enumerate(parts) if part is None and goes_on[i] == continued]
        texts = [segments[i] for i in places]
        ids, ends = tok._core.encode_batch(texts, how, continued)
        for i, start, end in zip(places, ends, ends[1:], strict=False):
            parts[i] = ids[start:end]
    return np.concatenate([np.empty(0, np.uint32), *parts])
