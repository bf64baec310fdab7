"""One training job, said once and spelt for both programs, so that the two sides cannot drift apart."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """Hyperparameters that PyTorch and Lockstep share; batch_size is per rank, drop_last is the sampler's.

    Momentum, dampening and nesterov are sgd's, betas and eps those of adam and adamw.
    """

    layers: tuple
    lr: float
    ranks: int = 2
    batch_size: int = 64
    epochs: int = 1
    seed: int = 0
    momentum: float = 0.0
    weight_decay: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    drop_last: bool = False
    activation: str = "relu"
    optimizer: str = "sgd"
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8

    def ddp_options(self):
        """The command line options of ddp.py for this job, data and loader left out."""
        options = {
            "ranks": self.ranks, "layers": ",".join(map(str, self.layers)), "activation": self.activation,
            "batch-size": self.batch_size, "epochs": self.epochs, "seed": self.seed, "lr": self.lr,
            "weight-decay": self.weight_decay,
        }
        if self.optimizer == "sgd":
            options.update(momentum=self.momentum, dampening=self.dampening)
        else:
            options.update(optimizer=self.optimizer, eps=self.eps)
        words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        if self.optimizer != "sgd":
            words += ["--betas", *map(str, self.betas)]
        flags = {"--nesterov": self.nesterov, "--drop-last": self.drop_last}
        return words + [flag for flag, wanted in flags.items() if wanted]

    def lockstep_settings(self):
        """KEY=VALUE for Lockstep's --set; every value that the job file could set otherwise."""
        return [
            f"seed={self.seed}",
            f"model={self._lockstep_model()}",
            *(f"optimizer.{self.optimizer}.{key}={value}" for key, value in self._lockstep_optimizer().items()),
            f"train.epochs={self.epochs}",
            f"train.batch-size={self.batch_size}",
            f"train.drop-last={yaml_bool(self.drop_last)}",
        ]

    def _lockstep_optimizer(self):
        lr, weight_decay = decimal(self.lr), decimal(self.weight_decay)
        if self.optimizer == "sgd":
            return {"lr": lr, "momentum": self.momentum, "weight-decay": weight_decay, "dampening": self.dampening,
                    "nesterov": yaml_bool(self.nesterov)}
        return {"lr": lr, "betas": f"[{self.betas[0]}, {self.betas[1]}]", "eps": decimal(self.eps),
                "weight-decay": weight_decay}

    def _lockstep_model(self):
        linears = [f"{{linear: {{in: {i}, out: {o}}}}}" for i, o in zip(self.layers, self.layers[1:])]
        return "[" + f", {self.activation}, ".join(linears) + "]"


def yaml_bool(value):
    return "true" if value else "false"


def decimal(value):
    """Without an exponent: YAML 1.1 takes 1e-05 for a string."""
    return f"{value:.12f}".rstrip("0") if "e" in repr(value) else repr(value)
