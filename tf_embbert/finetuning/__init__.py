"""From a task to a run, and what a run or a bundle answers: fine-tuning, its recipe, evaluation."""
