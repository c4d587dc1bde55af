"""gptengine: the whole ChatGPT recipe in one installable library, without PyTorch."""

__version__ = "0.1.0"

# Public names and where they live: imported when first used, so `import gptengine` stays quick.
_HOMES = {
    "Config": "gptengine.config",
    "Generator": "gptengine.generator",
    "JsonSchema": "gptengine.constraint",
    "Model": "gptengine.model",
    "Regex": "gptengine.constraint",
    "Sampler": "gptengine.sampler",
    "Tokenizer": "gptengine.tokenizer",
    "PretrainConfig": "gptengine.train.pretrain",
    "beam_search": "gptengine.beam",
    "curate": "gptengine.curate",  # a package, not a name in it
    "pretrain": "gptengine.train.pretrain",
    "prompt_ids": "gptengine.generate",
    "SftConfig": "gptengine.train.sft",
    "chat": "gptengine.chat",  # a package, as curate
    "sft": "gptengine.train.sft",
    "stream": "gptengine.generate",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'gptengine' has no attribute {name!r}")
    import importlib

    home = importlib.import_module(_HOMES[name])
    value = home if name in ("chat", "curate") else getattr(home, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
