"""Exchanges a model with PyTorch through a safetensors file, read and written here as the format is described.

    safetensors_model.py load MODEL FILE IMAGES LABELS    prints the loss and accuracy of the file's model
    safetensors_model.py save MODEL FILE IMAGES LABELS    writes a model of torch's own and prints the same of it

MODEL is plain or normed, see MODELS; IMAGES and LABELS are IDX files, not compressed.
"""
import json
import struct
import sys

import numpy
import torch


TYPES = {"F32": "<f4", "I64": "<i8"}


class Residual(torch.nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


MODELS = {
    "plain": lambda: torch.nn.Sequential(torch.nn.Linear(12, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)),
    "normed": lambda: torch.nn.Sequential(
        torch.nn.Linear(12, 16), torch.nn.BatchNorm1d(16), torch.nn.ReLU(), torch.nn.Dropout(0.2),
        Residual(torch.nn.LayerNorm(16), torch.nn.Linear(16, 16)), torch.nn.Linear(16, 3)),
}


def read(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        values = file.read()
    header.pop("__metadata__", None)
    return {
        name: torch.from_numpy(
            numpy.frombuffer(values[slice(*entry["data_offsets"])], dtype=TYPES[entry["dtype"]])
            .reshape(entry["shape"]).copy())
        for name, entry in header.items()
    }


def write(path, tensors):
    header, values = {"__metadata__": {"format": "pt"}}, b""
    # As safetensors.torch does: the wide types first, then by name.
    for name in sorted(tensors, key=lambda name: (tensors[name].dtype != torch.int64, name)):
        dtype = "I64" if tensors[name].dtype == torch.int64 else "F32"
        data = tensors[name].numpy().astype(TYPES[dtype]).tobytes()
        header[name] = {"dtype": dtype, "shape": list(tensors[name].shape),
                        "data_offsets": [len(values), len(values) + len(data)]}
        values += data
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + values)


def idx(path, dimensions):
    with open(path, "rb") as file:
        content = file.read()
    return numpy.frombuffer(content, dtype=numpy.uint8, offset=4 + 4 * dimensions)


def main(action, kind, path, images, labels):
    torch.manual_seed(11)
    model = MODELS[kind]()
    x = torch.from_numpy(idx(images, 3).reshape(-1, 12).astype("f4") / 255)
    y = torch.from_numpy(idx(labels, 1).astype("i8"))
    model(x)  # in training mode: what is saved has running statistics
    if action == "load":
        model.load_state_dict(read(path), strict=True)
    else:
        write(path, model.state_dict())
    model.eval()
    with torch.no_grad():
        logits = model(x)
        loss = torch.nn.functional.cross_entropy(logits, y).item()
        accuracy = (logits.argmax(1) == y).float().mean().item()
    batches = [int(value) for name, value in model.named_buffers() if name.endswith("num_batches_tracked")]
    print(json.dumps({"loss": loss, "accuracy": accuracy, "batches": max(batches, default=0)}))


main(*sys.argv[1:])
