"""Plain text to a pretrained encoder, from which fine-tuning starts."""
