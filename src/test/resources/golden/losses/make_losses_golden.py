"""Writes training.json beside it: losses of 50 steps of SGD in PyTorch, in double precision from PyTorch's initial weights.

    python3 src/test/resources/golden/losses/make_losses_golden.py

The data are those of Lockstep's synthetic sources, made anew by make_synthetic_golden.py; a step takes the next 16 samples.
`settings` are Lockstep's --set strings for the same job.
"""

import json
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import make_synthetic_golden as synthetic  # noqa: E402 (found through the line above)

STEPS = 50
BATCH = 16
SAMPLES = STEPS * BATCH
FEATURES = 20
HIDDEN = 24
SEED = 3
MOMENTUM = 0.5


def train(features, targets, outputs, loss_function, lr):
    torch.manual_seed(SEED)
    model = torch.nn.Sequential(torch.nn.Linear(FEATURES, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, outputs))
    model.double()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=MOMENTUM)
    losses = []
    for first in range(0, SAMPLES, BATCH):
        optimizer.zero_grad()
        loss = loss_function(model(features[first:first + BATCH]), targets[first:first + BATCH])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def case(name, targets_key, outputs, loss, loss_function, lr):
    if targets_key == "outputs":
        values, targets = synthetic.generate_values(SAMPLES, FEATURES, outputs, 0)
        targets = torch.tensor(targets, dtype=torch.float64).view(SAMPLES, outputs)
    else:
        values, targets = synthetic.generate(SAMPLES, FEATURES, outputs, 0)
        targets = torch.tensor(targets)
    features = torch.tensor(values, dtype=torch.float64).view(SAMPLES, FEATURES)
    settings = [f"seed={SEED}", f"loss={loss}", f"optimizer.sgd={{lr: {lr}, momentum: {MOMENTUM}}}",
                f"train={{epochs: 1, shuffle: false, global-batch: {BATCH}}}",
                f"model=[{{linear: {{in: {FEATURES}, out: {HIDDEN}}}}}, tanh, {{linear: {{in: {HIDDEN}, out: {outputs}}}}}]",
                f"data.train={{format: synthetic, samples: {SAMPLES}, features: {FEATURES}, {targets_key}: {outputs}}}"]
    return {"name": name, "settings": settings, "losses": train(features, targets, outputs, loss_function, lr)}


def main():
    mse = torch.nn.MSELoss()
    cases = [
        case("mse of one output", "outputs", 1, "mse", mse, 0.02),
        case("mse of three outputs", "outputs", 3, "mse", mse, 0.05),
        case("cross-entropy", "classes", 10, "cross-entropy", torch.nn.CrossEntropyLoss(), 0.02),
        case("label smoothing", "classes", 10, "{cross-entropy: {label-smoothing: 0.1}}",
             torch.nn.CrossEntropyLoss(label_smoothing=0.1), 0.02),
    ]
    golden = {"torch": torch.__version__, "cases": cases}
    pathlib.Path(__file__).with_name("training.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
