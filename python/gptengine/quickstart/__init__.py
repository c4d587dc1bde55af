"""The first five minutes: a GPT that learns real text on this machine."""

from gptengine.quickstart.run import EXAMPLES, QuickstartConfig, main

__all__ = ["EXAMPLES", "QuickstartConfig", "main"]
