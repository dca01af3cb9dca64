#!/usr/bin/env python3
"""Perplexity of spiked language models: bits of weights and activations against methods, on held-out TinyStories.

usage: benches/spikellm.py [--models stories260K,babyllama] [--seeds 1,2,3,4,5] [--grid | --ternary | --chips NAME,..] [--outliers 100]
                           [--methods NAME;..] [--out DIR] [--data DIR] [--samples 24] [--stories 50] [--threads N]

Calibration texts and random channels are drawn by the seed, the texts from ASCII stories 100 to 916; perplexity is that
of the first stories, each for itself. Without --grid W4A4 is run; with it all of W{8,4,3,2}A{8,4,3}; with --ternary
weights of 2 bits and ternary spike trains with A{8,4,3}; with --chips W4A4 and OBS on the arrays of these chips. --outliers scales two channels of every feed-forward network
and of every normalisation by S and what takes them by 1/S, which changes nothing in floats. Every run is kept as a line
of DIR/results.jsonl and not repeated: interrupted work goes on with the same command. Prints tables of means with
standard deviations (n - 1).
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
STERNA = pathlib.Path(os.environ.get("STERNA", ROOT / "target" / "release" / "sterna"))
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
    "and random channels, T = 4": ["--steps", "4:0.0333", "--channels", "random", *EQUALISE],
    "and widest channels, T = 2": ["--steps", "2:0.1", "--channels", "range", *EQUALISE],
    "and weight saliency, T = 2": ["--steps", "2:0.1", "--channels", "weights", *EQUALISE],
    "and absolute saliency, T = 2": ["--steps", "2:0.1", "--channels", "absolute", *EQUALISE],
    "and squared saliency, T = 2": ["--steps", "2:0.1", "--channels", "squared", *EQUALISE],
    "GPTQ, OBS, T = 2": ["--steps", "2:0.1"],
    "GPTQ, random channels, T = 2": ["--steps", "2:0.1", "--channels", "random"],
    "GPTQ, symmetric": ["--steps", "", "--symmetric"],
    "GPTQ, 2 kept as floats": ["--steps", "", "--keep", "2"],
    "GPTQ, 2 kept in f16": ["--steps", "", "--keep", "2", "--keep-format", "f16"],
    "GPTQ, 2 kept in FP8": ["--steps", "", "--keep", "2", "--keep-format", "f8-e4m3"],
    "GPTQ, 2 random ones in FP8": ["--steps", "", "--keep-random", "2", "--keep-format", "f8-e4m3"],
}
# Those of the grid.
GRID = ["rounding", "GPTQ", "GPTQ, equalised", "and OBS, T = 2", "and OBS, T = 4", "and OBS over all sites, T = 2",
        "and random channels, T = 2", "and widest channels, T = 2", "GPTQ, OBS, T = 2", "GPTQ, random channels, T = 2",
        "and random channels, T = 4", "GPTQ, 2 kept in FP8", "GPTQ, 2 random ones in FP8"]
# Weights of about 2 bits.
TERNARY = {
    "GPTQ": [],
    "GPTQ, symmetric": ["--symmetric"],
    "one ternary step": ["--ternary", "1:0"],
    "4 ternary steps for 10 %": ["--ternary", "4:0.1"],
    "the same, squared factor": ["--ternary", "4:0.1", "--weight-saliency", "factor"],
    "the same, largest weight": ["--ternary", "4:0.1", "--aggregate", "largest"],
    "2 ternary steps for all": ["--ternary", "2:1"],
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
    digits = 3 if statistics.mean(values) < 20 else 1
    text = f"{statistics.mean(values):.{digits}f}"
    return text + (f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else "")


class Runs:
    """Perplexities of one model, each measured once."""

    def __init__(self, options, name, folder, stories):
        self.options, self.name, self.stories = options, name, stories
        self.collapse = [] if name == "stories260K" else ["--collapse-white-space"]
        if name == "stories260K":
            self.model, self.how = folder / "stories260K" / "stories260K.bin", []
        else:
            self.model = folder / "babyllama-tok105" / "model5000.bin"
            self.how = ["--tokenizer", folder / "babyllama-tok105" / "tok105.vocab"]
        if options.outliers:
            target = options.out / f"{name}-outliers.bin"
            with_outliers(self.model, target, options.outliers)
            self.model = target
            self.how = self.how or ["--tokenizer", folder / "stories260K" / "tok512.bin"]
        test = options.out / f"test-{options.stories}.json"
        test.write_text(json.dumps(stories[: options.stories]))
        self.text = ["--text", test, "--documents", *self.collapse, "--threads", options.threads]
        self.kept = options.out / "results.jsonl"
        lines = self.kept.read_text().splitlines() if self.kept.exists() else []
        self.results = {json.dumps(line["run"]): line for line in map(json.loads, lines)}

    def floats(self):
        return self.once({"model": self.name, "outliers": self.options.outliers, "stories": self.options.stories}, lambda: {
            "perplexity": sterna("llm", "ppl", self.model, *self.how, *self.text)["perplexity"]})["perplexity"]

    def spiked(self, weights, activations, flags, seed, hardware=None):
        run = {"model": self.name, "outliers": self.options.outliers, "stories": self.options.stories,
               "samples": self.options.samples, "weights": weights, "activations": activations, "flags": flags, "seed": seed}
        run |= {"hardware": hardware} if hardware else {}
        return self.once(run, lambda: self.measure(weights, activations, flags, seed, hardware))

    def measure(self, weights, activations, flags, seed, hardware):
        calibration = self.options.out / f"calibration-{self.name}-{seed}.json"
        calibration.write_text(json.dumps(random.Random(seed).sample(self.stories[100:], self.options.samples)))
        spiked = self.options.out / f"model-{self.name}"
        report = sterna("llm", "spike", self.model, *self.how, "--text", calibration, "--documents", *self.collapse,
                        "--seed", seed, "--weights", weights, "--activations", activations, "--out", spiked, "--overwrite",
                        "--no-plots", "--threads", self.options.threads, *flags)["spikes"]
        found = sterna("llm", "ppl", spiked, *self.text, *(["--hardware", hardware] if hardware else []))
        return {"perplexity": found["perplexity"], "steps": report["steps"], "effort": report["effort"],
                "bytes": report["bytes"], "additions": found["spikes"]["additions"]}

    def once(self, run, measure):
        key = json.dumps(run)
        if key not in self.results:
            self.results[key] = {"run": run, **measure()}
            with self.kept.open("a") as file:
                file.write(json.dumps(self.results[key]) + "\n")
        return self.results[key]


def table(runs, methods, settings, seeds):
    # Seed after seed, so that whole tables of the first seeds are there early.
    for seed in seeds:
        for flags in methods.values():
            for weights, activations in settings:
                runs.spiked(weights, activations, flags, seed)
    names = " | ".join(f"W{w}A{a}" for w, a in settings)
    print(f"| method | steps | effort | {names} |\n|---|---|---|" + "---|" * len(settings))
    for method, flags in methods.items():
        cells = [[runs.spiked(*setting, flags, seed) for seed in seeds] for setting in settings]
        first = cells[0][0]
        numbers = " | ".join(spread([run["perplexity"] for run in cell]) for cell in cells)
        print(f"| {method} | {first['steps']:.3f} | {first['effort'] / 1e6:.2f} M | {numbers} |", flush=True)


def on_chips(runs, chips, seeds):
    flags = METHODS["and OBS, T = 2"]
    print("| chip | perplexity |\n|---|---|")
    for chip in [None, *chips]:
        found = [runs.spiked(4, 4, flags, seed, chip)["perplexity"] for seed in seeds]
        print(f"| {chip or 'integer kernels'} | {spread(found)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="stories260K,babyllama")
    parser.add_argument("--seeds", default="1,2,3,4,5")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--grid", action="store_true")
    what.add_argument("--ternary", action="store_true")
    what.add_argument("--chips", help="presets with converters, apart by ,")
    parser.add_argument("--methods", help="only these of the table, apart by ;")
    parser.add_argument("--outliers", type=float)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "runs" / "spikellm")
    parser.add_argument("--data", type=pathlib.Path, default=os.environ.get("STERNA_DATA"))
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--stories", type=int, default=50)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if options.data is None:
        sys.exit("name the data folder with --data or STERNA_DATA")
    options.out.mkdir(parents=True, exist_ok=True)
    folder = options.data.resolve() / "llama"
    stories = json.loads((folder / "jlens-corpora" / "tinystories_1000.json").read_text())
    stories = [story for story in stories if story.isascii()]
    seeds = [int(seed) for seed in options.seeds.split(",")]
    for name in options.models.split(","):
        runs = Runs(options, name, folder, stories)
        outliers = f", outliers x{options.outliers:g}" if options.outliers else ""
        print(f"\n{name}{outliers}: floats {runs.floats():.3f}, {len(seeds)} seeds\n", flush=True)
        if options.chips:
            on_chips(runs, options.chips.split(","), seeds)
            continue
        methods, settings = METHODS, [(4, 4)]
        if options.grid:
            methods, settings = {name: METHODS[name] for name in GRID}, [(w, a) for w in (8, 4, 3, 2) for a in (8, 4, 3)]
        elif options.ternary:
            methods, settings = {name: ["--steps", "", *flags] for name, flags in TERNARY.items()}, [(2, a) for a in (8, 4, 3)]
        if options.methods:
            chosen = options.methods.split(";")
            if wrong := [name for name in chosen if name not in methods]:
                sys.exit(f"--methods: expected some of {'; '.join(methods)}, found {'; '.join(wrong)}")
            methods = {name: methods[name] for name in chosen}
        table(runs, methods, settings, seeds)


main()
