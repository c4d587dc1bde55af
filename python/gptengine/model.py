"""Model: a transformer of the engine with its weights, gradients and optimizer.

    model = Model(Config.gpt2("124M"), seed=0, dtype="bfloat16")
    logp = model.forward_backward(inputs, targets, dlogp)
    norm = model.step(lr=6e-4)

Tokens are (B, T) arrays, each row a segment of its own, or one flat (N,) array with `segments`, the
(B+1,) boundaries. Attention never crosses a boundary and positions start again at each.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math

import numpy as np

from gptengine import _core, checkpoint
from gptengine.config import Config, check_seed
from gptengine.model_memory import BITS, planned_memory

DTYPES = ("float32", "bfloat16")


class Model:
    """One transformer, described by its Config.

    dtype: float32, or bfloat16 for computing in bfloat16 with float32 weights, gradients and
    optimizer. recompute: 0 keeps all activations for backward, 1 computes norms and activation
    functions again (cheap), 2 keeps only the input of each block. All three give the same bits.

    quantize: "q8" or "q4" keeps matrices in 8 or 4 bits a weight, with a scale for each 32 weights.
    Such a model is for decoding and evaluation: its weights come in by `set_parameters`, and it
    cannot be saved.

    Calls from several threads run one after another; forward and backward are two calls.
    """

    def __init__(
        self,
        config: Config,
        *,
        seed: int = 0,
        dtype: str = "float32",
        device: str = "cpu",
        recompute: int = 1,
        quantize: str | None = None,
    ):
        if quantize not in BITS:
            raise ValueError(f"Model: quantize {quantize!r} must be None, 'q8' or 'q4'")
        if dtype not in DTYPES:
            raise ValueError(f"Model: dtype {dtype!r} must be one of {', '.join(DTYPES)}")
        if device != "cpu":
            raise ValueError(f"Model: device {device!r} is not available yet; use device='cpu'")
        check_seed("Model", seed)
        self.config, self.dtype, self.device, self.recompute = config, dtype, device, recompute
        self.quantize = quantize
        self.engine_config = _core.GPTConfig(**dataclasses.asdict(config))
        with _naming_bytes("Model", lambda: self.memory(1, training=False)):
            self.engine = _core.Transformer(
                self.engine_config, dtype, seed, recompute, BITS[quantize]
            )
        self.kept_shape: tuple[int, ...] | None = None  # of the tokens that backward is about

    @classmethod
    def load(
        cls,
        path,
        *,
        dtype: str = "float32",
        device: str = "cpu",
        recompute: int = 1,
        quantize: str | None = None,
    ) -> Model:
        """Read a Hugging Face folder, a run's folder (its best model), or a .gguf file."""
        config, params = checkpoint.load(path)
        model = cls(config, dtype=dtype, device=device, recompute=recompute, quantize=quantize)
        model.set_parameters(params)
        return model

    def save(self, path, tokenizer=None, *, weights: str = "F32") -> None:
        """Write a Hugging Face folder or a .gguf file, replacing an earlier one in a single step.

        weights: how the matrices are stored, F32 or BF16; in a .gguf file also Q8_0 or Q4_0.
        """
        if self.quantize:
            raise ValueError(f"save: a model of {self.quantize} weights cannot be saved")
        checkpoint.save(path, self.config, self.parameters(), tokenizer, weights)

    # Training

    def forward(self, tokens, targets, segments=None) -> np.ndarray:
        """log p of each target, (N,) float32; keeps what `backward` needs.

        targets: as tokens, or flat (N,); a negative target is ignored and gets 0.
        """
        return self._logprob(tokens, targets, segments, keep=True)

    def logprob(self, tokens, targets, segments=None) -> np.ndarray:
        """`forward` for evaluation: keeps nothing."""
        return self._logprob(tokens, targets, segments, keep=False)

    def backward(self, dlogp=None, dvalue=None) -> None:
        """Add to the gradients, given d(loss)/d(logp) or d(loss)/d(value) of the last forward.

        Its shape is that of the forward's tokens, or flat (N,).
        """
        if (dlogp is None) == (dvalue is None):
            raise ValueError("backward: give dlogp or dvalue, not both")
        if dlogp is not None:
            self.engine.backward_logprob(_floats("dlogp", dlogp, self.kept_shape))
        else:
            self.engine.backward_values(_floats("dvalue", dvalue, self.kept_shape))

    def forward_backward(self, tokens, targets, dlogp, segments=None) -> np.ndarray:
        """`forward` and `backward` when dlogp is known beforehand, with the same bits.

        Pretraining and fine-tuning weigh every token beforehand; then the logits need to be
        computed only once, a tenth less work for a small GPT.
        """
        shape, (tokens, segments) = np.shape(tokens), _pack(tokens, segments)
        targets, dlogp = _targets(targets, shape), _floats("dlogp", dlogp, shape)
        logp = np.empty(len(tokens), np.float32)
        self.engine.forward_backward(logp, tokens, targets, segments, dlogp)
        return logp

    def values(self, tokens, segments=None, *, keep: bool = False) -> np.ndarray:
        """The value of each token, (N,) float32, for a value or reward head.

        The reward of a segment is the value of its last token, `values[segments[1:] - 1]`: the
        caller picks the rows, and gives `backward` a dvalue that is zero elsewhere.
        keep: keep what `backward(dvalue=…)` needs.
        """
        shape, (tokens, segments) = np.shape(tokens), _pack(tokens, segments)
        values = np.empty(len(tokens), np.float32)
        self.engine.values(values, tokens, segments, keep)
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
        return self.engine.step(lr, weight_decay, clip, beta1, beta2, eps)

    # Looking inside

    def logits(self, tokens, segments=None, *, last_only: bool = True) -> np.ndarray:
        """(B, V) float32 logits after each segment's last token, or (N, V) after every token."""
        tokens, segments = _pack(tokens, segments)
        if last_only and (empty := np.flatnonzero(np.diff(segments) == 0)).size:
            b = int(empty[0])
            raise ValueError(
                f"logits: segment {b} from {segments[b]} to {segments[b + 1]} has no last token"
            )
        rows = segments[1:] - 1 if last_only else np.arange(len(tokens), dtype=np.int32)
        logits = np.empty((len(rows), self.config.vocab_size), np.float32)
        self.engine.logits(logits, tokens, segments, np.ascontiguousarray(rows))
        return logits

    def hidden(self, tokens, segments=None) -> np.ndarray:
        """(N, C) float32: what the head reads."""
        return self.engine.hidden(*_pack(tokens, segments)).numpy()

    def generate(self, prompts, **options):
        """Continue prompts; see gptengine.generate.generate."""
        from gptengine.generate import generate

        return generate(self, prompts, **options)

    # State

    def parameters(self) -> dict[str, np.ndarray]:
        """Every weight by name, float32, sharing memory with the model.

        After writing to them call `weights_changed()`: bfloat16 models compute with copies.
        """
        return _arrays(self.engine.weights())

    def gradients(self) -> dict[str, np.ndarray]:
        """Every gradient by name, float32, sharing memory with the model."""
        return _arrays(self.engine.gradients())

    def weights_changed(self) -> None:
        self.engine.weights_changed()

    def set_parameters(self, params: dict[str, np.ndarray]) -> None:
        """Copy weights in; names and shapes must be the model's, values finite."""
        plain = self.parameters()
        if self.quantize:
            matrices = {n: a for n, a in params.items() if n not in plain}
            params = {n: a for n, a in params.items() if n in plain}
            for name in self.config.parameter_shapes().keys() - plain.keys() - matrices.keys():
                raise ValueError(f"weight: {name!r} is missing")
            for name, array in matrices.items():
                if not np.isfinite(array).all():
                    raise ValueError(f"weight: {name!r} holds values that are not finite")
                if not self.engine.set_matrix(name, np.ascontiguousarray(array, np.float32)):
                    raise ValueError(f"weight: {name!r} is not part of this model")
        _copy_into(plain, params, "weight")
        self.weights_changed()

    def optimizer_state(self) -> dict:
        """AdamW's moments by name (shared memory) and its step count."""
        return {
            "exp_avg": _arrays(self.engine.first_moment()),
            "exp_avg_sq": _arrays(self.engine.second_moment()),
            "step": self.engine.steps,
        }

    def load_optimizer_state(self, state: dict) -> None:
        mine = self.optimizer_state()
        for key in ("exp_avg", "exp_avg_sq"):
            _copy_into(mine[key], state[key], key)
        self.engine.steps = int(state["step"])

    # Plans

    @property
    def num_parameters(self) -> int:
        return self.engine.num_parameters

    def flops_per_token(self, context: int) -> float:
        """Floating-point operations to train on one token: 6 N + 6 L C T.

        N counts every weight but learned positions (and input embeddings, where untied); the
        second term is causal attention (the convention of llm.c and PaLM).
        """
        c = self.config
        looked_up = c.context_length * c.model_dim if c.position == "learned" else 0
        looked_up += 0 if c.tied else c.vocab_size * c.model_dim
        weights = self.num_parameters - looked_up
        return 6.0 * weights + 6.0 * c.layers * c.heads * c.head_dim * context

    def reserve(self, tokens: int, *, training: bool = True) -> None:
        """Allocate what passes of up to so many tokens need; later passes allocate nothing."""
        if tokens < 1:
            raise ValueError(f"reserve: tokens {tokens} must be at least 1")
        with _naming_bytes("reserve", lambda: self.memory(tokens, training=training)):
            self.engine.reserve(tokens, training)

    def memory(self, tokens: int, *, training: bool = True) -> dict[str, int]:
        """Bytes by purpose that passes of so many tokens need; see planned_memory."""
        return planned_memory(
            self.config,
            tokens,
            dtype=self.dtype,
            recompute=self.recompute,
            training=training,
            quantize=self.quantize,
        )

    def _logprob(self, tokens, targets, segments, keep):
        shape, (tokens, segments) = np.shape(tokens), _pack(tokens, segments)
        logp = np.empty(len(tokens), np.float32)
        self.engine.logprob(logp, tokens, _targets(targets, shape), segments, keep)
        if keep:
            self.kept_shape = shape
        return logp


