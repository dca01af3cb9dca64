//! Networks of other sizes on the same relation: error against neurons.

use serde::Serialize;
use spikegrad::relation::{RelationDescription, Split, Task};
use spikegrad::{Gradient, Trainer};

use super::RelateArguments;
use super::images::banks;
use crate::CommandError;
use crate::command::Context;
use crate::interruption::Interruption;
use crate::output::Progress;

/// A network of `--sizes`.
#[derive(Clone, Debug, Serialize)]
pub struct SizeFigures {
    /// Neurons of each population of a variable's own.
    pub hidden: usize,
    /// Neurons of each relation population.
    pub units: usize,
    /// Neurons between codes.
    pub hidden_neurons: usize,
    /// How errors travelled.
    pub gradient: Gradient,
    /// Root mean square error of each direction, of continuous values.
    pub rmse: Vec<Option<f64>>,
    /// Share of right classes of each direction, of images by the nearest mean.
    pub accuracy: Vec<Option<f64>>,
}

impl SizeFigures {
    /// Root mean square over the directions, or share of wrong classes.
    pub fn error(&self) -> f64 {
        let count = self.rmse.len().max(1) as f64;
        let squares: Vec<f64> = self.rmse.iter().flatten().map(|rmse| rmse * rmse).collect();
        match squares.len() {
            0 => self.accuracy.iter().flatten().map(|accuracy| 1.0 - accuracy).sum::<f64>() / count,
            number => (squares.iter().sum::<f64>() / number as f64).sqrt(),
        }
    }

    pub(super) fn text(&self) -> String {
        let gradient = if self.gradient == Gradient::Spike { "spike" } else { "float" };
        format!(
            "{:>4} hidden, {:>4} relation units, {:>5} neurons between codes, {gradient} gradient: error {:.4}",
            self.hidden,
            self.units,
            self.hidden_neurons,
            self.error()
        )
    }
}

/// Trains and tests a network for each of `--sizes` and `--gradients`.
pub(super) fn train(
    arguments: &RelateArguments,
    description: &RelationDescription,
    interruption: &Interruption,
    context: &Context,
) -> anyhow::Result<Vec<SizeFigures>> {
    let mut found = Vec::new();
    if arguments.sizes.is_empty() {
        return Ok(found);
    }
    let banks = banks(description, context)?;
    let total = arguments.sizes.len() * arguments.gradients.len() * description.training.epochs as usize;
    let bar = context.output.progress(total as u64, Progress::Steps);
    bar.set_prefix("sizes");
    for &[hidden, units] in &arguments.sizes {
        for &gradient in &arguments.gradients {
            let mut sized = description.clone();
            sized.training.gradient = gradient.into();
            sized.relation.units.iter_mut().for_each(|count| *count = units);
            sized.variables.iter_mut().flat_map(|variable| &mut variable.hidden).for_each(|count| *count = hidden);
            let task = Task::new(sized.clone(), banks.clone(), sized.training.seed)?;
            let mut trainer = Trainer::new(task.network()?, sized.training.clone(), context.resources)?;
            let samples = task.samples(Split::Train { epoch: 0 }, sized.relation.examples as usize);
            let validation = task.samples(Split::Validation, sized.relation.validation as usize);
            let mut best = trainer.network().clone();
            while !trainer.is_finished() {
                while !trainer.epoch_is_complete(&samples) {
                    trainer.step(&samples)?;
                    if interruption.is_requested() {
                        bar.finish_and_clear();
                        return Err(CommandError::Interrupted.into());
                    }
                }
                if trainer.finish_epoch(&validation)?.is_best {
                    best = trainer.network().clone();
                }
                bar.inc(1);
            }
            let directions = task.directions().into_iter();
            let directions = directions
                .map(|missing| task.infer_missing(&best, missing, arguments.test as usize, context.resources))
                .collect::<Result<Vec<_>, _>>()?;
            let inner = best.populations().iter().filter(|p| p.fires() && !p.outgoing.is_empty());
            let figures = SizeFigures {
                hidden,
                units,
                hidden_neurons: inner.map(|population| population.shape.neurons()).sum(),
                gradient: sized.training.gradient,
                rmse: directions.iter().map(|direction| direction.rmse).collect(),
                accuracy: directions.iter().map(|direction| direction.accuracy).collect(),
            };
            context.output.object(&figures)?;
            found.push(figures);
        }
    }
    bar.finish_and_clear();
    Ok(found)
}
