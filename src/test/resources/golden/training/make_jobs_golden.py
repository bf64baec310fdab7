"""Writes jobs.json: losses of PyTorch DDP runs of the jobs in jobs/ that train on Fashion-MNIST.

    python3 src/test/resources/golden/training/make_jobs_golden.py [JOB...]

Runs bench/peer/ddp.py over gloo, two ranks, for each job, or for those that are named, the others staying as they are.
`step_losses` are the global losses of the first steps, `epoch_losses` each epoch's sample-weighted mean; `test_loss` and
`test_accuracy` are of the model after the last epoch.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
sys.path.insert(0, str(ROOT / "bench/peer"))

import ddp  # noqa: E402 (found through the line above)
from job import Job  # noqa: E402

DATA = "data/fashion-mnist"
RECORDED_STEPS = 50

JOBS = {
    "fashion-mnist": Job(layers=(784, 128, 10), lr=0.01, momentum=0.9, epochs=20),
    "fashion-mnist-128-sgd": Job(layers=(784, 128, 10), lr=0.001, epochs=10),
    "fashion-mnist-128-momentum": Job(layers=(784, 128, 10), lr=0.001, momentum=0.9, epochs=10),
    "fashion-mnist-256-sgd": Job(layers=(784, 256, 10), lr=0.01, epochs=5),
    "fashion-mnist-256-momentum": Job(layers=(784, 256, 10), lr=0.01, momentum=0.9, epochs=5),
    "fashion-mnist-adam": Job(layers=(784, 1024, 512, 10), optimizer="adam", lr=0.001, epochs=5),
}


def idx_files(split):
    return [f"{DATA}/{split}-{part}-ubyte.gz" for part in ("images-idx3", "labels-idx1")]


def run(name, job):
    command = [sys.executable, "bench/peer/ddp.py", "--loader", "tensors", "--idx", *idx_files("train"), *job.ddp_options(),
               "--record-losses", str(RECORDED_STEPS), "--test", *idx_files("t10k")]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=3600, cwd=ROOT).stdout)
    kept = ("step_losses", "epoch_losses", "test_loss", "test_accuracy")
    return {"name": name, "ranks": job.ranks, "command": ["python3", *command[1:]], **{key: result[key] for key in kept}}


def main():
    path = Path(__file__).with_name("jobs.json")
    cases = {case["name"]: case for case in json.loads(path.read_text())["cases"]} if path.exists() else {}
    for name in sys.argv[1:] or JOBS:
        print(name, file=sys.stderr)
        cases[name] = run(name, JOBS[name])
        backend = ddp.backend_info()
        golden = {"torch": backend["torch"], "blas": backend["openblas"],
                  "cases": [cases[name] for name in JOBS if name in cases]}
        path.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