@contextlib.contextmanager
def _naming_bytes(what: str, plan):
    """A MemoryError says how many bytes were wanted, for what."""
    try:
        yield
    except MemoryError:
        sizes = plan()
        raise MemoryError(
            f"{what}: there is no memory for {sum(sizes.values()):,} bytes: "
            + ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        ) from None


def int_vector(array) -> np.ndarray:
    """Integers of any type and shape as a flat int32 array, refused where they do not fit."""
    array = np.asarray(array)
    if array.dtype.kind not in "iu":
        raise ValueError(f"tokens: dtype {array.dtype} must be an integer type")
    if array.dtype != np.int32 and array.size:
        for value in (int(array.min()), int(array.max())):
            if not -(1 << 31) <= value < 1 << 31:
                raise ValueError(f"tokens: {value} does not fit 32 bits")
    return np.ascontiguousarray(array.reshape(-1), np.int32)


def _targets(targets, shape) -> np.ndarray:
    _check_shape("targets", targets, shape)
    return int_vector(targets)


def _floats(name: str, array, shape) -> np.ndarray:
    _check_shape(name, array, shape)
    return np.ascontiguousarray(np.asarray(array).reshape(-1), np.float32)


def _check_shape(name: str, array, shape) -> None:
    """One number a token, in the shape of the tokens or flat: (T, B) would be other pairs."""
    if shape is not None and np.shape(array) not in (tuple(shape), (math.prod(shape),)):
        raise ValueError(f"{name}: shape {np.shape(array)} must be that of the tokens, {shape}")


