"""Exchanges a model with PyTorch through a safetensors file, read and written here as the format is described.

    safetensors_model.py load FILE IMAGES LABELS    prints the loss and accuracy of the file's model
    safetensors_model.py save FILE IMAGES LABELS    writes a model of torch's own and prints the same of it

The model is nn.Sequential(Linear(12, 16), ReLU(), Linear(16, 3)); IMAGES and LABELS are IDX files, not compressed.
"""
import json
import struct
import sys

import numpy
import torch


def read(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        values = file.read()
    header.pop("__metadata__", None)
    return {
        name: torch.from_numpy(
            numpy.frombuffer(values[slice(*entry["data_offsets"])], dtype="<f4").reshape(entry["shape"]).copy())
        for name, entry in header.items()
    }


def write(path, tensors):
    header, values = {"__metadata__": {"format": "pt"}}, b""
    # As safetensors.torch does: by name.
    for name in sorted(tensors):
        data = tensors[name].numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape),
                        "data_offsets": [len(values), len(values) + len(data)]}
        values += data
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + values)


def idx(path, dimensions):
    with open(path, "rb") as file:
        content = file.read()
    return numpy.frombuffer(content, dtype=numpy.uint8, offset=4 + 4 * dimensions)


def main(action, path, images, labels):
    torch.manual_seed(11)
    model = torch.nn.Sequential(torch.nn.Linear(12, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    if action == "load":
        model.load_state_dict(read(path), strict=True)
    else:
        write(path, model.state_dict())
    x = torch.from_numpy(idx(images, 3).reshape(-1, 12).astype("f4") / 255)
    y = torch.from_numpy(idx(labels, 1).astype("i8"))
    with torch.no_grad():
        logits = model(x)
        loss = torch.nn.functional.cross_entropy(logits, y).item()
        accuracy = (logits.argmax(1) == y).float().mean().item()
    print(json.dumps({"loss": loss, "accuracy": accuracy}))


main(*sys.argv[1:])
