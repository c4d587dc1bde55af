"""`gptengine tokenizer`: learn a vocabulary, use it, look at it."""
