"""Measures Lockstep against PyTorch DDP in one run and prints the table beside the thresholds.

Both sides run in alternating order, one thread a rank, two ranks on this machine; the first epoch warms up, the median
of the later ones over all repeats counts, by the wall clock of the training itself. The commands stand below
the table; what could not be run is said to be not measured, and the exit status is then 1. A threshold that is
missed does not change the exit status. Standard library only; `--python` names the Python that has PyTorch.
"""

import argparse
import json
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import report
from job import Job

ROOT = Path(__file__).resolve().parents[2]
FASHION_MNIST = ["data/fashion-mnist/train-images-idx3-ubyte.gz", "data/fashion-mnist/train-labels-idx1-ubyte.gz"]
SMALL = Job(layers=(784, 128, 10), batch_size=64, lr=0.01, momentum=0.9)
WIDE = Job(layers=(1024, 4096, 4096, 10), batch_size=256, lr=0.01, momentum=0.9)
WIDE_DATA = ["16384", "1024", "10"]
ADAM = Job(layers=(784, 1024, 512, 10), batch_size=64, optimizer="adam", lr=0.001)
OWN_ERROR = "lockstep: error: "
COMPARED_STEPS = 20
COMPARED_EPOCHS = 5


class Failed(Exception):
    """A command that did not do what it was started for; the message goes into the report."""


def run(command, limit_seconds):
    """(standard output, peak resident bytes of the largest process of the command); Failed unless it exits 0 in time."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        try:
            # Of a session of its own: a terminal's Ctrl-C ends it by end() alone, as a second signal would have mpirun leave
            # its ranks.
            process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=errors, start_new_session=True)
        except OSError as problem:
            raise Failed(f"{shlex.join(command)}: {problem}") from problem
        started = time.monotonic()
        # TERM first: both mpirun and torch's spawn end their ranks on it.
        timers = [threading.Timer(limit_seconds, process.terminate), threading.Timer(limit_seconds + 10, process.kill)]
        try:
            for timer in timers:
                timer.start()
            # wait4 and not Popen.wait: its usage holds the largest peak of all processes below that were waited for.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except SystemExit:
            end(process)
            raise
        finally:
            for timer in timers:
                timer.cancel()
        in_time = time.monotonic() - started < limit_seconds
        out.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            reason = f"exit status {process.returncode}" if in_time else f"ended after {limit_seconds:g} s"
            raise Failed(": ".join(filter(None, [shlex.join(command), reason, told_reason(errors.read())])))
        return out.read(), usage.ru_maxrss * 1024


def told_reason(errors):
    """Lockstep's own error, which a notice of mpirun's may follow, else the last lines."""
    lines = errors.strip().splitlines()
    own = [line[line.index(OWN_ERROR) + len(OWN_ERROR):] for line in lines if OWN_ERROR in line]
    return own[-1] if own else " | ".join(lines[-5:])


def end(process):
    """By TERM, and by KILL where that takes long, or at a second Ctrl-C."""
    try:
        process.terminate()
        process.wait(10)
    except (subprocess.TimeoutExpired, SystemExit):
        process.kill()
        process.wait()


def end_on_signals():
    """Ctrl-C, TERM and a closed terminal end this program with 128 and their number, and run()'s command with it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, frame: sys.exit(128 + number))


def environment():
    variables = dict(os.environ, OMP_NUM_THREADS="1")  # one thread a rank on both sides
    if os.getuid() == 0:
        variables.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return variables


