"""Stage 2: what only all texts together show: lines of hosts, and how curated texts read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..host_lines import HostLineOptions, repeated
from ..perplexity import train
from ..settings import from_mapping
from ..step_settings import PerplexityRules
from ..steps import HOST_LINES, MODEL
from ..store import from_line, read_lines
from . import read

LEAST_WORDS = 10_000  # of a language, to learn its model from


def learn(folder: Path, work: Path, *, folders, curated, host_lines, perplexity) -> None:
    """host_lines.npy and the model, each if its settings are there.

    folders: those of all read tasks below `work`. curated: parts of the curated tier.
    """
    if host_lines:
        options = from_mapping(HostLineOptions, host_lines, "host_lines")
        runs = [work / name / read.HOST_LINES for name in folders]
        np.save(folder / HOST_LINES, repeated(runs, options))
    if perplexity:
        rules = from_mapping(PerplexityRules, perplexity, "perplexity")
        for language in sorted({d.language for d in _documents(work, curated)}):
            texts = (d.text for d in _documents(work, curated) if d.language == language)
            if language and enough(texts):
                texts = (d.text for d in _documents(work, curated) if d.language == language)
                train(texts, rules.words).save(folder / f"{MODEL}{language}.npz")


def enough(texts) -> bool:
    """Whether a model can be made of them; a few lines in another language are no reason to."""
    words = 0
    for text in texts:
        words += text.count(" ")
        if words >= LEAST_WORDS:
            return True
    return False


def _documents(work: Path, parts):
    return (from_line(line) for part in parts for line in read_lines(work / part))
