"""PyTorch DistributedDataParallel over gloo, one thread a rank: the peer that Lockstep is measured against.

Trains an MLP with SGD, Adam or AdamW on this machine and writes one line of JSON: the samples per second and mean loss of
each epoch and, when asked for, the global loss of the first steps, and loss and accuracy on other data. Needs PyTorch alone, 1.13 or newer (NumPy for --save-weights).

--loader dataloader is the script that people write: a Dataset that converts sample by sample as torchvision's ToTensor
does (without its detour over PIL), default collation, DataLoader. --loader tensors is the fastest plain script: float
tensors made once, batches picked by index. Both take their order from the same DistributedSampler.
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # BLAS libraries read it when they are loaded, so before torch

import argparse
import ctypes
import gzip
import json
import re
import sys
import tempfile
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, DistributedSampler

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU}


def read_idx(path):
    """A uint8 tensor with the shape that the header of the IDX file, gzipped or not, states."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        content = bytearray(file.read())
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    shape = [int.from_bytes(content[4 + 4 * i:8 + 4 * i], "big") for i in range(content[3])]
    return torch.frombuffer(content, dtype=torch.uint8, offset=4 + 4 * len(shape)).view(shape)


class Images(Dataset):
    """IDX images [samples, rows, columns] as uint8; a sample becomes float32 [1, rows, columns] when it is asked for."""

    def __init__(self, images, labels):
        self.images = images
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.images[index].unsqueeze(0).to(torch.float32).div(255), int(self.labels[index])


class TensorBatches:
    """Batches (x [batch, features], y [batch]) picked from resident tensors in the sampler's order."""

    def __init__(self, x, y, batch_size, sampler):
        self.x, self.y, self.batch_size, self.sampler = x, y, batch_size, sampler

    def __iter__(self):
        for indices in torch.tensor(list(self.sampler)).split(self.batch_size):
            yield self.x[indices], self.y[indices]


def make_batches(arguments, rank):
    """The batches of this rank, and the sampler whose epoch is to be set."""
    if arguments.synthetic:
        samples, features, classes = arguments.synthetic
        generator = torch.Generator().manual_seed(arguments.seed)
        x = torch.randn(samples, features, generator=generator)
        y = torch.randint(classes, (samples,), generator=generator)
    else:
        images, labels = map(read_idx, arguments.idx)
        x, y = images, labels.long()
    sampler = DistributedSampler(
        y, num_replicas=arguments.ranks, rank=rank, shuffle=True, seed=arguments.seed, drop_last=arguments.drop_last)
    if arguments.loader == "dataloader":
        return DataLoader(Images(x, y), batch_size=arguments.batch_size, sampler=sampler, num_workers=0), sampler
    if not arguments.synthetic:
        x = x.flatten(1).to(torch.float32).div(255)
    return TensorBatches(x, y, arguments.batch_size, sampler), sampler


def build_model(layers, activation, seed):
    """An MLP with PyTorch's default initialisation from the seed; parameters are named 0.weight, 0.bias, 2.weight, …"""
    torch.manual_seed(seed)
    modules = []
    for features_in, features_out in zip(layers, layers[1:]):
        modules += [nn.Linear(features_in, features_out), ACTIVATIONS[activation]()]
    return nn.Sequential(*modules[:-1])


def build_optimizer(parameters, arguments):
    if arguments.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr=arguments.lr, momentum=arguments.momentum, dampening=arguments.dampening,
            weight_decay=arguments.weight_decay, nesterov=arguments.nesterov)
    adam = torch.optim.Adam if arguments.optimizer == "adam" else torch.optim.AdamW
    return adam(parameters, lr=arguments.lr, betas=tuple(arguments.betas), eps=arguments.eps,
                weight_decay=arguments.weight_decay)


@torch.no_grad()
def evaluate(model, images, labels):
    """(mean loss, accuracy) of IDX files, each sample counted once."""
    x = read_idx(images).flatten(1).to(torch.float32).div(255)
    y = read_idx(labels).long()
    outputs = model(x)
    return nn.functional.cross_entropy(outputs, y).item(), (outputs.argmax(1) == y).double().mean().item()


