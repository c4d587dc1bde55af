"""The first five minutes: a GPT that learns real text on this machine."""
