"""Colours, fonts and panels that all plots share."""
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

# Distinguishable without colour vision as well (Okabe and Ito).
COLOURS = {"sterna": "#d55e00", "pytorch": "#0072b2", "spikingjelly": "#009e73", "snntorch": "#cc79a7",
           "norse": "#56b4e9", "gemm": "#7f7f7f"}
SERIES = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000"]
NETWORK_NAMES = {"mnist": "MNIST network", "cifar10": "CIFAR-10 network"}

pyplot.rcParams.update({"font.size": 13, "axes.titlesize": 14, "axes.grid": True, "grid.color": "#dddddd",
                        "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False,
                        "savefig.dpi": 110, "legend.frameon": False, "figure.constrained_layout.use": True})


def colour(name):
    """The colour of whatever a name begins with."""
    return next((value for key, value in COLOURS.items() if name.startswith(key)), "#444444")


def panels(count, width=7.0, height=5.0, columns=2):
    """A figure and its panels in reading order."""
    columns = min(count, columns) or 1
    rows = -(-count // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False)
    flat = list(axes.flat)
    for unused in flat[count:]:
        unused.set_visible(False)
    return figure, flat


def short(value):
    """A number with at most three digits that say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def finish(figure, results, title, path):
    """Names the machine and writes the file."""
    machine = results["machine"]
    sets = ", ".join(name for name in machine["instruction_sets"] if name.startswith(("avx512_vnni", "amx_int8", "asimddp")))
    where = ", ".join(part for part in (machine["processor"], f"{machine['cores']} cores", sets) if part)
    figure.suptitle(f"{title}\n{where}", fontsize=13)
    figure.savefig(path)
    print(path)
