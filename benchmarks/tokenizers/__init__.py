"""The device's tokenizer, built to be asked, and what it is asked: texts and vocabularies as nobody writes them."""
