//! Plots of a run of the delta rule.

use super::configuration::{DeltaConfiguration, Swept};
use super::results::{Histogram, Summary, Trained, Twin};
use crate::plots::{Curves, Series, curves};
use crate::run_folder::RunFolder;

/// Draws what there is to draw.
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
        curves(&histograms(configuration, &states.states), &plots.join("device_states.png"))?;
    }
    if let Some(sweep) = &configuration.sweep {
        let name = format!("accuracy_against_{}.png", sweep.what.name().replace('-', "_"));
        curves(&sweep_curves(configuration, sweep.what, summary), &plots.join(name))?;
    }
    Ok(())
}

fn subtitle(configuration: &DeltaConfiguration) -> String {
    format!("{} on {}, {} seeds", configuration.data, configuration.device.name, configuration.seeds)
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

/// Shares of devices by state at some epochs.
fn histograms(configuration: &DeltaConfiguration, states: &[Histogram]) -> Curves {
    let series = states.iter().map(|histogram| {
        let width = (histogram.highest - histogram.lowest) / histogram.devices.len().max(1) as f64;
        let all: u64 = histogram.devices.iter().sum();
        let point = |(bar, &devices): (usize, &u64)| {
            (histogram.lowest + width * (bar as f64 + 0.5), 100.0 * devices as f64 / all.max(1) as f64)
        };
        let label = format!("epoch {}", histogram.epoch);
        Series { label, points: histogram.devices.iter().enumerate().map(point).collect() }
    });
    Curves {
        title: "States of the devices".to_owned(),
        subtitle: format!("{}, first seed", subtitle(configuration)),
        labels: ["state".to_owned(), "devices in a bar of the histogram, %".to_owned()],
        counts: false,
        // At the start all devices are in one state, which would dwarf the others.
        series: series.skip(1).collect(),
    }
}

/// Test accuracy against the swept value.
fn sweep_curves(configuration: &DeltaConfiguration, what: Swept, summary: &Summary) -> Curves {
    let place = |value: f64| if what == Swept::Levels { value.log2() } else { value };
    let values: Vec<(f64, f64)> =
        summary.devices.iter().filter_map(|figures| Some((place(figures.value?), 100.0 * figures.mean))).collect();
    let ends = [values.first(), values.last()].into_iter().flatten();
    let float = ends.map(|point| (point.0, 100.0 * summary.float.mean)).collect();
    let label = if what == Swept::Levels { "levels, as power of 2".to_owned() } else { what.name().replace('-', " ") };
    Curves {
        title: format!("Accuracy against {}", what.name().replace('-', " ")),
        subtitle: subtitle(configuration),
        labels: [label, "test accuracy, %".to_owned()],
        counts: false,
        series: vec![
            Series { label: "devices".to_owned(), points: values },
            Series { label: "float weights".to_owned(), points: float },
        ],
    }
}
