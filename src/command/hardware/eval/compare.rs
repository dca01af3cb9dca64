//! A compiled network beside the integer pass of the model it was compiled from.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use compiler::Program;
use compiler::mapping::deploy;
use compiler::simulation::{SimulationOptions, SimulationState, Simulator};
use kernels::Counts;
use rayon::prelude::*;
use serde::Serialize;
use snn::{Network, NeuronKind, Weights};
use spikegrad::{Inference, Resources, Samples};

use crate::CommandError;
use crate::command::trained::model_path;
use crate::measurement::{differing, largest};

/// Examples that pass through both together.
const GROUP: usize = 16;

/// Every spike count and logit of a compiled network beside those of the integer pass.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Comparison {
    /// Model file whose integer pass was run.
    pub(super) model: String,
    /// Weights that the bits of the chip do not hold as they are; the integer pass has them rounded.
    pub(super) rounded_weights: u64,
    /// Spike counts and logits compared, over all examples.
    pub(super) compared_counts: u64,
    /// Those that differ when the compiled network is simulated column by column.
    pub(super) mismatched_counts: u64,
    /// Examples whose predicted class differs from the evaluation's.
    pub(super) mismatched_predictions: u64,
    /// Share of examples that the integer pass classifies rightly.
    pub(super) integer_accuracy: f64,
}

/// A model with its weights on the bits of a chip.
pub(super) struct Reference {
    path: PathBuf,
    network: Network,
    rounded_weights: u64,
}

/// What one thread's share adds up to.
#[derive(Default)]
struct Share {
    compared: u64,
    mismatched_counts: u64,
    mismatched_predictions: u64,
    correct: u64,
}

impl Reference {
    /// Reads the model that a program was compiled from.
    ///
    /// # Errors
    /// [`CommandError::Usage`] for a model with other populations than the program, and those of
    /// reading it and of [`deploy()`].
    pub(super) fn load(model: &Path, program: &Program) -> anyhow::Result<Self> {
        let path = model_path(model);
        let trained = snn::model::load(&path)?;
        let found: Vec<(&str, [usize; 3], NeuronKind)> = trained
            .populations()
            .iter()
            .map(|population| {
                let shape = population.shape;
                (population.name.as_str(), [shape.channels, shape.height, shape.width], population.neuron)
            })
            .collect();
        let compiled = &program.layout.populations;
        let expected =
            compiled.iter().map(|population| (population.name.as_str(), population.shape, population.neuron));
        if !expected.eq(found.iter().copied()) {
            let expected = "the model that the folder was compiled from";
            let found = format!("{} with other populations", path.display());
            return Err(CommandError::usage("--compare", expected, found).into());
        }
        let network = deploy(&trained, &program.layout.hardware)?.network;
        let pairs = trained.projections().iter().zip(network.projections());
        let rounded_weights =
            pairs.map(|(before, after)| rounded(before.weights.as_ref(), after.weights.as_ref())).sum();
        Ok(Self { path, network, rounded_weights })
    }

    /// Runs program and integer pass on the samples; `predictions` are those of the evaluation.
    /// `advance` is told the number of examples after each group.
    ///
    /// # Errors
    /// When the samples fit neither, or threads cannot be had.
    pub(super) fn compare(
        &self,
        program: &Program,
        samples: &dyn Samples,
        predictions: &[u16],
        resources: Resources,
        advance: &(dyn Fn(u64) + Sync),
    ) -> anyhow::Result<Comparison> {
        let options = SimulationOptions { exact_products: false, ..SimulationOptions::new(resources.isa) };
        let simulator = Simulator::new(program, options)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(resources.threads)
            .build()
            .with_context(|| format!("could not start {} threads", resources.threads))?;
        let count = samples.len();
        let share = count.div_ceil(resources.threads.max(1) * 8).next_multiple_of(GROUP).max(GROUP);
        let run = |start: usize| -> anyhow::Result<Share> {
            let mut inference = Inference::new(&self.network, resources.isa, GROUP)?;
            let (mut state, mut total) = (simulator.state(GROUP), Share::default());
            let length = samples.input_length();
            let mut input = vec![0; length * GROUP];
            let end = count.min(start + share);
            for first in (start..end).step_by(GROUP) {
                let examples = GROUP.min(end - first);
                let input = &mut input[..length * examples];
                for (slot, counts) in input.chunks_exact_mut(length).enumerate() {
                    samples.fill(None, first + slot, counts);
                }
                inference.run(input, examples)?;
                simulator.run(&mut state, input, examples, first as u64)?;
                total.add_counts(&self.network, &inference, &state);
                let logits = inference.logits().chunks_exact(simulator.classes());
                for (slot, logits) in logits.enumerate() {
                    let (index, prediction) = (first + slot, largest(logits));
                    total.mismatched_predictions += u64::from(usize::from(predictions[index]) != prediction);
                    total.correct += u64::from(samples.label(index) == prediction);
                }
                advance(examples as u64);
            }
            Ok(total)
        };
        let starts: Vec<usize> = (0..count).step_by(share).collect();
        let shares: Vec<Share> =
            pool.install(|| starts.par_iter().map(|&start| run(start)).collect::<anyhow::Result<_>>())?;
        let sum = |part: fn(&Share) -> u64| shares.iter().map(part).sum::<u64>();
        Ok(Comparison {
            model: self.path.display().to_string(),
            rounded_weights: self.rounded_weights,
            compared_counts: sum(|share| share.compared),
            mismatched_counts: sum(|share| share.mismatched_counts),
            mismatched_predictions: sum(|share| share.mismatched_predictions),
            integer_accuracy: sum(|share| share.correct) as f64 / count.max(1) as f64,
        })
    }
}

impl Share {
    /// Compares all populations but the input in one group of examples.
    fn add_counts(&mut self, network: &Network, inference: &Inference<'_>, state: &SimulationState) {
        for (index, population) in network.populations().iter().enumerate() {
            let (compared, mismatched) = match population.neuron {
                NeuronKind::Input => continue,
                NeuronKind::Readout => (state.logits().len(), differing(state.logits().iter().zip(inference.logits()))),
                _ => match (state.counts(index), inference.counts(index)) {
                    (Counts::Unsigned(found), Counts::Unsigned(all)) => (all.len(), differing(found.iter().zip(all))),
                    (Counts::Signed(found), Counts::Signed(all)) => (all.len(), differing(found.iter().zip(all))),
                    // Populations of one kind have the same sign in both.
                    (_, Counts::Unsigned(all)) => (all.len(), all.len() as u64),
                    (_, Counts::Signed(all)) => (all.len(), all.len() as u64),
                },
            };
            self.compared += compared as u64;
            self.mismatched_counts += mismatched;
        }
    }
}

/// Weights that differ.
fn rounded(before: Option<&Weights>, after: Option<&Weights>) -> u64 {
    match (before, after) {
        (Some(Weights::I8(before)), Some(Weights::I8(after))) => differing(before.iter().zip(after)),
        _ => 0,
    }
}
