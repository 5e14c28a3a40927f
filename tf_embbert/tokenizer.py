r"""Text to token ids: the reference's lower-cased BPE, as one Hugging Face `tokenizer.json`.

text -> BertNormalizer (lower case, no accents) -> `\w+|[^\w\s]+` -> words of at most 64 characters -> BPE -> ids.

Whatever `tokenizer.json` says is the whole truth: Hugging Face `Tokenizer.from_file` gives the same ids, and so does
the device, which implements exactly this pipeline (hence `load` refuses any other). One thing the file cannot say: who
loads it elsewhere must cut long texts as `_cut` does.
"""

import json
import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers, processors, trainers

from tf_embbert.common.errors import UserError
from tf_embbert.common.files import write_atomically
from tf_embbert.data.memory import list_of_texts, training_texts
from tf_embbert.model.config import CLS, PAD, SEP

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[MASK]", "[SEP]"]  # in id order
FIRST_ORDINARY = len(SPECIAL_TOKENS)  # id of the first token that text gives

# A longer word is cut into pieces of this many characters (counted after normalisation), each its own BPE word: the
# device then merges in a fixed buffer and a bounded time, and no text is lost, as it would be in one [UNK].
MAX_WORD_LENGTH = 64

# A character beyond printable ASCII needs this many occurrences in the training texts to get an id. Rarer ones become
# [UNK]: Wikipedia alone would spend a tenth of the vocabulary on letters seen once, and [UNK] would never be trained.
MIN_CHARACTER_COUNT = 10

# Two pieces become one token only if they stand together this often: the embedding of a rarer token would hardly be
# trained. So few texts give fewer tokens than asked for (Snips: 2,170 of 8,192, and its test accuracy with base rose
# from 96.3 to 97.7 % against merging from 2 occurrences on; one seed each).
MIN_PAIR_COUNT = 10

WHOLE = 2**31 - 1  # tokens that no text has: a length that cuts none


@dataclass(frozen=True)
class Encoded:
    """Token ids of some texts: one unpadded int32 array `[length]` a row, and how many rows had to be cut."""

    ids: list[np.ndarray]
    truncated: int


