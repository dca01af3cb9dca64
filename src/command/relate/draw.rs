//! Plots of a relational run.

use std::path::Path;

use anyhow::Context as _;
use snn::{Network, NeuronKind};
use spikegrad::relation::{Code, Split, Task};
use spikegrad::{Gradient, Objective};

use super::events::trace;
use super::report::{Estimates, Report, Tested};
use crate::plots::{self, ImageColumn, InferredPanel, PlotError, Series};
use crate::run_folder::{Metrics, RunFolder};

/// Rows of inferred images.
const SHOWN: usize = 8;

/// Draws all plots that the task has something for.
pub(super) fn all(
    folder: &RunFolder,
    task: &Task,
    network: &Network,
    tested: &Tested,
    report: &Report,
    metrics: &Metrics,
) -> anyhow::Result<()> {
    let plots = folder.plots();
    std::fs::create_dir_all(&plots).with_context(|| format!("cannot make the folder {}", plots.display()))?;
    let reports = metrics.reports();
    if !reports.is_empty() {
        let objective = Objective::Counts { largest: task.largest_distance() };
        plots::learning_curves(&reports, objective, &plots.join("learning_curves.png"))?;
        drawn(plots::spikes_per_population(&reports, &plots.join("spikes_per_population.png")))?;
        drawn(plots::error_spikes(&reports, &plots.join("error_spikes.png")))?;
    }
    inferred(task, tested, &plots)?;
    images(task, tested, &plots)?;
    raster(task, network, &plots)?;
    if let Some(estimates) = &tested.estimates {
        cue_weights(task, estimates, &plots)?;
    }
    sizes(report, &plots)
}

fn drawn(result: Result<(), PlotError>) -> Result<(), PlotError> {
    match result {
        Err(PlotError::Empty { .. }) => Ok(()),
        other => other,
    }
}

fn inferred(task: &Task, tested: &Tested, plots: &Path) -> anyhow::Result<()> {
    let variables = &task.description().variables;
    let mut panels: Vec<InferredPanel> = tested
        .directions
        .iter()
        .filter_map(|direction| {
            let heading = format!("{} missing: RMSE {:.4}", variables[direction.variable].name, direction.rmse?);
            Some(InferredPanel { heading, values: direction.values.clone() })
        })
        .collect();
    if let Some(estimates) = &tested.estimates {
        let place = estimates.observed;
        let values = |value: &dyn Fn(&spikegrad::relation::Estimate) -> f64| {
            estimates.all.iter().map(|e| [e.scene.values[place], value(e)]).collect::<Vec<_>>()
        };
        panels.push(InferredPanel { heading: "the network".to_owned(), values: values(&|e| e.inferred[place]) });
        panels.push(InferredPanel { heading: "best estimate".to_owned(), values: values(&|e| e.posterior.mean) });
    }
    if panels.is_empty() {
        return Ok(());
    }
    let subtitle = "test examples that training never saw";
    Ok(plots::inferred(&panels, "Inferred against true values", subtitle, &plots.join("inferred.png"))?)
}

