#!/usr/bin/env python3
"""Writes the JSON files beside it: what PyTorch draws, for the tests of dev.lockstep.random and dev.lockstep.data.

Made with PyTorch 1.13.0 (Debian 12, python3-torch); the files name the version that made them.
Long sequences are kept as their first values and the CRC-32 of their little-endian 4-byte elements.
Floats are kept as their bits, in hexadecimal.
"""

import json
import pathlib
import zlib

import torch
from torch.utils.data import DistributedSampler

HERE = pathlib.Path(__file__).resolve().parent
SEEDS = [0, 1, 42, 3, 123456789, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**40 + 7, 2**63 - 1, -1, -5]


def generator(seed):
    result = torch.Generator()
    result.manual_seed(seed)
    return result


def brief(tensor):
    array = tensor.detach().contiguous().reshape(-1).numpy()
    data = array.astype("<f4" if tensor.is_floating_point() else "<i4").tobytes()
    values = array[:5].view("<u4") if tensor.is_floating_point() else array[:5]
    shown = [f"{v:08x}" if tensor.is_floating_point() else int(v) for v in values]
    return {"length": int(array.size), "first": shown, "crc32": f"{zlib.crc32(data):08x}"}


def bits(value):
    return brief(torch.tensor([value], dtype=torch.float32))["first"][0]


def randperm_cases():
    cases = [(seed, n) for seed in SEEDS for n in (1, 2, 10, 625)]
    cases += [(seed, n) for seed in (0, 42) for n in (3, 7, 15, 16, 17, 311, 624, 60000, 1048577)]
    return [{"seed": s, **brief(torch.randperm(n, generator=generator(s)))} for s, n in cases]


def uniform_cases():
    ranges = [(0.0, 1.0), (-0.3, 0.7), (-1e-3, 1e-3), (5.0, 5.0), (-1e30, 1e30), (0.1, 1000.0)]
    return [{"seed": seed, "from": bits(a), "to": bits(b),
             **brief(torch.empty(n).uniform_(a, b, generator=generator(seed)))}
            for seed in (0, 3) for a, b in ranges for n in (1, 15, 16, 17, 2000)]


def linear_cases():
    models = [[784, 128, 10], [784, 256, 10], [1, 1], [3, 5, 2], [15, 1, 16, 17], [7, 2, 9], [1000, 33], [1023, 129, 4],
              [1024, 4096, 10]]
    cases = []
    for seed in (0, 3, 2**32 + 9):
        for sizes in models:
            torch.manual_seed(seed)
            layers = [torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]
            cases.append({"seed": seed, "sizes": sizes,
                          "layers": [{"weight": brief(l.weight), "bias": brief(l.bias)} for l in layers]})
    return cases


def sampler_cases():
    shapes = [(10, 3), (1, 1), (1, 4), (2, 7), (3, 8), (5, 5), (8, 4), (9, 4), (60000, 2), (60000, 7), (10000, 3)]
    cases = []
    for n, ranks in shapes:
        for seed, epoch in ((0, 0), (0, 3), (42, 1), (2**32 - 1, 1)):
            for shuffle in (True, False):
                for drop_last in (True, False):
                    shards = []
                    for rank in range(ranks):
                        sampler = DistributedSampler(range(n), ranks, rank, shuffle, seed, drop_last)
                        sampler.set_epoch(epoch)
                        shards.append(brief(torch.tensor(list(sampler), dtype=torch.int32)))
                    cases.append({"samples": n, "ranks": ranks, "seed": seed, "epoch": epoch, "shuffle": shuffle,
                                  "dropLast": drop_last, "shards": shards})
    return cases


def write(name, cases):
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / name).write_text('{"torch": "%s", "cases": [\n%s\n]}\n' % (torch.__version__, lines))


write("randperm.json", randperm_cases())
write("uniform.json", uniform_cases())
write("linear.json", linear_cases())
write("sampler.json", sampler_cases())
