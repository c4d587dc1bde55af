"""How a Config and its parameters are spelled in Hugging Face folders, a family a file.

GPT-2, Llama, Mistral, Qwen2, Qwen3 and BERT shapes are written as those models, so that other
programs open them; every other point of the Config space has model_type "gptengine" and our own
names.
"""

from __future__ import annotations

from gptengine.config import Config
from gptengine.huggingface import bert, gpt2, llama
from gptengine.huggingface.fields import Fields, Part

FAMILIES = {kind: family for family in (gpt2, llama, bert) for kind in family.KINDS}
ARCHITECTURES = {
    **{kind: family.KINDS[kind] for kind, family in FAMILIES.items()},
    "gptengine": "GPTEngineModel",
}


def model_type(c: Config) -> str:
    """The most widely readable model_type that says all of `c`."""
    kinds = (family.kind_of(c) for family in (gpt2, llama, bert) if c.head == "lm")
    return next(filter(None, kinds), "gptengine")


def write_config(c: Config, dtype: str, bos: int | None, eos: int | None) -> dict:
    """The contents of config.json."""
    kind = model_type(c)
    fields = FAMILIES[kind].write(c, kind) if kind in FAMILIES else c.to_dict()
    ends = {"bos_token_id": bos, "eos_token_id": eos, "dtype": dtype, "torch_dtype": dtype}
    return {"architectures": [ARCHITECTURES[kind]], "model_type": kind, **fields, **ends}


def read_config(values: dict, file) -> Config:
    """The Config that the contents of config.json describe; `file` is named in errors."""
    kind = values.get("model_type")
    if not isinstance(kind, str) or kind not in ARCHITECTURES:
        raise ValueError(f"{file}: model_type {kind!r} is none of {', '.join(ARCHITECTURES)}")
    try:
        if kind == "gptengine":
            known = Config.__dataclass_fields__
            return Config.from_dict({k: v for k, v in values.items() if k in known})
        fields = Fields(values, kind, file)
        fields.only("quantization_config", None)
        return FAMILIES[kind].read(fields)
    except ValueError as error:
        message = str(error)
        raise ValueError(
            message if message.startswith(str(file)) else f"{file}: {message}"
        ) from None


def parts(c: Config) -> dict[str, list[Part]]:
    """Where each of our parameters lies in the folder: our name to its parts."""
    shapes = c.parameter_shapes()
    family = FAMILIES.get(model_type(c))
    if family is None:
        return {name: [Part(name, 0, shape[0])] for name, shape in shapes.items()}
    return {name: family.parts(c, name, shape[0]) for name, shape in shapes.items()}


def joined(kind: str, name: str, rows: int) -> Part | None:
    """Where one of our parameters lies in folders that have one tensor for usually several."""
    return llama.joined(name, rows) if FAMILIES.get(kind) is llama else None


def spellings(kind: str, name: str) -> list[str]:
    """How the folders of a model_type may spell a tensor, the usual way first."""
    if kind not in FAMILIES:
        return [name]
    prefix = FAMILIES[kind].PREFIX
    other = name.removeprefix(prefix) if name.startswith(prefix) else prefix + name
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    spelled = [name, other]
    for now, then in old.items():  # as TensorFlow named them
        spelled += [s.removesuffix(now) + then for s in (name, other) if s.endswith(now)]
    return spelled


def ignored(kind: str, name: str) -> bool:
    """Whether a tensor of the folder is none of the model's parameters but may lie there."""
    return kind in FAMILIES and FAMILIES[kind].ignored(name)
