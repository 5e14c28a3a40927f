"""What a bundle is made of: manifest, report, C++ sources, tokenizer tables, firmware sizes, boards."""