class Bench:
    """Runs both programs and remembers each distinct command."""

    def __init__(self, python, limit_seconds):
        self.python = python
        self.limit_seconds = limit_seconds
        self.commands = {}
        self.failures = []

    def attempt(self, measure):
        """What measure returns, or None once its failure is noted."""
        try:
            return measure()
        except (Failed, KeyError, ValueError) as problem:  # the latter two: a program wrote what was not agreed
            failure = str(problem) if isinstance(problem, Failed) else f"{measure.__name__}: {problem!r}"
            print(f"  failed: {failure}", file=sys.stderr)
            self.failures.append(failure)
            return None

    def lockstep(self, name, job, job_file, *, losses=False, more=()):
        """The lines of metrics.jsonl by kind, and the largest rank's peak resident bytes."""
        settings = job.lockstep_settings() + [f"log.every-steps={1 if losses else 0}", *more]
        command = ["mpirun", "-np", str(job.ranks), "./lockstep", "train", job_file]
        command += [word for setting in settings for word in ("--set", setting)]
        self.commands[name] = shlex.join(command)
        folder = Path(tempfile.mkdtemp(prefix="lockstep-peer-"))
        try:
            _, peak_bytes = run(command + ["--output", str(folder / "run")], self.limit_seconds)
            try:
                lines = [json.loads(line) for line in (folder / "run/metrics.jsonl").read_text().splitlines()]
            except (OSError, ValueError) as problem:
                raise Failed(f"{self.commands[name]}: {problem}") from problem
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        by_kind = {kind: [line for line in lines if line["kind"] == kind] for kind in ("step", "epoch", "summary")}
        if len(by_kind["epoch"]) != job.epochs or len(by_kind["summary"]) != 1:
            raise Failed(f"{self.commands[name]}: metrics.jsonl lacks epochs or the summary")
        return dict(by_kind, peak_bytes=peak_bytes)

    def ddp(self, name, job, loader, data, *, losses=False):
        """What ddp.py writes, and the largest rank's peak resident bytes."""
        command = [self.python, "bench/peer/ddp.py", "--loader", loader, *data, *job.ddp_options()]
        if losses:
            command += ["--record-losses", str(COMPARED_STEPS)]
        self.commands[name] = shlex.join(command)
        output, peak_bytes = run(command, self.limit_seconds)
        return dict(json.loads(output), peak_bytes=peak_bytes)

    def gemm_seconds(self, name, job, job_file):
        """Seconds that the matrix products of one step of the job take by themselves, every rank at it as in training."""
        command = ["mpirun", "-np", str(job.ranks), "./lockstep", "bench", "gemm", "--json", job_file]
        command += [word for setting in job.lockstep_settings() for word in ("--set", setting)]
        self.commands[name] = shlex.join(command)
        output, _ = run(command, self.limit_seconds)
        for line in output.splitlines():
            if line.startswith("{"):
                record = json.loads(line)
                if record.get("kind") == "gemm":
                    return record["seconds_per_step"]
        raise Failed(f"{self.commands[name]}: printed no line of kind gemm")

    def mpirun_seconds(self, name, ranks):
        """Seconds from the start of mpirun to the start of its last rank."""
        command = ["mpirun", "-np", str(ranks), "date", "+%s.%N"]
        self.commands[name] = shlex.join(command)
        start = time.time()
        output, _ = run(command, self.limit_seconds)
        return max(map(float, output.split())) - start


def lockstep_speeds(result):
    return [epoch["samples_per_second"] for epoch in result["epoch"][1:]]


def ddp_speeds(result):
    return result["samples_per_second"][1:]


def measure_speeds(bench, arguments):
    """Samples per second by side, start seconds and peak bytes: lists over repeats and epochs, empty where all failed."""
    small = replace(SMALL, epochs=arguments.small_epochs)
    wide = replace(WIDE, epochs=arguments.wide_epochs)
    idx = ["--idx", *FASHION_MNIST]
    synthetic = ["--synthetic", *WIDE_DATA]
    adam = replace(ADAM, epochs=arguments.adam_epochs)
    values = {key: [] for key in (
        "small lockstep", "small dataloader", "small tensors", "wide lockstep", "wide tensors", "wide gemm seconds",
        "adam lockstep", "adam tensors",
        "mpirun seconds", "first step seconds", "lockstep peak bytes", "dataloader peak bytes")}

    def small_lockstep():
        result = bench.lockstep("small lockstep", small, "jobs/fashion-mnist.yaml")
        values["small lockstep"] += lockstep_speeds(result)
        values["lockstep peak bytes"].append(result["peak_bytes"])
        values["first step seconds"].append(result["summary"][0]["first_step_seconds"])

    def small_dataloader():
        result = bench.ddp("small dataloader", small, "dataloader", idx)
        values["small dataloader"] += ddp_speeds(result)
        values["dataloader peak bytes"].append(result["peak_bytes"])

    def small_tensors():
        values["small tensors"] += ddp_speeds(bench.ddp("small tensors", small, "tensors", idx))

    def wide_lockstep():
        values["wide lockstep"] += lockstep_speeds(bench.lockstep("wide lockstep", wide, "jobs/wide-mlp.yaml"))

    def wide_gemm():
        values["wide gemm seconds"].append(bench.gemm_seconds("wide gemm seconds", wide, "jobs/wide-mlp.yaml"))

    def wide_tensors():
        values["wide tensors"] += ddp_speeds(bench.ddp("wide tensors", wide, "tensors", synthetic))

    def adam_lockstep():
        values["adam lockstep"] += lockstep_speeds(bench.lockstep("adam lockstep", adam, "jobs/fashion-mnist-adam.yaml"))

    def adam_tensors():
        values["adam tensors"] += ddp_speeds(bench.ddp("adam tensors", adam, "tensors", idx))

    def mpirun_start():
        values["mpirun seconds"].append(bench.mpirun_seconds("mpirun seconds", small.ranks))

    measures = [mpirun_start, small_lockstep, small_dataloader, small_tensors, wide_lockstep, wide_gemm, wide_tensors,
                adam_lockstep, adam_tensors]
    for repeat in range(arguments.repeats):
        # Back and forth, so that a drift of the machine meets both sides alike.
        for measure in measures if repeat % 2 == 0 else reversed(measures):
            print(f"repeat {repeat + 1} of {arguments.repeats}: {measure.__name__}", file=sys.stderr)
            bench.attempt(measure)
    return values


