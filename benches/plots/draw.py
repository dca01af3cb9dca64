"""Draws the results of a benchmark: python draw.py RESULTS.json FOLDER. Needs matplotlib."""
import itertools
import json
import pathlib
import sys

from style import NETWORK_NAMES, SERIES, colour, finish, panels, short


def pairs(records):
    """The networks and batches, in the order of the records."""
    return list(dict.fromkeys((record["network"], record["batch"]) for record in records if record.get("network")))


def products(results, path):
    records = [record for record in results["records"] if record.get("gops")]
    threads = max(record["threads"] for record in records)
    records = [record for record in records if record["threads"] == threads]
    ceilings = [record for record in records if record["implementation"] == "ceiling"]
    networks = list(dict.fromkeys(record["network"] for record in records if record.get("network")))
    figure, axes = panels(len(networks), width=14, height=5.5, columns=1)
    for axis, network in zip(axes, networks):
        chosen = [record for record in records if record.get("network") == network and record["case"] == "dense"
                  and "avx2 fired" not in record["implementation"]]
        labels = list(dict.fromkeys((record["projection"], record["phase"]) for record in chosen))
        series = list(dict.fromkeys(record["implementation"] for record in chosen))
        for number, name in enumerate(series):
            rates = {(record["projection"], record["phase"]): record["gops"]
                     for record in chosen if record["implementation"] == name}
            places = [place + (number - (len(series) - 1) / 2) * 0.8 / len(series) for place in range(len(labels))]
            axis.bar(places, [rates.get(label, 0) for label in labels], 0.8 / len(series), label=name,
                     color=SERIES[number % len(SERIES)])
        for record in ceilings:
            if "(int8)" in record["instruction"] or record["instruction"].startswith(("vfmadd231ps zmm", "fmla")):
                axis.axhline(record["gops"], color="#222222", linestyle="--", linewidth=1)
                axis.annotate(record["instruction"], (1, record["gops"]), xycoords=("axes fraction", "data"),
                              ha="right", va="bottom", fontsize=11)
        axis.set_xticks(range(len(labels)), [" ".join(label) for label in labels], fontsize=9,
                        rotation=40, ha="right", rotation_mode="anchor")
        axis.set(title=NETWORK_NAMES.get(network, network), ylabel="Gop/s")
        axis.set_ylim(top=axis.get_ylim()[1] * 1.15)
        axis.legend(ncols=4, fontsize=11, loc="upper center")
    finish(figure, results, f"Products, threads: {threads}; dashed: registers only", path)


def training_step(results, path):
    keys = pairs(results["records"])
    longest = max(sum(1 for record in results["records"] if (record["network"], record["batch"]) == key) for key in keys)
    figure, axes = panels(len(keys), width=8.5, height=1.5 + 0.32 * longest)
    for axis, (network, batch) in zip(axes, keys):
        chosen = [record for record in results["records"] if (record["network"], record["batch"]) == (network, batch)]
        rates = [record.get("samples_per_second") or 0 for record in chosen]
        floor = min(rate for rate in rates + [1e9] if rate) / 2
        bars = axis.barh(range(len(chosen)), [max(rate, floor) for rate in rates],
                         color=[colour(record["variant"]) for record in chosen])
        for bar, rate, record in zip(bars, rates, chosen):
            text = short(rate) if rate else (record.get("failed") or "failed").split(":")[0]
            axis.annotate(" " + text, (bar.get_width(), bar.get_y() + bar.get_height() / 2), va="center", fontsize=11)
            bar.set_alpha(1 if rate else 0)
        axis.set_yticks(range(len(chosen)), [record["variant"] for record in chosen], fontsize=11)
        axis.invert_yaxis()
        axis.set(xscale="log", xlim=(floor, max(rates) * 4), xlabel="samples/s",
                 title=f"{NETWORK_NAMES.get(network, network)}, batch {batch}")
        axis.xaxis.set_minor_formatter("")
        axis.grid(visible=False, axis="y")
    threads = results["records"][0]["threads"]
    finish(figure, results, f"Whole training steps, {threads} thread{'s' if threads > 1 else ''}", path)


