"""Writes the golden values next to it: 50 steps of torch.optim.Adam and AdamW, in float32 and in float64.

    python3 src/test/resources/golden/optim/make_optim_golden.py (torch 1.13 made these)

The parameters keep away from 0, so that their relative errors say something; the gradients' sizes differ by element,
one of them being as small as eps.
"""

import json
import pathlib

import torch

torch.set_num_threads(1)
STEPS = 50
ELEMENTS = 6
GRADIENT_SIZES = torch.tensor([1.0, 10.0, 1e-3, 1e-8, 0.1, 1.0])


def write(name, value):
    path = pathlib.Path(__file__).with_name(name)
    path.write_text(json.dumps(value).replace("}, ", "},\n") + "\n")


def floats(tensor):
    """As few digits as give the same number again."""
    return [float(f"{number:.9g}") for number in tensor.tolist()] if tensor.dtype == torch.float32 else tensor.tolist()


def inputs():
    """Initial parameters [6] and gradients [50, 6]."""
    generator = torch.Generator().manual_seed(6)
    initial = 1 + torch.rand(ELEMENTS, generator=generator)
    initial[::2] *= -1
    return initial, GRADIENT_SIZES * torch.randn(STEPS, ELEMENTS, generator=generator)


def train(make_optimizer, initial, gradients):
    """The parameter after each step, and the optimizer's state after the last."""
    parameter = initial.clone().requires_grad_()
    optimizer = make_optimizer([parameter])
    steps = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        steps.append(floats(parameter.detach()))
    state = optimizer.state[parameter]
    return steps, {name: floats(state[name]) for name in ("exp_avg", "exp_avg_sq")}


def adam():
    variants = [
        ("adam", {}),
        ("adam", {"lr": 0.01, "weight_decay": 0.1}),
        ("adam", {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3}),
        ("adam", {"betas": (0.0, 0.0)}),
        ("adamw", {}),
        ("adamw", {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1}),
    ]
    initial, gradients = inputs()
    cases = []
    for kind, arguments in variants:
        optimizer = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
        # Without for-each the arithmetic is that of the loop over parameters, on every version of torch.
        make = lambda parameters: optimizer(parameters, **arguments, foreach=False)
        defaults = make([torch.zeros(1)]).defaults
        floats32, state32 = train(make, initial, gradients)
        floats64, _ = train(make, initial.double(), gradients.double())
        cases.append({"optimizer": kind, "lr": defaults["lr"], "betas": defaults["betas"], "eps": defaults["eps"],
                      "weightDecay": defaults["weight_decay"], "float32": floats32, "float64": floats64, **state32})
    return {"torch": torch.__version__, "initial": initial.tolist(), "gradients": gradients.tolist(), "cases": cases}


write("adam.json", adam())
