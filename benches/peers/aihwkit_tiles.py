"""Inference on the analog tiles of aihwkit: a Sterna model as a converted PyTorch network on MNIST images.

Prints one JSON line for each tile and batch. A tile holds at most --array rows and columns. For each example and
tile it quantises the inputs to --bits (digital-to-analog), multiplies floats once, and quantises the outputs to
--bits (analog-to-digital); sums of tiles are digital. There is no noise. With --slices each weight is cut into that
many cells of one bit, whose columns lie in tiles of their own, and every bit of the counts is a read of its own;
shifts and sums are digital. All bits go through a tile in one batch.
"""
import argparse
import functools
import gzip
import json
import pathlib
import statistics
import time
import warnings

warnings.filterwarnings("ignore")

import numpy
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.configs import InferenceRPUConfig, TorchInferenceRPUConfig
from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType
from aihwkit.version import __version__ as version
from safetensors import safe_open
from torch import nn

TILES = {"torch": TorchInferenceRPUConfig, "rpu": InferenceRPUConfig}


class Sliced(nn.Module):
    """A projection whose weights are cut into slices and whose counts into bits."""

    def __init__(self, make, weights, scale, unit, bias, slices):
        super().__init__()
        step = weights.abs().max() / 2**(slices - 1)
        levels = (weights / step).round().int()
        self.slices = nn.ModuleList(make() for _ in range(slices))
        for number, part in enumerate(self.slices):
            part.weight.data = (levels.sign() * ((levels.abs() >> number) & 1)).float()
        self.scale, self.bits = scale, int(scale).bit_length()
        shape = (-1, *[1] * (weights.dim() - 2))
        self.unit, self.bias = (unit * step).float().view(shape), None if bias is None else bias.view(shape)

    def forward(self, values):
        counts = (values * self.scale).round().int()
        bits = torch.cat([(counts >> bit) & 1 for bit in range(self.bits)]).float()
        sums = sum(2**number * part(bits) for number, part in enumerate(self.slices))
        total = sum(2**bit * part for bit, part in enumerate(sums.chunk(self.bits))) * self.unit
        return total if self.bias is None else total + self.bias


def numbers(file, header):
    return numpy.frombuffer(gzip.decompress(file.read_bytes()), numpy.uint8, offset=header).copy()


def network(path, slices):
    """The model's populations and projections, a chain, as PyTorch modules.

    A module passes on spike counts over their maximum, which keeps every input of a tile between 0 and 1.
    """
    with safe_open(path, framework="pt") as file:
        said, tensors = json.loads(file.metadata()["sterna"]), {name: file.get_tensor(name) for name in file.keys()}
    populations = {population["name"]: population for population in said["population"]}
    modules, scale, is_map = [], 255.0, True
    for projection in said["projection"]:
        name, to = projection["name"], populations[projection["to"]]
        threshold = tensors[f"{to['name']}.threshold"].double()
        if projection["kind"] == "sum-pooling":
            window = projection["window"]
            modules.append(nn.AvgPool2d(window, projection["stride"]))
            scale *= projection["weight"] * window[0] * window[1] / threshold.flatten()[0].item()
            continue
        weights = tensors[f"{name}.weight"].double()
        outputs, is_last = weights.shape[0], to["neuron"] == "readout"
        largest = 1.0 if is_last else float(to["maximum_count"])
        unit = 1.0 / (threshold.flatten().expand(outputs) * largest)
        bias = tensors.get(f"{to['name']}.bias")
        bias = None if bias is None else (bias.double().flatten() * unit).float()
        is_biased = bias is not None and not slices
        if projection["kind"] == "convolution":
            make = functools.partial(nn.Conv2d, weights.shape[1], outputs, weights.shape[2:], projection["stride"],
                                     projection["padding"], bias=is_biased)
        else:
            modules += [nn.Flatten()] if is_map else []
            is_map = False
            make = functools.partial(nn.Linear, weights.shape[1], outputs, bias=is_biased)
        if slices:
            module = Sliced(make, weights, scale, unit, bias, slices)
        else:
            module = make()
            module.weight.data = (weights * scale * unit.view(-1, *[1] * (weights.dim() - 1))).float()
            if is_biased:
                module.bias.data = bias
        modules += [module] if is_last else [module, nn.Hardtanh(0.0, 1.0)]
        scale = largest
    return nn.Sequential(*modules).eval()


def configuration(tile, array, bits, slices):
    made = TILES[tile]()
    if slices:
        made.forward.out_bound = float(array // 4)  # sums of single cells are whole numbers up to the rows
    made.forward.inp_res = made.forward.out_res = 1 / (2**bits - 2)
    made.forward.inp_noise = made.forward.out_noise = made.forward.w_noise = 0.0
    made.forward.noise_management = NoiseManagementType.NONE
    made.forward.bound_management = BoundManagementType.NONE
    made.mapping.max_input_size = made.mapping.max_output_size = array
    made.mapping.weight_scaling_omega = 1.0
    made.mapping.weight_scaling_columnwise = True
    made.drift_compensation = None
    return made


def measure(model, images, batch, seconds, warm_up):
    """Median seconds of a batch, and the number of batches."""
    starts = [start for start in range(0, len(images), batch) if start + batch <= len(images)]
    times, begin = [], None
    for call in range(10**9):
        start = starts[call % len(starts)]
        before = time.perf_counter()
        model(images[start:start + batch]).argmax(1)
        if call < warm_up:
            continue
        begin = begin or before
        times.append(time.perf_counter() - before)
        if len(times) >= 3 and time.perf_counter() - begin > seconds:
            return statistics.median(times), len(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="model.safetensors of a Sterna run")
    parser.add_argument("--images", type=pathlib.Path, required=True, help="folder of the MNIST files")
    parser.add_argument("--tile", choices=list(TILES), default="torch")
    parser.add_argument("--array", type=int, default=128, help="most rows and columns of a tile")
    parser.add_argument("--bits", type=int, default=8)
    parser.add_argument("--slices", type=int, default=0, help="cells of a weight; 0 for one multiplication of floats")
    parser.add_argument("--batches", default="1,16,64,256")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each batch; at least three batches")
    parser.add_argument("--warm-up", type=int, default=3, help="batches that are not measured")
    parser.add_argument("--test", type=int, default=1000, help="images whose accuracy is told")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    images = torch.from_numpy(numbers(options.images / "t10k-images-idx3-ubyte.gz", 16)).view(-1, 1, 28, 28) / 255
    labels = torch.from_numpy(numbers(options.images / "t10k-labels-idx1-ubyte.gz", 8))
    said = configuration(options.tile, options.array, options.bits, options.slices)
    model = convert_to_analog(network(options.model, options.slices), said).eval()
    tested = slice(0, options.test)
    with torch.no_grad():
        accuracy = (model(images[tested]).argmax(1) == labels[tested]).double().mean().item()
        for batch in map(int, options.batches.split(",")):
            seconds, calls = measure(model, images, batch, options.seconds, options.warm_up)
            print(json.dumps({
                "implementation": "aihwkit", "version": version, "torch": torch.__version__, "tile": options.tile,
                "tiles": sum(1 for _ in model.analog_tiles()), "array": options.array, "bits": options.bits,
                "slices": options.slices,
                "batch": batch, "threads": options.threads, "batches": calls, "warm_up": options.warm_up,
                "accuracy": round(accuracy, 4), "tested": options.test,
                "samples_per_second": batch / seconds}), flush=True)


main()
