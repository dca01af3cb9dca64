#!/usr/bin/env python3
"""Sterna's training step over batch, width of the network and threads.

usage: benches/scaling.py [--networks mnist,cifar10] [--batches 1,2,...] [--widths 0.5,1,2,4] [--threads 1,2] [--plot DIR]

Width multiplies the channels of every convolution and the units of every dense population but the readout. The batch
varies at width 1, the width at the usual batch. The CIFAR-10 network takes batches up to 128 and widths up to 2: four
times the width would be sixteen times its weights. `gops` counts the multiply-accumulates of the dense network, three
times the forward pass for a training step, as two operations each.
"""
import re

import common
import machine

LARGEST = {"mnist": (512, 4.0), "cifar10": (128, 2.0)}


def widened(topology, factor):
    """A topology in shorthand with scaled channels and units; input and readout stay."""
    first, *middle, last = topology.split("-")

    def scale(match):
        return str(max(1, round(int(match[0]) * factor)))

    return "-".join([first, *(part if part.startswith("P") else re.sub(r"^\d+", scale, part) for part in middle), last])


def multiply_accumulates(topology, channels, padding):
    """Multiply-accumulates of the dense forward pass of one example."""
    first, *parts = topology.split("-")
    side, total, units = int(first.split("x")[0]), 0, None
    for part in parts:
        if part.startswith("P"):
            side //= int(part[1:])
        elif "C" in part:
            outputs, kernel = (int(number) for number in part.split("C"))
            side = side if padding == "same" else side - kernel + 1
            total, channels = total + side * side * outputs * channels * kernel * kernel, outputs
        else:
            units, before = int(part), units or side * side * channels
            total += before * units
    return total


def points(options, network):
    """Batch, width and threads of every measurement."""
    usual, (largest_batch, largest_width) = common.NETWORKS[network]["batch"], LARGEST[network]
    for threads in options.threads:
        yield from ((batch, 1.0, threads) for batch in options.batches if batch <= largest_batch)
        yield from ((usual, width, threads) for width in options.widths
                    if width <= largest_width and not (width == 1 and usual in options.batches))


def main():
    parser = common.parser(__doc__, seconds=5.0)
    parser.add_argument("--networks", type=common.names, default=list(common.NETWORKS))
    parser.add_argument("--batches", type=common.numbers, default=[1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
    parser.add_argument("--widths", type=lambda text: [float(width) for width in common.names(text)],
                        default=[0.5, 1.0, 2.0, 4.0])
    parser.add_argument("--threads", type=common.numbers, default=[1, 2])
    options = parser.parse_args()
    binary = common.program("sterna-spikegrad", "training_step")
    records = []
    for network in options.networks:
        facts = common.NETWORKS[network]
        for batch, width, threads in points(options, network):
            topology = widened(facts["topology"], width)
            command = common.sterna_step(binary, network, batch, threads, options.seconds, topology)
            record = machine.run(command, options.limit_s, options.memory_mib)[-1]
            record.pop("populations", None)
            work = 6e-9 * multiply_accumulates(topology, facts["channels"], facts["padding"])
            rate = record.get("samples_per_second")
            records.append(common.emit({**record, "network": network, "width": width, "batch": batch,
                                        "threads": threads, "gops": rate and round(rate * work, 1)}))
    if not options.json:
        common.table(["network", "width", "batch", "threads", "samples/s", "Gop/s", "peak MiB", "others' cores", ""],
                     [(record["network"], record["width"], record["batch"], record["threads"],
                       f"{record.get('samples_per_second', 0):.1f}", record["gops"],
                       f"{record.get('peak_mib') or 0:.0f}", record["others_cores"], record.get("failed"))
                      for record in records])
    common.save("scaling", options, records)


if __name__ == "__main__":
    main()
