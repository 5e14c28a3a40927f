"""The models that arXiv 2502.10001 holds EmbBERT against, cut down to its 2 MB, as Keras models to `fit`.

Sizes are those of the reference repository (RiccardoBravin/tiny-LLM, lib/Models). Pads never reach a real token in any
of them; the reference's BERT, NanoBERT and MAMBA take pads for tokens.
"""
