#!/usr/bin/env python3
"""Whole training steps: Sterna beside PyTorch, SpikingJelly, snnTorch and Norse, samples per second and peak memory.

usage: benches/training_step.py [--networks mnist,cifar10] [--batches 128,32] [--peers pytorch,spikingjelly,...]
                                [--modes eager,compiled] [--dtypes f32,bf16] [--isas native,avx2] [--plot DIR]

A step is forward pass, loss, backward pass and update on data that are in memory; stochastic gradient descent with
momentum, no dropout, no augmentation. Every variant is a process of its own; Sterna runs first, last and after every
third peer, and its figure is the median of these runs. A variant that cannot run is reported with the reason.
Sterna's errors are those of an untrained network, the densest; `sparse errors` is Sterna with an error scale so small
that they are as rare as late in training. The memory is the peak of the process and what it had before
network and data were made (`baseline`).
"""
import itertools
import statistics

import common
import machine

# Script, time steps, and whether the order of memory is a choice.
PEERS = {"pytorch": ("pytorch_ann.py", [None], [False, True]), "spikingjelly": ("spikingjelly_if.py", [4, 8], [False]),
         "snntorch": ("snntorch_leaky.py", [10, 25], [False]), "norse": ("norse_lif.py", [10, 25], [False])}
# Sterna takes a turn after so many peers.
STERNA_EVERY = 3
# How much smaller the error scale is where errors shall be sparse.
SPARSER = 20


def variants(options, network, batch):
    """Name and command of every peer variant."""
    python = common.peers_python(options.python)
    for peer in options.peers:
        script, time_steps, orders = PEERS[peer]
        for steps, dtype, mode, last in itertools.product(time_steps, options.dtypes, options.modes, orders):
            parts = [peer, f"T={steps}" if steps else "", dtype, "channels-last" if last else "",
                     "compiled" if mode == "compiled" else ""]
            command = [python, common.PEERS / script, "--network", network, "--batch", batch, "--dtype", dtype,
                       "--threads", options.threads, "--seconds", options.seconds, "--warm-up", options.warm_up]
            command += ["--time-steps", steps] if steps else []
            command += ["--channels-last"] if last else []
            command += ["--compile"] if mode == "compiled" else []
            yield " ".join(part for part in parts if part), command


def measure(options, binary, network, batch):
    """One record a variant of one network and batch; Sterna's are medians."""
    def run(name, command, **environment):
        record = machine.run(command, options.limit_s, options.memory_mib, **environment)[-1]
        record.pop("populations", None)
        return common.emit({"variant": name, "network": network, "batch": batch, "threads": options.threads, **record})

    def sterna():
        command = common.sterna_step(binary, network, batch, options.threads, options.seconds, warm_up=options.warm_up)
        for isa in options.isas:
            name = "sterna" if isa == "native" else f"sterna {isa}"
            own.setdefault(name, []).append(run(name, command, **({} if isa == "native" else {"STERNA_ISA": isa})))
        sparse = ["--alpha", common.NETWORKS[network]["alpha"] / SPARSER]
        own.setdefault("sterna, sparse errors", []).append(run("sterna, sparse errors", command + sparse))

    own, peers = {}, []
    sterna()
    for number, (name, command) in enumerate(variants(options, network, batch), 1):
        peers.append(run(name, command))
        if number % STERNA_EVERY == 0:
            sterna()
    if peers and len(peers) % STERNA_EVERY:
        sterna()
    for runs in own.values():
        good = [record for record in runs if "failed" not in record]
        if not good:
            yield runs[0]
            continue
        rates = [record["samples_per_second"] for record in good]
        yield {**good[-1], "samples_per_second": statistics.median(rates), "runs": len(good),
               "slowest_run": min(rates), "fastest_run": max(rates),
               "peak_mib": max(record["peak_mib"] or 0 for record in good),
               "others_cores": max(record["others_cores"] for record in good)}
    yield from peers


def print_table(records, network, batch):
    chosen = [record for record in records if (record["network"], record["batch"]) == (network, batch)]
    base = next((record.get("samples_per_second") for record in chosen if record["variant"] == "sterna"), None)
    rows = []
    for record in chosen:
        rate = record.get("samples_per_second")
        rows.append([record["variant"], f"{rate:.1f}" if rate else "-", f"{base / rate:.2f}" if rate and base else "-",
                     f"{record['peak_mib']:.0f}" if record.get("peak_mib") else "-", record["others_cores"],
                     record.get("failed", "")])
    common.table([f"{network}, batch {batch}", "samples/s", "Sterna's ratio", "peak MiB", "others' cores", ""], rows)


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--networks", type=common.names, default=list(common.NETWORKS))
    parser.add_argument("--batches", type=common.numbers, default=[128, 32])
    parser.add_argument("--peers", type=common.names, default=list(PEERS))
    parser.add_argument("--modes", type=common.names, default=["eager", "compiled"])
    parser.add_argument("--dtypes", type=common.names, default=["f32", "bf16"])
    parser.add_argument("--isas", type=common.names, default=["native", "avx2"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm-up", type=int, default=3)
    options = parser.parse_args()
    unknown = [name for name in options.peers if name not in PEERS]
    if unknown:
        parser.error(f"no peer {', '.join(unknown)}; there are {', '.join(PEERS)}")
    binary = common.program("sterna-spikegrad", "training_step")
    records = []
    for network, batch in itertools.product(options.networks, options.batches):
        records += measure(options, binary, network, batch)
    if not options.json:
        for network, batch in itertools.product(options.networks, options.batches):
            print_table(records, network, batch)
    common.save("training_step", options, records)


if __name__ == "__main__":
    main()
