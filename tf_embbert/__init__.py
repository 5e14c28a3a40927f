"""EmbBERT (arXiv 2502.10001) in Keras, from labelled text to a run that `convert/` turns into integers.

`import tf_keras as keras` is the Keras to use with it: tensorflow-model-optimization needs Keras 2.
"""

import importlib
import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow logs a dozen lines about GPUs before it does anything

_EXPORTS = {
    "EmbBERTConfig": "model.config",
    "Tokenizer": "tokenizer",
    "load_task": "data.tasks",
    "FinetuneConfig": "finetuning.config",
    "finetune_task": "finetuning.finetune",
    "EvaluateConfig": "finetuning.evaluation",
    "evaluate_model": "finetuning.evaluation",
    "PretrainConfig": "pretraining.config",
    "pretrain_encoder": "pretraining.pretrain",
    "build_encoder": "model.classifier",
    "build_classifier": "model.classifier",
    "build_regressor": "model.classifier",
    "build_pretraining_model": "model.classifier",
    "make_batches": "training.batching",
    "convert_model": "fitted",
    "quantize": "fitted",
    "load_run": "run",
    "convert_run": "int8",
    "Classifier": "bundle_classifier",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    # TensorFlow takes seconds to import: only the names that need it should pay.
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tf_embbert.common.console import quiet_import

    with quiet_import():
        return getattr(importlib.import_module(f"{__name__}.{_EXPORTS[name]}"), name)
