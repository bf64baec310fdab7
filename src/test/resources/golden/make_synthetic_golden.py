#!/usr/bin/env python3
"""Writes synthetic.json and synthetic-values.json beside it: the recipes of SyntheticSource and SyntheticValuesSource once
more, in plain Python, to hold the Java code to them.

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


def noise(w):
    total = sum((w >> shift) & 0xFFFF for shift in (0, 16, 32, 48))
    return float32((total - 131070) * float32(math.sqrt(3) * 2**-16))


def generate(samples, features, classes, seed):
    amplitude = float32(max(1, 16 / math.sqrt(features)))
    centres_key = mix((features << 32) + classes)
    values, labels = [], []
    for i in range(samples):
        sample_key = word(mix(seed & MASK), i)
        label = ((sample_key >> 32) * classes) >> 32
        labels.append(label)
        for j in range(features):
            centre = float32(((word(centres_key, label * features + j) >> 40) * 2**-23 - 1) * amplitude)
            values.append(float32(centre + noise(word(sample_key, j))))
    return values, labels


def generate_values(samples, features, outputs, seed):
    weights_key = mix((features << 32) + outputs)
    scale = math.sqrt(3 / features)
    weights = [[((word(weights_key, k * features + j) >> 40) * 2**-23 - 1) * scale for j in range(features)]
               for k in range(outputs)]
    values, targets = [], []
    for i in range(samples):
        sample_key = word(mix(seed & MASK), i)
        row = [noise(word(sample_key, j)) for j in range(features)]
        values += row
        for k in range(outputs):
            total = 0.0
            for weight, value in zip(weights[k], row):
                total += weight * value
            targets.append(float32(total + 0.1 * noise(word(sample_key, features + k))))
    return values, targets


def brief(elements, code):
    data = struct.pack("<%d%s" % (len(elements), code), *elements)
    first = [struct.unpack_from("<I", data, 4 * i)[0] for i in range(min(5, len(elements)))]
    return {"length": len(elements), "first": [f"{v:08x}" for v in first] if code == "f" else first,
            "crc32": f"{zlib.crc32(data):08x}"}


def write(name, cases):
    lines = ",\n".join(json.dumps(case) for case in cases)
    (pathlib.Path(__file__).resolve().parent / name).write_text('{"cases": [\n%s\n]}\n' % lines)


def main():
    cases = []
    for shape in [(1, 1, 1, 0), (7, 3, 2, 0), (100, 5, 4, -1), (64, 1024, 10, 1), (33, 257, 100, 2**40 + 3)]:
        values, labels = generate(*shape)
        cases.append({**dict(zip(("samples", "features", "classes", "seed"), shape)),
                      "values": brief(values, "f"), "labels": brief(labels, "i")})
    write("synthetic.json", cases)
    cases = []
    for shape in [(1, 1, 1, 0), (7, 3, 2, 0), (100, 5, 1, -1), (64, 300, 10, 2**40 + 3)]:
        values, targets = generate_values(*shape)
        cases.append({**dict(zip(("samples", "features", "outputs", "seed"), shape)),
                      "values": brief(values, "f"), "targets": brief(targets, "f")})
    write("synthetic-values.json", cases)


if __name__ == "__main__":
    main()
