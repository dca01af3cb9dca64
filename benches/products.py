#!/usr/bin/env python3
"""Integer products at the shapes of both networks: Sterna beside gemm, PyTorch and the registers' ceilings.

usage: benches/products.py [--networks mnist,cifar10] [--threads 1,2] [--rounds 3] [--isas native,avx2] [--plot DIR]

Forward, error and update product of each projection, batch 128 (MNIST) and 32 (CIFAR-10); counts and errors are
packed within the timed call, weights before it. The peers multiply matrices of the same sizes that exist already, so
that what writes out the windows of a convolution costs them nothing. Two cases: `dense`, where no count is zero,
and `sparse`, where 30 % of the counts and 2 % of the errors are other than zero. All Gop/s count a
multiply-accumulate as two operations, zeros and padding included. Medians over the rounds, in which all
implementations take turns. `fired` turns the totals into spike counts or error counts in the same call. The ceilings are multiply instructions on registers alone.
"""
import json
import statistics
import sys

import common
import machine

CASES = {"dense": (1.0, 1.0), "sparse": (0.3, 0.02)}
KEY = ("network", "projection", "phase", "rows", "inner", "columns", "threads")


def measure(options, binaries, python):
    """All measurements of all rounds, as (key, implementation, case, record)."""
    products, ceilings = binaries
    for round_number in range(options.rounds):
        print(f"round {round_number + 1} of {options.rounds}", file=sys.stderr)
        for threads in options.threads:
            limits = {"limit_s": options.limit_s, "memory_mib": options.memory_mib}
            for record in machine.run([ceilings, "--threads", threads, "--seconds", options.seconds], **limits):
                yield ("ceiling", record.get("instruction"), threads), "ceiling", None, record
            shapes = {}
            for network in options.networks:
                for isa in options.isas:
                    forced = {} if isa == "native" else {"STERNA_ISA": isa}
                    for case, (counts, errors) in CASES.items():
                        command = [products, "--network", network, "--threads", threads, "--seconds", options.seconds,
                                   "--count-density", counts, "--error-density", errors]
                        is_first = isa == options.isas[0] and case == "dense"
                        for record in machine.run(command + [] if is_first else command + ["--no-gemm"],
                                                  **limits, **forced):
                            key = tuple(record.get(field) for field in KEY)
                            name = (record.get("implementation") or "").replace("sterna", "sterna " + isa)
                            shapes[key] = {field: record.get(field) for field in KEY if field != "threads"}
                            yield key, name, case, record
            lines = "".join(json.dumps(shape) + "\n" for key, shape in shapes.items() if key[0])
            command = [python, common.PEERS / "matmul.py", "--threads", threads, "--seconds", options.seconds]
            for record in machine.run(command, standard_input=lines, **limits):
                yield tuple(record.get(field) for field in KEY), record.get("implementation"), "dense", record


def medians(measured):
    """One record a key, implementation and case with the median of the rounds."""
    groups = {}
    for key, implementation, case, record in measured:
        common.emit(record)
        groups.setdefault((key, implementation, case), []).append(record)
    for (key, implementation, case), records in groups.items():
        rates = [record["gops"] for record in records if record.get("gops")]
        result = {**records[0], "implementation": implementation, "case": case, "rounds": len(records),
                  "gops": round(statistics.median(rates), 3) if rates else None,
                  "others_cores": max(record["others_cores"] for record in records)}
        yield result


def ratio(records, first, other):
    """How much longer one column takes than the first over the products that both have."""
    seconds = [{(record["projection"], record["phase"]): record["rows"] * record["inner"] * record["columns"]
                / record["gops"] for record in records if (record["implementation"], record["case"]) == column}
               for column in (first, other)]
    both = seconds[0].keys() & seconds[1].keys()
    return round(sum(seconds[1][key] for key in both) / sum(seconds[0][key] for key in both), 2)


def tables(records, options):
    for threads in options.threads:
        ceilings = [record for record in records
                    if record["implementation"] == "ceiling" and record.get("threads") == threads]
        common.table(["registers only", f"Gop/s, threads: {threads}"],
                     [(record["instruction"], record["gops"] or "not available") for record in ceilings])
        for network in options.networks:
            rows, totals = [], {}
            chosen = [record for record in records
                      if record.get("network") == network and record["threads"] == threads and record.get("gops")]
            columns = list(dict.fromkeys((record["implementation"], record["case"]) for record in chosen))
            for product in dict.fromkeys((record["projection"], record["phase"]) for record in chosen):
                cells = {(record["implementation"], record["case"]): record for record in chosen
                         if (record["projection"], record["phase"]) == product}
                rows.append([" ".join(product)] + [round(cells[column]["gops"], 1) if column in cells else None
                                                   for column in columns])
                for column, record in cells.items():
                    work = 2e-9 * record["rows"] * record["inner"] * record["columns"]
                    total = totals.setdefault(column, [0, 0])
                    total[0], total[1] = total[0] + work, total[1] + work / record["gops"]
            rows.append(["all of these"] + [round(work / seconds, 1) for work, seconds in map(totals.get, columns)])
            rows.append(["time, times that of the first"] + [ratio(chosen, columns[0], column) for column in columns])
            common.table([f"{network}, threads: {threads}, Gop/s"] + [" ".join(column).removesuffix(" dense") for column in columns], rows)


def main():
    parser = common.parser(__doc__, seconds=0.3)
    parser.add_argument("--networks", type=common.names, default=list(common.NETWORKS))
    parser.add_argument("--threads", type=common.numbers, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--isas", type=common.names, default=["native", "avx2"])
    options = parser.parse_args()
    binaries = [common.program("sterna-kernels", name) for name in ("products", "ceilings")]
    records = list(medians(measure(options, binaries, common.peers_python(options.python))))
    if not options.json:
        tables(records, options)
    common.save("products", options, records)


if __name__ == "__main__":
    main()
