"""The stages of a run: each a function from settings and earlier folders to a folder."""
