"""From a training run to a bundle a microcontroller can run: lowering to int8, checks, measurements, the bundle."""
