"""`gptengine generate`: a model goes on with a text, shown as it is written."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from gptengine.options import REQUIRED, check_sizes, option

if TYPE_CHECKING:
    from gptengine.constraint import JsonSchema, Regex
    from gptengine.requests import Event
    from gptengine.sampler import Sampler
    from gptengine.tokenizer import Tokenizer

EXAMPLES = """\
  gptengine generate runs/base "It was a dark and stormy night"
  gptengine generate runs/base --temperature 0 --max-new-tokens 50
  echo "Once upon a time" | gptengine generate gpt2-folder - --top-k 40
  gptengine generate runs/base "Born in " --regex "(19|20)[0-9]{2}"
  gptengine generate runs/base "As JSON: " --json-schema person.json
  gptengine generate runs/base "As JSON: " --json-schema '{"type": "object"}'
  gptengine generate runs/base "The capital of France is" --max-new-tokens 5 --logprobs 3
  gptengine generate runs/base "Dear diary," --stop "The end" --repetition-penalty 1.1
  gptengine generate big-folder "Once upon a time" --dtype bfloat16 --quantize q8 --kv-dtype q8
  gptengine generate big-folder "Once upon a time" --draft small-folder
  gptengine generate chat.gguf - --specials allow < prompt-with-control-tokens.txt"""


@dataclasses.dataclass(frozen=True)
class GenerateCommand:
    """Let a model go on with a text: of a run, a Hugging Face folder, or a .gguf file."""

    model: str = option(
        REQUIRED, "run folder, model folder or .gguf file", positional=True, shows="MODEL"
    )
    prompt: str = option(
        "", "the text to go on with; - reads it from standard input", positional=True
    )
    specials: Literal["refuse", "text", "allow"] = option(
        "text", "the name of a control token in the prompt: an error, text, or that token"
    )
    max_new_tokens: int = option(200, "tokens to write at most")
    temperature: float = option(0.8, "0: always the likeliest token; 1: the model's own spread")
    top_k: int = option(0, "only the k likeliest tokens (0: all)")
    top_p: float = option(1.0, "only the likeliest tokens that hold this share together")
    min_p: float = option(0.0, "only tokens with this share of the likeliest one's probability")
    typical: float = option(1.0, "only the tokens closest to the expected surprise, by this share")
    repetition_penalty: float = option(1.0, "above 1: tokens of prompt and text are less likely")
    presence_penalty: float = option(0.0, "taken off the logits of tokens that were written")
    frequency_penalty: float = option(0.0, "the same, as often as they were written")
    penalty_window: int = option(0, "penalties look at the last n tokens (0: at all)")
    logit_bias: tuple[tuple[int, float], ...] = option(
        (), "what is added to the logits of ids: 50 -2.5 198 1"
    )
    forbid: tuple[int, ...] = option((), "ids that are never drawn")
    json_schema: str = option(
        "", "JSON Schema that the text has to follow, or a file of one", shows="FILE"
    )
    regex: str = option("", "regular expression that the text has to match", shows="REGEX")
    logprobs: int = option(0, "show each token on a line, beside the n likeliest ones")
    seed: int = option(0, "of the draws: the same seed writes the same text")
    stop: tuple[str, ...] = option((), "strings that end the text, and are not shown", shows="TEXT")
    dtype: Literal["float32", "bfloat16"] = option("float32", "what it computes in")
    device: Literal["cpu", "cuda"] = option("cpu", "where it computes")
    quantize: Literal["none", "q8", "q4"] = option("none", "keep matrices in 8 or 4 bits a weight")
    kv_dtype: Literal["same", "float32", "bfloat16", "q8"] = option(
        "same", "what the cache keeps of keys and values; q8: 8 bits a number"
    )
    draft: str = option(
        "", "guesses tokens for speed: ngram, or folder of a smaller model", shows="MODEL"
    )
    draft_tokens: int = option(4, "tokens that are guessed at once")

    def __post_init__(self):
        check_sizes(
            "generate",
            self,
            max_new_tokens=1,
            top_k=0,
            penalty_window=0,
            logprobs=0,
            draft_tokens=1,
        )
        if self.json_schema and self.regex:
            raise ValueError(
                f"generate: give json_schema {self.json_schema} or regex {self.regex}, not both"
            )


def main(c: GenerateCommand) -> None:
    from gptengine.checkpoint import find_model
    from gptengine.generate import stream
    from gptengine.model import Model
    from gptengine.tokenizer import Tokenizer
    from gptengine.train.log import warn

    sampler, constraint = sampler_from(c), constraint_from(c)
    folder = find_model(c.model)
    quantize = None if c.quantize == "none" else c.quantize
    how = dict(dtype=c.dtype, device=c.device, trainable=False)
    model = Model.load(folder, quantize=quantize, **how)
    tok = Tokenizer.load(folder)
    prompt = sys.stdin.read().rstrip("\n") if c.prompt == "-" else c.prompt
    say_specials(tok, prompt, c.specials)
    draft = c.draft or None
    if draft and draft != "ngram":
        draft = Model.load(draft, **how)
    pieces = stream(
        model,
        tok,
        prompt,
        c.max_new_tokens,
        seed=c.seed,
        sampler=sampler,
        constraint=constraint,
        stop=c.stop,
        specials=c.specials,
        kv_dtype=None if c.kv_dtype == "same" else c.kv_dtype,
        told=functools.partial(show_token, tok) if c.logprobs else None,
        top_logprobs=min(c.logprobs, tok.vocab_size),
        draft=draft,
        draft_tokens=c.draft_tokens,
    )
    if c.logprobs:
        finish = show_tokens(sampler, pieces)
    else:
        finish, wrote = show(prompt, pieces)
        if not wrote:
            warn(note_on_nothing(c, tok))
    if finish == "context":
        warn(
            f"gptengine: the text ends because the model's context of "
            f"{model.config.context_length} tokens is full"
        )


def say_specials(tok: Tokenizer, prompt: str, specials: str) -> None:
    """Refuse the name of a control token in the prompt, or say that it is taken as text."""
    from gptengine.cli.tokenizer.show import check_specials
    from gptengine.train.log import warn

    text = prompt.encode("utf-8", "surrogatepass")
    check_specials("generate", tok, text, specials)
    if specials == "text" and (found := tok._core.find_specials(text, 1).tolist()):
        start, _, i = found
        warn(
            f"note: {tok.token_bytes(i).decode()} at byte {start} of the prompt is taken as text: "
            f"--specials allow makes it the control token"
        )


def sampler_from(c: GenerateCommand) -> Sampler:
    from gptengine.sampler import Sampler

    return Sampler(
        temperature=c.temperature,
        top_k=c.top_k,
        top_p=c.top_p,
        min_p=c.min_p,
        typical=c.typical,
        repetition_penalty=c.repetition_penalty,
        presence_penalty=c.presence_penalty,
        frequency_penalty=c.frequency_penalty,
        penalty_window=c.penalty_window,
        logit_bias=dict(c.logit_bias),
        forbidden=c.forbid,
    )


def constraint_from(c: GenerateCommand) -> JsonSchema | Regex | None:
    from gptengine.constraint import JsonSchema, Regex
    from gptengine.files import read_json

    if c.json_schema:
        inline = c.json_schema.lstrip().startswith("{")
        return JsonSchema(c.json_schema if inline else read_json(c.json_schema))
    return Regex(c.regex) if c.regex else None


def show_tokens(sampler: Sampler, pieces: Iterator[str]) -> str:
    """Let the tokens show themselves below the sampler's steps; return why the text ended."""
    print(sampler)
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value


