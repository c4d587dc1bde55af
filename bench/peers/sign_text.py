"""MinHash signatures with gptengine and its peers: what bench/curate.py measures.

Each is a function to another, from texts (str) to 112 places a text, of word 5-grams: in our case
with everything from normalising on, in theirs with what a user writes around them. datatrove's is
its pipeline's own step.
"""

import re

PLACES, WIDTH = 112, 5
WORD = re.compile(r"\w+")


def gptengine():
    from gptengine.curate.near import signatures

    return signatures


def rensa():
    from rensa import RMinHash

    return lambda texts: RMinHash.digests_from_token_sets(
        [_shingles(text) for text in texts], num_perm=PLACES, seed=1
    )


def datasketch():
    from datasketch import MinHash

    def sign(texts):
        for text in texts:
            shingles = [shingle.encode() for shingle in _shingles(text)]
            signed = MinHash(num_perm=PLACES)
            signed.update_batch(shingles)
            yield signed.digest()

    return lambda texts: list(sign(texts))


def datatrove():
    import tempfile

    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    config = MinhashConfig(n_grams=WIDTH, num_buckets=14, hashes_per_bucket=8)
    step = MinhashDedupSignature(tempfile.gettempdir(), config=config)
    return lambda texts: [step.get_signature(step.get_shingles(text)) for text in texts]


def _shingles(text):
    words = WORD.findall(text.lower())
    return [" ".join(words[i : i + WIDTH]) for i in range(max(1, len(words) - WIDTH + 1))]
