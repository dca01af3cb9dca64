#!/usr/bin/env python3
"""Accuracy on crossbars: trains networks for counts of few bits, compiles them for several chips and
runs the compiled files on the test data, before and after hardware-aware training.

usage: benches/crossbar_accuracy.py [--data mnist,fashion-mnist] [--seeds 1,2,3] [--hardware A,B,...]
                                    [--epochs 15] [--retrain N] [--rate RATE] [--augment none]
                                    [--out DIR]

Networks, compiled folders and results that are complete in DIR are kept. Prints one JSON line for each
network and chip and then, for each data set, a table of mean test accuracies with their standard
deviation over the seeds (n - 1). Retraining picks its epoch on validation data; test data are used
once for each compiled folder.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
STERNA = ROOT / "target" / "release" / "sterna"
CHIPS = "ideal,adc7-a,adc4-a,hcim-a-ternary,hcim-a-binary,adc6-b,adc4-b,hcim-b-ternary,hcim-b-binary"
# Presets whose columns deliver codes that need trained scale factors, learning rate, epochs and images of their training.
COMPARATORS = {"ternary": (0.02, 14, "none"), "binary": (0.05, 20, "crop:1"), "adcless": (0.05, 20, "crop:1")}


def sterna(*arguments):
    command = [STERNA, *map(str, arguments), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if answer.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{answer.stderr}")
    return [json.loads(line) for line in answer.stdout.splitlines()]


def network(data, seed, options):
    folder = options.out / f"{data}-{seed}"
    if not (folder / "summary.json").exists():
        sterna("train", data, "--seed", seed, "--epochs", options.epochs, "--batch", 128, "--max-spikes", 15,
               "--no-plots", "--out", folder, "--overwrite")
    return folder


def kind(chip):
    """Learning rate, epochs and images of hardware-aware training; none for chips that need none."""
    return next((values for name, values in COMPARATORS.items() if name in chip), (None, 0, "none"))


def accuracy(model, data, chip, retrain, options):
    """Test accuracy of the compiled files."""
    folder = options.out / f"{model.name}-{chip}-{retrain}"
    result = folder / "accuracy.json"
    if not result.exists():
        rate, images = options.rate or kind(chip)[0], options.augment or kind(chip)[2]
        how = ["--retrain", retrain, "--learning-rate", rate, "--augment", images] if retrain else ["--calibrate-on", 500]
        sterna("compile", model, "--hardware", chip, "--out", folder, "--overwrite", *([] if chip == "ideal" else how))
        result.write_text(json.dumps(sterna("hardware", "eval", folder, "--data", data)[-1]["accuracy"]))
    return json.loads(result.read_text())


def mean(values):
    spread = f" ± {100 * statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.2f}{spread} %"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist,fashion-mnist")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--hardware", default=CHIPS)
    parser.add_argument("--epochs", type=int, default=15, help="epochs of ordinary training")
    parser.add_argument("--retrain", type=int, help="epochs of hardware-aware training; by the kind of columns when absent")
    parser.add_argument("--rate", type=float, help="learning rate of hardware-aware training; by the kind of columns when absent")
    parser.add_argument("--augment", help="variation of images in hardware-aware training; by the kind of columns when absent")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "runs" / "crossbar")
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet"], check=True, cwd=ROOT)
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    for data in options.data.split(","):
        models = [network(data, seed, options) for seed in seeds]
        exact = [json.loads((model / "summary.json").read_text())["test_accuracy"] for model in models]
        print(f"\n{data}, seeds {options.seeds}: integer network {mean(exact)}\n")
        print("| chip | compiled | after hardware-aware training |\n|---|---|---|", flush=True)
        for chip in options.hardware.split(","):
            trains = kind(chip)[1] and (kind(chip)[1] if options.retrain is None else options.retrain)
            cells = []
            for retrain in [0, trains] if trains else [0]:
                values = [accuracy(model, data, chip, retrain, options) for model in models]
                print(json.dumps({"data": data, "chip": chip, "retrain": retrain, "seeds": seeds,
                                  "test_accuracy": values}), file=sys.stderr, flush=True)
                cells.append(mean(values))
            print(f"| {chip} | {cells[0]} | {cells[1] if trains else '–'} |", flush=True)


main()