class Tokenizer:
    """A trained tokenizer; made by `Tokenizer.train` or `Tokenizer.load`.

    Args:
        backend: a Hugging Face tokenizer of exactly this pipeline.

    Examples:
        >>> from tf_embbert import Tokenizer
        >>> tokenizer = Tokenizer.train(["turn on the light", "turn off the light"] * 10, vocab_size=120)
        >>> encoded = tokenizer.encode(["Turn on the light!"], max_length=16)
        >>> tokenizer.decode(encoded.ids[0])
        ['[CLS]', 'turn', 'on', 'the', 'light', '!']
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        backend = _without_added_tokens(backend)
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend

    @classmethod
    def train(cls, texts: Any, vocab_size: int = 8192) -> "Tokenizer":
        """Learns a BPE vocabulary; the same texts give the same file, byte for byte.

        Args:
            texts: the training texts: a list, a pandas Series, a column of a `datasets.Dataset`, any iterable of str;
                or a DataFrame, Dataset or DatasetDict, of which the columns `text` and `text_pair` of the training
                split are taken. They are held in memory.
            vocab_size: the most ids to make; few texts give fewer.

        Returns:
            The tokenizer.

        Raises:
            UserError: `vocab_size` has no room for the special tokens and the characters.
        """
        texts = training_texts(texts)
        alphabet = _alphabet(texts)
        smallest = len(SPECIAL_TOKENS) + len(alphabet)
        if vocab_size < smallest:
            raise UserError(
                f"vocab size {vocab_size} is too small: these texts have {len(alphabet)} characters, so at "
                f"least {smallest} are needed"
            )
        backend = _pipeline()
        backend.train_from_iterator(
            texts,
            trainers.BpeTrainer(
                vocab_size=vocab_size,
                min_frequency=MIN_PAIR_COUNT,
                special_tokens=SPECIAL_TOKENS,
                show_progress=False,
                initial_alphabet=alphabet,
                limit_alphabet=len(alphabet),
            ),
        )
        return cls(backend)

    @classmethod
    def load(cls, path: str | Path) -> "Tokenizer":
        """Reads a `tokenizer.json` that `save` wrote.

        Raises:
            UserError: the file is missing, is no tokenizer file, or holds another kind of tokenizer.
        """
        path = Path(path)
        if not path.is_file():
            raise UserError(f"no tokenizer file at {path}")
        try:
            backend = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more precise
            raise UserError(f"{path} is not a tokenizer file ({error})") from None
        _require_own_pipeline(backend, path)
        return cls(backend)

    @classmethod
    def of_merges(cls, vocab: dict[str, int], merges: list[tuple[str, str]]) -> "Tokenizer":
        """The tokenizer of a BPE vocabulary that was learnt elsewhere: ids by token, and the pairs to merge, in order.

        Raises:
            UserError: the special tokens are not the first ids.
        """
        if [vocab.get(token) for token in SPECIAL_TOKENS] != list(range(FIRST_ORDINARY)):
            raise UserError(
                f"a foreign vocabulary: {', '.join(SPECIAL_TOKENS)} are not its ids 0 to {FIRST_ORDINARY - 1}"
            )
        backend = _pipeline()
        backend.model = models.BPE(vocab=vocab, merges=merges, unk_token="[UNK]")
        backend.add_special_tokens(SPECIAL_TOKENS)
        return cls(backend)

    def save(self, path: str | Path) -> None:
        """Writes `tokenizer.json`, whole or not at all."""
        write_atomically(Path(path), self.to_json())

    def to_json(self) -> str:
        """The text of `tokenizer.json`."""
        return self._backend.to_str(pretty=True) + "\n"

    @property
    def vocab_size(self) -> int:
        """The number of ids, special ones included."""
        return self._backend.get_vocab_size()

    def __call__(self, texts: Any, pairs: Any = None, max_length: int = 256) -> np.ndarray:
        """Token ids as a Keras model takes them.

        Args:
            texts: a text, or several as `encode` takes them.
            pairs: the second part, or parts.
            max_length: as of `encode`.

        Returns:
            int32 [length] of a text; [rows, longest] of several, with pads (0) on the right.

        Examples:
            >>> tokenizer = Tokenizer.train(["turn on the light"] * 10, vocab_size=120)
            >>> tokenizer("the light").shape, tokenizer(["the light", "on"]).shape
            ((3,), (2, 3))
        """
        if isinstance(texts, str):
            return self.encode([texts], None if pairs is None else [pairs], max_length).ids[0]
        ids = self.encode(texts, pairs, max_length).ids
        longest = max(map(len, ids), default=0)
        return np.stack([np.pad(row, (0, longest - len(row))) for row in ids]) if ids else np.zeros((0, 1), np.int32)

    def encode(self, texts: Any, pairs: Any = None, max_length: int = 256) -> Encoded:
        """Encodes `[CLS] a`, or `[CLS] a [SEP] b` where there are pairs.

        Args:
            texts: the texts, or the first parts: a list, a pandas Series, a column of a Dataset, any iterable of str.
            pairs: the second parts, as many as texts.
            max_length: the most ids of a row, special ones included. A longer text loses its middle (`_cut`). The
                parts of a longer pair share the room as 'longest_first' of `tokenizers` has it, and each that has
                too little loses its middle.

        Returns:
            The rows' ids and the number of rows that were cut.

        Raises:
            UserError: one of them is no text, or there are not as many pairs as texts.
        """
        if max_length < 2 + 2 * (pairs is not None):
            raise ValueError(f"max_length {max_length} leaves no room for text beside [CLS] and [SEP]")
        texts = list_of_texts(texts)
        first = self._words(texts)
        if pairs is None:
            rows = [_join_single(a, max_length) for a in first]
            truncated = sum(len(a) > max_length - 1 for a in first)
        else:
            second = self._words(list_of_texts(pairs))
            if len(second) != len(first):
                raise UserError(f"{len(first)} texts and {len(second)} second texts: a pair is one of each")
            rows = [_join_pair(a, b, max_length) for a, b in zip(first, second, strict=True)]
            truncated = sum(len(a) + len(b) > max_length - 2 for a, b in zip(first, second))
        return Encoded([np.array(row, dtype=np.int32) for row in rows], truncated)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The tokens of some ids, for people to read."""
        return [self._backend.id_to_token(int(i)) or "" for i in ids]

    def _words(self, texts: list[str]) -> list[list[int]]:
        """The bare ids of texts; `encode_batch` spreads them over the cores."""
        return [encoding.ids for encoding in self._backend.encode_batch(texts, add_special_tokens=False)]


