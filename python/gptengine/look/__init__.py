"""Looking inside a model: its attention, its guesses along a text, its table of embeddings.

maps = attention_maps(model, tokens)                 # (L, H, T, T)
token_probabilities(model, tokens).logprob           # (T-1,)
neighbours(model, tok, "king", 5)
analogy(model, tok, "king - man + woman")
plane(model, tok, ["king", "queen", "man"]).points   # (3, 2)
"""

from gptengine.look.attention import attention_maps, habits
from gptengine.look.embedding import analogy, neighbours, read_word
from gptengine.look.plane import frequent_words, plane
from gptengine.look.probabilities import token_probabilities

__all__ = [
    "analogy",
    "attention_maps",
    "frequent_words",
    "habits",
    "neighbours",
    "plane",
    "read_word",
    "token_probabilities",
]
