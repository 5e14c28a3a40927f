"""A task of as many rows as a test of plans and budgets wants: one text, two classes, all splits alike."""

import numpy as np

from tf_embbert.data.rows import Rows, Task

TEXT = "please turn the light in my kitchen off and play some music"


def switches(count: int) -> Task:
    """The task with `count` rows in each split."""
    rows = Rows([TEXT] * count, None, np.arange(count) % 2)
    return Task("task", ["off", "on"], {"train": rows, "selection": rows, "test": rows}, "test", "accuracy")
