"""The table of compare.py: medians, ratios, and the thresholds beside them. Pure: values in, text out."""

from math import inf, isnan
from statistics import median

NOT_MEASURED = "not measured"


def rows(values, our_losses, their_losses, wide_samples_per_step):
    """One row a measure; values holds lists (samples per second, seconds, bytes), the losses {steps, epochs} or None."""
    middle = {key: median(measured) if measured else None for key, measured in values.items()}
    small, wide = middle["small lockstep"], middle["wide lockstep"]
    start = combine(lambda mpirun, step: mpirun + step, middle["mpirun seconds"], middle["first step seconds"])
    wide_seconds = combine(lambda speed: wide_samples_per_step / speed, wide)
    return [
        ratio_row("small: samples/s, usual script (DataLoader)", small, middle["small dataloader"], 10),
        ratio_row("small: samples/s, ready tensors", small, middle["small tensors"], 8),
        ratio_row("wide: samples/s, ready tensors", wide, middle["wide tensors"], 2),
        limit_row("wide: ms a step against its GEMMs alone", scaled(wide_seconds, 1e3),
                  scaled(middle["wide gemm seconds"], 1e3), combine(lambda a, b: a / b, wide_seconds,
                                                                   middle["wide gemm seconds"]), 1.25),
        ratio_row("adam: samples/s, ready tensors", middle["adam lockstep"], middle["adam tensors"], 4),
        limit_row("start: s from mpirun to the first step's end", start, None, start, 3),
        limit_row("memory: MB resident a rank, small", scaled(middle["lockstep peak bytes"], 1e-6),
                  scaled(middle["dataloader peak bytes"], 1e-6), scaled(middle["lockstep peak bytes"], 1e-6), 400),
        fidelity_row("fidelity: largest relative difference, steps", our_losses, their_losses, "steps", 1e-4),
        fidelity_row("fidelity: largest relative difference, epochs", our_losses, their_losses, "epochs", 1e-2),
    ]


def combine(function, *operands):
    """function of the operands, None as soon as one of them was not measured."""
    return None if any(operand is None for operand in operands) else function(*operands)


def scaled(value, factor):
    return combine(lambda measured: measured * factor, value)


def ratio_row(name, ours, theirs, at_least):
    """Faster is more: the ratio ours/theirs has to reach the threshold."""
    return row(name, ours, theirs, combine(lambda a, b: a / b, ours, theirs), f">= {at_least:g}", lambda x: x >= at_least)


def limit_row(name, ours, theirs, judged, at_most):
    return row(name, ours, theirs, judged, f"<= {at_most:g}", lambda x: x <= at_most)


def fidelity_row(name, ours, theirs, which, at_most):
    return limit_row(name, None, None, combine(lambda a, b: largest_difference(a[which], b[which]), ours, theirs), at_most)


def largest_difference(ours, theirs):
    """The largest relative difference of two lists; infinite where they differ in length, are empty or hold a NaN."""
    if not theirs or len(ours) != len(theirs) or any(map(isnan, ours + theirs)):
        return inf
    return max(abs(a - b) / abs(b) for a, b in zip(ours, theirs))


def row(name, ours, theirs, judged, threshold, holds):
    verdict = NOT_MEASURED if judged is None else "met" if holds(judged) else "NOT MET"
    return {"measure": name, "lockstep": ours, "peer": theirs, "judged": judged, "threshold": threshold, "verdict": verdict}


def text(record):
    """The whole report: machine, table, commands, failures."""
    machine, pytorch = record["machine"], record["pytorch"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores; load before {record['load_before'][0]:.1f}, "
        f"after {record['load_after'][0]:.1f}",
        f"PyTorch {pytorch['torch']}, {pytorch['openblas'] or ', '.join(pytorch['blas'])}",
        "",
        f"{'measure':46} {'Lockstep':>12} {'peer':>12} {'judged':>10} {'threshold':>10}  verdict",
    ]
    for entry in record["rows"]:
        lines.append(f"{entry['measure']:46} {number(entry['lockstep']):>12} {number(entry['peer']):>12} "
                     f"{number(entry['judged']):>10} {entry['threshold']:>10}  {entry['verdict']}")
    lines += ["", "Commands (OMP_NUM_THREADS=1; each of Lockstep's with a fresh --output):"]
    lines += [f"  {name}: {command}" for name, command in record["commands"].items()]
    lines += [f"FAILED: {failure}" for failure in record["failures"]]
    return "\n".join(lines)


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
