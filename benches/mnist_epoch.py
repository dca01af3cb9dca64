#!/usr/bin/env python3
"""Training samples per second on MNIST: Sterna beside PyTorch's plain network, in one run.

usage: benches/mnist_epoch.py [--rounds 5] [--threads 2] [--python PYTHON] [--data-dir DIR]

Builds `sterna`, makes a virtual environment with the pinned requirements of benches/peers (unless
--python names an interpreter that has torch), then runs one epoch of each in turn. Prints one JSON
line a run and at the end one with the medians and the ratio of medians; the load average before
each run is in its line, since another busy program falsifies both.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]


def python_with_torch(given):
    if given:
        return given
    environment = ROOT / "target" / "peers"
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        requirements = ROOT / "benches" / "peers" / "requirements.txt"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
    return str(python)


def last_json(command):
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return json.loads(answer.stdout.splitlines()[-1])


def sterna(options, folder, gradient):
    command = [ROOT / "target" / "release" / "sterna", "train", "mnist", "--epochs", "1", "--batch", "128", "--json", "--no-plots",
               "--padding", "valid", "--augment", "none", "--gradient", gradient, "--overwrite",
               "--threads", str(options.threads), "--out", folder]
    if options.data_dir:
        command += ["--data-dir", options.data_dir]
    result = last_json(command)
    return {"peer": f"sterna i8, {gradient} gradient", "threads": options.threads, "batch": 128,
            "samples_per_second": result["samples_per_second"]}


def pytorch(options, python, dtype):
    script = ROOT / "benches" / "peers" / "pytorch_ann.py"
    return last_json([python, script, "--threads", str(options.threads), "--dtype", dtype])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--python", help="an interpreter that has torch")
    parser.add_argument("--data-dir", help="folder of the data sets")
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet"], check=True, cwd=ROOT)
    python = python_with_torch(options.python)
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        runs = [lambda: sterna(options, folder + "/run", "spike"), lambda: pytorch(options, python, "f32"),
                lambda: sterna(options, folder + "/run", "float"), lambda: pytorch(options, python, "bf16")]
        for round_number in range(options.rounds + 1):
            for run in runs:
                load = os.getloadavg()[0]
                result = run()
                name = result["peer"] + (" " + result["dtype"] if "dtype" in result else "")
                is_warm_up = round_number == 0
                print(json.dumps({"round": round_number, "warm_up": is_warm_up, "load": load, **result}), flush=True)
                if not is_warm_up:
                    rates.setdefault(name, []).append(result["samples_per_second"])
    medians = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    peer = medians["pytorch-ann f32"]
    print(json.dumps({"medians": medians, "ratio_to_pytorch_f32": {k: round(v / peer, 2) for k, v in medians.items()}}))


main()
