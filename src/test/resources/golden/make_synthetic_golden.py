#!/usr/bin/env python3
"""Writes synthetic.json beside it: SyntheticSource's recipe once more, in plain Python, to hold the Java code to it.

Floats are kept as their bits, in hexadecimal; a product or sum of two floats, taken in double precision and rounded to a
float, is what single precision gives. Needs no PyTorch.
"""

import json
import math
import pathlib
import struct
import zlib

MASK = 2**64 - 1


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def word(key, i):
    return mix((key + (i + 1) * 0x9E3779B97F4A7C15) & MASK)


def float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def generate(samples, features, classes, seed):
    amplitude = float32(max(1, 16 / math.sqrt(features)))
    noise_scale = float32(math.sqrt(3) * 2**-16)
    centres_key = mix((features << 32) + classes)
    values, labels = [], []
    for i in range(samples):
        sample_key = word(mix(seed & MASK), i)
        label = ((sample_key >> 32) * classes) >> 32
        labels.append(label)
        for j in range(features):
            centre = float32(((word(centres_key, label * features + j) >> 40) * 2**-23 - 1) * amplitude)
            w = word(sample_key, j)
            total = sum((w >> shift) & 0xFFFF for shift in (0, 16, 32, 48))
            values.append(float32(centre + float32((total - 131070) * noise_scale)))
    return values, labels


def brief(elements, code):
    data = struct.pack("<%d%s" % (len(elements), code), *elements)
    first = [struct.unpack_from("<I", data, 4 * i)[0] for i in range(min(5, len(elements)))]
    return {"length": len(elements), "first": [f"{v:08x}" for v in first] if code == "f" else first,
            "crc32": f"{zlib.crc32(data):08x}"}


cases = []
for shape in [(1, 1, 1, 0), (7, 3, 2, 0), (100, 5, 4, -1), (64, 1024, 10, 1), (33, 257, 100, 2**40 + 3)]:
    values, labels = generate(*shape)
    cases.append({**dict(zip(("samples", "features", "classes", "seed"), shape)),
                  "values": brief(values, "f"), "labels": brief(labels, "i")})
lines = ",\n".join(json.dumps(case) for case in cases)
(pathlib.Path(__file__).resolve().parent / "synthetic.json").write_text('{"cases": [\n%s\n]}\n' % lines)
