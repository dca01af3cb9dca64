"""Pulse updates of an analog tile of aihwkit, as JSON lines: the C++ tile is called itself."""
import argparse
import json
import statistics
import time

import torch
from aihwkit.simulator.configs import SingleRPUConfig
from aihwkit.simulator.configs.devices import ConstantStepDevice, SoftBoundsDevice
from aihwkit.simulator.presets.devices import CapacitorPresetDevice, ReRamESPresetDevice
from aihwkit.simulator.tiles.analog import AnalogTile
from aihwkit.version import __version__ as version

DEVICES = {"constant-step": ConstantStepDevice, "soft-bounds": SoftBoundsDevice, "capacitor": CapacitorPresetDevice,
           "reram-es": ReRamESPresetDevice}


def tile(device, size, rate):
    """A tile of `size` x `size` devices whose updates have a learning rate; 31 slots, update management."""
    made = AnalogTile(size, size, SingleRPUConfig(device=device)).tile
    made.set_learning_rate(rate)
    return made


def pulses(strength, size, inputs, errors):
    """Pulses for each device and sample, counted by steps without noise that all go one way."""
    device = ConstantStepDevice(dw_min_dtod=0.0, dw_min_std=0.0, up_down_dtod=0.0, w_max_dtod=0.0, w_min_dtod=0.0,
                                w_max=1000.0, w_min=-1000.0)
    counted = tile(device, size, strength * device.dw_min)
    before = counted.get_weights()
    counted.update(inputs.abs(), -errors.abs(), False, False, False, False)
    return (counted.get_weights() - before).double().mean().item() / device.dw_min / len(inputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", default=",".join(DEVICES))
    parser.add_argument("--strengths", default="1,10", help="learning rates in steps")
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7, help="batches measured, after one that is not")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    inputs, errors = (torch.rand(options.batch, options.size) * 2 - 1 for _ in range(2))
    counts = {strength: pulses(strength, options.size, inputs, errors)
              for strength in map(float, options.strengths.split(","))}
    for name in options.devices.split(","):
        for strength, number in counts.items():
            rate = strength * DEVICES[name]().dw_min
            measured, times = tile(DEVICES[name](), options.size, rate), []
            for _ in range(options.repeats + 1):
                start = time.perf_counter()
                measured.update(inputs, errors, False, False, False, False)
                times.append(time.perf_counter() - start)
            print(json.dumps({
                "implementation": "aihwkit", "version": version, "torch": torch.__version__, "device": name,
                "strength": strength, "size": options.size, "batch": options.batch, "threads": options.threads,
                "milliseconds": round(1e3 * statistics.median(times[1:]), 2),
                "fastest": round(1e3 * min(times[1:]), 2), "pulses": round(number, 4)}),
                  flush=True)


main()
