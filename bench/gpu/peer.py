"""PyTorch's training loops on one GPU, timed: what check.sh compares Lockstep with. Needs PyTorch alone, 1.13 or newer.

Loops: eager, the loop that people write, on tensors that lie on the device; graph, one step captured into a CUDA graph and
replayed; compile, torch.compile of model and loss. Every loop picks its batches by index, computes loss and gradients and
takes an SGD step; nothing is read back. Each case writes one line of JSON, as soon as it is measured, so that those of a
process that ran out of time count. A case that fails says why in its line and does not stop the others.
"""

import argparse
import json
import time

import torch
from torch import nn

SMALL_MOMENTUM = 0.9  # as the job files of check.sh; the large model is trained by plain SGD
LR = 0.01


class Training:
    """A model, its resident data and its optimizer; step(indices) trains on one batch."""

    def __init__(self, layers, samples, batch_size, momentum, precision, device, compiled):
        torch.manual_seed(0)
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        self.device, self.precision, self.batch_size = device, precision, batch_size
        modules = []
        for features_in, features_out in zip(layers, layers[1:]):
            modules += [nn.Linear(features_in, features_out), nn.ReLU()]
        self.model = nn.Sequential(*modules[:-1]).to(device)
        self.samples = samples
        self.x = torch.rand(self.samples, layers[0], device=device)
        self.y = torch.randint(layers[-1], (self.samples,), device=device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LR, momentum=momentum)
        self.criterion = nn.CrossEntropyLoss()
        self.loss_of = torch.compile(self.loss) if compiled else self.loss

    def loss(self, x, y):
        with torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16"):
            return self.criterion(self.model(x), y)

    def step(self, indices):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss_of(self.x[indices], self.y[indices]).backward()
        self.optimizer.step()

    def batches(self):
        """Indices of one batch after the other, in a new random order each epoch, for ever."""
        while True:
            yield from torch.randperm(self.samples, device=self.device).split(self.batch_size)

    def graph_step(self):
        """step() captured into a CUDA graph; its indices are copied to where the graph reads them."""
        indices = torch.zeros(self.batch_size, dtype=torch.int64, device=self.device)
        side_stream = torch.cuda.Stream()
        side_stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side_stream):
            for _ in range(3):
                self.step(indices)
        torch.cuda.current_stream().wait_stream(side_stream)
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            self.step(indices)

        def replay(batch):
            indices.copy_(batch)
            graph.replay()

        return replay


def steps_per_second(training, step, seconds):
    """The median over five stretches of `seconds` each, after a warm-up."""
    batches = training.batches()

    def stretch(count):
        synchronize(training.device)
        start = time.perf_counter()
        for _ in range(count):
            step(next(batches))
        synchronize(training.device)
        return count / (time.perf_counter() - start)

    stretch(5)
    count = max(3, int(stretch(5) * seconds))
    return sorted(stretch(count) for _ in range(5))[2]


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def cases():
    """(model, loop, precision), what takes long to start last."""
    precisions = ("fp32", "tf32", "bf16")
    yield from (("small", loop, "fp32") for loop in ("eager", "graph"))
    yield from (("large", "eager", precision) for precision in precisions)
    yield from (("large", "compile", precision) for precision in reversed(precisions))
    yield "small", "compile", "fp32"


def measure(arguments, model, loop, precision):
    if loop == "graph" and arguments.device != "cuda":
        raise RuntimeError("CUDA graphs need a GPU")
    if precision == "tf32" and arguments.device != "cuda":
        raise RuntimeError("tf32 needs a GPU")
    if model == "small":
        layers, samples, batch_size, momentum = arguments.small, arguments.small_samples, arguments.small_batch, SMALL_MOMENTUM
    else:
        layers, samples, batch_size, momentum = arguments.large, arguments.large_samples, arguments.large_batch, 0
    training = Training(layers, samples, batch_size, momentum, precision, arguments.device, loop == "compile")
    step = training.graph_step() if loop == "graph" else training.step
    rate = steps_per_second(training, step, arguments.seconds)
    return {"steps_per_second": rate, "samples_per_second": rate * batch_size}


def sizes(text):
    return [int(size) for size in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", type=sizes, default=[784, 128, 10], help="layers of the small model")
    parser.add_argument("--small-samples", type=int, default=60032)
    parser.add_argument("--small-batch", type=int, default=64)
    parser.add_argument("--large", type=sizes, default=[4096] * 5 + [10], help="layers of the large model")
    parser.add_argument("--large-samples", type=int, default=65536)
    parser.add_argument("--large-batch", type=int, default=4096)
    parser.add_argument("--seconds", type=float, default=0.4, help="of each of the five stretches of a case")
    parser.add_argument("--output", required=True, metavar="FILE", help="where the lines go")
    arguments = parser.parse_args()
    with open(arguments.output, "w", encoding="utf-8", buffering=1) as output:
        def write(**line):
            output.write(json.dumps(line) + "\n")

        if arguments.device == "cuda" and not torch.cuda.is_available():
            raise SystemExit(f"PyTorch {torch.__version__} cannot use a GPU here")
        write(torch=torch.__version__, cuda=torch.version.cuda,
              device=torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu")
        for model, loop, precision in cases():
            case = f"{model}_{loop}_{precision}"
            try:
                write(case=case, **measure(arguments, model, loop, precision))
            except Exception as problem:  # whatever PyTorch throws: it belongs to this case alone
                write(case=case, error=str(problem).strip().partition("\n")[0] or repr(problem))


if __name__ == "__main__":
    main()