def train(rank, arguments, rendezvous):
    """What one rank does; rank 0 writes the result."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=arguments.ranks)
    batches, sampler = make_batches(arguments, rank)
    model = DistributedDataParallel(build_model(arguments.layers, arguments.activation, arguments.seed))
    criterion = nn.CrossEntropyLoss()
    optimizer = build_optimizer(model.parameters(), arguments)

    step_losses, epoch_losses, samples_per_second = [], [], []
    for epoch in range(arguments.epochs):
        loss_sum, samples = 0.0, 0
        dist.barrier()
        start = time.perf_counter()
        sampler.set_epoch(epoch)
        for x, y in batches:
            optimizer.zero_grad()
            loss = criterion(model(x.flatten(1)), y)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(y)
            samples += len(y)
            if len(step_losses) < arguments.record_losses:
                # Every rank has as many samples in a step, so the mean over ranks is the mean over the global batch.
                step_losses.append(sum_over_ranks(loss.item()) / arguments.ranks)
        seconds = torch.tensor(time.perf_counter() - start, dtype=torch.float64)
        dist.all_reduce(seconds, dist.ReduceOp.MAX)
        global_samples = sum_over_ranks(samples)
        epoch_losses.append(sum_over_ranks(loss_sum) / global_samples)
        samples_per_second.append(global_samples / seconds.item())

    if rank == 0:
        if arguments.save_weights:
            save_weights(arguments.save_weights, model.module)
        result = {
            "torch": torch.__version__, "ranks": arguments.ranks, "loader": arguments.loader,
            "samples_per_second": samples_per_second, "epoch_losses": epoch_losses, "step_losses": step_losses}
        if arguments.test:
            result["test_loss"], result["test_accuracy"] = evaluate(model.module, *arguments.test)
        write_result(arguments.output, result)
    dist.barrier()  # no rank takes its end of a connection away while another still needs it
    # The results are written. Taking the process group down in order hung once, in a rank that waited for ever.
    sys.stdout.flush()
    os._exit(0)


def sum_over_ranks(value):
    total = torch.tensor(value, dtype=torch.float64)
    dist.all_reduce(total)
    return total.item()


def save_weights(path, model):
    import numpy

    numpy.savez(path, **{name: tensor.numpy() for name, tensor in model.state_dict().items()})


def write_result(path, result):
    line = json.dumps(result) + "\n"
    if path is None:
        sys.stdout.write(line)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(line)


def backend_info():
    """PyTorch's version, the instructions of its own kernels, and the BLAS libraries that this process has really loaded."""
    a = torch.ones(64, 64)
    a @ a
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split()[-1] for line in maps if ".so" in line}
    libraries = sorted(path for path in paths if any(name in os.path.basename(path) for name in ("blas", "mkl_")))
    return {
        "torch": torch.__version__,
        "blas": libraries or ["inside PyTorch's own library"],
        "openblas": next(filter(None, map(openblas_config, libraries)), None),
        "mkl": torch.backends.mkl.is_available(),
        "threads": torch.get_num_threads(),
        "instructions": re.search(r"CPU capability usage: (\S+)", torch.__config__.show())[1],
    }


def openblas_config(path):
    """OpenBLAS's version and the kernels that it chose for this CPU; None if the library is another BLAS."""
    library = ctypes.CDLL(path)
    if not hasattr(library, "openblas_get_config"):
        return None
    library.openblas_get_config.restype = ctypes.c_char_p
    return library.openblas_get_config().decode()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_mutually_exclusive_group()
    data.add_argument("--idx", nargs=2, metavar=("IMAGES", "LABELS"), help="IDX files, gzipped or not")
    data.add_argument("--synthetic", nargs=3, type=int, metavar=("SAMPLES", "FEATURES", "CLASSES"),
                      help="random numbers, for speed only; with --loader tensors")
    parser.add_argument("--test", nargs=2, metavar=("IMAGES", "LABELS"), help="IDX files to evaluate on at the end")
    parser.add_argument("--loader", choices=("dataloader", "tensors"), default="dataloader")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--layers", type=lambda text: [int(size) for size in text.split(",")], default=[784, 128, 10],
                        help="sizes from the input to the classes, as 784,128,10")
    parser.add_argument("--activation", choices=ACTIVATIONS, default="relu", help="after every layer but the last")
    parser.add_argument("--batch-size", type=int, default=64, help="per rank")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights and of the sampler")
    parser.add_argument("--optimizer", choices=("sgd", "adam", "adamw"), default="sgd")
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--betas", nargs=2, type=float, default=(0.9, 0.999), help="of Adam and AdamW, as --eps")
    parser.add_argument("--eps", type=float, default=1e-8)
    parser.add_argument("--momentum", type=float, default=0.0, help="of SGD, as --dampening and --nesterov")
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--dampening", type=float, default=0.0)
    parser.add_argument("--nesterov", action="store_true")
    parser.add_argument("--drop-last", action="store_true", help="of the DistributedSampler; a short batch is trained on")
    parser.add_argument("--record-losses", type=int, default=0, metavar="STEPS",
                        help="record the global loss of the first STEPS steps (one more allreduce in each)")
    parser.add_argument("--save-weights", metavar="FILE", help="the final weights as .npz")
    parser.add_argument("--output", metavar="FILE", help="where the JSON line goes; default: standard output")
    parser.add_argument("--backend-info", action="store_true", help="print PyTorch's version and BLAS, and end")
    arguments = parser.parse_args()
    if not arguments.backend_info:
        if not (arguments.idx or arguments.synthetic):
            parser.error("one of --idx and --synthetic is required")
        if arguments.synthetic and arguments.loader != "tensors":
            parser.error("--synthetic goes with --loader tensors")
    return arguments


def main():
    arguments = parse_arguments()
    if arguments.backend_info:
        print(json.dumps(backend_info(), indent=2))
        return
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # the host's own name need not resolve
    with tempfile.TemporaryDirectory() as folder:
        rendezvous = os.path.join(folder, "rendezvous")
        multiprocessing.spawn(train, (arguments, rendezvous), nprocs=arguments.ranks)


if __name__ == "__main__":
    main()
