//! What the trainer needs of a set of samples.

use snn::Network;

use crate::error::SpikegradError;
use crate::plan::Plan;

/// Labelled examples with integer inputs.
pub trait Samples: Sync {
    /// Number of examples, below 2^32.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Input counts of each example: neurons of the input population.
    fn input_length(&self) -> usize;

    /// Number of classes; labels are below it.
    fn classes(&self) -> usize;

    /// Writes the counts of an example, channels-last, as bytes (u8, or i8 for an input population
    /// with negative counts). `epoch` is given in training, where augmentation may apply, as a
    /// pure function of epoch and index.
    fn fill(&self, epoch: Option<u32>, index: usize, out: &mut [u8]);

    /// Class of an example.
    fn label(&self, index: usize) -> usize;

    /// The order of examples in an epoch, a permutation of `0..len`, a pure function of the epoch.
    fn order(&self, epoch: u32) -> Vec<u32>;
}

pub(crate) fn check(samples: &dyn Samples, network: &Network, plan: &Plan) -> Result<(), SpikegradError> {
    let input = &network.populations()[plan.input];
    if samples.input_length() != input.shape.neurons() || samples.classes() > plan.classes {
        return Err(SpikegradError::Samples {
            expected: format!(
                "{} counts for population '{}' {} and at most {} classes",
                input.shape.neurons(),
                input.name,
                input.shape,
                plan.classes
            ),
            found: format!("{} counts and {} classes", samples.input_length(), samples.classes()),
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
