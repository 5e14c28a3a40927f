"""Labelled text to trained weights: batches, `fit`, metrics, the recipe from a task to a run."""
