"""Byte-pair encoding and WordPiece: text to token ids and back."""

from gptengine.tokenizer.stream_decoder import StreamDecoder
from gptengine.tokenizer.tokenizer import Tokenizer
from gptengine.tokenizer.wordpiece import WordPiece

__all__ = ["StreamDecoder", "Tokenizer", "WordPiece"]
