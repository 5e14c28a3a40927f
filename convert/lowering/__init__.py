"""Folded weights and ranges to an int8 graph, and that to the objects of the TFLite schema."""
