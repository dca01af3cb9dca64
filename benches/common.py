"""What the benchmarks share: folders, networks, programs, the peers' Python, options, results."""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import machine

ROOT = pathlib.Path(__file__).resolve().parents[1]
TARGET = ROOT / "target"
PEERS = ROOT / "benches" / "peers"

# The networks of the SpikeGrad paper, and what Sterna's training step needs to know of each.
NETWORKS = {
    "mnist": {"topology": "28x28-15C5-P2-40C5-P2-300-10", "channels": 1, "padding": "valid", "batch": 128,
              "alpha": 100, "input_gain": 1, "density": 0.2},
    "cifar10": {"topology": "32x32-128C3-256C3-P2-512C3-P2-1024C3-512C3-1024-512-10", "channels": 3,
                "padding": "same", "batch": 32, "alpha": 400, "input_gain": 20, "density": 1},
}


def names(text):
    """A comma-separated list."""
    return [name for name in text.split(",") if name]


def numbers(text):
    """A comma-separated list of integers."""
    return [int(number) for number in names(text)]


def parser(description, seconds=10.0, draws=True):
    """The options that every benchmark has; --plot for those that have something to draw."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=seconds, help="seconds of each measurement")
    options.add_argument("--python", help="an interpreter that has the peers; otherwise an environment is made")
    options.add_argument("--out", type=pathlib.Path, help="file of the results (target/benchmarks/NAME.json)")
    options.add_argument("--append", action="store_true",
                         help="keep what the file of the results holds for other networks, batches and variants")
    options.set_defaults(plot=None)
    if draws:
        options.add_argument("--plot", type=pathlib.Path, metavar="DIR", help="draw the results into this folder")
    options.add_argument("--json", action="store_true", help="JSON lines only, no table")
    options.add_argument("--limit-s", type=float, default=900, help="seconds after which a program is stopped")
    options.add_argument("--memory-mib", type=float, default=0.85 * machine.available_mib(),
                         help="resident memory beyond which a program is stopped")
    return options


def program(package, bench):
    """Builds a benchmark program of the workspace; its path."""
    command = ["cargo", "bench", "--quiet", "--package", package, "--bench", bench, "--no-run",
               "--message-format=json-render-diagnostics"]
    built = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message.get("target", {}).get("name") == bench:
            return message["executable"]
    sys.exit(f"cargo built no program for the benchmark {bench} of {package}")


def peers_python(given=None, name="peers-venv", ready=("requirements.txt",), built=()):
    """An interpreter with the pinned peers: the given one, or that of an environment made once.

    `ready` and `built` are files of requirements; packages of `built` are built from source with those of `ready`.
    """
    if given:
        return given
    python, files = TARGET / name / "bin" / "python", [PEERS / file for file in (*ready, *built)]
    requirements = "".join(file.read_text() for file in files)
    stamp = TARGET / name / "requirements.txt"
    if not (stamp.exists() and stamp.read_text() == requirements):
        print("making the environment of the peers (several GiB, once)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
        for file in files:
            plain = [] if file.name in ready else ["--no-build-isolation", "--no-deps"]
            # What is built calls programs of the environment.
            environment = {**os.environ, "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", "")])}
            subprocess.run([python, "-m", "pip", "install", "--quiet", *plain, "-r", file], check=True, env=environment)
        stamp.write_text(requirements)
    return str(python)


def sterna_step(binary, network, batch, threads, seconds, topology=None, warm_up=3):
    """The command of one measurement of Sterna's training step."""
    facts = NETWORKS[network]
    return [binary, "--topology", topology or facts["topology"], "--channels", facts["channels"], "--padding",
            facts["padding"], "--alpha", facts["alpha"], "--input-gain", facts["input_gain"], "--density",
            facts["density"], "--batch", batch, "--threads", threads, "--seconds", seconds, "--warm-up", warm_up]


def emit(record):
    """Prints one result as a JSON line."""
    print(json.dumps(record), flush=True)
    return record


def table(header, rows):
    """Prints a table, the first column to the left, the others to the right."""
    rows = [header] + [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) if not index else cell.rjust(width)
                        for index, (cell, width) in enumerate(zip(row, widths))))


def save(name, options, records):
    """Writes the results of a run and draws them where asked for."""
    out = (options.out or TARGET / "benchmarks" / f"{name}.json").resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    if options.append and out.exists():
        def key(record):
            return tuple(record.get(part) for part in ("network", "batch", "variant"))

        new = {key(record) for record in records}
        records = [record for record in json.loads(out.read_text())["records"] if key(record) not in new] + records
    said = {key: value if isinstance(value, (int, float, str, list, type(None))) else str(value)
            for key, value in vars(options).items() if key != "python"}
    out.write_text(json.dumps({"benchmark": name, "machine": machine.describe(), "options": said,
                               "records": records}, indent=1) + "\n")
    print(f"results: {out}", file=sys.stderr)
    others = max((record.get("others_cores") or 0 for record in records), default=0)
    if others > 0.05:
        print(f"other programs used up to {others:.2f} cores: the figures are doubtful and the ratios too, since "
              "threads that wait for each other suffer most", file=sys.stderr)
    if options.plot:
        folder = options.plot.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([peers_python(options.python), ROOT / "benches" / "plots" / "draw.py", out, folder], check=True)
