"""Writes clipping.json next to it: torch.nn.utils.clip_grad_norm_ and clip_grad_value_ in float64, the one before the other.
Run: python3 make_golden.py (torch 1.13 made it)."""

import json
import pathlib

import torch

SHAPES = {"0.weight": (3, 2), "0.bias": (3,), "2.weight": (2, 3), "2.bias": (2,)}
# Norms of the gradients are near 4; the third and the last leave them as they are.
CASES = [(1.0, None), (0.125, None), (8.0, None), (None, 0.5), (1.5, 0.25), (8.0, 0.75), (None, 16.0)]


def case(max_norm, clip_value):
    parameters = {name: torch.zeros(shape, requires_grad=True) for name, shape in SHAPES.items()}
    for parameter in parameters.values():
        parameter.grad = torch.randn(parameter.shape)
    values = {name: parameter.grad.flatten().tolist() for name, parameter in parameters.items()}
    norm = torch.sqrt(sum((parameter.grad ** 2).sum() for parameter in parameters.values())).item()
    if max_norm is not None:
        torch.nn.utils.clip_grad_norm_(parameters.values(), max_norm)
    if clip_value is not None:
        torch.nn.utils.clip_grad_value_(parameters.values(), clip_value)
    clipped = {name: parameter.grad.flatten().tolist() for name, parameter in parameters.items()}
    return {"maxNorm": max_norm, "clipValue": clip_value, "norm": norm, "gradients": values, "clipped": clipped}


torch.set_default_dtype(torch.float64)
torch.manual_seed(5)
path = pathlib.Path(__file__).with_name("clipping.json")
path.write_text(json.dumps({"torch": torch.__version__, "cases": [case(*arguments) for arguments in CASES]}, indent=1) + "\n")
