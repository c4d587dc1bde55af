"""gptengine: the whole ChatGPT recipe in one installable library, without PyTorch."""

__version__ = "0.1.0"
