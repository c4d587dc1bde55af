"""The shape of a transformer: every model this package trains is a point in this space."""

from __future__ import annotations

import dataclasses
import math
import numbers

NORMS = ("layer", "rms")
NORM_ORDERS = ("pre", "post")
POSITIONS = ("learned", "sinusoidal", "rope", "alibi")
ACTIVATIONS = ("gelu", "gelu_tanh", "relu", "silu", "swiglu")
HEADS = ("lm", "value", "reward")
ROPE_SCALINGS = ("none", "linear", "llama3", "yarn", "dynamic", "longrope")
# what each kind reads of rope_factor and the fields behind it
ROPE_READ = {"none": "", "linear": "factor", "dynamic": "factor", "longrope": "divisors attention"}
MOST_HEAD_DIM = 256  # kAttentionMaxDim in cpp/kernels/attention.h
LARGEST = 2**31 - 1  # of any size: token ids have 32 bits
MOST_LAYERS = 1 << 16

# layers, heads, model_dim of the four published GPT-2 models
GPT2_SIZES = {
    "124M": (12, 12, 768),
    "350M": (24, 16, 1024),
    "774M": (36, 20, 1280),
    "1558M": (48, 25, 1600),
}


@dataclasses.dataclass(frozen=True)
class Config:
    """What a transformer is made of. The defaults after `model_dim` are GPT-2's.

    Fields left at None are derived: `kv_heads` is `heads`, `head_dim` is `model_dim / heads`,
    `hidden_dim` is `4 * model_dim` and `qkv_bias` is `bias`.
    """

    vocab_size: int
    context_length: int
    layers: int
    heads: int
    model_dim: int
    kv_heads: int | None = None
    head_dim: int | None = None
    hidden_dim: int | None = None
    norm: str = "layer"
    norm_order: str = "pre"
    norm_eps: float = 1e-5
    position: str = "learned"
    rope_theta: float = 10000.0
    activation: str = "gelu_tanh"
    bias: bool = True
    qkv_bias: bool | None = None
    tied: bool = True
    qk_norm: bool = False
    causal: bool = True
    head: str = "lm"
    window: int = 0  # tokens that a token attends to, itself one of them; 0: all before it
    windows: tuple[int, ...] = ()  # that of each layer, where they differ
    # Rotary frequencies stretched for longer texts; formulas in cpp/ops/positions.h.
    rope_scaling: str = "none"
    rope_factor: float = 1.0
    rope_context: int = 0  # tokens of the context before it was stretched; llama3 and yarn
    rope_low: float = 1.0  # turns over that context: up to so many are stretched,
    rope_high: float = 4.0  # from so many on none
    rope_divisors: tuple[float, ...] = ()  # longrope: of the frequency of each pair of a head
    rope_attention: float = 1.0  # longrope: what rotated queries and keys are multiplied by
    embedding_norm: bool = False  # a norm between the embedding and the first block
    token_types: int = 0  # rows of a table of token types (BERT's segments); 0: no such table

    def __post_init__(self):
        for name in ("vocab_size", "context_length", "layers", "heads", "model_dim"):
            _check_positive_int(name, getattr(self, name))
        if self.head_dim is None and self.model_dim % self.heads:
            raise ValueError(
                f"Config: model_dim {self.model_dim} is not a multiple of heads {self.heads}: "
                f"change one of them"
            )
        head = (
            f"model_dim {self.model_dim} / heads {self.heads} = " if self.head_dim is None else ""
        )
        derived = dict(
            kv_heads=self.heads,
            head_dim=self.model_dim // self.heads,
            hidden_dim=4 * self.model_dim,
            qkv_bias=self.bias,
        )
        for name, value in derived.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for name in ("kv_heads", "head_dim", "hidden_dim"):
            _check_positive_int(name, getattr(self, name))
        if self.head_dim > MOST_HEAD_DIM:
            raise ValueError(
                f"Config: {head}head_dim {self.head_dim} must be at most {MOST_HEAD_DIM}"
            )
        for name in ("bias", "qkv_bias", "tied", "qk_norm", "causal", "embedding_norm"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(
                    f"Config: {name} must be True or False, not {getattr(self, name)!r}"
                )
        for name, known in (
            ("norm", NORMS),
            ("norm_order", NORM_ORDERS),
            ("position", POSITIONS),
            ("activation", ACTIVATIONS),
            ("head", HEADS),
            ("rope_scaling", ROPE_SCALINGS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"Config: {name} {getattr(self, name)!r} is none of {', '.join(known)}"
                )
        for name in ("window", "rope_context", "token_types"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"Config: {name} must be a whole number, not {value!r}")
            if not 0 <= value <= LARGEST:
                raise ValueError(f"Config: {name} {value} must be from 0 to {LARGEST}")
        self._check_windows()
        for name in (
            *("norm_eps", "rope_theta", "rope_factor", "rope_low", "rope_high"),
            "rope_attention",
        ):
            object.__setattr__(self, name, _positive(name, getattr(self, name)))
        if self.heads % self.kv_heads:
            raise ValueError(
                f"Config: heads {self.heads} is not a multiple of kv_heads {self.kv_heads}"
            )
        if self.position == "rope" and self.head_dim % 2:
            raise ValueError(
                f"Config: {head}head_dim {self.head_dim} must be even for position 'rope'"
            )
        self._check_rope()
        if self.position == "sinusoidal" and self.model_dim % 2:
            raise ValueError(
                f"Config: model_dim {self.model_dim} must be even for position 'sinusoidal'"
            )

    def _check_windows(self):
        """One for all layers, or one for each."""
        windows = _several("windows", self.windows)
        for i, value in enumerate(windows):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
                raise ValueError(f"Config: windows[{i}] {value!r:.40} must be from 0 to {LARGEST}")
        if windows and len(windows) != self.layers:
            raise ValueError(
                f"Config: {len(windows)} windows must be as many as layers {self.layers}"
            )
        if windows and self.window:
            raise ValueError(f"Config: window {self.window} must be 0 beside windows")
        if len(set(windows)) == 1:  # one way to say it
            object.__setattr__(self, "window", windows[0])
            windows = ()
        object.__setattr__(self, "windows", windows)
        if (self.window or windows) and not self.causal:
            said = windows or self.window
            raise ValueError(f"Config: window {said} needs causal True, not False")

    def window_of(self, layer: int) -> int:
        """How many tokens a token attends to in a layer, itself one of them; 0: all before it."""
        return self.windows[layer] if self.windows else self.window

    def _check_rope(self):
        """Only what the kind of scaling reads is given."""
        kind = self.rope_scaling
        if kind != "none" and self.position != "rope":
            raise ValueError(
                f"Config: rope_scaling {kind!r} needs position 'rope', not {self.position!r}"
            )
        read = ROPE_READ.get(kind, "factor context low high").split()
        divisors = _several("rope_divisors", self.rope_divisors)
        divisors = tuple(_positive("rope_divisors", value) for value in divisors)
        object.__setattr__(self, "rope_divisors", divisors)
        if kind == "longrope" and len(divisors) != self.head_dim // 2:
            raise ValueError(
                f"Config: {len(divisors)} rope_divisors must be half of head_dim {self.head_dim}"
            )
        for name in (
            *("rope_factor", "rope_context", "rope_low", "rope_high"),
            *("rope_divisors", "rope_attention"),
        ):
            value, default = getattr(self, name), type(self).__dataclass_fields__[name].default
            if name.removeprefix("rope_") not in read and value != default:
                raise ValueError(f"Config: {name} {value} is not read by rope_scaling {kind!r}")
        if "context" in read and not self.rope_context:
            raise ValueError(f"Config: rope_scaling {kind!r} needs rope_context, which is 0")
        if not self.rope_low < self.rope_high:
            raise ValueError(
                f"Config: rope_low {self.rope_low} must be below rope_high {self.rope_high}"
            )

    @classmethod
    def gpt2(cls, size: str = "124M", vocab_size: int = 50257, context_length: int = 1024):
        """One of OpenAI's four GPT-2 shapes: 124M, 350M, 774M, 1558M."""
        if size not in GPT2_SIZES:
            raise ValueError(f"Config.gpt2: size {size!r} is none of {', '.join(GPT2_SIZES)}")
        layers, heads, model_dim = GPT2_SIZES[size]
        return cls(vocab_size, context_length, layers, heads, model_dim)

    @classmethod
    def llama(
        cls,
        vocab_size: int,
        context_length: int,
        layers: int,
        heads: int,
        model_dim: int,
        *,
        kv_heads: int | None = None,
        head_dim: int | None = None,
        hidden_dim: int | None = None,
        norm_eps: float = 1e-5,
        rope_theta: float = 10000.0,
        qkv_bias: bool = False,
        qk_norm: bool = False,
        tied: bool = False,
    ):
        """The Llama family: RMSNorm, rotary positions, SwiGLU, no biases.

        `hidden_dim` is 8/3 of `model_dim`, rounded up to a multiple of 64, unless given: three
        matrices of that size weigh as much as GPT-2's two.
        """
        if hidden_dim is None:
            hidden_dim = -(-8 * model_dim // (3 * 64)) * 64
        return cls(
            vocab_size,
            context_length,
            layers,
            heads,
            model_dim,
            kv_heads=kv_heads,
            head_dim=head_dim,
            hidden_dim=hidden_dim,
            norm="rms",
            norm_eps=norm_eps,
            position="rope",
            rope_theta=rope_theta,
            activation="swiglu",
            bias=False,
            qkv_bias=qkv_bias,
            tied=tied,
            qk_norm=qk_norm,
        )

    @classmethod
    def qwen3(
        cls,
        vocab_size: int,
        context_length: int,
        layers: int,
        heads: int,
        model_dim: int,
        *,
        kv_heads: int | None = None,
        head_dim: int | None = None,
        hidden_dim: int | None = None,
        tied: bool = True,
    ):
        """The Qwen3 family: Llama with normalised queries and keys and a wider rotary base."""
        return cls.llama(
            vocab_size,
            context_length,
            layers,
            heads,
            model_dim,
            kv_heads=kv_heads,
            head_dim=head_dim,
            hidden_dim=hidden_dim,
            norm_eps=1e-6,
            rope_theta=1000000.0,
            qk_norm=True,
            tied=tied,
        )

    @property
    def num_parameters(self) -> int:
        """How many numbers training changes; tied weights count once."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every parameter, matrices (the weight-decayed) first."""
        C, D, H, K, F = (
            self.model_dim,
            self.head_dim,
            self.heads,
            self.kv_heads,
            self.hidden_dim,
        )
        fc = 2 * F if self.activation == "swiglu" else F  # swiglu: [gate; up]
        shapes: dict[str, tuple[int, ...]] = {"wte": (self.vocab_size, C)}
        if self.position == "learned":
            shapes["wpe"] = (self.context_length, C)
        if self.token_types:
            shapes["wtt"] = (self.token_types, C)
        for i in range(self.layers):
            shapes[f"h.{i}.attn.qkv.weight"] = ((H + 2 * K) * D, C)
            shapes[f"h.{i}.attn.proj.weight"] = (C, H * D)
            shapes[f"h.{i}.mlp.fc.weight"] = (fc, C)
            shapes[f"h.{i}.mlp.proj.weight"] = (C, F)
        if self.head == "lm" and not self.tied:
            shapes["lm_head.weight"] = (self.vocab_size, C)
        if self.head != "lm":
            shapes["head.weight"] = (1, C)

        def norm(name):
            shapes[f"{name}.weight"] = (C,)
            if self.norm == "layer" and self.bias:
                shapes[f"{name}.bias"] = (C,)

        if self.embedding_norm:
            norm("embedding_norm")
        for i in range(self.layers):
            norm(f"h.{i}.norm1")
            if self.qkv_bias:
                shapes[f"h.{i}.attn.qkv.bias"] = ((H + 2 * K) * D,)
            if self.qk_norm:
                shapes[f"h.{i}.attn.q_norm.weight"] = (D,)
                shapes[f"h.{i}.attn.k_norm.weight"] = (D,)
            if self.bias:
                shapes[f"h.{i}.attn.proj.bias"] = (C,)
            norm(f"h.{i}.norm2")
            if self.bias:
                shapes[f"h.{i}.mlp.fc.bias"] = (fc,)
                shapes[f"h.{i}.mlp.proj.bias"] = (C,)
        if self.norm_order == "pre":  # post-norm blocks end in a norm of their own
            norm("norm")
        if self.head != "lm":
            shapes["head.bias"] = (1,)
        return shapes

    def to_dict(self) -> dict:
        """Every field by name, as JSON holds them: several numbers are a list."""
        values = dataclasses.asdict(self)
        return {k: [*v] if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: dict):
        """The inverse of `to_dict`; an unknown or missing field is a ValueError."""
        fields = {f.name: f for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(fields))
        if unknown:
            raise ValueError(f"Config: unknown field {unknown[0]!r}; known: {', '.join(fields)}")
        missing = [
            name
            for name, f in fields.items()
            if f.default is dataclasses.MISSING and name not in values
        ]
        if missing:
            raise ValueError(f"Config: field {missing[0]!r} is missing")
        return cls(**values)


def check_seed(where: str, seed) -> None:
    """Refuse what the engine's random numbers cannot be keyed by."""
    whole = isinstance(seed, numbers.Integral) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < 1 << 64:
        raise ValueError(f"{where}: seed {seed!r} must be a whole number from 0 to 2^64 - 1")


def _several(name, values) -> tuple:
    if not isinstance(values, (tuple, list)):
        raise ValueError(f"Config: {name} must be several numbers, not {values!r:.80}")
    return tuple(values)


def _positive(name, value) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"Config: {name} must be a number, not {value!r}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"Config: {name} {value} must be finite and above 0")
    return float(value)


def _check_positive_int(name: str, value) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"Config: {name} must be a whole number above 0, not {value!r}")
    most = MOST_LAYERS if name == "layers" else LARGEST
    if value > most:
        raise ValueError(f"Config: {name} {value} must be at most {most}")
