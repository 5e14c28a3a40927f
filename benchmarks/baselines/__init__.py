"""The paper's other models beside EmbBERT: one recipe, from labels alone, in float and as integers in TFLM."""
