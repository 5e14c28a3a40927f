"""The tokenizer of a checkpoint: this project's own, or the reference's, whose merges this pipeline takes over."""

from pathlib import Path
from typing import Any

from tf_embbert.common.console import Report
from tf_embbert.common.errors import UserError
from tf_embbert.run import read_json
from tf_embbert.tokenizer import MAX_WORD_LENGTH, Tokenizer

NAME = "tokenizer.json"


def find_tokenizer(asked: str | None, checkpoint: Path, vocab_size: int, report: Report) -> Tokenizer:
    """The tokenizer that a checkpoint was trained with.

    Args:
        asked: its file; None takes the tokenizer.json beside the checkpoint.
        checkpoint: the file of tensors.
        vocab_size: rows of its token table.
        report: called with what is taken otherwise than the file says.

    Raises:
        UserError: there is none, it is of another kind, or has another number of tokens.
    """
    path = Path(asked) if asked else checkpoint.parent / NAME
    if not path.is_file():
        missing = (
            "no such file" if asked else "ids mean nothing without their tokenizer, and there is none beside the file"
        )
        raise UserError(f"{path}: {missing}; give --tokenizer FILE")
    tokenizer = read_tokenizer(path, report)
    if tokenizer.vocab_size != vocab_size:
        raise UserError(
            f"{path} has {tokenizer.vocab_size} tokens, the checkpoint's table {vocab_size} rows: "
            "give the --tokenizer that it was trained with"
        )
    return tokenizer


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
