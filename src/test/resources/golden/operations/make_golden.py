"""Writes the golden values next to it: what PyTorch computes in float64. Run: python3 make_golden.py (torch 1.13 made these)."""

import json
import math
import pathlib

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
torch.set_num_threads(1)


def write(name, value):
    path = pathlib.Path(__file__).with_name(name)
    path.write_text(json.dumps(value, indent=1) + "\n")


def error_function():
    points = [-7.0, -3.0, -2.0, -1.999999, -0.75, -1e-3, -1e-12, 0.0, 1e-300, 1e-9, 0.1, 0.5, 1.0, 1.5, 1.9999999,
              2.0, 2.0000001, 2.5, 3.0, 4.5, 5.9, 6.5, 10.0, 20.0, 26.0]
    return [{"x": x, "erf": math.erf(x), "erfc": math.erfc(x)} for x in points]


def activations():
    functions = {
        "IDENTITY": torch.nn.Identity(),
        "RELU": torch.nn.ReLU(),
        "SIGMOID": torch.nn.Sigmoid(),
        "TANH": torch.nn.Tanh(),
        "GELU": torch.nn.GELU(),
    }
    cases = []
    for name, function in functions.items():
        # Beyond these, GELU by 1 + erf and the derivative 1 - y * y have lost the digits that are asked for.
        lowest, highest = {"GELU": (-3.0, 8.0), "TANH": (-4.0, 4.0)}.get(name, (-8.0, 8.0))
        x = torch.cat([torch.linspace(lowest, highest, 23), torch.tensor([0.0, 1e-8, -1e-8])]).requires_grad_()
        y = function(x)
        y_gradient = torch.randn_like(x)
        y.backward(y_gradient)
        cases.append({"activation": name, "x": x.tolist(), "y": y.tolist(), "yGradient": y_gradient.tolist(),
                      "xGradient": x.grad.tolist()})
    return cases


def cross_entropy():
    cases = []
    for rows, classes, scale in [(1, 1, 1.0), (4, 1, 1.0), (3, 2, 1.0), (7, 10, 3.0), (5, 17, 1000.0)]:
        logits = (scale * torch.randn(rows, classes)).requires_grad_()
        labels = torch.randint(classes, (rows,))
        loss = torch.nn.functional.cross_entropy(logits, labels)
        loss.backward()
        cases.append({"rows": rows, "classes": classes, "logits": logits.flatten().tolist(), "labels": labels.tolist(),
                      "loss": loss.item(), "correct": (logits.argmax(1) == labels).sum().item(),
                      "logitsGradient": logits.grad.flatten().tolist()})
    return cases


def sgd():
    # All numbers are exact in float32, the type of the hyperparameters.
    variants = [
        {"lr": 0.125},
        {"lr": 0.125, "weight_decay": 0.0625},
        {"lr": 0.125, "momentum": 0.875},
        {"lr": 0.125, "momentum": 0.875, "dampening": 0.25},
        {"lr": 0.125, "momentum": 0.875, "weight_decay": 0.0625},
        {"lr": 0.125, "momentum": 0.875, "dampening": 0.25, "weight_decay": 0.0625},
        {"lr": 0.125, "momentum": 0.875, "nesterov": True},
        {"lr": 0.125, "momentum": 0.875, "weight_decay": 0.0625, "nesterov": True},
    ]
    cases = []
    for variant in variants:
        parameter = torch.randn(6).requires_grad_()
        optimizer = torch.optim.SGD([parameter], **variant)
        case = {"lr": variant["lr"], "momentum": variant.get("momentum", 0.0),
                "dampening": variant.get("dampening", 0.0), "weightDecay": variant.get("weight_decay", 0.0),
                "nesterov": variant.get("nesterov", False), "initial": parameter.tolist(), "steps": []}
        for _ in range(5):
            parameter.grad = torch.randn(6)
            optimizer.step()
            case["steps"].append({"gradient": parameter.grad.tolist(), "parameter": parameter.tolist()})
        cases.append(case)
    return cases


def label_smoothing():
    cases = []
    for rows, classes, scale, smoothing in [(1, 1, 1.0, 0.1), (3, 2, 1.0, 0.1), (7, 10, 3.0, 0.1), (5, 17, 1000.0, 0.1),
                                            (7, 10, 3.0, 0.0), (7, 10, 3.0, 1.0)]:
        logits = (scale * torch.randn(rows, classes)).requires_grad_()
        labels = torch.randint(classes, (rows,))
        loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        loss.backward()
        cases.append({"rows": rows, "classes": classes, "labelSmoothing": smoothing, "logits": logits.flatten().tolist(),
                      "labels": labels.tolist(), "loss": loss.item(), "gradient": logits.grad.flatten().tolist()})
    return cases


def mean_squared_error():
    cases = []
    for rows, columns, scale in [(1, 1, 1.0), (4, 1, 1.0), (7, 3, 2.0), (5, 17, 1000.0)]:
        outputs = (scale * torch.randn(rows, columns)).requires_grad_()
        targets = scale * torch.randn(rows, columns)
        loss = torch.nn.functional.mse_loss(outputs, targets)
        loss.backward()
        cases.append({"rows": rows, "columns": columns, "outputs": outputs.flatten().tolist(),
                      "targets": targets.flatten().tolist(), "loss": loss.item(),
                      "gradient": outputs.grad.flatten().tolist()})
    return cases


write("error-function.json", error_function())
write("activations.json", activations())
write("cross-entropy.json", cross_entropy())
write("sgd.json", sgd())
write("label-smoothing.json", label_smoothing())
write("mean-squared-error.json", mean_squared_error())
