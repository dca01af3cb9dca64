//! Plots of a run.

use std::path::Path;

use spikegrad::Quantity;

use super::configuration::DeltaConfiguration;
use super::results::{Figures, Shown, Summary, Trained, Twin};
use crate::configuration::Swept;
use crate::plots::{Curves, Series, curves};
use crate::run_folder::RunFolder;

/// Draws what there is to draw of a run of the delta rule.
pub(super) fn all(
    folder: &RunFolder,
    configuration: &DeltaConfiguration,
    trained: &[Trained],
    summary: &Summary,
) -> anyhow::Result<()> {
    let plots = folder.plots();
    std::fs::create_dir_all(&plots)?;
    curves(&learning(configuration, trained), &plots.join("learning_curves.png"))?;
    let states = trained.iter().find(|one| !one.states.is_empty());
    if let Some(states) = states {
        let subtitle = format!("{}, first seed", subtitle(configuration));
        curves(&histograms(subtitle, &states.states), &plots.join("device_states.png"))?;
    }
    if let Some(sweep) = &configuration.sweep {
        self::sweep(&plots, sweep.what, subtitle(configuration), summary)?;
    }
    Ok(())
}

fn subtitle(configuration: &DeltaConfiguration) -> String {
    let seeds = configuration.seeds;
    let plural = if seeds == 1 { "" } else { "s" };
    format!("{} on {}, {seeds} seed{plural}", configuration.data, configuration.device.name)
}

/// Accuracy over epochs, means over the seeds.
fn learning(configuration: &DeltaConfiguration, trained: &[Trained]) -> Curves {
    let mut kinds: Vec<(Twin, Option<f64>)> = Vec::new();
    for one in trained {
        if !kinds.contains(&(one.network, one.value)) {
            kinds.push((one.network, one.value));
        }
    }
    let series = kinds.into_iter().map(|(network, value)| {
        let alike: Vec<&Trained> = trained.iter().filter(|one| (one.network, one.value) == (network, value)).collect();
        let epochs = alike.iter().map(|one| one.epochs.len()).min().unwrap_or(0);
        let mean = |epoch: usize| {
            let accuracy = |one: &&Trained| {
                let epoch = &one.epochs[epoch];
                epoch.validation_accuracy.unwrap_or(epoch.train_accuracy)
            };
            100.0 * alike.iter().map(accuracy).sum::<f64>() / alike.len().max(1) as f64
        };
        let label = match (network, value) {
            (Twin::Float, _) => "float weights".to_owned(),
            (Twin::Device, None) => "devices".to_owned(),
            (Twin::Device, Some(value)) => format!("devices, {value}"),
        };
        Series { label, points: (0..epochs).map(|epoch| ((epoch + 1) as f64, mean(epoch))).collect() }
    });
    let is_validated = trained.iter().flat_map(|one| &one.epochs).any(|epoch| epoch.validation_accuracy.is_some());
    let what = if is_validated { "validation accuracy, %" } else { "training accuracy, %" };
    Curves {
        title: "Learning on the chip".to_owned(),
        subtitle: subtitle(configuration),
        labels: ["epoch".to_owned(), what.to_owned()],
        counts: false,
        series: series.collect(),
    }
}

/// Shares of devices by conductance, or by state where none is known, at some epochs.
pub(super) fn histograms(subtitle: String, states: &[Shown]) -> Curves {
    let first = states.first().map(|shown| &shown.histogram);
    let (name, label, scale) = match first.filter(|first| first.quantity == Quantity::Conductance) {
        None => ("States", "state".to_owned(), 1.0),
        Some(first) => {
            let units = [(1e3, "mS"), (1e6, "µS"), (1e9, "nS"), (1e12, "pS")];
            let found = units.into_iter().find(|(scale, _)| first.highest * scale >= 1.0).unwrap_or((1e15, "fS"));
            ("Conductances", format!("conductance, {}", found.1), found.0)
        }
    };
    // At the start the devices of a delta rule are in one state, which would dwarf the others.
    let series = states.iter().filter(|shown| shown.epoch > 0).map(|Shown { epoch, histogram }| {
        let width = (histogram.highest - histogram.lowest) / histogram.devices.len().max(1) as f64;
        let all: u64 = histogram.devices.iter().sum();
        let point = |(bar, &devices): (usize, &u64)| {
            (scale * (histogram.lowest + width * (bar as f64 + 0.5)), 100.0 * devices as f64 / all.max(1) as f64)
        };
        Series { label: format!("epoch {epoch}"), points: histogram.devices.iter().enumerate().map(point).collect() }
    });
    Curves {
        title: format!("{name} of the devices"),
        subtitle,
        labels: [label, "devices in a bar of the histogram, %".to_owned()],
        counts: false,
        series: series.collect(),
    }
}

/// Test accuracy against the swept value, into the folder of plots.
pub(super) fn sweep(plots: &Path, what: Swept, subtitle: String, summary: &Summary) -> anyhow::Result<()> {
    let name = what.name().replace('-', " ");
    let path = plots.join(format!("accuracy_against_{}.png", name.replace(' ', "_")));
    let place = |value: f64| if what == Swept::Levels { value.log2() } else { value };
    let mut values: Vec<(f64, f64)> =
        summary.devices.iter().filter_map(|figures| Some((place(figures.value?), 100.0 * figures.mean))).collect();
    values.sort_by(|one, other| one.0.total_cmp(&other.0));
    let level = |figures: &Figures| {
        let ends = [values.first(), values.last()].into_iter().flatten();
        ends.map(|point| (point.0, 100.0 * figures.mean)).collect()
    };
    let others = [("integer network", summary.integer.as_ref()), ("float weights", Some(&summary.float))];
    let others = others.map(|(label, figures)| figures.map(|figures| (label, level(figures))));
    let label = if what == Swept::Levels { "levels, as power of 2".to_owned() } else { name.clone() };
    let lines = std::iter::once(("devices", values.clone())).chain(others.into_iter().flatten());
    let figure = Curves {
        title: format!("Accuracy against {name}"),
        subtitle,
        labels: [label, "test accuracy, %".to_owned()],
        counts: false,
        series: lines.map(|(label, points)| Series { label: label.to_owned(), points }).collect(),
    };
    Ok(curves(&figure, &path)?)
}
