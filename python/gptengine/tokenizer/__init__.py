"""Byte-level BPE: text to token ids and back."""

from gptengine.tokenizer.tokenizer import StreamDecoder, Tokenizer

__all__ = ["StreamDecoder", "Tokenizer"]
