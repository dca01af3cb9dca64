#!/usr/bin/env python3
"""Peak resident memory of a training step against the number of time steps T.

usage: benches/memory.py [--networks mnist,cifar10] [--batches 32,128] [--time-steps 1,2,4,8,16,25] [--plot DIR]

SpikingJelly, snnTorch and Norse keep what every time step computed for the backward pass; the PyTorch network without
spikes and Sterna have no T. Eager, f32, two steps each in a process of its own. `step_mib` is the peak less what the
process had before network and data were made: libraries are not counted. A variant that needs more memory than
--memory-mib is stopped and reported.
"""
import itertools

import common
import machine

SCRIPTS = {"spikingjelly": "spikingjelly_if.py", "snntorch": "snntorch_leaky.py", "norse": "norse_lif.py"}


def commands(options, binary, network, batch):
    """Name, time steps and command of every variant."""
    yield "sterna", None, common.sterna_step(binary, network, batch, options.threads, 0, warm_up=1)
    python = common.peers_python(options.python)
    rest = ["--network", network, "--batch", batch, "--threads", options.threads, "--seconds", 0, "--warm-up", 0]
    yield "pytorch", None, [python, common.PEERS / "pytorch_ann.py", *rest]
    for peer, steps in itertools.product(options.peers, options.time_steps):
        yield peer, steps, [python, common.PEERS / SCRIPTS[peer], *rest, "--time-steps", steps]


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--networks", type=common.names, default=list(common.NETWORKS))
    parser.add_argument("--batches", type=common.numbers, default=[32, 128])
    parser.add_argument("--time-steps", type=common.numbers, default=[1, 2, 4, 8, 16, 25])
    parser.add_argument("--peers", type=common.names, default=list(SCRIPTS))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    binary = common.program("sterna-spikegrad", "training_step")
    records = []
    for network, batch in itertools.product(options.networks, options.batches):
        for name, steps, command in commands(options, binary, network, batch):
            record = machine.run(command, options.limit_s, options.memory_mib)[-1]
            step = record["peak_mib"] - record["baseline_mib"] if record.get("peak_mib") else None
            records.append(common.emit({"variant": name, "network": network, "batch": batch, "time_steps": steps,
                                        "step_mib": step and round(step, 1), "peak_mib": record.get("peak_mib"),
                                        "baseline_mib": record.get("baseline_mib"), "failed": record.get("failed")}))
    if not options.json:
        for network, batch in itertools.product(options.networks, options.batches):
            chosen = [record for record in records if (record["network"], record["batch"]) == (network, batch)]
            common.table([f"{network}, batch {batch}", "T", "peak of the step, MiB", "with libraries, MiB", ""],
                         [(record["variant"], record["time_steps"], record["step_mib"] and f"{record['step_mib']:.0f}",
                           record["peak_mib"] and f"{record['peak_mib']:.0f}", record["failed"]) for record in chosen])
    common.save("memory", options, records)


if __name__ == "__main__":
    main()