def segments(ids: np.ndarray) -> np.ndarray:
    """Segment ids of token ids `[.., L]`: 1 before the first [SEP], 2 from it on, 0 on pads; int32."""
    after_sep = np.cumsum(ids == SEP, axis=-1) > 0
    return np.where(ids == PAD, 0, 1 + after_sep).astype(np.int32)


def _join_single(a: list[int], max_length: int) -> list[int]:
    return [CLS, *_cut(a, max_length - 1)]


def _join_pair(a: list[int], b: list[int], max_length: int) -> list[int]:
    room = max_length - 2  # [CLS] and [SEP]
    keep_a, keep_b = len(a), len(b)
    if keep_a + keep_b > room:
        # The shorter part keeps all it can without passing half; the odd token goes to the longer part.
        shorter = min(keep_a, keep_b, room // 2)
        keep_a, keep_b = (room - shorter, shorter) if keep_a > keep_b else (shorter, room - shorter)
    return [CLS, *_cut(a, keep_a), SEP, *_cut(b, keep_b)]


def _cut(ids: list[int], room: int) -> list[int]:
    """The ids of a text where there is room for `room` of them: of too many the middle is left out.

    The first `room - room // 2` and the last `room // 2` stay.

    A long text says what it is at its start and its end. On IMDb a linear model of words and word pairs (logistic
    regression, C = 0.03, 2^18 hashed grams, trained and scored on windows of 190 words, 22,500 training and 2,500
    selection rows) answers 86.6 % from the first 190 words, 88.2 % from the last 190, 89.2 % from 95 of each, and
    89.0 % from the whole text.
    """
    if len(ids) <= room:
        return ids
    return ids[: room - room // 2] + ids[len(ids) - room // 2 :]


def _pipeline() -> tokenizers.Tokenizer:
    """The untrained tokenizer: everything but the vocabulary."""
    backend = tokenizers.Tokenizer(models.BPE(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Split(Regex(f".{{1,{MAX_WORD_LENGTH}}}"), "isolated")]
    )
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", pair="[CLS] $A [SEP] $B:1", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    return backend


def _without_added_tokens(backend: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """The same tokenizer, whose special tokens are in its vocabulary alone: a "[SEP]" in a text stays plain text.

    Those that are "added" too are looked for in texts, unless `encode_special_tokens` is set, which no field of
    tokenizer.json can say (checked with tokenizers 0.23.3).
    """
    content = json.loads(backend.to_str())
    return tokenizers.Tokenizer.from_str(json.dumps({**content, "added_tokens": []}))


def _alphabet(texts: list[str]) -> list[str]:
    """The characters that get an id: printable ASCII, and what the texts use often enough."""
    normalizer = normalizers.BertNormalizer(lowercase=True)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    normalised: Counter[str] = Counter()
    for character, count in counts.items():
        for piece in normalizer.normalize_str(character):
            normalised[piece] += count
    ascii_characters = set(string.digits + string.ascii_lowercase + string.punctuation)
    frequent = {c for c, count in normalised.items() if count >= MIN_CHARACTER_COUNT and not c.isspace()}
    return sorted(ascii_characters | frequent)


def _require_own_pipeline(backend: tokenizers.Tokenizer, path: Path) -> None:
    """Refuses a tokenizer whose ids the device or the model would read otherwise."""
    theirs, ours = json.loads(backend.to_str()), json.loads(_pipeline().to_str())
    vocab, added = theirs["model"].get("vocab", {}), {token["content"] for token in theirs["added_tokens"]}
    special = {token: vocab[token] for token in SPECIAL_TOKENS if token in vocab}
    if special != {token: i for i, token in enumerate(SPECIAL_TOKENS)} or not added <= set(special):
        raise UserError(f"{path} is a foreign tokenizer: its special ids are {special}, not {SPECIAL_TOKENS} at 0 to 4")
    for part in ("normalizer", "pre_tokenizer", "post_processor"):
        if theirs[part] != ours[part]:
            raise UserError(f"{path} is a foreign tokenizer: its {part} is not the one of this project")
    if theirs["model"]["type"] != "BPE":
        raise UserError(f"{path} is a foreign tokenizer: its model is {theirs['model']['type']}, not BPE")
    for option, value in ours["model"].items():
        if option not in ("vocab", "merges") and theirs["model"][option] != value:
            raise UserError(f"{path} is a foreign tokenizer: its model has {option} = {theirs['model'][option]}")
