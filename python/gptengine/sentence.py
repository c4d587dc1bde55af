"""How a sentence encoder pools, and how sentence-transformers writes it beside the model.

modules.json lists the stages of an encoder: a transformer, a pooling, maybe a normalisation.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from gptengine.files import read_json, write_json

POOLINGS = ("mean", "cls", "last")
MODULES, POOLING, SETTINGS = "modules.json", "1_Pooling", "sentence_bert_config.json"
DEFAULTS = "config_sentence_transformers.json"
TOKENIZER, NO_LIMIT = "tokenizer_config.json", 1e29  # transformers writes 1e30 for no limit
FLAG = "pooling_mode_"
FLAGS = {"mean_tokens": "mean", "cls_token": "cls", "lasttoken": "last"}
MODES = {"mean": "mean", "cls": "cls", "lasttoken": "last"}  # newer files have one word


@dataclasses.dataclass(frozen=True)
class Pooling:
    """How the hidden states of a text become one vector.

    mode: "mean" over its tokens, those around the text too, the first ("cls") or the "last".
    max_length: the most tokens a text may have, those around it too; 0 for the whole context.
    """

    mode: str = "mean"
    normalize: bool = True
    max_length: int = 0

    def __post_init__(self):
        if self.mode not in POOLINGS:
            raise ValueError(f"pooling {self.mode!r} is none of {', '.join(POOLINGS)}")
        length = self.max_length
        if isinstance(length, bool) or not isinstance(length, int) or length < 0:
            raise ValueError(f"pooling: max_length {length!r} must be a whole number from 0")


def is_sentence_folder(folder) -> bool:
    return (Path(folder) / MODULES).is_file()


def read_pooling(folder) -> Pooling:
    """The pooling of a folder that sentence-transformers wrote; what we cannot do is refused."""
    folder = Path(folder)
    try:
        modules = json.loads((folder / MODULES).read_bytes())
        kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
        places = [module["path"] for module in modules]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{folder / MODULES}: not a list of modules") from None
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ValueError(
            f"{folder / MODULES}: the modules {', '.join(map(str, kinds))} are not supported, only "
            f"Transformer, Pooling and maybe Normalize"
        )
    if places[0] != "" or places[1] != Path(places[1]).name:
        raise ValueError(f"{folder / MODULES}: the paths {places[:2]} are not supported")
    settings = _object(folder / SETTINGS)
    if settings.get("do_lower_case"):
        raise ValueError(f"{folder / SETTINGS}: do_lower_case is for the tokenizer to do")
    if prompt := _object(folder / DEFAULTS).get("default_prompt_name"):
        raise ValueError(f"{folder / DEFAULTS}: default_prompt_name {prompt!r} is not supported")
    file = folder / places[1] / "config.json"
    try:
        return Pooling(
            mode=_mode(read_json(file), file),
            normalize="Normalize" in kinds,
            max_length=_most_tokens(folder, settings),
        )
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None


def write_pooling(folder, pooling: Pooling, width: int) -> None:
    """Write what makes a model's folder an encoder; width: numbers of a vector."""
    folder = Path(folder)
    kinds = [("", "Transformer"), (POOLING, "Pooling")]
    kinds += [("2_Normalize", "Normalize")] if pooling.normalize else []
    (folder / POOLING).mkdir(exist_ok=True)
    flags = {FLAG + theirs: ours == pooling.mode for theirs, ours in FLAGS.items()}
    write_json(folder / POOLING / "config.json", {"word_embedding_dimension": width, **flags})
    settings = {"max_seq_length": pooling.max_length or None, "do_lower_case": False}
    write_json(folder / SETTINGS, settings)
    write_json(
        folder / MODULES,
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(kinds)
        ],
    )


def _most_tokens(folder: Path, settings: dict):
    """What sentence-transformers takes: until 6 in its own file, since then in the tokenizer's."""
    length = settings.get("max_seq_length")
    if length is None:
        length = _object(folder / TOKENIZER).get("model_max_length")
        if isinstance(length, (int, float)) and length >= NO_LIMIT:
            length = None
    return 0 if length is None else length


def _mode(values: dict, file) -> str:
    if "pooling_mode" in values:
        chosen = values["pooling_mode"]
        modes = chosen if isinstance(chosen, list) else [chosen]
        known = MODES
    else:
        modes = [key.removeprefix(FLAG) for key in values if key.startswith(FLAG) and values[key]]
        known = FLAGS
    if len(modes) != 1 or modes[0] not in known:
        raise ValueError(
            f"{file}: the pooling {', '.join(map(str, modes))} is not supported, only one of "
            f"{', '.join(known)}"
        )
    return known[modes[0]]


def _object(path: Path) -> dict:
    return read_json(path) if path.is_file() else {}
