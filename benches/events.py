#!/usr/bin/env python3
"""Synaptic operations per second of the event simulator on one core, for each order of events.

usage: benches/events.py [--rounds 3] [--seconds 2] [--plot DIR]

Dense fan-outs of 1,024 and 4,096 neurons, 3x3 convolutions of 64 channels, and the MNIST network; random weights, a
fifth of the input neurons spike. An addition is one weight added to one total; an event that carries q spikes is one
addition and q synaptic operations for each synapse. Medians over the rounds.
"""
import statistics

import common
import machine

RATES = ["giga_additions_per_second", "giga_synaptic_operations_per_second", "mega_events_per_second"]


def main():
    parser = common.parser(__doc__, seconds=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    binary, groups = common.program("sterna-snn", "events"), {}
    for _ in range(options.rounds):
        for record in machine.run([binary, "--seconds", options.seconds], options.limit_s, options.memory_mib):
            groups.setdefault((record.get("network"), record.get("order")), []).append(common.emit(record))
    records = []
    for (network, _), runs in groups.items():
        middle = {rate: statistics.median(run[rate] for run in runs) for rate in RATES} if network else {}
        records.append({**runs[0], **middle, "rounds": len(runs),
                        "others_cores": max(run["others_cores"] for run in runs)})
    if not options.json:
        common.table(["network", "order", "G additions/s", "G synaptic operations/s", "M events/s", "others' cores", ""],
                     [(record.get("network", "-"), record.get("order"),
                       *(f"{record[rate]:.2f}" if rate in record else None for rate in RATES),
                       record["others_cores"], record.get("failed")) for record in records])
    common.save("events", options, records)


if __name__ == "__main__":
    main()
