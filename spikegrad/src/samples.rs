//! What the trainer needs of a set of samples.

use snn::Network;

use crate::error::SpikegradError;
use crate::plan::Plan;

/// What the outputs of a network are compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// The class of an example: softmax cross-entropy of the logits of a single readout.
    Class,
    /// Target counts T of some output neurons: `sum of c^2 h((S - T) / c)` with `h(x) = x^2 / 2` up to `|x| = 1` and
    /// `|x| - 1/2` beyond, c the largest distance that counts in full (Huber's loss).
    Counts {
        /// c, in spikes, above 0.
        largest: f64,
    },
}

/// Examples with integer inputs, and what a network should make of them.
pub trait Samples: Sync {
    /// Number of examples, below 2^32.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Input counts of each example: neurons of all input populations.
    fn input_length(&self) -> usize;

    /// What the outputs are compared with.
    fn objective(&self) -> Objective {
        Objective::Class
    }

    /// Number of classes, labels are below it; under [`Objective::Counts`] the output neurons of an example.
    fn classes(&self) -> usize;

    /// Writes the counts of an example, channels-last, as bytes (u8, or i8 for an input population
    /// with negative counts), one input population after the other. `epoch` is given in training, where augmentation may apply, as a
    /// pure function of epoch and index.
    fn fill(&self, epoch: Option<u32>, index: usize, out: &mut [u8]);

    /// Class of an example; not asked for under [`Objective::Counts`].
    fn label(&self, index: usize) -> usize;

    /// Writes the target count of every output neuron, `None` for those that the loss leaves out; not asked for under
    /// [`Objective::Class`]. `epoch` as in [`Samples::fill`].
    fn targets(&self, epoch: Option<u32>, index: usize, out: &mut [Option<i16>]) {
        let _ = (epoch, index);
        out.fill(None);
    }

    /// Whether the outputs of an example count as right under [`Objective::Counts`].
    fn is_right(&self, epoch: Option<u32>, index: usize, outputs: &[f64]) -> bool {
        let _ = (epoch, index, outputs);
        false
    }

    /// The examples of an epoch in order, `len` different ones, a pure function of the epoch: all of `0..len`, or such
    /// as a set draws from a larger one.
    fn order(&self, epoch: u32) -> Vec<u32>;
}

/// The largest readout of classes: a confusion matrix holds the square of it.
const LARGEST_CLASS_COUNT: usize = 4096;

fn is_classifier(network: &Network, plan: &Plan) -> bool {
    network.single_readout().is_some() && plan.output_length() <= LARGEST_CLASS_COUNT
}

pub(crate) fn check(samples: &dyn Samples, network: &Network, plan: &Plan) -> Result<(), SpikegradError> {
    let objective = samples.objective();
    let (least, what) = match objective {
        Objective::Class => (1, "at most {} classes"),
        Objective::Counts { .. } => (plan.output_length(), "{} output neurons"),
    };
    if samples.input_length() != plan.input_length()
        || !(least..=plan.output_length()).contains(&samples.classes().max(1))
    {
        let names = plan.inputs.iter().map(|part| {
            let population = &network.populations()[part.population];
            format!("'{}' {}", population.name, population.shape)
        });
        let (inputs, names) = (plan.input_length(), names.collect::<Vec<_>>().join(", "));
        let outputs = what.replace("{}", &plan.output_length().to_string());
        return Err(SpikegradError::Samples {
            expected: format!("{inputs} counts for {names} and {outputs}"),
            found: format!("{} counts and {}", samples.input_length(), samples.classes()),
        });
    }
    if objective == Objective::Class && !is_classifier(network, plan) {
        return Err(SpikegradError::Network {
            problem: "classes need the logits of exactly one readout".to_owned(),
            remedy: "give the network one readout population of at most 4096 neurons".to_owned(),
        });
    }
    if let Objective::Counts { largest } = objective
        && !(largest > 0.0 && largest.is_finite())
    {
        return Err(SpikegradError::Samples {
            expected: "a largest distance of counts above 0".to_owned(),
            found: largest.to_string(),
        });
    }
    if samples.is_empty() || samples.len() > u32::MAX as usize {
        return Err(SpikegradError::Samples {
            expected: "1 to 4294967295 examples".to_owned(),
            found: samples.len().to_string(),
        });
    }
    Ok(())
}
