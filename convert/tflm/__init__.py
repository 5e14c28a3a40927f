"""What TFLM does with a model: which operators it runs, what it takes of the arena, how long it works."""
