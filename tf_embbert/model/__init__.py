"""The train graph: EmbBERT's sizes, layers and heads in Keras; and the folded weights that are made of it."""
