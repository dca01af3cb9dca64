#!/usr/bin/env python3
"""Pulse updates of arrays of devices that learn: Sterna beside the analog tiles of aihwkit, milliseconds of a batch.

usage: benches/pulse_speed.py [--devices constant-step,soft-bounds,...] [--strengths 1,10] [--threads 1,2] [--repeats 5]

An array of 1000 x 1000 devices is updated with a batch of 100 samples, inputs and errors uniform over -1..1, by trains
of at most 31 slots with update management. Constant steps and soft bounds have the default constants of aihwkit,
other names are presets of both. Strengths are learning rates in steps: 1 gives 0.25 pulses for each device and sample,
10 gives 2.5; both programs count them, aihwkit by noiseless steps. Its C++ tile is called itself. Figures are medians of batches, the first is dropped.

The environment of the peers is that of benches/crossbar_speed.py; --python names an interpreter that has it already.
"""
import common
import machine

DEVICES = ["constant-step", "soft-bounds", "capacitor", "reram-es"]


def measure(options):
    """Records of both programs for each number of threads."""
    python = common.peers_python(options.python, "crossbar-peers-venv", ["crossbar.txt"], ["crossbar_built.txt"])
    binary = common.program("sterna-compiler", "pulses")
    shared = ["--devices", ",".join(options.devices), "--strengths", options.strengths, "--repeats", options.repeats]
    for threads in options.threads:
        limits = {name: threads for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        for program in ([binary], [python, common.PEERS / "pulses.py"]):
            for record in machine.run([*program, *shared, "--threads", threads], options.limit_s, options.memory_mib,
                                      **limits):
                yield common.emit(record)


def rows(records):
    """Both figures beside one another, and how many times faster Sterna is."""
    found = {(record["implementation"], record["device"], record["strength"], record["threads"]): record
             for record in records if "failed" not in record}
    for (name, *case), ours in found.items():
        theirs = found.get(("aihwkit", *case))
        if name == "sterna" and theirs:
            yield (*case, ours["pulses"], theirs["pulses"], ours["milliseconds"], theirs["milliseconds"],
                   f"{theirs['milliseconds'] / ours['milliseconds']:.1f}", f"{theirs['fastest'] / ours['fastest']:.1f}",
                   max(ours["others_cores"], theirs["others_cores"]))


def main():
    parser = common.parser(__doc__, draws=False)
    parser.add_argument("--devices", type=common.names, default=DEVICES)
    parser.add_argument("--strengths", default="1,10")
    parser.add_argument("--threads", type=common.numbers, default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5, help="batches measured")
    options = parser.parse_args()
    records = list(measure(options))
    if not options.json:
        common.table(["device", "strength", "threads", "pulses", "of aihwkit", "Sterna ms", "aihwkit ms", "ratio", "of fastest",
                      "others' cores"], rows(records))
    common.save("pulse_speed", options, records)


if __name__ == "__main__":
    main()
