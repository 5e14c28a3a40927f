"""Teachers, and what they say of texts: rows for `finetune --soft-rows`."""
