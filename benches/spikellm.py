#!/usr/bin/env python3
"""Perplexity of spiked language models: bits of weights and activations against methods, on held-out TinyStories.

usage: benches/spikellm.py [--models stories260K,babyllama] [--seeds 1,2,3,4,5] [--grid] [--outliers 100] [--out DIR]
                           [--data DIR] [--samples 24] [--threads N]

Calibration texts are drawn by the seed from ASCII stories 100 to 916, perplexity is that of stories 0 to 49, each story
for itself. Without --grid W4A4 is run with every seed; with it all of W{8,4,3,2}A{8,4,3} with the first seed. --outliers
scales two channels of every feed-forward network and of every normalisation by S and what takes them by 1/S, which
changes nothing in floats. Prints one JSON line a run and then tables of means with standard deviations (n - 1).
"""
import argparse
import array
import json
import os
import pathlib
import random
import statistics
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
STERNA = ROOT / "target" / "release" / "sterna"
EQUALISE = ["--equalise", "0.25,0.5,0.75"]
# Name, flags; "random" ones are drawn by the seed.
METHODS = {
    "rounding": ["--method", "rtn", "--steps", ""],
    "GPTQ": ["--steps", ""],
    "GPTQ, equalised": ["--steps", "", *EQUALISE],
    "and OBS, T = 2": ["--steps", "2:0.1", *EQUALISE],
    "and OBS, T = 4": ["--steps", "4:0.0333", *EQUALISE],
    "and OBS over all sites, T = 2": ["--steps", "2:0.1", "--global", *EQUALISE],
    "and random channels, T = 2": ["--steps", "2:0.1", "--channels", "random", *EQUALISE],
    "and widest channels, T = 2": ["--steps", "2:0.1", "--channels", "range", *EQUALISE],
    "GPTQ, OBS, T = 2": ["--steps", "2:0.1"],
    "GPTQ, random channels, T = 2": ["--steps", "2:0.1", "--channels", "random"],
    "GPTQ, 2 projections kept": ["--steps", "", "--keep", "2"],
    "GPTQ, 2 random ones kept": ["--steps", "", "--keep-random", "2"],
}


def with_outliers(source, target, factor):
    """Scales channels of a llama2.c model; in floats it computes the same."""
    data = source.read_bytes()
    dim, hidden, layers, heads, shared, vocabulary, length = struct.unpack("<7i", data[:28])
    numbers = array.array("f")
    numbers.frombytes(data[28:])
    width = dim // heads * shared
    place, parts = abs(vocabulary) * dim, {}
    for name, size in [("attention_norm", dim), ("q", dim * dim), ("k", dim * width), ("v", dim * width), ("o", dim * dim),
                       ("ffn_norm", dim), ("gate", hidden * dim), ("down", dim * hidden), ("up", hidden * dim)]:
        parts[name] = (place, size)
        place += layers * size
    generator = random.Random(7)
    for layer in range(layers):
        base = {name: start + layer * size for name, (start, size) in parts.items()}
        for channel in generator.sample(range(hidden), 2):
            for column in range(dim):
                numbers[base["up"] + channel * dim + column] *= factor
                numbers[base["down"] + column * hidden + channel] /= factor
        for norm, taking in [("attention_norm", ["q", "k", "v"]), ("ffn_norm", ["gate", "up"])]:
            for channel in generator.sample(range(dim), 2):
                numbers[base[norm] + channel] *= factor
                for name in taking:
                    for row in range(parts[name][1] // dim):
                        numbers[base[name] + row * dim + channel] /= factor
    target.write_bytes(data[:28] + numbers.tobytes())


def sterna(*arguments):
    command = [STERNA, *map(str, arguments), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if answer.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{answer.stderr}")
    return json.loads(answer.stdout.splitlines()[-1])


def spread(values):
    return f"{statistics.mean(values):.3f}" + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="stories260K,babyllama")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--outliers", type=float)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "runs" / "spikellm")
    parser.add_argument("--data", type=pathlib.Path, default=os.environ.get("STERNA_DATA"))
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if options.data is None:
        sys.exit("name the data folder with --data or STERNA_DATA")
    options.out.mkdir(parents=True, exist_ok=True)
    folder = options.data.resolve() / "llama"
    stories = json.loads((folder / "jlens-corpora" / "tinystories_1000.json").read_text())
    stories = [story for story in stories if story.isascii()]
    test = options.out / "test.json"
    test.write_text(json.dumps(stories[:50]))
    seeds = [int(seed) for seed in options.seeds.split(",")]
    for name in options.models.split(","):
        if name == "stories260K":
            model, how = folder / "stories260K" / "stories260K.bin", []
        else:
            model = folder / "babyllama-tok105" / "model5000.bin"
            how = ["--tokenizer", folder / "babyllama-tok105" / "tok105.vocab"]
        collapse = [] if name == "stories260K" else ["--collapse-white-space"]
        if options.outliers:
            target = options.out / f"{name}-outliers.bin"
            with_outliers(model, target, options.outliers)
            model = target
            how = how or ["--tokenizer", folder / "stories260K" / "tok512.bin"]
        text = ["--text", test, "--documents", *collapse, "--threads", options.threads]
        floats = sterna("llm", "ppl", model, *how, *text)["perplexity"]
        print(f"\n{name}{f', outliers x{options.outliers:g}' if options.outliers else ''}: floats {floats:.3f}\n", flush=True)

        def perplexity(weights, activations, method, seed):
            calibration = options.out / f"calibration-{name}-{seed}.json"
            calibration.write_text(json.dumps(random.Random(seed).sample(stories[100:], options.samples)))
            spiked = options.out / f"model-{name}"
            report = sterna("llm", "spike", model, *how, "--text", calibration, "--documents", *collapse, "--seed", seed,
                            "--weights", weights, "--activations", activations, "--out", spiked, "--overwrite",
                            "--no-plots", "--threads", options.threads, *METHODS[method])
            found = sterna("llm", "ppl", spiked, *text)
            print(json.dumps({"model": name, "outliers": options.outliers, "weights": weights, "activations": activations,
                              "method": method, "seed": seed, "perplexity": found["perplexity"],
                              "steps": report["spikes"]["steps"], "effort": report["spikes"]["effort"],
                              "additions": found["spikes"]["additions"]}), file=sys.stderr, flush=True)
            return found["perplexity"], report["spikes"]["steps"]

        if options.grid:
            settings = [(w, a) for w in (8, 4, 3, 2) for a in (8, 4, 3)]
            print("| method | " + " | ".join(f"W{w}A{a}" for w, a in settings) + " |\n|---|" + "---|" * len(settings))
            for method in METHODS:
                cells = [f"{perplexity(w, a, method, seeds[0])[0]:.2f}" for w, a in settings]
                print(f"| {method} | " + " | ".join(cells) + " |", flush=True)
        else:
            print("| method, W4A4 | steps | perplexity |\n|---|---|---|")
            for method in METHODS:
                results = [perplexity(4, 4, method, seed) for seed in seeds]
                print(f"| {method} | {results[0][1]:.3f} | {spread([value for value, _ in results])} |", flush=True)


main()
