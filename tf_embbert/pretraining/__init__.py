"""Plain text to an encoder that fine-tuning starts from."""
