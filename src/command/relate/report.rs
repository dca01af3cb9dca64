//! What was found: a table for people, an object for machines.

use serde::Serialize;
use snn::Network;
use spikegrad::relation::{CueWeight, Direction, Estimate, ImageBank, Presentation, Split, Task};
use spikegrad::{Gradient, Outputs};

use super::chip::ChipFigures;
use super::classifier::Classifier;
use super::events::{EventFigures, simulate};
use super::plan::Plan;
use super::sizes::SizeFigures;
use crate::command::Context;
use crate::command::course::Course;

/// Distance of cues that contradict each other, as a share of the range.
const CONFLICT: f64 = 0.06;
/// Parts of the test examples by how far the best estimate is off.
const PARTS: usize = 4;

/// Tests of a trained network.
pub(super) struct Tested {
    pub directions: Vec<Direction>,
    /// Per direction: share of examples that a classifier trained apart puts into the right class, and its accuracy on
    /// images of the data set.
    pub classified: Vec<Option<[f64; 2]>>,
    pub estimates: Option<Estimates>,
    pub events: Vec<EventFigures>,
}

/// Observations of one variable.
pub(super) struct Estimates {
    pub observed: usize,
    pub all: Vec<Estimate>,
    pub outputs: Outputs,
    pub weights: Vec<CueWeight>,
}

impl Tested {
    pub fn new(
        task: &Task,
        network: &Network,
        banks: &[ImageBank],
        examples: usize,
        context: &Context,
    ) -> anyhow::Result<Self> {
        let (variables, resources) = (&task.description().variables, context.resources);
        let mut tested = Self { directions: Vec::new(), classified: Vec::new(), estimates: None, events: Vec::new() };
        let mut banks = banks.iter();
        for missing in task.directions() {
            let direction = task.infer_missing(network, missing, examples, resources)?;
            let bank = variables[missing].code.classes().and_then(|_| banks.next());
            let classifier = Classifier::train(&variables[missing], bank, task.seed(), resources)?;
            let classified = classifier.map(|classifier| -> anyhow::Result<[f64; 2]> {
                let range = task.output(missing);
                let images = (0..examples).map(|index| &direction.outputs.example(index)[range.clone()]);
                let found = classifier.classes(images)?;
                let right = found.iter().zip(&direction.values).filter(|(class, values)| **class as f64 == values[0]);
                Ok([right.count() as f64 / examples.max(1) as f64, classifier.accuracy])
            });
            tested.classified.push(classified.transpose()?);
            let scenes = (0..).map(|index| task.scene(Split::Test, index, Some(missing)));
            tested.events.push(simulate(task, network, scenes, context)?);
            tested.directions.push(direction);
        }
        let observed = (0..variables.len()).find(|&variable| !task.description().is_presented(variable));
        if let Some(observed) = observed.filter(|_| task.description().relation.present == Presentation::Observations) {
            let (all, outputs) = task.estimate(network, observed, examples, resources)?;
            let range = variables[observed].code.range().unwrap_or([0.0, 1.0]);
            let weights = task.cue_weights(network, observed, CONFLICT * (range[1] - range[0]), resources)?;
            let scenes = (0..).map(|index| task.scene(Split::Test, index, None));
            tested.events.push(simulate(task, network, scenes, context)?);
            tested.estimates = Some(Estimates { observed, all, outputs, weights });
        }
        Ok(tested)
    }
}

/// The last JSON object of `sterna relate` and the content of `summary.json`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    task: String,
    seed: u64,
    epochs: u32,
    best_epoch: Option<u32>,
    validation_loss: Option<f64>,
    train_seconds: f64,
    gradient: Gradient,
    neurons: usize,
    hidden_neurons: usize,
    parameters: usize,
    test_examples: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    directions: Vec<DirectionFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fusion: Option<FusionFigures>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sizes: Vec<SizeFigures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chip: Option<ChipFigures>,
    model: String,
    out: String,
}

#[derive(Clone, Debug, Serialize)]
struct DirectionFigures {
    missing: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rmse: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    largest_error: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy_nearest_mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy_classifier: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy_of_classifier_on_data: Option<f64>,
    net_spikes: f64,
    accumulations: f64,
    events: EventFigures,
}

/// What fusing observations achieves.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FusionFigures {
    observed: String,
    rmse: f64,
    best_rmse: f64,
    /// Of the cue whose best estimate alone is nearest on average, where it is presented, beside the network there.
    sensors: Vec<SensorFigures>,
    /// By how many cues are presented.
    by_presented: Vec<PartFigures>,
    /// By how far off the best estimate is expected to be.
    by_noise: Vec<PartFigures>,
    /// Root mean square difference of cue weights from the best ones.
    cue_weight_rmse: f64,
    net_spikes: f64,
    accumulations: f64,
    events: EventFigures,
}

