"""Pretraining steps, timed: the model as it is trained, as it was not, and in PyTorch."""
