"""A tokenizer of bytes in pure Python, so that these tests need no compiled extension."""

import hashlib
import json

import numpy as np


class ByteTokenizer:
    """256 bytes and an end of text; `extra` unused tokens stand for a larger vocabulary."""

    eos_id = 256

    def __init__(self, extra=0, before=()):
        self.bos_id, self.template = None, ([*before], [])
        self.vocab_size = 257 + extra
        self.special_tokens = {"<|endoftext|>": self.eos_id}
        self.fingerprint = hashlib.sha256(str(self.vocab_size).encode()).hexdigest()

    def encode(self, text, specials="refuse"):
        text = text.encode() if isinstance(text, str) else text
        return np.frombuffer(text, np.uint8).astype(np.uint32)

    def encode_batch(self, texts, specials="refuse"):
        ids = [self.encode(text) for text in texts]
        offsets = np.cumsum([0, *map(len, ids)]).astype(np.int64)
        return np.concatenate(ids), offsets

    def decode_bytes(self, ids):
        return b"".join(self.token_bytes(i) for i in ids)

    def decode(self, ids):
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def token_bytes(self, i):
        return bytes([i]) if i < 256 else b"<|endoftext|>"

    def save(self, folder):
        (folder / "tokenizer.json").write_text(json.dumps({"extra": self.vocab_size - 257}))
