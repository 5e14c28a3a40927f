"""The train graph to integers: folding, the deploy graph, calibration, quantisation-aware training."""