def _pack(tokens, segments) -> tuple[np.ndarray, np.ndarray]:
    """Flat tokens and their boundaries, both int32."""
    tokens = np.asarray(tokens)
    if tokens.size == 0:
        raise ValueError(f"tokens: a batch of shape {tokens.shape} is empty")
    if segments is None:
        if tokens.ndim not in (1, 2):
            raise ValueError(f"tokens: shape {tokens.shape} must be (B, T) or (N,)")
        length = tokens.shape[-1]
        segments = np.arange(0, tokens.size + 1, length, dtype=np.int32)
    elif tokens.ndim != 1:
        raise ValueError(f"tokens: shape {tokens.shape} must be (N,) beside segments")
    return int_vector(tokens), int_vector(segments)


def _arrays(tensors) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def _copy_into(mine, theirs, kind):
    if missing := sorted(mine.keys() - theirs.keys()):
        raise ValueError(f"{kind} {missing[0]!r} is missing")
    if foreign := sorted(theirs.keys() - mine.keys()):
        raise ValueError(f"{kind} {foreign[0]!r} is not part of this model")
    for name, array in theirs.items():
        if array.shape != mine[name].shape:
            raise ValueError(f"{kind} {name!r}: shape {array.shape} must be {mine[name].shape}")
        if not np.isfinite(array).all():
            raise ValueError(
                f"{kind} {name!r}: {int((~np.isfinite(array)).sum())} values are not finite"
            )
    for name, array in theirs.items():
        mine[name][...] = array
