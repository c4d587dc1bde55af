"""A model of the contract that train/ needs, in NumPy: a bigram, logits = lm_head @ wte[token].

The loop's tests run on it in milliseconds and without the compiled engine. Its other parameters
are there to be saved and loaded; they get no gradient.
"""

from types import SimpleNamespace

import numpy as np

from gptengine.config import Config


class BigramModel:
    device, dtype = "numpy", "float32"

    def __init__(self, vocab_size=257, seed=0, context_length=16):
        self.config = Config(
            vocab_size=vocab_size,
            context_length=context_length,
            layers=1,
            heads=1,
            model_dim=4,
            tied=False,
        )
        rng = np.random.default_rng(seed)
        shapes = self.config.parameter_shapes()
        self._params = {n: rng.normal(0, 0.1, s).astype(np.float32) for n, s in shapes.items()}
        self._m = {n: np.zeros_like(p) for n, p in self._params.items()}
        self._v = {n: np.zeros_like(p) for n, p in self._params.items()}
        self._t = 0
        self.zero_grad()

    def zero_grad(self):
        self._grads = {n: np.zeros_like(p) for n, p in self._params.items()}

    def flops_per_token(self, context):
        return 6 * self.config.num_parameters

    def reserve(self, tokens):
        pass

    def memory(self, tokens):
        return {"weights": 4 * self.config.num_parameters}

    def parameters(self):
        return self._params

    def set_parameters(self, params):
        for name, array in params.items():
            self._params[name][...] = array

    def optimizer_state(self):
        return {"exp_avg": self._m, "exp_avg_sq": self._v, "step": self._t}

    def load_optimizer_state(self, state):
        for name in self._params:
            self._m[name][...] = state["exp_avg"][name]
            self._v[name][...] = state["exp_avg_sq"][name]
        self._t = state["step"]

    def _logits(self, tokens):
        return self._params["wte"][tokens] @ self._params["lm_head.weight"].T  # (N, V)

    def logprob(self, tokens, targets):
        logits = self._logits(np.ravel(tokens))
        logits = logits - logits.max(1, keepdims=True)
        logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return logp[np.arange(len(logp)), np.ravel(targets)]

    def forward_backward(self, tokens, targets, dlogp, segments=None):
        tokens, targets = np.ravel(tokens), np.ravel(targets)
        logits = self._logits(tokens)
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        rows = np.arange(len(p))
        logp = np.log(p[rows, targets])
        dlogits = -p * dlogp[:, None]
        dlogits[rows, targets] += dlogp
        self._grads["lm_head.weight"] += dlogits.T @ self._params["wte"][tokens]
        np.add.at(self._grads["wte"], tokens, dlogits @ self._params["lm_head.weight"])
        return logp

    def grad_norm(self):
        return float(np.sqrt(sum(np.sum(g.astype(np.float64) ** 2) for g in self._grads.values())))

    def step(self, *, lr, weight_decay, clip, beta1, beta2, eps=1e-8):
        norm = self.grad_norm()
        scale = np.float32(min(1.0, clip / (norm + 1e-6)))
        self._t += 1
        for name, p in self._params.items():
            g, m, v = self._grads[name] * scale, self._m[name], self._v[name]
            m += np.float32(1 - beta1) * (g - m)
            v += np.float32(1 - beta2) * (g * g - v)
            update = m / (1 - beta1**self._t) / (np.sqrt(v / (1 - beta2**self._t)) + eps)
            p -= np.float32(lr) * (update + np.float32(weight_decay * (p.ndim > 1)) * p)
        self.zero_grad()
        return norm

    def generate(self, prompts, max_new_tokens, temperature=1.0, seed=0):
        rng = np.random.default_rng(seed)
        out = []
        for prompt in prompts:
            ids = list(prompt)
            for _ in range(max_new_tokens):
                logits = self._logits(np.array(ids[-1:]))[0] / temperature
                ids.append(int(np.argmax(logits + rng.gumbel(size=len(logits)))))
            out.append(SimpleNamespace(tokens=np.array(ids[len(prompt) :], np.uint32)))
        return out
