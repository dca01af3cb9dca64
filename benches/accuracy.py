#!/usr/bin/env python3
"""Accuracy over seeds: trains a recipe with several seeds and reports mean and spread.

usage: benches/accuracy.py RECIPE [--seeds 1,2,3,4,5] [--jobs 2] [--out DIR] [-- FLAGS OF sterna train]

Each run picks its epoch on validation data and is tested once. Runs that are complete in DIR are
kept, interrupted ones are resumed. Prints one JSON line a seed and a last one with mean, standard
deviation (n - 1) and extremes. With `--alphas 1,2,5,...` it does so for each error scale and adds
error spikes per example and operation ratios of the last epoch.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(recipe, seed, folder, flags):
    summary = folder / "summary.json"
    if not (summary.exists() and json.loads(summary.read_text()).get("test_accuracy") is not None):
        state = ["--resume"] if (folder / "checkpoint.safetensors").exists() else ["--overwrite", *flags]
        command = [ROOT / "target" / "release" / "sterna", "train", recipe, "--seed", str(seed), "--threads", "1",
                   "--no-plots", "--json", "--out", folder, *state]
        answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if answer.returncode:
            sys.exit(f"{' '.join(map(str, command))} failed:\n{answer.stderr}")
    result = json.loads(summary.read_text())
    last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    return {"seed": seed, "test_accuracy": result["test_accuracy"],
            "validation_accuracy": result["validation_accuracy"], "best_epoch": result["best_epoch"],
            "epochs": result["epochs"], "train_seconds": result["train_seconds"],
            "error_spikes": sum(population["error_spikes"] for population in last["populations"]),
            "backward_ratio": last["operations"]["backward_ratio"],
            "forward_ratio": last["operations"]["forward_ratio"], "update_ratio": last["operations"]["update_ratio"]}


def spread(values):
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.mean(values), "deviation": deviation, "lowest": min(values), "highest": max(values)}


def main():
    own, flags = sys.argv[1:], []
    if "--" in own:
        flags = own[own.index("--") + 1:]
        own = own[:own.index("--")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--alphas", default="", help="error scales to compare")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once, one thread each")
    parser.add_argument("--out", type=pathlib.Path, default=None, help="folder of the run folders")
    options = parser.parse_args(own)
    subprocess.run(["cargo", "build", "--release", "--quiet"], check=True, cwd=ROOT)
    name = "-".join([options.recipe, *flags]).replace("/", "_")
    out = (options.out or ROOT / "runs" / "accuracy" / name).resolve()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    with ThreadPoolExecutor(options.jobs) as pool:
        for alpha in options.alphas.split(","):
            scale = ["--alpha", alpha] if alpha else []
            folder = out / f"alpha-{alpha}" if alpha else out
            folder.mkdir(parents=True, exist_ok=True)
            runs = list(pool.map(lambda seed: run(options.recipe, seed, folder / str(seed), [*flags, *scale]), seeds))
            for result in runs:
                print(json.dumps({"recipe": options.recipe, "alpha": alpha or None, **result}), flush=True)
            total = {key: spread([result[key] for result in runs]) for key in ("test_accuracy", "validation_accuracy")}
            means = {key: statistics.mean(result[key] for result in runs)
                     for key in ("error_spikes", "forward_ratio", "backward_ratio", "update_ratio", "train_seconds")}
            print(json.dumps({"recipe": options.recipe, "flags": flags, "alpha": alpha or None, "seeds": seeds,
                              **total, **means}), flush=True)


main()