#[derive(Clone, Debug, Serialize)]
struct SensorFigures {
    name: String,
    /// Best estimate from this cue alone, where it is presented.
    alone_rmse: f64,
    /// The network on the same examples.
    fused_rmse: f64,
    /// The network and the best estimate where this cue is missing.
    gone_rmse: f64,
    gone_best_rmse: f64,
    /// What the network restores of the population of this cue, where it is presented.
    restored_rmse: f64,
}

#[derive(Clone, Debug, Serialize)]
struct PartFigures {
    part: String,
    examples: usize,
    rmse: f64,
    best_rmse: f64,
}

fn rmse(errors: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = errors.fold((0.0, 0u64), |(sum, count), error| (sum + error * error, count + 1));
    (sum / count.max(1) as f64).sqrt()
}

impl FusionFigures {
    fn new(task: &Task, estimates: &Estimates, events: EventFigures) -> Self {
        let (observed, all) = (estimates.observed, &estimates.all);
        let variables = &task.description().variables;
        let code = &variables[observed].code;
        let network = |e: &Estimate| code.distance(e.inferred[observed], e.scene.values[observed]);
        let best = |e: &Estimate| code.distance(e.posterior.mean, e.scene.values[observed]);
        let part = |name: String, of: Vec<&Estimate>| PartFigures {
            part: name,
            examples: of.len(),
            rmse: rmse(of.iter().map(|e| network(e))),
            best_rmse: rmse(of.iter().map(|e| best(e))),
        };
        let cues: Vec<usize> = (0..variables.len()).filter(|&place| place != observed).collect();
        let sensor = |&place: &usize| {
            let with = || all.iter().filter(move |e| e.alone[place].is_some());
            let without = || all.iter().filter(move |e| e.alone[place].is_none());
            SensorFigures {
                name: variables[place].name.clone(),
                alone_rmse: rmse(with().filter_map(|e| Some(code.distance(e.alone[place]?, e.scene.values[observed])))),
                fused_rmse: rmse(with().map(network)),
                gone_rmse: rmse(without().map(network)),
                gone_best_rmse: rmse(without().map(best)),
                restored_rmse: rmse(with().map(|e| code.distance(e.inferred[place], e.scene.values[place]))),
            }
        };
        let presented = |e: &Estimate| e.alone.iter().flatten().count();
        let of_number = |number: usize| {
            let of: Vec<&Estimate> = all.iter().filter(|e| presented(e) == number).collect();
            part(format!("{number} of {} cues", cues.len()), of)
        };
        let mut by_deviation: Vec<&Estimate> = all.iter().collect();
        by_deviation.sort_by(|a, b| a.posterior.deviation.total_cmp(&b.posterior.deviation));
        let share = by_deviation.len().div_ceil(PARTS).max(1);
        let by_noise = by_deviation.chunks(share).map(|of| {
            let ends = [of.first(), of.last()].map(|e| e.map_or(0.0, |e| e.posterior.deviation));
            part(format!("deviation {:.3} to {:.3}", ends[0], ends[1]), of.to_vec())
        });
        Self {
            observed: variables[observed].name.clone(),
            rmse: rmse(all.iter().map(network)),
            best_rmse: rmse(all.iter().map(best)),
            sensors: cues.iter().map(sensor).collect(),
            by_presented: (1..=cues.len()).map(of_number).collect(),
            by_noise: by_noise.collect(),
            cue_weight_rmse: rmse(estimates.weights.iter().map(|weight| weight.weight - weight.best)),
            net_spikes: estimates.outputs.spikes_per_example.iter().sum(),
            accumulations: estimates.outputs.accumulations_per_example,
            events,
        }
    }

    fn text(&self) -> String {
        let ratio = |a: f64, b: f64| format!("{a:.4}  best {b:.4}  ratio {:.3}", a / b);
        let mut lines = vec![format!("{}: RMSE {}", self.observed, ratio(self.rmse, self.best_rmse))];
        for part in self.by_presented.iter().chain(&self.by_noise) {
            let figures = ratio(part.rmse, part.best_rmse);
            lines.push(format!("  {:<26} {figures}  ({} examples)", part.part, part.examples));
        }
        lines.push("sensor        best alone   fused with it   restored   when gone: network, best".to_owned());
        for sensor in &self.sensors {
            lines.push(format!(
                "{:<12}  {:>10.4}   {:>13.4}   {:>8.4}   {:.4}, {:.4}",
                sensor.name,
                sensor.alone_rmse,
                sensor.fused_rmse,
                sensor.restored_rmse,
                sensor.gone_rmse,
                sensor.gone_best_rmse
            ));
        }
        lines.push(format!(
            "cue weights in conflicts: {:.3} from the best ones (root mean square)\nan inference: {:.0} net spikes, \
             {:.0} accumulations; {:.0} synaptic operations event by event, {} counts differ from the integer pass",
            self.cue_weight_rmse,
            self.net_spikes,
            self.accumulations,
            self.events.synaptic_operations,
            self.events.mismatched_counts
        ));
        lines.join("\n")
    }
}

