"""Mutated models through check, arena and optimize: none may crash them, hang them or cost more than 1 GB."""
