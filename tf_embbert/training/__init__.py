"""Encoded rows to trained weights: batches, `fit`, metrics, encoders for other models, work that can be resumed."""
