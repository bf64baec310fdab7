#!/usr/bin/env python3
"""Writes layers.json beside it: norms, dropout and residual blocks as PyTorch computes them, for the tests of dev.lockstep.ddp
and dev.lockstep.device.reference.

    python3 src/test/resources/golden/layers/make_layers_golden.py

`norms`: forward and backward of BatchNorm1d, batch after batch with the running statistics behind each, then in
evaluation mode, and of LayerNorm, all in float64. `training`: 50 steps of SGD with momentum in float32; the data, each
step's loss, the buffers at the end, and the outputs for all samples in evaluation mode. Dropout has the masks that
LayerOperations.java documents, drawn here by a Philox4x32-10 of its own. The parameters begin as PyTorch draws them after
manual_seed(3).
"""

import json
import pathlib

import torch
from torch import nn

SEED = 3
BATCH = 13
STEPS = 50
LR, MOMENTUM = 0.05, 0.9
WORD = 0xFFFFFFFF


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & WORD, (p0 >> 32) ^ c[3] ^ k[1], p0 & WORD]
        k = [(k[0] + 0x9E3779B9) & WORD, (k[1] + 0xBB67AE85) & WORD]
    return c


class CountedDropout(nn.Module):
    """Dropout with the masks of rank 0; the step is counted up by its forward, which training alone calls."""

    def __init__(self, p, layer):
        super().__init__()
        self.p, self.layer, self.step = p, layer, 0

    def forward(self, x):
        if not self.training:
            return x
        self.step += 1
        count = x.numel()
        words = [w for block in range((count + 3) // 4) for w in philox((block, self.layer, self.step, 0), (SEED, 0))]
        threshold = int(self.p * 2**32 + 0.5)
        keep = torch.tensor([w >= threshold for w in words[:count]], dtype=x.dtype).reshape(x.shape)
        return x * keep / (1 - self.p)


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


# In the order of the Java test's models.
MODELS = {
    "batch norm": lambda: nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 12), nn.Tanh(), nn.BatchNorm1d(12, eps=1e-3,
                                                                                                   momentum=0.3),
        nn.Linear(12, 3)),
    "batch norm first and last": lambda: nn.Sequential(
        nn.BatchNorm1d(6), nn.Linear(6, 16), nn.Sigmoid(), nn.Linear(16, 3), nn.BatchNorm1d(3)),
    "layer norm": lambda: nn.Sequential(
        nn.LayerNorm(6), nn.Linear(6, 16), nn.LayerNorm(16, eps=1e-3), nn.GELU(), nn.Linear(16, 3)),
    "dropout": lambda: nn.Sequential(
        CountedDropout(0.2, 0), nn.Linear(6, 16), nn.ReLU(), CountedDropout(0.5, 1), nn.Linear(16, 3)),
    "residual blocks": lambda: nn.Sequential(
        nn.Linear(6, 8), Residual(nn.LayerNorm(8), nn.Linear(8, 16), nn.GELU(), CountedDropout(0.1, 0), nn.Linear(16, 8)),
        Residual(nn.BatchNorm1d(8), nn.Tanh(), Residual(nn.Linear(8, 8))), nn.Linear(8, 3)),
}


def numbers(tensor):
    return tensor.detach().reshape(-1).tolist()


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def step_of(norm, batch, features):
    """Forward and backward of one batch; the gradients are of this batch alone."""
    x = (normal(batch, features) * 3 + 2).requires_grad_()
    y_gradient = normal(batch, features)
    norm.zero_grad()
    y = norm(x)
    y.backward(y_gradient)
    return {"batch": batch, "x": numbers(x), "y": numbers(y), "y_gradient": numbers(y_gradient),
            "x_gradient": numbers(x.grad), "weight_gradient": numbers(norm.weight.grad),
            "bias_gradient": numbers(norm.bias.grad)}


def norms():
    cases = []
    for features, eps, momentum in ((1, 1e-5, 0.1), (7, 1e-3, 0.4)):
        for norm in (nn.BatchNorm1d(features, eps, momentum).double(), nn.LayerNorm(features, eps).double()):
            is_batch_norm = isinstance(norm, nn.BatchNorm1d)
            norm.weight.data, norm.bias.data = normal(features), normal(features)
            steps = []
            for batch in (5, 2, 9):
                steps.append(step_of(norm, batch, features))
                if is_batch_norm:
                    steps[-1].update(running_mean=numbers(norm.running_mean), running_var=numbers(norm.running_var))
            norm.eval()
            x = normal(4, features)
            cases.append({"kind": type(norm).__name__, "features": features, "eps": eps, "momentum": momentum,
                          "weight": numbers(norm.weight), "bias": numbers(norm.bias), "steps": steps,
                          "evaluation": {"x": numbers(x), "y": numbers(norm(x))}})
    return cases


def training(name, build, x, labels):
    torch.manual_seed(SEED)
    model = build()
    optimizer = torch.optim.SGD(model.parameters(), LR, MOMENTUM)
    losses = []
    for step in range(STEPS):
        first = step % (len(x) // BATCH) * BATCH
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[first:first + BATCH]), labels[first:first + BATCH])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return {"name": name, "losses": losses,
            "parameters": {key: numbers(value) for key, value in model.named_parameters()},
            "buffers": {key: numbers(value) for key, value in model.named_buffers()},
            "evaluation": numbers(model(x))}


def main():
    torch.manual_seed(20)
    torch.set_num_threads(1)
    samples = 5 * BATCH
    labels = torch.randint(3, (samples,))
    x = torch.randn(samples, 6) + labels[:, None] * torch.tensor([1.0, -0.5, 0.0, 0.3, 0.0, 2.0])
    cases = norms()
    golden = {"torch": torch.__version__, "norms": cases, "batch": BATCH, "lr": LR, "momentum": MOMENTUM,
              "x": numbers(x), "labels": numbers(labels),
              "training": [training(name, build, x, labels) for name, build in MODELS.items()]}
    pathlib.Path(__file__).with_name("layers.json").write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
