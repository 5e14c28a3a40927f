"""Rewrites of graphs and models that keep every answer: one file a pass, and the list of them all."""
