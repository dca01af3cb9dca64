#!/usr/bin/env python3
"""Networks that learn on arrays of devices: Iris on transistors, MNIST on domain walls, a spiking network by SpikeGrad.

usage: benches/on_chip.py [--parts iris,levels,spiking] [--seeds 1,2,3] [--epochs 10] [--devices NAME,...] [--out DIR]

Runs that are complete in DIR are kept. Prints a table for each part; spiking networks are the ones that validation picks
among the epochs of a run, tested once.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
STERNA = ROOT / "target" / "release" / "sterna"
LEVELS = "4,8,16,32,64,128,256,512,1024"
# Name, device and flags.
SPIKING = [
    ("ideal, 257 levels", "ideal", ["--levels", "257"]),
    ("idealised, all spreads", "idealized", []),
    ("capacitor", "capacitor", []),
    ("soft bounds (reram-sb)", "reram-sb", []),
    ("soft bounds, rounded", "reram-sb", ["--rule", "rounded"]),
    ("soft bounds, pulse trains", "reram-sb", ["--rule", "trains:31"]),
    ("soft bounds, Tiki-Taka", "reram-sb", ["--tiki-taka", "1:0.1:1000"]),
    ("idealised, Tiki-Taka", "idealized", ["--tiki-taka", "1:0.1:1000"]),
    ("phase change (pcm)", "pcm", []),
]


def learn(folder, *arguments):
    """Summary of a run, trained unless it is there."""
    if not (folder / "summary.json").exists():
        command = [STERNA, "learn", *map(str, arguments), "--out", folder, "--overwrite", "--json"]
        answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if answer.returncode:
            sys.exit(f"{' '.join(map(str, command))} failed:\n{answer.stderr}")
    return json.loads((folder / "summary.json").read_text())


def mean(values):
    spread = f" ± {100 * statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.2f}{spread} %"


def iris(options):
    print("\n| Iris, 20 seeds | test accuracy | pulses | energy of writes | time of writes |\n|---|---|---|---|---|")
    for name, flags in [("transistors with variation", []),
                        ("transistors without", ["--device-spread", 0, "--cycle-spread", 0])]:
        device = "mosfet"
        if flags:
            device = options.out / "mosfet-ideal.toml"
            text = subprocess.run([STERNA, "learn", "device", "mosfet"], capture_output=True, text=True, check=True).stdout
            lines = [line for line in text.splitlines() if not line.startswith(("threshold_spread_v", "beta_spread"))]
            device.write_text("\n".join(lines) + "\n")
        summary = learn(options.out / f"iris-{len(flags)}", "iris", "--device", device, "--seeds", 20, *flags)
        if not flags:
            print(f"| float weights | {mean(summary['float']['test_accuracies'])} | | | |")
        figures = summary["devices"][0]
        print(f"| {name} | {mean(figures['test_accuracies'])} | {figures['pulses']:.3g} | {figures['energy_j'] * 1e12:.2f} pJ | "
              f"{figures['time_s'] * 1e6:.0f} us |", flush=True)


def levels(options):
    summary = learn(options.out / "levels", "mnist", "--device", "domain-wall", "--gain", 0.7, "--sweep", f"levels={LEVELS}")
    print(f"\nMNIST without hidden layer, float weights {mean(summary['float']['test_accuracies'])}\n")
    print("| levels | test accuracy | pulses | energy of writes | at a bound |\n|---|---|---|---|---|")
    for figures in summary["devices"]:
        print(f"| {figures['value']:.0f} | {mean(figures['test_accuracies'])} | {figures['pulses']:.3g} | "
              f"{figures['energy_j'] * 1e9:.2f} nJ | {100 * figures['saturated_share']:.1f} % |", flush=True)


def spiking(options):
    print("\n| 784-300-10 in spikes | test accuracy | integer network | pulses an example |\n|---|---|---|---|")
    for name, device, flags in SPIKING:
        if options.devices and device not in options.devices.split(","):
            continue
        accuracies, integer, pulses = [], [], []
        for seed in options.seeds.split(","):
            folder = options.out / f"spiking-{name.replace(' ', '-').replace(',', '').replace('(', '').replace(')', '')}-{seed}"
            summary = learn(folder, "mnist", "--topology", "28x28-300-10", "--device", device, "--max-spikes", 15, "--batch", 128,
                            "--epochs", options.epochs, "--seed", seed, *flags)
            accuracies.append(summary["test_accuracy"])
            integer.append(summary["integer"]["mean"])
            # 50,000 training images an epoch.
            pulses.append(summary["devices"][0]["pulses"] / (5e4 * options.epochs))
        print(f"| {name} | {mean(accuracies)} | {mean(integer)} | {statistics.mean(pulses):.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="iris,levels,spiking")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--devices", help="spiking networks on these devices alone")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "runs" / "on-chip")
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet"], check=True, cwd=ROOT)
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    for part in options.parts.split(","):
        {"iris": iris, "levels": levels, "spiking": spiking}[part](options)


main()
