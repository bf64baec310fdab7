#!/usr/bin/env python3
"""Writes buckets.json beside it: how PyTorch assigns parameters to buckets, for the tests of dev.lockstep.ddp.

Made with PyTorch 1.13.0 (Debian 12, python3-torch); the file names the version that made it.
A case holds the parameters' sizes in elements, in the order they are assigned in, the limits in bytes of the first
bucket and of the others, and each bucket's number of parameters.
"""

import json
import pathlib
import random

import torch
from torch.distributed import _compute_bucket_assignment_by_size

MIB = 1 << 20
MODELS = [[784, 128, 10], [1024, 4096, 4096, 10], [784, 64, 32, 10], [1, 1], [3072, 1024, 1024, 512, 256, 100],
          [512] * 14 + [10], [262144, 1, 262144]]


def backward_order(features):
    """Elements of bias and weight of each linear layer, the last layer first."""
    layers = list(zip(features, features[1:]))
    return [elements for n, m in reversed(layers) for elements in (m, n * m)]


def case(sizes, first, rest):
    tensors = [torch.empty(n, dtype=torch.float32, device="meta") for n in sizes]
    buckets, _ = _compute_bucket_assignment_by_size(tensors, [first, rest])
    assert [i for bucket in buckets for i in bucket] == list(range(len(sizes)))
    return {"sizes": sizes, "first": first, "rest": rest, "buckets": [len(bucket) for bucket in buckets]}


def cases():
    result = []
    for features in MODELS:
        for first, rest in ((MIB, 25 * MIB), (1, 1), (MIB, MIB), (4096, 3 * MIB), (1 << 40, 1)):
            result.append(case(backward_order(features), first, rest))
    # Sizes that meet a limit exactly, and miss it by an element.
    for sizes in ([256, 256, 256], [255, 1, 256, 255, 257], [257, 1, 1], [1024], [255]):
        result += [case(sizes, 1024, rest) for rest in (1024, 1028, 2048)]
    draw = random.Random(20)
    for _ in range(60):
        sizes = [draw.choice((1, 7, 16, 100, draw.randrange(1, 5000))) for _ in range(draw.randrange(1, 25))]
        result.append(case(sizes, draw.randrange(1, 20000), draw.randrange(1, 40000)))
    return result


lines = ",\n".join(json.dumps(c) for c in cases())
pathlib.Path(__file__).with_name("buckets.json").write_text(
    '{"torch": "%s", "cases": [\n%s\n]}\n' % (torch.__version__, lines))
