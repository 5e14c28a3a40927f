"""Weights to and from the paper's reference implementation in PyTorch (RiccardoBravin/tiny-LLM)."""
