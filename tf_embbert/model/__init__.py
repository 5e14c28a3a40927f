"""The train graph: EmbBERT's sizes, layers and heads in Keras."""
