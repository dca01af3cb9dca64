#!/usr/bin/env python3
"""Simulation of compiled crossbars: `sterna hardware eval` beside the inference tiles of aihwkit, samples per second.

usage: benches/crossbar_speed.py [--data-dir DIR] [--model RUN] [--hardware ideal,adc7-a,...] [--threads 1] [--rounds 5]
                                 [--limit 2000] [--tiles torch,rpu] [--slices 0,4] [--batches 1,16,64,256] [--array 128]

The network is 28x28-15C5-P2-40C5-P2-300-10 without padding on MNIST test images; DIR, or STERNA_DATA, holds `mnist/`.
Without --model one is trained for an epoch with spike counts of at most 15. Both sides get its weights.

Sterna's figure is `images_per_second` of the command: compiled files simulated and all reads of the arrays counted.
Arrays of `ideal` have 256 rows and 7 bit slices, their sums are exact and computed as one integer product; those of
`adc7-a` and `hcim-a-ternary` have 128 rows and 4 slices, every column of every slice and input bit is quantised on its
own. aihwkit has tiles of --array rows and columns between converters of 8 bits, without noise: `torch` is its tile in
PyTorch, `rpu` the one in C++. It multiplies floats once for each tile, or with 4 slices does what `adc7-a` does: each
slice has tiles of its own, and every input bit is a read that is quantised. Its figure is that of its fastest batch.

Every measurement of Sterna is a process of its own. The first of each chip is dropped as warm-up, the others run in
turn with the peers, and figures are medians. The peers' environment is made once: aihwkit is built from source, which
needs a C++ compiler and the headers of OpenBLAS (Debian: libopenblas-dev), and takes a quarter of an hour or more of a
core, beside several GiB of downloads. --python names an interpreter that has it already.
"""
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys

import common
import machine

STERNA = common.ROOT / "target" / "release" / "sterna"
TILES = ["torch", "rpu"]
# Chips whose quantisers take nothing from samples.
UNCALIBRATED = ["ideal"]


def path(text):
    """A path that holds in every folder."""
    return pathlib.Path(text).resolve()


def sterna(*arguments):
    """Runs the command; its last JSON object."""
    command = [STERNA, *map(str, arguments), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=common.ROOT)
    if answer.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{answer.stderr}")
    return json.loads(answer.stdout.splitlines()[-1])


def prepare(options):
    """The trained model, and a compiled folder for each chip."""
    work = common.TARGET / "benchmarks" / "crossbar-speed"
    model, shared = options.model, ["--data-dir", options.data_dir, "--threads", options.threads]
    if not model:
        model = work / "mnist"
        if not (model / "summary.json").exists():
            sterna("train", "mnist", "--epochs", 1, "--batch", 128, "--max-spikes", 15, "--no-plots", "--out", model,
                   "--overwrite", *shared)
    folders = {}
    for chip in options.hardware:
        folders[chip] = work / chip
        calibrated = [] if chip in UNCALIBRATED else ["--calibrate-on", 500]
        sterna("compile", model, "--hardware", chip, "--out", folders[chip], "--overwrite", *calibrated, *shared)
    return model, folders


def measure(options, model, folders):
    """Records of Sterna, one a chip, then of the peer, one a tile and batch."""
    python = common.peers_python(options.python, "crossbar-peers-venv", ["crossbar.txt"], ["crossbar_built.txt"])
    file = model / "model.safetensors" if model.is_dir() else model
    threads = {name: options.threads for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    runs = {}

    def run(name, command):
        for record in machine.run(command, options.limit_s, options.memory_mib, **threads):
            facts = {"variant": name, "network": "mnist", "batch": record.get("batch"), "threads": options.threads}
            if "images_per_second" in record:
                record = {"samples_per_second": record["images_per_second"], "accuracy": record["accuracy"],
                          "images": record["images"], **{key: record[key] for key in ("others_cores", "steal_cores")}}
            runs.setdefault((name, record.get("batch")), []).append(common.emit({**record, **facts}))

    for number in range(options.rounds + 1):
        for chip, folder in folders.items():
            run(f"sterna {chip}",
                [STERNA, "hardware", "eval", folder, "--data", "mnist", "--data-dir", options.data_dir,
                 "--threads", options.threads, "--limit", options.limit, "--json"])
        for tile, slices in itertools.product(options.tiles, options.slices) if number else []:
            run(f"aihwkit {tile}" + (f", {slices} slices" if slices else ""),
                [python, common.PEERS / "aihwkit_tiles.py", "--model", file, "--images", options.data_dir / "mnist",
                 "--tile", tile, "--slices", slices, "--array", options.array, "--batches", options.batches,
                 "--threads", options.threads, "--seconds", options.seconds])
    for (name, _), found in runs.items():
        good = [record for record in found if "failed" not in record][name.startswith("sterna"):]
        if not good:
            yield found[0]
            continue
        rates = [record["samples_per_second"] for record in good]
        yield {**good[-1], "samples_per_second": statistics.median(rates), "runs": len(good),
               "slowest_run": min(rates), "fastest_run": max(rates),
               "others_cores": max(record["others_cores"] for record in good)}


def ratios(records):
    """How many times faster each chip is simulated than the fastest batch of each tile."""
    rated = [record for record in records if "samples_per_second" in record]
    for tile in dict.fromkeys(record["variant"] for record in rated if record["variant"].startswith("aihwkit")):
        best = max((record for record in rated if record["variant"] == tile),
                   key=lambda record: record["samples_per_second"])
        for record in rated:
            if record["variant"].startswith("sterna"):
                yield {"ratio": record["samples_per_second"] / best["samples_per_second"], "of": record["variant"],
                       "to": tile, "batch": best["batch"], "threads": record["threads"]}


def main():
    parser = common.parser(__doc__, seconds=4.0, draws=False)
    parser.add_argument("--data-dir", type=path, default=os.environ.get("STERNA_DATA") or "data", help="data folder")
    parser.add_argument("--model", type=path, help="run folder or model file")
    parser.add_argument("--hardware", type=common.names, default=["ideal", "adc7-a", "hcim-a-ternary"])
    parser.add_argument("--tiles", type=common.names, default=TILES)
    parser.add_argument("--slices", type=common.numbers, default=[0, 4], help="0: one multiplication of floats")
    parser.add_argument("--batches", default="1,16,64,256")
    parser.add_argument("--array", type=int, default=128, help="rows and columns of the peer's tiles")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=int, default=2000, help="images of a measurement of Sterna")
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet"], check=True, cwd=common.ROOT)
    model, folders = prepare(options)
    records = list(measure(options, model, folders))
    compared = [common.emit(ratio) for ratio in ratios(records)]
    if not options.json:
        common.table(["", "batch", "samples/s", "accuracy", "others' cores", ""],
                     [(record["variant"], record["batch"], f"{record.get('samples_per_second', 0):.1f}",
                       record.get("accuracy"), record["others_cores"], record.get("failed")) for record in records])
        common.table(["Sterna is faster by", "than", "at batch"],
                     [(f"{ratio['of']}: {ratio['ratio']:.2f}", ratio["to"], ratio["batch"]) for ratio in compared])
    common.save("crossbar_speed", options, records)


if __name__ == "__main__":
    main()
