"""`gptengine sft`: a base model and conversations in, a model that answers out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from gptengine.files import folder_in_use, read_json
from gptengine.options import REQUIRED, check_sizes, option
from gptengine.train.sft import SftConfig

EXAMPLES = """\
  gptengine sft runs/base dialogs.jsonl --extend --out runs/sft
  gptengine sft runs/base gsm8k-train.jsonl.gz --epochs 5 --extend
  gptengine sft runs/base dialogs.jsonl --show 3
  gptengine sft smollm-folder company.jsonl general.jsonl --times 4 1 --template chatml
  gptengine sft runs/base dialogs.jsonl --loss-on assistant --mix 0 --lr 5e-5"""
USUAL_LR = 1e-4  # where nothing is known of how the base was made


@dataclasses.dataclass(frozen=True)
class SftCommand:
    """Fine-tune a model on conversations: messages, prompt and completion, Alpaca, ShareGPT.

    What system, developer and assistant say counts, what users and tools say does not. The same
    command again goes on where a stopped run ended, with the same result.
    """

    base: str = option(
        REQUIRED, "run folder, model folder or .gguf file", positional=True, shows="MODEL"
    )
    data: tuple[str, ...] = option(
        REQUIRED, ".jsonl or .jsonl.gz files of conversations", positional=True, shows="FILE"
    )
    out: str = option("runs/sft", "folder of the run", shows="FOLDER")
    times: tuple[float, ...] = option((), "how often each file is read in an epoch (else once)")
    pretraining: str = option(
        "",
        "folder of token shards to mix in (nothing said: those of the base's run, if there)",
        shows="FOLDER",
    )
    extend: bool = option(False, "add the template's control tokens to vocabulary and model")
    lr_factor: float = option(
        3.0, "--lr as a multiple of the base's last learning rate, where it is known (0: --lr)"
    )
    dtype: Literal["float32", "bfloat16"] = option(
        "float32", "what it computes in; master weights are float32"
    )
    recompute: Literal[0, 1, 2] = option(1, "more of it: less memory for more time")
    show: int = option(0, "only print so many conversations, coloured by what counts")
    training: SftConfig = SftConfig()

    def __post_init__(self):
        if not self.data:
            raise ValueError("sft: no data: give .jsonl files of conversations")
        check_sizes("sft", self, show=0)
        if self.times and len(self.times) != len(self.data):
            raise ValueError(f"sft: {len(self.times)} --times for {len(self.data)} files")
        if not 0 <= self.lr_factor < float("inf"):
            raise ValueError(f"sft: --lr-factor {self.lr_factor} must be 0 or more")


def main(c: SftCommand) -> None:
    from rich.console import Console

    from gptengine.chat import template_of
    from gptengine.model import Model
    from gptengine.tokenizer import Tokenizer
    from gptengine.train.extend import extend, longer
    from gptengine.train.log import say
    from gptengine.train.sft import describe, sft

    console, names = Console(), template_of(c.training.template).control_tokens()
    tok = Tokenizer.load(_model_folder(c.base))
    if c.show:
        show(c, longer(tok, names) if c.extend else tok, console)
        return
    pretraining = c.pretraining or _shards_of(c.base)
    training, line = rate(c)
    with folder_in_use(c.out):
        model = Model.load(c.base, dtype=c.dtype, recompute=c.recompute)
        before = tok.vocab_size
        if c.extend:
            model, tok = extend(model, tok, names)
        if tok.vocab_size > before:
            say(console, f"note: {tok.vocab_size - before} control tokens were added")
        say(console, line)
        data = [*zip(c.data, c.times or (1.0,) * len(c.data), strict=True)]
        run = sft(
            model, tok, data, c.out, pretraining=pretraining, config=training, console=console
        )
    say(console, describe(run))
    say(console, f"next: gptengine generate {c.out}")


def rate(c: SftCommand) -> tuple[SftConfig, str]:
    """The training with its learning rate, and a line that says where this comes from."""
    score = Path(c.base) / "best" / "score.json"
    settings = read_json(score).get("settings") if score.is_file() else None
    if not c.lr_factor or not isinstance(settings, dict) or "lr" not in settings:
        return c.training, f"rate     {c.training.lr:.3g}, as --lr says"
    last = settings["lr"] * settings.get("floor", 1.0)
    training = dataclasses.replace(c.training, lr=c.lr_factor * last)
    return training, f"rate     {c.lr_factor:g} times the {last:.3g} that {c.base} ended with"


def show(c: SftCommand, tok, console) -> None:
    """The first conversations as tokens: green those that count, grey the template's."""
    from itertools import islice

    from rich.text import Text

    from gptengine.chat import Renderer, template_of
    from gptengine.chat.dialogs import read_dialogs
    from gptengine.chat.template import GIVEN

    renderer = Renderer(template_of(c.training.template), tok)
    for dialog in islice(read_dialogs(c.data[0]), c.show):
        rendered = renderer(dialog.messages, tools=dialog.tools, loss_on=c.training.loss_on)
        text = Text()
        for k, i in enumerate(rendered.ids.tolist()):
            piece = tok.token_bytes(i).decode("utf-8", "replace")
            shade = ("on dark_green", "on green4")[k % 2]
            quiet = "bright_black" if rendered.part[k] == GIVEN else ""
            style = shade if rendered.weight[k] else quiet
            text.append(piece, style=style)
        counted = rendered.loss_tokens
        said = f"{dialog.where}: {counted} of {len(rendered.ids)} tokens count"
        console.print(Text(said, style="bold"))
        console.print(text, soft_wrap=False)
        console.print()


def _model_folder(base: str) -> str:
    """Where a run's tokenizer lies: beside its best model."""
    best = Path(base) / "best"
    return str(best) if best.is_dir() else base


def _shards_of(base: str) -> str | None:
    """The text that a run was trained on, where it lies in it."""
    folder = Path(base) / "data"
    return str(folder) if any(folder.glob("train-*.tok")) else None
