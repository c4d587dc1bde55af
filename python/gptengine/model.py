"""Model: a transformer of the engine with its weights, gradients and optimizer.

    model = Model(Config.gpt2("124M"), seed=0, dtype="bfloat16")
    logp = model.forward_backward(inputs, targets, dlogp)
    norm = model.step(lr=6e-4)

Tokens are (B, T) arrays, each row a segment of its own, or one flat (N,) array with `segments`, the
(B+1,) boundaries. Attention never crosses a boundary and positions start again at each.
Where the config has token_types, a pass takes `types` in the shape of the tokens, else all are 0.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np

from gptengine import _core, checkpoint
from gptengine.batch import floats, ints, pack, types_or_none
from gptengine.config import Config, check_seed
from gptengine.kv_blocks import blocks_for, new_cache
from gptengine.model_memory import BITS, naming_bytes, planned_memory
from gptengine.own_tokenizer import own_tokenizer
from gptengine.sentence import Pooling, is_sentence_folder, read_pooling
from gptengine.tokenizer import Tokenizer, WordPiece
from gptengine.weights import arrays_of, copy_into

DTYPES = ("float32", "bfloat16")


class Model:
    """One transformer, described by its Config.

    dtype: float32, or bfloat16 for computing in bfloat16 with float32 weights, gradients and
    optimizer. seed: of the initial weights; None leaves them 0. recompute: 0 keeps all activations
    for backward, 1 computes norms and activation functions again (cheap), 2 keeps only the input of
    each block. All three give the same bits.

    quantize: "q8" or "q4" keeps matrices in 8 or 4 bits a weight, with a scale for each 32 weights.
    trainable=False keeps matrices once, as decoding reads them, and no float32 weights beside
    bfloat16 ones. Both are for decoding and evaluation, with the same bits as other models of their
    weights: these come in by `load` or `set_parameters`, and cannot be trained or saved.

    Calls from several threads run one after another; forward and backward are two calls.
    """

    def __init__(
        self,
        config: Config,
        *,
        seed: int | None = 0,
        dtype: str = "float32",
        device: str = "cpu",
        recompute: int = 1,
        quantize: str | None = None,
        trainable: bool = True,
    ):
        if quantize not in BITS:
            raise ValueError(f"Model: quantize {quantize!r} must be None, 'q8' or 'q4'")
        if dtype not in DTYPES:
            raise ValueError(f"Model: dtype {dtype!r} must be one of {', '.join(DTYPES)}")
        if device != "cpu":
            raise ValueError(f"Model: device {device!r} is not available yet; use device='cpu'")
        if seed is not None:
            check_seed("Model", seed)
        self.config, self.dtype, self.device, self.recompute = config, dtype, device, recompute
        self.quantized, self.trainable = quantize, trainable and quantize is None
        self.engine_config = _core.GPTConfig(**dataclasses.asdict(config))
        with naming_bytes("Model", lambda: self.memory(1, training=False)):
            self.engine = _core.Transformer(
                self.engine_config, dtype, seed, recompute, BITS[quantize], trainable
            )
        self.kept_shape: tuple[int, ...] | None = None  # of the tokens that backward is about
        self.version = 0  # of the weights: what was computed with another one is of no use
        # What a sentence encoder's folder says of its use: what `encode` takes unless told.
        self.pooling: Pooling | None = None
        self._tokenizer: Tokenizer | WordPiece | Path | None = None
        self.end_ids: tuple[int, ...] = ()  # of the tokens that end a text, by the files

    @classmethod
    def load(
        cls,
        path,
        *,
        dtype: str = "float32",
        device: str = "cpu",
        recompute: int = 1,
        quantize: str | None = None,
        trainable: bool = True,
    ) -> Model:
        """Read a Hugging Face folder, a run's folder (its best model), or a .gguf file.

        Whoever only decodes gives trainable=False, which takes a third of the memory or less.
        It has the tokenizer that lies there, and of sentence-transformers' folders the pooling.
        """
        path = checkpoint.find_model(path)
        source = checkpoint.open_model(path)
        model = cls(
            source.config,
            seed=None,
            dtype=dtype,
            device=device,
            recompute=recompute,
            quantize=quantize,
            trainable=trainable,
        )
        model.end_ids = source.end_ids
        if model.trainable:
            source.read_into(model.parameters())  # from the mapped file, without a copy between
            model.weights_changed()
        else:
            model._read_matrices(source)
        if is_sentence_folder(path):
            model.pooling = read_pooling(path)
        model._tokenizer = path
        return model

    @property
    def tokenizer(self) -> Tokenizer | WordPiece | None:
        """That of the folder or file that the model is from, read when it is first asked for."""
        if isinstance(self._tokenizer, Path):
            self._tokenizer = own_tokenizer(self._tokenizer, causal=self.config.causal)
        return self._tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: Tokenizer | WordPiece | None) -> None:
        self._tokenizer = tokenizer

    def save(self, path, tokenizer=None, *, weights: str = "F32") -> None:
        """Write a Hugging Face folder or a .gguf file, replacing an earlier one in a single step.

        tokenizer: the model's own unless another is given. weights: how the matrices are stored,
        F32 or BF16; in a .gguf file also Q8_0 or Q4_0. A sentence encoder is written as
        sentence-transformers does.
        """
        if self.quantized:
            raise ValueError(f"save: a model of {self.quantized} weights cannot be saved")
        if not self.trainable:
            raise ValueError("save: a model of trainable False cannot be saved: load it without")
        tokenizer, params = tokenizer or self.tokenizer, self.parameters()
        of_files = dict(pooling=self.pooling, end_ids=self.end_ids)
        checkpoint.save(path, self.config, params, tokenizer, weights, **of_files)

    def quantize(self, quantize: str) -> Model:
        """A copy with matrices of 8 or 4 bits a weight, "q8" or "q4", for decoding and evaluation.

        `load(..., quantize=...)` has the same bits, and needs no memory for the model first.
        """
        if not self.trainable:
            has = f"{self.quantized} weights" if self.quantized else "trainable False"
            raise ValueError(
                f"quantize: a model of {has} cannot be: load with quantize={quantize!r}"
            )
        copy = Model(self.config, seed=None, dtype=self.dtype, quantize=quantize)
        copy.set_parameters(self.parameters())
        copy.pooling, copy.end_ids, copy._tokenizer = self.pooling, self.end_ids, self._tokenizer
        return copy

    # Training

    def forward(self, tokens, targets, segments=None, *, types=None) -> np.ndarray:
        """log p of each target, (N,) float32; keeps what `backward` needs.

        targets: as tokens, or flat (N,); a negative target is ignored and gets 0.
        """
        return self._logprob(tokens, targets, segments, types, keep=True)

    def logprob(
        self, tokens, targets, segments=None, *, types=None, kv_dtype: str | None = None
    ) -> np.ndarray:
        """`forward` for evaluation: keeps nothing.

        kv_dtype: as a text has it that a Generator writes with such a cache.
        """
        if kv_dtype is not None:
            return self._cached_logprob(tokens, targets, segments, types, kv_dtype)
        return self._logprob(tokens, targets, segments, types, keep=False)

    def backward(self, dlogp=None, dvalue=None) -> None:
        """Add to the gradients, given d(loss)/d(logp) or d(loss)/d(value) of the last forward.

        Its shape is that of the forward's tokens, or flat (N,).
        """
        if (dlogp is None) == (dvalue is None):
            raise ValueError("backward: give dlogp or dvalue, not both")
        if dlogp is not None:
            self.engine.backward_logprob(floats("dlogp", dlogp, self.kept_shape))
        else:
            self.engine.backward_values(floats("dvalue", dvalue, self.kept_shape))

    def forward_backward(self, tokens, targets, dlogp, segments=None, *, types=None) -> np.ndarray:
        """`forward` and `backward` when dlogp is known beforehand, with the same bits.

        Pretraining and fine-tuning weigh every token beforehand; then the logits need to be
        computed only once, a tenth less work for a small GPT.
        """
        shape, (tokens, segments) = np.shape(tokens), pack(tokens, segments)
        targets, dlogp = ints("targets", targets, shape), floats("dlogp", dlogp, shape)
        types = types_or_none(types, shape)
        logp = np.empty(len(tokens), np.float32)
        self.engine.forward_backward(logp, tokens, targets, segments, dlogp, types)
        return logp

    def values(self, tokens, segments=None, *, types=None, keep: bool = False) -> np.ndarray:
        """The value of each token, (N,) float32, for a value or reward head.

        The reward of a segment is the value of its last token, `values[segments[1:] - 1]`: the
        caller picks the rows, and gives `backward` a dvalue that is zero elsewhere.
        keep: keep what `backward(dvalue=…)` needs.
        """
        shape, (tokens, segments) = np.shape(tokens), pack(tokens, segments)
        values = np.empty(len(tokens), np.float32)
        self.engine.values(values, tokens, segments, keep, types_or_none(types, shape))
        if keep:
            self.kept_shape = shape
        return values

    def grad_norm(self) -> float:
        """The Euclidean norm of all gradients."""
        return self.engine.gradient_norm()

    def zero_grad(self) -> None:
        self.engine.zero_gradients()

    def step(
        self,
        lr: float,
        weight_decay: float = 0.1,
        clip: float = 1.0,
        beta1: float = 0.9,
        beta2: float = 0.95,
        eps: float = 1e-8,
    ) -> float:
        """One AdamW step on the gradients, which become zero; returns their norm before clipping.

        Only matrices decay (Loshchilov, Hutter 2019). clip: the largest norm, 0 for none. A norm
        that is not finite raises ValueError and changes nothing.
        """
        self.version += 1
        return self.engine.step(lr, weight_decay, clip, beta1, beta2, eps)

    # Looking inside

    def logits(self, tokens, segments=None, *, types=None, last_only: bool = True) -> np.ndarray:
        """(B, V) float32 logits after each segment's last token, or (N, V) after every token."""
        types = types_or_none(types, np.shape(tokens))
        tokens, segments = pack(tokens, segments)
        if last_only and (empty := np.flatnonzero(np.diff(segments) == 0)).size:
            b = int(empty[0])
            raise ValueError(
                f"logits: segment {b} from {segments[b]} to {segments[b + 1]} has no last token"
            )
        rows = segments[1:] - 1 if last_only else np.arange(len(tokens), dtype=np.int32)
        logits = np.empty((len(rows), self.config.vocab_size), np.float32)
        self.engine.logits(logits, tokens, segments, np.ascontiguousarray(rows), types)
        return logits

    def hidden(self, tokens, segments=None, *, types=None) -> np.ndarray:
        """(N, C) float32: what the head reads."""
        types = types_or_none(types, np.shape(tokens))
        return self.engine.hidden(*pack(tokens, segments), types).numpy()

    def encode(self, texts, tokenizer=None, **options) -> np.ndarray:
        """(n, C) float32, a vector of length 1 a text; see gptengine.encode.encode."""
        from gptengine.encode import encode

        return encode(self, texts, tokenizer, **options)

    def generate(self, prompts, **options):
        """Continue prompts; see gptengine.generate.generate."""
        from gptengine.generate import generate

        return generate(self, prompts, **options)

    # State

    def parameters(self) -> dict[str, np.ndarray]:
        """Every weight by name, float32, sharing memory with the model.

        After writing to them call `weights_changed()`: bfloat16 models compute with copies.
        """
        return arrays_of(self.engine.weights())

    def gradients(self) -> dict[str, np.ndarray]:
        """Every gradient by name, float32, sharing memory with the model."""
        return arrays_of(self.engine.gradients())

    def weights_changed(self) -> None:
        self.version += 1
        self.engine.weights_changed()

    def set_parameters(self, params: dict[str, np.ndarray]) -> None:
        """Copy weights in; names and shapes must be the model's, values finite."""
        plain = self.parameters()
        if not self.trainable:
            matrices = {n: a for n, a in params.items() if n not in plain}
            params = {n: a for n, a in params.items() if n in plain}
            for name in self.config.parameter_shapes().keys() - plain.keys() - matrices.keys():
                raise ValueError(f"weight: {name!r} is missing")
            for name, array in matrices.items():
                if not np.isfinite(array).all():
                    raise ValueError(f"weight: {name!r} holds values that are not finite")
                if not self.engine.set_matrix(name, np.ascontiguousarray(array, np.float32)):
                    raise ValueError(f"weight: {name!r} is not part of this model")
        copy_into(plain, params, "weight")
        self.weights_changed()

    def _read_matrices(self, source) -> None:
        """One matrix at a time is there in float32, the largest while little else is."""
        plain, shapes = self.parameters(), self.config.parameter_shapes()
        for name, shape in sorted(shapes.items(), key=lambda item: -math.prod(item[1])):
            array = plain[name] if name in plain else np.empty(shape, np.float32)
            source.read(name, array)
            if name not in plain:
                self.engine.set_matrix(name, array)
        self.weights_changed()

    def optimizer_state(self) -> dict:
        """AdamW's moments by name (shared memory) and its step count."""
        return {
            "exp_avg": arrays_of(self.engine.first_moment()),
            "exp_avg_sq": arrays_of(self.engine.second_moment()),
            "step": self.engine.steps,
        }

    def load_optimizer_state(self, state: dict) -> None:
        mine = self.optimizer_state()
        for key in ("exp_avg", "exp_avg_sq"):
            copy_into(mine[key], state[key], key)
        self.engine.steps = int(state["step"])

    # Plans

    @property
    def num_parameters(self) -> int:
        return self.engine.num_parameters

    def flops_per_token(self, context: int) -> float:
        """Floating-point operations to train on one token: 6 N + 6 L C T.

        N counts every weight but learned positions and types (and input embeddings, where untied);
        the second term is causal attention (the convention of llm.c and PaLM).
        """
        c = self.config
        positions = c.context_length if c.position == "learned" else 0
        looked_up = (positions + c.token_types) * c.model_dim
        looked_up += 0 if c.tied else c.vocab_size * c.model_dim
        weights = self.num_parameters - looked_up
        return 6.0 * weights + 6.0 * c.layers * c.heads * c.head_dim * context

    def reserve(self, tokens: int, *, training: bool = True) -> None:
        """Allocate what passes of up to so many tokens need; later passes allocate nothing."""
        if tokens < 1:
            raise ValueError(f"reserve: tokens {tokens} must be at least 1")
        with naming_bytes("reserve", lambda: self.memory(tokens, training=training)):
            self.engine.reserve(tokens, training)

    def memory(self, tokens: int, *, training: bool = True) -> dict[str, int]:
        """Bytes by purpose that passes of so many tokens need; see planned_memory."""
        return planned_memory(
            self.config,
            tokens,
            dtype=self.dtype,
            recompute=self.recompute,
            training=training,
            quantize=self.quantized,
            trainable=self.trainable,
        )

    def _cached_logprob(self, tokens, targets, segments, types, kv_dtype):
        if types is not None:
            raise ValueError(f"logprob: kv_dtype {kv_dtype!r} and types exclude each other")
        shape, (tokens, segments) = np.shape(tokens), pack(tokens, segments)
        logp, texts = np.empty(len(tokens), np.float32), len(segments) - 1
        each = blocks_for(max(1, int(np.diff(segments).max())))
        cache = new_cache(self, kv_dtype, texts * each)
        tables = np.arange(texts * each, dtype=np.int32).reshape(texts, each)
        where = segments, tables, np.zeros(texts, np.int32)
        self.engine.cached_logprob(logp, cache, tokens, ints("targets", targets, shape), *where)
        return logp

    def _logprob(self, tokens, targets, segments, types, keep):
        shape, (tokens, segments) = np.shape(tokens), pack(tokens, segments)
        logp = np.empty(len(tokens), np.float32)
        targets, types = ints("targets", targets, shape), types_or_none(types, shape)
        self.engine.logprob(logp, tokens, targets, segments, keep, types)
        if keep:
            self.kept_shape = shape
        return logp
