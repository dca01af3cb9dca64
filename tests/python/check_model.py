"""Reads a Sterna model with the ordinary `safetensors` package, runs its integer pass in plain
numpy on the embedded digits, and compares accuracy and spike counts with `sterna eval`.

usage: check_model.py MODEL [STERNA_BINARY]
"""
import gzip
import json
import os
import pathlib
import subprocess
import sys

import numpy
from safetensors import safe_open

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
MODEL = pathlib.Path(sys.argv[1]).resolve()
BINARY = sys.argv[2] if len(sys.argv) > 2 else str(TARGET / "release" / "sterna")


def round_half_away(total, threshold):
    """sign(total) * floor(|total| / threshold + 1/2), in integers."""
    return numpy.sign(total) * ((2 * numpy.abs(total) + threshold) // (2 * threshold))


def convolve(counts, weights, stride, padding):
    """Direct convolution of [n, c, h, w] with [o, c, kh, kw], zero padding."""
    counts = numpy.pad(counts, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    height = (counts.shape[2] - weights.shape[2]) // stride[0] + 1
    width = (counts.shape[3] - weights.shape[3]) // stride[1] + 1
    total = numpy.zeros((counts.shape[0], weights.shape[0], height, width), numpy.int64)
    for y in range(weights.shape[2]):
        for x in range(weights.shape[3]):
            rows = slice(y, y + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(x, x + (width - 1) * stride[1] + 1, stride[1])
            total += numpy.einsum("nchw,oc->nohw", counts[:, :, rows, columns], weights[:, :, y, x])
    return total


def pool(counts, window, stride):
    height = (counts.shape[2] - window[0]) // stride[0] + 1
    width = (counts.shape[3] - window[1]) // stride[1] + 1
    total = numpy.zeros((*counts.shape[:2], height, width), numpy.int64)
    for y in range(window[0]):
        for x in range(window[1]):
            rows = slice(y, y + (height - 1) * stride[0] + 1, stride[0])
            total += counts[:, :, rows, slice(x, x + (width - 1) * stride[1] + 1, stride[1])]
    return total


def project(counts, projection, tensors):
    kind = projection["kind"]
    if kind == "convolution":
        weights = tensors[projection["name"] + ".weight"].astype(numpy.int64)
        return convolve(counts, weights, projection["stride"], projection["padding"])
    if kind == "sum-pooling":
        return projection["weight"] * pool(counts, projection["window"], projection["stride"])
    if kind == "identity":
        return projection["weight"] * counts
    weights = tensors[projection["name"] + ".weight"].astype(numpy.int64)
    return (counts.reshape(len(counts), -1) @ weights.T)[:, :, None, None]


def main():
    with safe_open(MODEL, framework="numpy") as file:
        network = json.loads(file.metadata()["sterna"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    assert network["format"] == 1 and network["weights"] in ("i8", "i16"), network["weights"]
    with gzip.open(ROOT / "datasets" / "assets" / "digits.csv.gz", "rt") as text:
        rows = numpy.loadtxt(text, delimiter=",", dtype=numpy.int64)
    parts = []
    for split in ("train", "validation", "test"):
        answer = subprocess.run(
            [BINARY, "eval", str(MODEL), "--data", "digits", "--split", split, "--json"],
            check=True, capture_output=True, text=True)
        parts.append(json.loads(answer.stdout.splitlines()[-1]))
    assert sum(part["images"] for part in parts) == len(rows)
    counts = {}
    for population in network["population"]:
        name = population["name"]
        shape = population["shape"] if len(population["shape"]) == 3 else population["shape"] + [1, 1]
        if population["neuron"] == "input":
            counts[name] = rows[:, :-1].reshape(-1, *shape)
            continue
        total = numpy.zeros((len(rows), *shape), numpy.int64)
        for projection in network["projection"]:
            if projection["to"] == name:
                total += project(counts[projection["from"]], projection, tensors)
        if population.get("bias"):
            total += tensors[name + ".bias"].astype(numpy.int64)[None, :, None, None]
        threshold = tensors[name + ".threshold"].astype(numpy.int64)[None, :, None, None]
        if population["neuron"] == "readout":
            logits = total / threshold
            continue
        low = population.get("minimum_count", 0 if population["neuron"] == "relu" else -127)
        high = population.get("maximum_count", 127)
        counts[name] = numpy.clip(round_half_away(total, threshold), low, high)
    correct = int((logits.reshape(len(rows), -1).argmax(1) == rows[:, -1]).sum())
    theirs = sum(round(part["accuracy"] * part["images"]) for part in parts)
    assert correct == theirs, (correct, theirs)
    for index, population in enumerate(parts[0]["populations"]):
        if population["name"] in counts:
            ours = int(numpy.abs(counts[population["name"]]).sum())
            theirs = sum(round(part["populations"][index]["spikes_per_example"] * part["images"]) for part in parts)
            assert ours == theirs, (population["name"], ours, theirs)
    print(f"numpy agrees with sterna eval: {correct} of {len(rows)} digits, same spike counts in every population")


main()
