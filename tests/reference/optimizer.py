"""AdamW (Loshchilov, Hutter 2019) and clipping by the global norm in NumPy, float64."""

import numpy as np


def clip(gradients, limit):
    """The gradients scaled to a norm of at most `limit` (0: as they are), and the norm before."""
    norm = np.sqrt(sum((g * g).sum() for g in gradients.values()))
    scale = limit / norm if limit and norm > limit else 1.0
    return {name: g * scale for name, g in gradients.items()}, norm


class AdamW:
    """Weight decay applies to matrices only."""

    def __init__(self, parameters):
        self.m = {name: np.zeros(p.shape) for name, p in parameters.items()}
        self.v = {name: np.zeros(p.shape) for name, p in parameters.items()}
        self.t = 0

    def step(self, parameters, gradients, lr, weight_decay=0.1, betas=(0.9, 0.95), eps=1e-8):
        """The parameters after one step."""
        self.t += 1
        after = {}
        for name, p in parameters.items():
            g = gradients[name]
            self.m[name] = betas[0] * self.m[name] + (1 - betas[0]) * g
            self.v[name] = betas[1] * self.v[name] + (1 - betas[1]) * g * g
            m = self.m[name] / (1 - betas[0] ** self.t)
            v = self.v[name] / (1 - betas[1] ** self.t)
            decay = weight_decay if p.ndim == 2 else 0.0
            after[name] = p - lr * (m / (np.sqrt(v) + eps) + decay * p)
        return after