impl Report {
    pub fn new(
        plan: &Plan,
        task: &Task,
        course: &Course<'_>,
        tested: &Tested,
        sizes: Vec<SizeFigures>,
        chip: Option<ChipFigures>,
    ) -> Self {
        let (trainer, records) = (course.trainer(), course.metrics().records());
        let network = trainer.network();
        let neurons = |is_one: fn(&snn::Population) -> bool| {
            network.populations().iter().filter(|p| is_one(p)).map(|p| p.shape.neurons()).sum()
        };
        let variables = &plan.description.variables;
        let directions = tested.directions.iter().zip(&tested.classified).zip(&tested.events);
        let directions = directions.map(|((direction, classified), &events)| DirectionFigures {
            missing: variables[direction.variable].name.clone(),
            rmse: direction.rmse,
            largest_error: direction.largest_error,
            accuracy_nearest_mean: direction.accuracy,
            accuracy_classifier: classified.map(|classified| classified[0]),
            accuracy_of_classifier_on_data: classified.map(|classified| classified[1]),
            net_spikes: direction.outputs.spikes_per_example.iter().sum(),
            accumulations: direction.outputs.accumulations_per_example,
            events,
        });
        let fusion = tested.estimates.as_ref().zip(tested.events.last());
        let fusion = fusion.map(|(estimates, &events)| FusionFigures::new(task, estimates, events));
        let examples = tested.directions.first().map(|direction| direction.values.len());
        Self {
            task: plan.name.clone(),
            seed: plan.description.training.seed,
            epochs: trainer.position().epoch,
            best_epoch: trainer.position().best.map(|(_, epoch)| epoch),
            validation_loss: trainer.position().best.map(|(merit, _)| -merit),
            train_seconds: records.iter().map(|record| record.train_seconds + record.validation_seconds).sum(),
            gradient: trainer.settings().gradient,
            neurons: neurons(|_| true),
            hidden_neurons: neurons(|p| p.fires() && !p.outgoing.is_empty()),
            parameters: network.parameter_count(),
            test_examples: examples.or(tested.estimates.as_ref().map(|e| e.all.len())).unwrap_or(0),
            directions: directions.collect(),
            fusion,
            sizes,
            chip,
            model: plan.folder.model().display().to_string(),
            out: plan.folder.path().display().to_string(),
        }
    }

    /// The report for people.
    pub fn text(&self) -> String {
        let mut lines = vec![format!(
            "{}: {} neurons ({} between codes), {} weights and biases, {:.1} s of training, best epoch {} of {}",
            self.task,
            self.neurons,
            self.hidden_neurons,
            self.parameters,
            self.train_seconds,
            self.best_epoch.unwrap_or_default(),
            self.epochs
        )];
        if !self.directions.is_empty() {
            lines.push("missing       error                              net spikes  accumulations  synaptic operations  counts that differ".to_owned());
        }
        for direction in &self.directions {
            let percent = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.2} %", 100.0 * share));
            let error = match direction.rmse {
                Some(rmse) => format!("RMSE {rmse:.4}, largest {:.3}", direction.largest_error.unwrap_or_default()),
                None => format!(
                    "right {} (nearest mean), {} (classifier)",
                    percent(direction.accuracy_nearest_mean),
                    percent(direction.accuracy_classifier)
                ),
            };
            lines.push(format!(
                "{:<12}  {error:<33}  {:>10.0}  {:>13.0}  {:>19.0}  {}",
                direction.missing,
                direction.net_spikes,
                direction.accumulations,
                direction.events.synaptic_operations,
                direction.events.mismatched_counts
            ));
        }
        lines.extend(self.fusion.iter().map(FusionFigures::text));
        for size in &self.sizes {
            lines.push(size.text());
        }
        lines.extend(self.chip.iter().map(ChipFigures::text));
        lines.push(format!("model: {}", self.model));
        lines.join("\n")
    }
}