def show_token(tok: Tokenizer, event: Event) -> None:
    """A token's log-probability and the likeliest tokens with theirs, as a line."""
    from gptengine.tokenizer.inspect import visible

    spelled = lambda token: visible(tok.token_bytes(token))
    drawn = event.stop_id if event.token is None else event.token
    likeliest = zip(event.top_ids.tolist(), event.top_logprobs.tolist(), strict=True)
    others = "   ".join(f"{spelled(token)} {logprob:.2f}" for token, logprob in likeliest)
    print(f"{event.logprob:7.2f} {spelled(drawn):20} | {others}", flush=True)


def note_on_nothing(c: GenerateCommand, tok: Tokenizer) -> str:
    """Why nothing may have followed the prompt."""
    note = "note: nothing follows the prompt: the model ended the text at once"
    note += ", or began it with a string of --stop" if c.stop else ""
    if tok.config.get("chat_template") and c.specials == "text":
        note += "; it has a chat template: it answers prompts of that form, with --specials allow"
    return note


def show(prompt: str, pieces: Iterator[str]) -> tuple[str, bool]:
    """Print the prompt and what follows as it comes; return why it ended, and if anything came."""
    wrote = False  # before the first piece: what is refused is refused before anything is written
    try:
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                print("" if wrote else prompt)
                return end.value, wrote
            print(piece if wrote else prompt + piece, end="", flush=True)
            wrote = True
    except (KeyboardInterrupt, SystemExit):
        print(end="\n" if wrote else "", flush=True)  # what is said of it begins a line
        raise
