"""Checkpoint files to arrays, without running anything that they hold.

safetensors has no place for code. A .pth file is a pickle, which has: PyTorch reads it with `weights_only`, which knows
tensors and containers and refuses everything else.
"""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.common.files import write_atomically
from tf_embbert.model.folded import Array

PICKLES = (".pth", ".pt", ".bin")
FOLDER_FILES = ("model.safetensors", "pytorch_model.bin")  # as Hugging Face's `save_pretrained` names them
WRAPPINGS = ("state_dict", "model_state_dict", "model")  # where trainers keep the tensors beside other things
REMEDY = "copy it anew, or save its state_dict as safetensors"


def find_file(source: Path) -> Path:
    """The file of tensors that a path names, itself or in a folder.

    Raises:
        UserError: nothing there that can be read.
    """
    if source.is_dir():
        found = [source / name for name in FOLDER_FILES if (source / name).is_file()]
        if not found:
            raise UserError(f"{source} holds neither {' nor '.join(FOLDER_FILES)}: give a folder or a file with one")
        return found[0]
    if not source.is_file():
        raise UserError(f"no such file: {source}; give a .safetensors or .pth file, or a folder of Hugging Face's")
    if source.suffix not in (".safetensors", *PICKLES):
        raise UserError(f"{source} is neither .safetensors nor {', '.join(PICKLES)}: rename it to what it is")
    return source


def read_tensors(path: Path) -> dict[str, Array]:
    """All tensors of a file by name, float32.

    Raises:
        UserError: the file is damaged, holds something else than tensors of numbers, or PyTorch is not there for it.
    """
    tensors = read_pickle(path) if path.suffix in PICKLES else read_safetensors(path)
    others = [f"{name} ({value.dtype})" for name, value in tensors.items() if value.dtype.kind != "f"]
    if others:
        raise UserError(f"{path}: {', '.join(others)} are no floating point numbers")
    return {name: value.astype(np.float32) for name, value in tensors.items()}


def read_safetensors(path: Path) -> dict[str, Array]:
    """All tensors of a .safetensors file by name."""
    from safetensors import SafetensorError, deserialize

    try:
        parts = deserialize(path.read_bytes())
    except SafetensorError as error:
        raise UserError(f"{path} is not a whole .safetensors file ({error}): {REMEDY}") from None
    kinds = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16}
    unknown = [f"{name} ({part['dtype']})" for name, part in parts if part["dtype"] not in kinds]
    if unknown:
        raise UserError(f"{path}: {', '.join(unknown)} are no floating point numbers")
    tensors = {}
    for name, part in parts:
        value: Array = np.frombuffer(part["data"], kinds[part["dtype"]]).reshape(part["shape"])
        if part["dtype"] == "BF16":  # the upper half of a float32
            value = (value.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = value
    return tensors


def read_pickle(path: Path) -> dict[str, Array]:
    """All tensors of a file that PyTorch wrote, by name; code in it is not run."""
    try:
        import torch
    except ImportError:
        raise UserError(
            f"{path}: PyTorch reads such files; pip install 'tf-embbert[torch]', or give safetensors"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle's protocol
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises nothing more precise
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise UserError(
            f"{path} is damaged, or holds more than tensors; nothing of it was run ({reason}): {REMEDY}"
        ) from None
    for name in WRAPPINGS:
        if isinstance(state, Mapping) and isinstance(state.get(name), Mapping):
            state = state[name]
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(f"{path} holds no state_dict, tensors by name: {REMEDY}")
    return {str(name): as_array(value) for name, value in state.items()}


def as_array(tensor: Any) -> Array:
    """A tensor of PyTorch as NumPy takes it: bfloat16, which NumPy does not know, as float32."""
    tensor = tensor.detach()
    return tensor.float().numpy() if tensor.is_floating_point() else tensor.numpy()


def write_safetensors(path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, Any]) -> None:
    """Writes tensors by name, whole or not at all."""
    from safetensors.numpy import save

    write_atomically(path, save(dict(tensors), {"format": "pt", **{k: json.dumps(v) for k, v in metadata.items()}}))
