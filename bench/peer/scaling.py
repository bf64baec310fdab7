"""Strong and weak scaling of the wide job beside PyTorch DDP (gloo), on 1, 2, 4 ... ranks of this machine, one thread a rank.

Strong: the global batch and the samples stay, each rank gets its share. Weak: the batch and the samples of a rank stay. Both
programs run in turns; the first epoch warms up, and the median of the later ones over all repeats counts. Efficiency is
against the program's own single rank. What a rank's step loses is told by Lockstep's own breakdown, the mean over the
repeats. Standard library only; `--python` names the Python that has PyTorch. Rows for bench/scaling-log.md.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from statistics import mean, median

from compare import ROOT, WIDE, Bench, ddp_speeds, end_on_signals, lockstep_speeds, machine, pytorch

STEPS = 16
PARTS = ("data", "forward", "backward", "exposed_comm", "optimizer", "step")
BREAKDOWN = [*(part + "_seconds" for part in PARTS), "gemm_share"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="/usr/bin/python3", help="the Python that has PyTorch (default: %(default)s)")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--ranks", type=int, nargs="+", help="default: 1, 2, 4 ... up to the cores, 16 at most",
                        default=[1 << power for power in range(5) if 1 << power <= cores])
    parser.add_argument("--global-batch", type=int, default=1024, help="of strong scaling (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=256, help="a rank's, of weak scaling (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=3, help=f"of {STEPS} steps, the first not counted (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=1200, metavar="SECONDS", help="ends a single run that takes longer")
    arguments = parser.parse_args()
    if arguments.epochs < 2 or arguments.repeats < 1 or min(arguments.ranks) < 1:
        parser.error("at least one rank, and one repeat of two epochs: the first epoch is not counted")
    if any(arguments.global_batch % ranks for ranks in arguments.ranks):
        parser.error(f"--global-batch {arguments.global_batch} is not a multiple of each number of ranks")
    if 1 not in arguments.ranks:
        parser.error("--ranks leaves out 1, which efficiency is held against")
    return arguments


def main():
    end_on_signals()
    arguments = parse_arguments()
    bench = Bench(arguments.python, arguments.limit)
    backend = pytorch(arguments.python, arguments.limit)
    load_before = os.getloadavg()
    cells = [(kind, ranks) for kind in ("strong", "weak") for ranks in arguments.ranks]
    values = {cell: {"lockstep": [], "ddp": [], "breakdowns": []} for cell in cells}

    def measure(kind, ranks):
        batch = arguments.global_batch // ranks if kind == "strong" else arguments.batch_size
        samples = STEPS * batch * ranks
        job = replace(WIDE, ranks=ranks, batch_size=batch, epochs=arguments.epochs)
        cell = values[kind, ranks]

        def lockstep():
            result = bench.lockstep(f"{kind} {ranks} lockstep", job, "jobs/wide-mlp.yaml",
                                    more=[f"data.train.samples={samples}", "data.test=null"])
            cell["lockstep"] += lockstep_speeds(result)
            cell["breakdowns"].append({key: result["summary"][0][key] for key in BREAKDOWN})

        def ddp():
            synthetic = ["--synthetic", str(samples), str(WIDE.layers[0]), str(WIDE.layers[-1])]
            cell["ddp"] += ddp_speeds(bench.ddp(f"{kind} {ranks} ddp", job, "tensors", synthetic))

        return lockstep, ddp

    for repeat in range(arguments.repeats):
        for kind, ranks in cells if repeat % 2 == 0 else reversed(cells):
            for side in measure(kind, ranks)[:: 1 if repeat % 2 == 0 else -1]:
                print(f"repeat {repeat + 1} of {arguments.repeats}: {kind}, {ranks} ranks, {side.__name__}", file=sys.stderr)
                bench.attempt(side)

    place = machine()
    print(f"{place['cpu']}, {place['cores']} CPUs; load before {load_before[0]:.1f}, after {os.getloadavg()[0]:.1f}; "
          f"PyTorch {backend['torch']}, {backend['openblas'] or ', '.join(backend['blas'])}\n")
    print("| scaling | ranks | Lockstep samples/s | efficiency | DDP samples/s | efficiency | ratio | Lockstep's step: "
          + ", ".join(part.replace("_", " ") for part in PARTS) + " in ms | GEMMs' share |")
    print("|---|---|---|---|---|---|---|---|---|")
    for kind, ranks in cells:
        print(row(kind, ranks, values))
    print("\nCommands (OMP_NUM_THREADS=1; each of Lockstep's with a fresh --output):")
    for name, command in bench.commands.items():
        print(f"  {name}: {command}")
    for failure in bench.failures:
        print(f"FAILED: {failure}")
    path = ROOT / "bench/results" / time.strftime("peer-scaling-%Y%m%d-%H%M%S.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": place, "pytorch": backend, "commands": bench.commands, "failures": bench.failures,
                                "values": {f"{kind} {ranks}": cell for (kind, ranks), cell in values.items()}}, indent=2))
    sys.exit(1 if bench.failures else 0)


def row(kind, ranks, values):
    cell, alone = values[kind, ranks], values[kind, 1]
    speeds = {side: median(cell[side]) if cell[side] else None for side in ("lockstep", "ddp")}
    efficiency = {side: speeds[side] / ranks / median(alone[side]) if speeds[side] and alone[side] else None for side in speeds}
    ratio = speeds["lockstep"] / speeds["ddp"] if all(speeds.values()) else None
    means = {key: mean(each[key] for each in cell["breakdowns"]) for key in BREAKDOWN} if cell["breakdowns"] else None
    columns = [kind, str(ranks)]
    for side in ("lockstep", "ddp"):
        columns += [shown(speeds[side], ",.0f"), shown(efficiency[side], ".2f")]
    columns += [shown(ratio, ".2f"), ", ".join(f"{means[part + '_seconds'] * 1e3:.1f}" for part in PARTS) if means
                else "not measured", shown(means and means["gemm_share"], ".2f")]
    return "| " + " | ".join(columns) + " |"


def shown(value, form):
    return "not measured" if value is None else format(value, form)


if __name__ == "__main__":
    main()
