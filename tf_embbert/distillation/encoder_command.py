"""The command of an encoder that learns a large one's vectors of plain sentences: its options, and the run it makes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tf_embbert.common.arguments import CommandParser, positive_int
from tf_embbert.common.console import Report
from tf_embbert.distillation.fluency import plain_files
from tf_embbert.distillation.sentences import read_sentences, read_vectors
from tf_embbert.pretraining.corpus import file_hashes
from tf_embbert.run import Array, History, Run, load_run
from tf_embbert.teaching.config import find_encoder
from tf_embbert.training.partial import work_aside


@dataclass(frozen=True, kw_only=True)
class EncoderKind:
    """What tells one such encoder from another.

    Args:
        name: of the run.
        module: of the command, whose docstring begins with what it makes.
        about: that docstring.
        words, cut: of its sentences, as `sentences.cut_sentences` takes them.
        texts_of: sentences -> the texts that the large encoder reads.
        train: (start, texts, vectors, epochs, batch size, report) -> the Keras model and its history.
        longest: tokens of the longest row that it trains on.
        sentences, epochs, batch_size: unless others are asked for.
    """

    name: str
    module: str
    about: str
    words: int
    cut: tuple[int, int]
    texts_of: Callable[[Sequence[str]], list[str]]
    train: Callable[[Run, Sequence[str], Array, int, int, Report], tuple[Any, History]]
    longest: int
    sentences: int
    epochs: int
    batch_size: int


def make_encoder(kind: EncoderKind, arguments: Sequence[str] | None) -> None:
    """Parses the command line, and makes the run."""
    parse = CommandParser(
        prog=f"python -m tf_embbert.distillation.{kind.module}", description=kind.about.split("\n")[0]
    )
    parse.add_argument("--data-dir", required=True, type=Path, help="folder with pretrain/books.txt.gz and its like")
    parse.add_argument("--init", required=True, metavar="RUN", help="its tokenizer and first values")
    parse.add_argument("--encoder", default="minilm", help="minilm, or the folder of another sentence encoder")
    parse.add_argument("--sentences", type=positive_int, default=kind.sentences)
    parse.add_argument("--epochs", type=positive_int, default=kind.epochs)
    parse.add_argument("--batch-size", type=positive_int, default=kind.batch_size)
    parse.add_argument("--out", required=True)
    options = parse.parse_args(arguments)
    encoder, start = find_encoder(options.encoder, "--encoder", ()), load_run(options.init)

    def work(folder: Path) -> tuple[Run, History]:
        from tf_embbert.pretraining.encoder_run import encoder_run

        sentences = read_sentences(options.data_dir / "pretrain", options.sentences, kind.words, kind.cut)
        texts = kind.texts_of(sentences)
        vectors = read_vectors(str(encoder), texts, folder / "training", print)
        model, history = kind.train(start, texts, vectors, options.epochs, options.batch_size, print)
        about = {"name": kind.name, "seed": 0, "arguments": {"sentences": len(sentences), "epochs": options.epochs}}
        metrics = {**history[-1], "corpus": file_hashes([str(path) for path in plain_files(options.data_dir)])}
        return encoder_run(model, start.encoder, start.tokenizer, metrics, kind.longest, about), history

    work_aside(options.out, False, {}, work, print)
