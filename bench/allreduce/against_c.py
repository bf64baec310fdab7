"""Measures `lockstep bench allreduce --mpi` against the same loop in C and prints, size by size, medians and their ratio.

Pairs of runs, C first in every other one, of as many sums of each size as the ranks agree on in a run before them.
Both sides sum in pages from one allocator, under the same settings of MPI. A side's time is the mean over the sums of
the shortest time over the ranks inside MPI. The ratio is that of this time, on the communication thread, to C's; the way
to that thread and back is a column of its own. A target that is missed does not change the exit status; a run that fails
ends the comparison with 1. Standard library only; bench/allreduce/run.sh compiles the C side and calls this.
"""

import argparse
import json
import os
import shlex
import sys
import time
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peer"))
from compare import ROOT, Failed, machine, run  # noqa: E402

MIB = 1 << 20
TARGET = 1.05
TARGET_FROM_BYTES = MIB
# What the launcher sets for the program's ranks, unless the user has.
MPI_SETTINGS = {"OMPI_MCA_mpi_yield_when_idle": "1", "UCX_ERROR_SIGNALS": "", "UCX_HANDLE_ERRORS": "none"}


class Sides:
    """Runs one side or the other; each gives seconds by bytes and by what was timed."""

    def __init__(self, arguments):
        self.mpirun = ["src/build/mpirun.sh", str(arguments.ranks)]
        self.sizes = ["--min", str(arguments.min), "--max", str(arguments.max), "--warmup", str(arguments.warmup)]
        self.c_options = [str(arguments.min), str(arguments.warmup)]
        self.limit_seconds = arguments.limit
        # The ranks agree, unless the user says how many: both sides then time as many sums of each size.
        record = self.lockstep_record(["--iterations", str(arguments.iterations)] if arguments.iterations else [])
        self.environment = record["environment"]
        self.iterations = [str(size["iterations"]) for size in record["sizes"]]

    def lockstep(self):
        record = self.lockstep_record(["--iterations", ",".join(self.iterations)])
        return {size["bytes"]: {
            "collective": size["communication_thread"]["collective_seconds"],
            "start_to_await": size["communication_thread"]["seconds"],
            "hand_over": size["communication_thread"]["hand_over_seconds"],
            "calling_thread": size["calling_thread"]["seconds"],
        } for size in record["sizes"]}

    def lockstep_record(self, more):
        command = [*self.mpirun, "./lockstep", "bench", "allreduce", "--mpi", "--json", *self.sizes, *more]
        output, _ = run(command, self.limit_seconds)
        lines = [line for line in output.splitlines() if line.startswith("{")]
        if len(lines) != 1:
            raise Failed(f"{shlex.join(command)}: printed {len(lines)} JSON objects instead of one")
        return json.loads(lines[0])

    def c(self):
        output, _ = run(self.mpirun + ["target/c-allreduce", *self.c_options, *self.iterations], self.limit_seconds)
        lines = [line.split() for line in output.splitlines()]
        return {int(size): {"c": float(seconds)} for size, seconds in lines}


def measure(sides, pairs):
    """Lists of seconds, one value a pair, by size and then by what was timed."""
    values = {}
    for pair in range(pairs):
        print(f"pair {pair + 1} of {pairs}", file=sys.stderr)
        order = [sides.c, sides.lockstep]
        for side in order if pair % 2 == 0 else reversed(order):
            for size, times in side().items():
                for name, seconds in times.items():
                    values.setdefault(size, {}).setdefault(name, []).append(seconds)
    return values


def rows(values):
    """One row a size: medians in seconds, the median ratio to C with its quartiles, and the verdict."""
    return [row(size, times) for size, times in sorted(values.items())]


def row(size, times):
    ratios = [ours / c for ours, c in zip(times["collective"], times["c"])]
    low, _, high = quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    verdict = "-" if size < TARGET_FROM_BYTES else "met" if median(ratios) <= TARGET else "NOT MET"
    return {"bytes": size, **{name: median(seconds) for name, seconds in times.items()},
            "ratio": median(ratios), "ratio_quartiles": [low, high], "verdict": verdict}


