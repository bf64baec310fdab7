"""Writes the golden values next to it: 50 steps of torch.optim.Adam and AdamW, in float32 and in float64; the rates of
torch's schedulers; and 50 steps with parameter groups under a schedule.

    python3 src/test/resources/golden/optim/make_optim_golden.py (torch 1.13 made these)

The parameters keep away from 0, so that their relative errors say something; the gradients' sizes differ by element,
one of them being as small as eps.
"""

import json
import pathlib

import torch
from torch.optim import lr_scheduler

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


def scheduler(optimizer, warm_up, decay):
    """`warm_up` steps, then `decay`, as one would compose them in torch."""
    decays = {
        "none": lambda: lr_scheduler.ConstantLR(optimizer, factor=1.0),
        "step": lambda: lr_scheduler.StepLR(optimizer, decay["every"], decay["gamma"]),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, decay["length"], decay["minimum"]),
    }
    after = decays[decay["kind"]]()
    if warm_up == 0:
        return after
    warm = lr_scheduler.LinearLR(optimizer, start_factor=1 / warm_up, total_iters=warm_up - 1)
    return lr_scheduler.SequentialLR(optimizer, [warm, after], milestones=[warm_up])


def schedules():
    cases = []
    for warm_up in (0, 2, 10):
        for decay in ({"kind": "none"}, {"kind": "step", "every": 7, "gamma": 0.3},
                      {"kind": "cosine", "length": STEPS - warm_up, "minimum": 0.0},
                      {"kind": "cosine", "length": STEPS - warm_up, "minimum": 0.02}):
            optimizer = torch.optim.SGD([{"params": torch.zeros(1)}, {"params": torch.zeros(1), "lr": 0.03}], lr=0.1)
            schedule = scheduler(optimizer, warm_up, decay)
            rates = []
            for _ in range(STEPS):
                rates.append([group["lr"] for group in optimizer.param_groups])
                optimizer.step()
                schedule.step()
            cases.append({"warmUp": warm_up, "decay": decay, "rates": rates})
    return cases


def groups():
    """The first four numbers at the optimizer's own rate and decay, the others at theirs."""
    optimizers = {
        "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1, foreach=False),
        "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=0.1, foreach=False),
    }
    initial, gradients = inputs()
    gradients = gradients / GRADIENT_SIZES
    cases = []
    for kind, make in optimizers.items():
        weight, bias = initial[:4].clone().requires_grad_(), initial[4:].clone().requires_grad_()
        optimizer = make([{"params": [weight]}, {"params": [bias], "lr": 0.002, "weight_decay": 0.0}])
        schedule = scheduler(optimizer, 5, {"kind": "cosine", "length": STEPS - 5, "minimum": 0.0})
        steps = []
        for gradient in gradients:
            weight.grad, bias.grad = gradient[:4].clone(), gradient[4:].clone()
            optimizer.step()
            schedule.step()
            steps.append(floats(torch.cat([weight, bias]).detach()))
        cases.append({"optimizer": kind, "steps": steps})
    return {"initial": initial.tolist(), "gradients": gradients.tolist(), "cases": cases}


write("adam.json", adam())
write("schedules.json", schedules())
write("groups.json", groups())
