"""A .tflite file: read, held to its own bounds, edited, written."""
