"""The two networks for PyTorch, their options and the measurement of whole training steps; prints one JSON line."""
import argparse
import json
import os
import statistics
import time
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # compile in this process, leave no workers behind

import torch
from torch import nn

# Kind, then inputs and outputs, kernel and padding. "fire" marks a neuron or a ReLU.
MNIST = [("convolution", 1, 15, 5, 0), ("fire",), ("pool",), ("convolution", 15, 40, 5, 0), ("fire",), ("pool",),
         ("flatten",), ("dense", 640, 300), ("fire",), ("dense", 300, 10)]
CIFAR = [("convolution", 3, 128, 3, 1), ("fire",), ("convolution", 128, 256, 3, 1), ("fire",), ("pool",),
         ("convolution", 256, 512, 3, 1), ("fire",), ("pool",), ("convolution", 512, 1024, 3, 1), ("fire",),
         ("convolution", 1024, 512, 3, 1), ("fire",), ("flatten",), ("dense", 512 * 64, 1024), ("fire",),
         ("dense", 1024, 512), ("fire",), ("dense", 512, 10)]
SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}


def resident_mib(field):
    with open("/proc/self/status") as status:
        return next((int(line.split()[1]) / 1024 for line in status if line.startswith(field)), None)


class Training:
    """Options, data, model and optimiser of one peer."""

    def __init__(self, description, steps_default=0):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--network", choices=list(SHAPES), default="mnist")
        parser.add_argument("--batch", type=int, default=128)
        parser.add_argument("--threads", type=int, default=2)
        parser.add_argument("--time-steps", type=int, default=steps_default, help="T of a spiking network")
        parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32", help="bf16 is autocast")
        parser.add_argument("--channels-last", action="store_true")
        parser.add_argument("--compile", action="store_true", help="torch.compile")
        parser.add_argument("--seconds", type=float, default=10.0, help="at least two steps are measured")
        parser.add_argument("--warm-up", type=int, default=3)
        self.options = parser.parse_args()
        torch.set_num_threads(self.options.threads)
        torch.manual_seed(1)
        self._load_libraries()
        self.baseline_mib = resident_mib("VmRSS:")
        self.images = torch.rand(self.options.batch, *SHAPES[self.options.network])
        self.labels = torch.randint(0, 10, (self.options.batch,))

    @staticmethod
    def _load_libraries():
        """A tiny training step, so that the baseline of the memory holds what libraries load at first use."""
        tiny = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(18, 2))
        nn.functional.cross_entropy(tiny(torch.rand(2, 1, 8, 8)), torch.tensor([0, 1])).backward()
        torch.optim.SGD(tiny.parameters(), lr=0.1, momentum=0.9).step()

    def modules(self, fire, library=nn):
        """The network's modules from a library that offers those of torch.nn."""
        for kind, *sizes in MNIST if self.options.network == "mnist" else CIFAR:
            if kind == "convolution":
                yield library.Conv2d(sizes[0], sizes[1], sizes[2], padding=sizes[3])
            elif kind == "dense":
                yield library.Linear(*sizes)
            elif kind == "pool":
                yield library.AvgPool2d(2)
            elif kind == "flatten":
                yield library.Flatten()
            else:
                yield fire()

    def run(self, peer, version, model, logits):
        """Measures training steps; `logits(model, images)` is the forward pass."""
        options = self.options
        if options.channels_last:
            model = model.to(memory_format=torch.channels_last)
            self.images = self.images.to(memory_format=torch.channels_last)
        called = torch.compile(model) if options.compile else model
        optimiser = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)

        def step():
            start = time.perf_counter()
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.dtype == "bf16"):
                loss = nn.functional.cross_entropy(logits(called, self.images), self.labels)
            loss.backward()
            optimiser.step()
            return time.perf_counter() - start

        begin = time.perf_counter()
        for _ in range(options.warm_up):
            slow = step() > options.seconds
            if slow and not options.compile:
                break
        first, begin, times = time.perf_counter() - begin, time.perf_counter(), []
        while len(times) < 2 or time.perf_counter() - begin < options.seconds:
            times.append(step())
        median = statistics.median(times)
        print(json.dumps({
            "implementation": peer, "version": version, "torch": torch.__version__, "network": options.network,
            "batch": options.batch, "threads": options.threads, "time_steps": options.time_steps or None,
            "dtype": options.dtype, "channels_last": options.channels_last, "compiled": options.compile,
            "parameters": sum(parameter.numel() for parameter in model.parameters()), "steps": len(times),
            "warm_up_seconds": round(first, 1), "samples_per_second": options.batch / median,
            "fastest_samples_per_second": options.batch / min(times), "baseline_mib": self.baseline_mib,
            "peak_mib": resident_mib("VmHWM:")}), flush=True)
