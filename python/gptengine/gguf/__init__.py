"""GGUF, the files of llama.cpp: keys, tensors in blocks of few bits, and whole models."""
