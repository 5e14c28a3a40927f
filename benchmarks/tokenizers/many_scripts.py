"""A vocabulary as no training makes it: characters of all scripts, merges at random, several that make one token."""

import json
import random
from itertools import product
from pathlib import Path

from benchmarks.common.base import BASE
from benchmarks.tokenizers.texts import BLOCKS, MARKS, SURROGATES, WORDS
from tf_embbert.tokenizer import SPECIAL_TOKENS, Tokenizer

PATTERN = BASE / "tokenizer.json"  # all but the model is taken from here


def make_many_scripts(path: Path, seed: int = 0, merges: int = 12_000) -> Tokenizer:
    """Writes such a tokenizer to `path` and loads it.

    Ids are shuffled, so that no order helps; characters that normalisation never gives are among them.
    """
    rng = random.Random(seed)
    words = sorted({c for word in WORDS for c in word.lower() if not c.isspace()})
    others = [chr(c) for block in BLOCKS[:-1] for c in block if c not in SURROGATES and rng.random() < 0.5]
    tokens = sorted({*words, *others, *map(chr, MARKS)})
    pairs = _random_merges(rng, tokens, words + list(map(chr, MARKS)) * 2, merges)
    made = sorted({*tokens, *map("".join, pairs)})
    rng.shuffle(made)
    document = json.loads(PATTERN.read_text())
    document["model"] |= {"vocab": {token: i for i, token in enumerate(SPECIAL_TOKENS + made)}, "merges": pairs}
    path.write_text(json.dumps(document))
    return Tokenizer.load(path)


def _random_merges(rng: random.Random, tokens: list[str], common: list[str], count: int) -> list[tuple[str, str]]:
    """Merges of two tokens each, which may be merged themselves."""
    pieces, pairs = list(common), dict.fromkeys(product("ab-", "ab-"))
    while len(pairs) < count:
        left, right = rng.choice(pieces), rng.choice(pieces if rng.random() < 0.7 else tokens)
        pairs[left, right] = None
        if len(left + right) < 12:
            pieces.append(left + right)
    return list(pairs)
