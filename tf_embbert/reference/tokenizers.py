"""The tokenizer of a checkpoint: this project's own, or the reference's, whose merges this pipeline takes over.

Where none is there, the ids stay without spellings: the weights can be compared and exported, texts cannot be read.
"""

import string
from pathlib import Path
from typing import Any

from tf_embbert.common.console import Report
from tf_embbert.common.errors import UserError
from tf_embbert.run import read_json
from tf_embbert.tokenizer import MAX_WORD_LENGTH, SPECIAL_TOKENS, Tokenizer

NAME = "tokenizer.json"


def find_tokenizer(asked: str | None, checkpoint: Path, vocab_size: int, report: Report) -> Tokenizer:
    """The tokenizer that a checkpoint was trained with.

    Args:
        asked: its file; None takes the tokenizer.json beside the checkpoint.
        checkpoint: the file of tensors.
        vocab_size: rows of its token table.
        report: called with what is taken otherwise than the file says.

    Returns:
        The tokenizer, of `vocab_size` tokens at most; one without spellings where none lies beside the checkpoint.

    Raises:
        UserError: no file was there that was asked for, it is of another kind, or has more tokens than the table rows.
    """
    path = Path(asked) if asked else checkpoint.parent / NAME
    if not path.is_file() and not asked:
        report(
            f"note: no {NAME} lies beside {checkpoint.name}, so nobody knows what its ids spell: the run's texts are "
            "read letter by letter; give --tokenizer FILE"
        )
        return unspelled(vocab_size)
    if not path.is_file():
        raise UserError(f"{path}: no such file; give the --tokenizer that the checkpoint was trained with")
    tokenizer = read_tokenizer(path, report)
    if tokenizer.vocab_size < vocab_size:
        report(f"note: {path.name} has {tokenizer.vocab_size} tokens; the table's other rows are left out")
    if tokenizer.vocab_size > vocab_size:
        raise UserError(
            f"{path} has {tokenizer.vocab_size} tokens, the checkpoint's table {vocab_size} rows: "
            "give the --tokenizer that it was trained with"
        )
    return tokenizer


def unspelled(vocab_size: int) -> Tokenizer:
    """A tokenizer of so many tokens that knows single letters only; no text gives the others."""
    known = [*SPECIAL_TOKENS, *sorted(string.digits + string.ascii_lowercase + string.punctuation)]
    names = known[:vocab_size] + [f"[unspelled{index}]" for index in range(len(known), vocab_size)]
    return Tokenizer.of_merges({name: index for index, name in enumerate(names)}, [])


def read_tokenizer(path: Path, report: Report) -> Tokenizer:
    """A tokenizer of this project's pipeline, with the vocabulary of a file."""
    about = read_json(path)
    if not is_reference(about):
        return Tokenizer.load(path)
    report(f"note: words of over {MAX_WORD_LENGTH} characters are cut, which {path.name} did not say")
    model = about["model"]
    try:
        merges = [tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in model["merges"]]
        return Tokenizer.of_merges(model["vocab"], merges)
    except Exception as error:  # the library raises nothing more precise
        raise UserError(f"{path} is not a tokenizer file ({error})") from None


def is_reference(about: Any) -> bool:
    """Whether a tokenizer file is the reference's: BPE over lower case and `Whitespace()`, long words uncut."""
    if not isinstance(about, dict) or not all(isinstance(about.get(part), dict) for part in ("model", "pre_tokenizer")):
        return False
    normalizer = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "lowercase": True}
    theirs = dict(about.get("normalizer") or {})
    strips = theirs.pop("strip_accents", None)  # null follows `lowercase`
    return (
        theirs == normalizer
        and strips in (True, None)
        and about["pre_tokenizer"] == {"type": "Whitespace"}
        and about["model"].get("type") == "BPE"
        and about["model"].get("unk_token") == "[UNK]"
        and not about["model"].get("continuing_subword_prefix")
    )