/// What was presented and what was inferred, for each direction of a task of images.
fn images(task: &Task, tested: &Tested, plots: &Path) -> anyhow::Result<()> {
    let variables = &task.description().variables;
    for direction in &tested.directions {
        let missing = direction.variable;
        let Code::Image { shape: [channels, height, width], classes, .. } = &variables[missing].code else { continue };
        let first_channel = |values: &mut dyn Iterator<Item = f64>| values.step_by(*channels).collect::<Vec<f64>>();
        let mut columns: Vec<ImageColumn> = Vec::new();
        for (place, variable) in variables.iter().enumerate().filter(|(place, _)| *place != missing) {
            let is_alike = variable.code.shape() == variables[missing].code.shape();
            let images = (0..SHOWN).map(|index| {
                let cue = task.scene(Split::Test, index, Some(missing)).cues[place].take().filter(|_| is_alike)?;
                Some(first_channel(&mut cue.counts.iter().map(|&count| count.into())))
            });
            columns.push(ImageColumn { heading: variable.name.clone(), images: images.collect() });
        }
        let found = (0..SHOWN.min(direction.values.len())).map(|index| {
            let counts = &direction.outputs.example(index)[task.output(missing)];
            Some(first_channel(&mut counts.iter().copied()))
        });
        columns.push(ImageColumn { heading: format!("{} inferred", variables[missing].name), images: found.collect() });
        let means = task.judge(missing).means();
        let expected = direction
            .values
            .iter()
            .take(SHOWN)
            .map(|values| Some(first_channel(&mut means.get(values[0] as usize)?.iter().copied())));
        columns.push(ImageColumn { heading: "its class mean".to_owned(), images: expected.collect() });
        let title = format!("{} inferred from the others", variables[missing].name);
        let subtitle = format!("{} classes; test images that training never saw", classes.len());
        let name = format!("inferred_{}.png", variables[missing].name);
        plots::image_rows(&columns, [*height, *width], &title, &subtitle, &plots.join(name))?;
    }
    Ok(())
}

/// One inference, unfolding event by event.
fn raster(task: &Task, network: &Network, plots: &Path) -> anyhow::Result<()> {
    let missing = task.directions().last().copied();
    let scene = task.scene(Split::Test, 0, missing);
    let trace = trace(task, network, &scene)?;
    let rows = network.populations().iter().map(|population| plots::RasterRow {
        population: population.name.clone(),
        neurons: population.shape.neurons(),
    });
    let spikes: Vec<plots::RasterSpike> = trace
        .spikes()
        .iter()
        .map(|spike| plots::RasterSpike {
            row: spike.population as usize,
            neuron: spike.neuron as usize,
            time: spike.event as f64,
            value: spike.spikes,
        })
        .collect();
    let inputs = network.populations().iter().filter(|population| population.neuron == NeuronKind::Input).count();
    let title = match missing {
        Some(missing) => format!("{} inferred from {} others", task.description().variables[missing].name, inputs - 1),
        None => "An inference, event by event".to_owned(),
    };
    Ok(plots::raster(&rows.collect::<Vec<_>>(), &spikes, &title, &plots.join("raster.png"))?)
}

fn cue_weights(task: &Task, estimates: &Estimates, plots: &Path) -> anyhow::Result<()> {
    let variables = &task.description().variables;
    let mut series: Vec<Series> = Vec::new();
    for weight in &estimates.weights {
        let [first, second] = weight.cues.map(|cue| &variables[cue].name);
        let label = format!("{first}, not {second}");
        let point = (weight.best, weight.weight);
        match series.iter_mut().find(|series| series.label == label) {
            Some(series) => series.points.push(point),
            None => series.push(Series { label, points: vec![point] }),
        }
    }
    if series.is_empty() {
        return Ok(());
    }
    let subtitle = "two cues that contradict each other, at all pairs of reliabilities";
    Ok(plots::cue_weights(&series, subtitle, &plots.join("cue_weights.png"))?)
}

fn sizes(report: &Report, plots: &Path) -> anyhow::Result<()> {
    let of_gradient = |gradient: Gradient, label: &str| {
        let points = report.sizes.iter().filter(|size| size.gradient == gradient);
        let mut points: Vec<(f64, f64)> = points.map(|size| (size.hidden_neurons as f64, size.error())).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series { label: label.to_owned(), points }
    };
    let series = [of_gradient(Gradient::Spike, "error spikes"), of_gradient(Gradient::Float, "float errors")];
    let series: Vec<Series> = series.into_iter().filter(|series| !series.points.is_empty()).collect();
    if series.is_empty() {
        return Ok(());
    }
    let subtitle = format!("{} networks, one seed each", report.sizes.len());
    Ok(plots::error_by_neurons(&series, &subtitle, &plots.join("error_by_neurons.png"))?)
}