def memory(results, path):
    keys = pairs(results["records"])
    figure, axes = panels(len(keys))
    for axis, (network, batch) in zip(axes, keys):
        chosen = [record for record in results["records"]
                  if (record["network"], record["batch"]) == (network, batch) and record["step_mib"]]
        for name in dict.fromkeys(record["variant"] for record in chosen):
            curve = [(record["time_steps"], record["step_mib"]) for record in chosen if record["variant"] == name]
            if curve[0][0] is None:
                axis.axhline(curve[0][1], color=colour(name), linewidth=2, linestyle="-" if name == "sterna" else "--",
                             label="Sterna" if name == "sterna" else "PyTorch, no spikes")
            else:
                axis.plot(*zip(*curve), marker="o", linewidth=2, color=colour(name), label=name)
        steps = sorted({record["time_steps"] for record in chosen if record["time_steps"]})
        axis.set(xscale="log", yscale="log", xlabel="time steps T", ylabel="MiB",
                 title=f"{NETWORK_NAMES.get(network, network)}, batch {batch}")
        axis.set_xticks(steps, steps)
        axis.minorticks_off()
        axis.set_yticks(axis.get_yticks(), [f"{tick:,.0f}" for tick in axis.get_yticks()])
        axis.set_ylim(min(record["step_mib"] for record in chosen) / 2, max(record["step_mib"] for record in chosen) * 2)
        axis.legend(fontsize=11)
    finish(figure, results, "Peak memory of a training step, libraries not counted", path)


def scaling(results, path):
    records = [record for record in results["records"] if record.get("samples_per_second")]
    networks = list(dict.fromkeys(record["network"] for record in records))
    figure, axes = panels(2 * len(networks))
    for index, network in enumerate(networks):
        threads = sorted({record["threads"] for record in records if record["network"] == network})
        for number, colour_of in zip(threads, itertools.cycle(SERIES)):
            own = [record for record in records if record["network"] == network and record["threads"] == number]
            usual = max((record["batch"] for record in own if record["width"] != 1), default=None)
            batches = sorted((record["batch"], record["samples_per_second"]) for record in own if record["width"] == 1)
            widths = sorted((record["width"], record["gops"]) for record in own if record["batch"] == usual)
            label = f"{number} thread{'s' if number > 1 else ''}"
            for axis, points in ((axes[2 * index], batches), (axes[2 * index + 1], widths)):
                if points:
                    axis.plot(*zip(*points), marker="o", linewidth=2, color=colour_of, label=label)
                    axis.set_xscale("log", base=2)
                    axis.set_xticks([x for x, _ in points], [f"{x:g}" for x, _ in points])
        for axis in axes[2 * index:2 * index + 2]:
            axis.autoscale(axis="y")
            axis.set_ylim(bottom=0)
            axis.legend(loc="lower right")
        name = NETWORK_NAMES.get(network, network)
        axes[2 * index].set(title=name, xlabel="batch", ylabel="samples/s")
        axes[2 * index + 1].set(title=name, xlabel="width (channels and units, times)", ylabel="Gop/s of the whole step")
    finish(figure, results, "Sterna's training step over batch and width", path)


def events(results, path):
    records = [record for record in results["records"] if record.get("network")]
    networks = list(dict.fromkeys(record["network"] for record in records))
    orders = list(dict.fromkeys(record["order"] for record in records))
    figure, (axis,) = panels(1, width=10, height=5.5)
    for number, order in enumerate(orders):
        rates = [next(record["giga_additions_per_second"] for record in records
                      if (record["network"], record["order"]) == (network, order)) for network in networks]
        places = [place + (number - (len(orders) - 1) / 2) * 0.8 / len(orders) for place in range(len(networks))]
        bars = axis.bar(places, rates, 0.8 / len(orders), label=order, color=SERIES[number])
        axis.bar_label(bars, [f"{rate:.2f}" for rate in rates], fontsize=11)
    axis.set_xticks(range(len(networks)), networks)
    axis.set(ylabel="additions of a weight, 10⁹/s")
    axis.legend(title="order of events")
    axis.grid(visible=False, axis="x")
    finish(figure, results, "Event simulator, one core", path)


DRAWERS = {"products": products, "training_step": training_step, "memory": memory, "scaling": scaling, "events": events}

if __name__ == "__main__":
    loaded = json.loads(pathlib.Path(sys.argv[1]).read_text())
    name = loaded["benchmark"]
    DRAWERS[name](loaded, pathlib.Path(sys.argv[2]) / f"{name.replace('_', '-')}.png")
