"""Teachers, and what they say of texts: soft labels for `finetune --soft-rows`, a pretrained encoder of fluency."""
