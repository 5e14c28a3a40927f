"""EmbBERTs that vote in a teacher: trained as `finetune` trains its float model, each from another seed."""

import tempfile
from pathlib import Path

from tf_embbert.finetune import parser
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.fitting import train
from tf_embbert.training.recipe import Data, goal, initial_model, make_recipe

OPTIONS = ["--init", str(Path(__file__).parents[1] / "encoders/words"), "--tokenizer", "init", "--teacher", "0.3"]


def train_encoder(task, seed, report):
    """A function of texts that gives the logits [texts, classes] of an EmbBERT trained on the task.

    Args:
        task: Task of single texts and classes.
        seed: of everything random in the training.
        report: called with one line at a time.
    """
    options = parser().parse_args(["--task", task.name, "--out", "", "--seed", str(seed), *OPTIONS])
    data = Data(task, options, report)
    model, rows = initial_model(data, options), data.training_rows()
    loss, targets = goal(task, None, options)
    with tempfile.TemporaryDirectory() as folder:
        train(
            model,
            loss,
            rows,
            data.encode("selection"),
            make_recipe(options, len(rows)),
            Path(folder),
            seed,
            targets,
            report,
        )

    def logits(texts):
        return predict_in_order(model, data.tokenizer.encode(texts, max_length=data.length).ids)

    return logits