def measure_fidelity(bench):
    """The losses {steps, epochs} of the small job, Lockstep's and PyTorch's; None for a side that failed."""
    job = replace(SMALL, epochs=COMPARED_EPOCHS)
    print("fidelity", file=sys.stderr)

    def lockstep_losses():
        result = bench.lockstep("fidelity lockstep", job, "jobs/fashion-mnist.yaml", losses=True)
        return {"steps": [step["loss"] for step in result["step"][:COMPARED_STEPS]],
                "epochs": [epoch["train_loss"] for epoch in result["epoch"]]}

    def pytorch_losses():
        result = bench.ddp("fidelity pytorch", job, "tensors", ["--idx", *FASHION_MNIST], losses=True)
        return {"steps": result["step_losses"], "epochs": result["epoch_losses"]}

    return bench.attempt(lockstep_losses), bench.attempt(pytorch_losses)


def pytorch(python, limit_seconds):
    """What ddp.py says of PyTorch and its BLAS; where there is none, ends this program in one line."""
    try:
        return json.loads(run([python, "bench/peer/ddp.py", "--backend-info"], limit_seconds)[0])
    except (Failed, ValueError) as failure:  # the latter: what it wrote is no JSON
        sys.exit(f"bench-peer: error: {python} cannot run PyTorch: {failure}; install python3-torch and "
                 "libopenblas0-pthread, or name another Python with --python")


def machine():
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release()}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="/usr/bin/python3", help="the Python that has PyTorch (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--small-epochs", type=int, default=8, help="of each small run, the first is not counted")
    parser.add_argument("--wide-epochs", type=int, default=3, help="of each wide run, the first is not counted")
    parser.add_argument("--adam-epochs", type=int, default=3, help="of each run with Adam, the first is not counted")
    parser.add_argument("--limit", type=float, default=600, metavar="SECONDS", help="ends a single run that takes longer")
    arguments = parser.parse_args()
    if min(arguments.small_epochs, arguments.wide_epochs, arguments.adam_epochs) < 2 or arguments.repeats < 1:
        parser.error("at least one repeat of two epochs: the first epoch is not counted")
    return arguments


def main():
    end_on_signals()
    arguments = parse_arguments()
    bench = Bench(arguments.python, arguments.limit)
    record = {"started": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "machine": machine(), "load_before": os.getloadavg()}
    record["pytorch"] = pytorch(arguments.python, arguments.limit)
    record["values"] = measure_speeds(bench, arguments)
    record["fidelity"] = measure_fidelity(bench)
    record.update(load_after=os.getloadavg(), commands=bench.commands, failures=bench.failures)
    record["rows"] = report.rows(record["values"], *record["fidelity"], wide_samples_per_step=WIDE.batch_size * WIDE.ranks)

    results = ROOT / "bench/results"
    results.mkdir(parents=True, exist_ok=True)
    path = results / time.strftime("peer-%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(report.text(record))
    print(f"\nAll values: {path.relative_to(ROOT)}")
    sys.exit(1 if bench.failures else 0)


if __name__ == "__main__":
    main()
