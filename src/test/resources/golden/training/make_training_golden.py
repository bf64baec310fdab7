"""Writes training.json: losses of PyTorch DDP runs on Fashion-MNIST, for the tests that hold Lockstep to them.

    python3 src/test/resources/golden/training/make_training_golden.py

Runs bench/peer/ddp.py over gloo for each case. `settings` are Lockstep's --set strings for the same job on top of
jobs/fashion-mnist.yaml; `step_losses` the global loss of the first steps, `epoch_losses` each epoch's sample-weighted
mean; `initial_weights` the SHA-256 of all parameters (float32, little-endian, state_dict order) and the first few.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
sys.path.insert(0, str(ROOT / "bench/peer"))

import ddp  # noqa: E402 (found through the line above)
from job import Job  # noqa: E402

DATA = ROOT / "data/fashion-mnist"
RECORDED_STEPS = 20

MAIN_JOB = {"layers": (784, 128, 10), "lr": 0.01, "momentum": 0.9, "epochs": 5}
# The variants train on the 10 000 images of the test set: faster, and three ranks do not divide them.
VARIANT = {"layers": (784, 64, 32, 10), "lr": 0.05, "momentum": 0.5, "dampening": 0.1, "batch_size": 37, "epochs": 2}
CASES = {
    "main job, seed 0": ("train", Job(**MAIN_JOB, seed=0)),
    "main job, seed 3": ("train", Job(**MAIN_JOB, seed=3)),
    "three ranks, nesterov, weight decay, one sample dropped": ("t10k", Job(
        layers=(784, 128, 10), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4, drop_last=True,
        batch_size=50, ranks=3, seed=1, epochs=2)),
    "three ranks, dampening, sigmoid, two samples repeated": ("t10k", Job(
        **VARIANT, activation="sigmoid", ranks=3, seed=5)),
    "four ranks, dampening, tanh": ("t10k", Job(**VARIANT, activation="tanh", ranks=4, seed=6)),
    "four ranks, dampening, gelu": ("t10k", Job(**VARIANT, activation="gelu", ranks=4, seed=7)),
}


def data_files(split):
    """Names of the IDX images and labels of a split, train or t10k."""
    return f"{split}-images-idx3-ubyte.gz", f"{split}-labels-idx1-ubyte.gz"


def settings(split, job):
    images, labels = data_files(split)
    folder = "../data/fashion-mnist"  # as the job file sees it
    data = [f"data.train={{format: idx, images: {folder}/{images}, labels: {folder}/{labels}}}"]
    return ([] if split == "train" else data) + job.lockstep_settings()


def losses(split, job):
    command = [sys.executable, str(ROOT / "bench/peer/ddp.py"), "--loader", "tensors",
               "--idx", *(str(DATA / name) for name in data_files(split)),
               *job.ddp_options(), "--record-losses", str(RECORDED_STEPS)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=600).stdout)


def initial_weights(job):
    parameters = ddp.build_model(job.layers, job.activation, job.seed).state_dict()
    content = b"".join(tensor.numpy().astype("<f4").tobytes() for tensor in parameters.values())
    first = next(iter(parameters.values())).flatten()[:4].tolist()
    return {"sha256": hashlib.sha256(content).hexdigest(), "first": first}


def main():
    cases = []
    for name, (split, job) in CASES.items():
        print(name, file=sys.stderr)
        result = losses(split, job)
        cases.append({
            "name": name, "ranks": job.ranks, "settings": settings(split, job),
            "initial_weights": initial_weights(job),
            "step_losses": result["step_losses"], "epoch_losses": result["epoch_losses"]})
    backend = ddp.backend_info()
    golden = {"torch": backend["torch"], "blas": backend["openblas"], "cases": cases}
    Path(__file__).with_name("training.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