def text(record):
    """The whole report."""
    machine_of_record = record["machine"]
    lines = [
        f"{machine_of_record['cpu']}, {machine_of_record['cores']} cores; load before {record['load_before'][0]:.1f}, after "
        f"{record['load_after'][0]:.1f}",
        f"{record['environment']['mpi']}; {record['pairs']} pairs; medians, in microseconds a sum",
        "",
        f"{'bytes':>10} {'C':>10} {'Lockstep':>10} {'Lockstep/C':>10} {'quartiles':>14}  {'target':8} "
        f"{'start-await':>11} {'hand-over':>10} {'calling thread':>14}",
    ]
    for entry in record["rows"]:
        quartiles = f"{entry['ratio_quartiles'][0]:.3f}-{entry['ratio_quartiles'][1]:.3f}"
        lines.append(
            f"{entry['bytes']:10} {entry['c'] * 1e6:10.1f} {entry['collective'] * 1e6:10.1f} {entry['ratio']:10.3f} "
            f"{quartiles:>14}  {entry['verdict']:8} {entry['start_to_await'] * 1e6:11.1f} "
            f"{entry['hand_over'] * 1e6:10.1f} {entry['calling_thread'] * 1e6:14.1f}")
    lines += ["", f"Target: Lockstep/C at most {TARGET:g}, from {TARGET_FROM_BYTES // MIB} MiB up. C, Lockstep: the "
              "sum's own time, of the rank that comes last,", "Lockstep's on the communication thread; start-await: with "
              "the way to that thread and back, which hand-over is alone;", "calling thread: a sum without it."]
    return "\n".join(lines)


def size_in_bytes(option):
    """A power of two of floats, in the job file's spelling: 4B, 64KiB, 1MiB."""
    units = {"GiB": 1 << 30, "MiB": MIB, "KiB": 1 << 10, "B": 1}
    unit = next((unit for unit in units if option.endswith(unit)), "")
    return int(option.removesuffix(unit)) * units.get(unit, 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--ranks", type=int, default=2, help="on this machine; default: %(default)s")
    parser.add_argument("--min", type=size_in_bytes, default="1MiB", metavar="SIZE", help="default: %(default)s")
    parser.add_argument("--max", type=size_in_bytes, default="256MiB", metavar="SIZE", help="default: %(default)s")
    parser.add_argument("--warmup", type=int, default=5, metavar="N", help="sums before each loop; default: %(default)s")
    parser.add_argument("--iterations", type=int, metavar="N", help="sums in each loop; default: as the ranks agree")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/results", metavar="DIR", help="default: bench/results")
    parser.add_argument("--limit", type=float, default=600, metavar="SECONDS", help="ends a single run that takes longer")
    arguments = parser.parse_args()
    # The command checks the rest.
    if arguments.pairs < 1 or arguments.ranks < 1 or not 4 <= arguments.min <= arguments.max:
        parser.error("at least one pair and one rank, and sizes from 4B on, --min not above --max")
    return arguments


def main():
    arguments = parse_arguments()
    for name, value in MPI_SETTINGS.items():
        os.environ.setdefault(name, value)
    record = {"started": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "machine": machine(), "ranks": arguments.ranks,
              "pairs": arguments.pairs, "warmup": arguments.warmup, "load_before": os.getloadavg()}
    try:
        sides = Sides(arguments)
        values = measure(sides, arguments.pairs)
    except Failed as failure:
        sys.exit(f"bench allreduce: error: {failure}")
    record.update(load_after=os.getloadavg(), environment=sides.environment,
                  iterations=list(map(int, sides.iterations)), rows=rows(values), values=values)

    arguments.results.mkdir(parents=True, exist_ok=True)
    path = arguments.results / time.strftime("allreduce-%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(text(record))
    print(f"\nAll values: {path}")


if __name__ == "__main__":
    main()
