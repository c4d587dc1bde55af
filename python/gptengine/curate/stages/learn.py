"""Stage 2: what only all texts together show: lines of hosts, and how curated texts read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..host_lines import HostLineOptions, repeated
from ..settings import from_mapping
from ..steps import HOST_LINES
from . import read


def learn(folder: Path, work: Path, *, folders, curated, host_lines, perplexity) -> None:
    """host_lines.npy and the model, each if its settings are there.

    folders: those of all read tasks below `work`. curated: parts of the curated tier.
    """
    if host_lines:
        options = from_mapping(HostLineOptions, host_lines, "host_lines")
        runs = [work / name / read.HOST_LINES for name in folders]
        np.save(folder / HOST_LINES, repeated(runs, options))
