#!/usr/bin/env python3
"""Trains the same run with 1 thread, with 2, on each instruction set, and interrupted and resumed;
prints the SHA-256 of each model file and whether all are the same.

usage: benches/identical.py [--recipe mnist] [--epochs 2] [--data-dir DIR]
"""
import argparse
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
STERNA = ROOT / "target" / "release" / "sterna"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="mnist")
    parser.add_argument("--epochs", default="2")
    parser.add_argument("--data-dir")
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet"], check=True, cwd=ROOT)
    data = ["--data-dir", options.data_dir] if options.data_dir else []
    machine = json.loads(subprocess.run([STERNA, "inspect", "--machine", "--json"], check=True,
                                        capture_output=True, text=True).stdout.splitlines()[-1])
    digests = {}
    with tempfile.TemporaryDirectory() as folder:
        def command(name, threads):
            return [STERNA, "train", options.recipe, "--epochs", options.epochs, "--no-plots", "--quiet", *data,
                    "--threads", str(threads), "--out", f"{folder}/{name}"]

        def digest(name):
            model = pathlib.Path(folder, name, "model.safetensors").read_bytes()
            digests[name] = hashlib.sha256(model).hexdigest()
            print(json.dumps({"run": name, "sha256": digests[name]}), flush=True)

        for name, threads in [("1 thread", 1), ("2 threads", 2)]:
            subprocess.run(command(name, threads), check=True, stdout=subprocess.DEVNULL)
            digest(name)
        for isa in machine["instruction_sets"]:
            subprocess.run(command(isa, 2), check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, "STERNA_ISA": isa})
            digest(isa)
        name = "interrupted and resumed"
        process = subprocess.Popen(command(name, 2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        process.wait()
        print(json.dumps({"run": name, "exit_code_of_the_interrupted_run": process.returncode}), flush=True)
        subprocess.run([*command(name, 1), "--resume"], check=True, stdout=subprocess.DEVNULL)
        digest(name)
    print(json.dumps({"identical": len(set(digests.values())) == 1, "runs": len(digests)}))


main()
