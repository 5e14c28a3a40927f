"""Text files of any size to token ids on disk: one paragraph a line, .txt or .txt.gz, read as a stream.

tokenizer.json    the tokenizer
ids.bin           int32, the ids of all paragraphs one after another
ends.bin          int64 [paragraphs], where each paragraph ends in it
corpus.json       words, characters and SHA-256 of the files; written last
"""

import dataclasses
import gzip
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.console import Report, progress_bar
from tf_embbert.common.errors import UserError
from tf_embbert.run import Array, read_json, write_json
from tf_embbert.tokenizer import WHOLE, Tokenizer

TOKENIZER_CHARACTERS = 200_000_000  # of the texts that the tokenizer learns from, which it holds in memory
PARAGRAPHS_AT_ONCE = 4096


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Tokenised paragraphs.

    Args:
        tokenizer: of the ids.
        ids: int32 [tokens], all paragraphs one after another, mapped from disk.
        ends: int64 [paragraphs], where each ends, mapped from disk.
        about: what corpus.json holds.
    """

    tokenizer: Tokenizer
    ids: Array
    ends: Array
    about: dict[str, Any]


def read_paragraphs(paths: Iterable[str | Path]) -> Iterator[str]:
    """Yields the paragraphs of text files, without empty ones; no more than a line is held in memory.

    Args:
        paths: UTF-8 files, gzipped where the name ends in .gz.

    Yields:
        The lines that are not empty, without white space around.

    Raises:
        UserError: a file cannot be read, is no UTF-8 or no gzip.
    """
    for path in paths:
        opener: Any = gzip.open if str(path).endswith(".gz") else open
        try:
            with opener(path, "rt", encoding="utf-8", newline="\n") as file:
                yield from filter(None, map(str.strip, file))
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise UserError(
                f"cannot read {path} as text, one paragraph a line ({error}): give .txt or .txt.gz files in UTF-8"
            ) from None


def prepare_corpus(
    paths: Sequence[str | Path], vocab_size: int, folder: Path, report: Report, tokenizer: Tokenizer | None = None
) -> Corpus:
    """Trains the tokenizer and tokenises the files into `folder`, or takes what is there whole already.

    Args:
        paths: text files.
        vocab_size: the most ids of a new tokenizer.
        folder: where the ids lie.
        report: called with one line at a time.
        tokenizer: use this one instead of training one.

    Returns:
        The corpus.

    Raises:
        UserError: a file cannot be read, or they hold no text.
    """
    if not (folder / "corpus.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        if tokenizer is None:
            report("training the tokenizer")
            tokenizer = Tokenizer.train(spread(read_paragraphs(paths), TOKENIZER_CHARACTERS), vocab_size)
        tokenizer.save(folder / "tokenizer.json")
        report("tokenising")
        about = tokenise(tokenizer, paths, folder)
        write_json(folder / "corpus.json", {**about, "files": file_hashes(paths)})
    ids, ends = (np.memmap(folder / f"{name}.bin", kind, "r") for name, kind in (("ids", np.int32), ("ends", np.int64)))
    return Corpus(Tokenizer.load(folder / "tokenizer.json"), ids, ends, read_json(folder / "corpus.json"))


def spread(texts: Iterable[str], limit: int) -> list[str]:
    """Every n-th text, with the smallest power of two n that keeps them under `limit` characters."""
    kept: list[str] = []
    size, stride = 0, 1
    for number, text in enumerate(texts):
        if number % stride == 0:
            kept.append(text)
            size += len(text)
        while size > limit and len(kept) > 1:
            kept, stride = kept[::2], stride * 2
            size = sum(map(len, kept))
    return kept


def tokenise(tokenizer: Tokenizer, paths: Sequence[str | Path], folder: Path) -> dict[str, int]:
    """Writes ids.bin and ends.bin; returns the counts of paragraphs, words and tokens."""
    paragraphs, words, tokens = 0, 0, 0
    with (
        open(folder / "ids.bin", "wb") as ids,
        open(folder / "ends.bin", "wb") as ends,
        progress_bar("tokenising", None, "paragraphs") as update,
    ):
        stream = read_paragraphs(paths)
        while texts := list(itertools.islice(stream, PARAGRAPHS_AT_ONCE)):
            rows = bare_ids(tokenizer, texts)
            np.concatenate(rows).astype(np.int32).tofile(ids)
            (tokens + np.cumsum([len(row) for row in rows], dtype=np.int64)).tofile(ends)
            paragraphs, words = paragraphs + len(texts), words + sum(len(text.split()) for text in texts)
            tokens += sum(map(len, rows))
            update(paragraphs)
    if not tokens:
        raise UserError(f"{', '.join(map(str, paths))}: no text in there; give files with one paragraph a line")
    return {"paragraphs": paragraphs, "words": words, "tokens": tokens}


def bare_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Array]:
    """Ids of whole texts without [CLS]: int32 [tokens] each."""
    return [row[1:] for row in tokenizer.encode(list(texts), max_length=WHOLE).ids]


def file_hashes(paths: Iterable[str | Path]) -> dict[str, str]:
    """{file name: SHA-256} of the files as they lie on disk."""
    hashes = {}
    for path in paths:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
        hashes[Path(path).name] = digest.hexdigest()
    return hashes
