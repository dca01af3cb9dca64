//! The forward phase of one example, as the backward phases take it.

use kernels::Counts;
use snn::simulator::{Simulation, Totals};
use snn::{Network, NeuronKind};

use crate::error::SpikegradError;
use crate::inference::Inference;

/// Spike counts, gates and logits of one example.
///
/// Populations are numbered as in [`Network::populations`], neurons channels-last.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardResult {
    /// Net spike counts S of every population; the input counts for the input, zeros for the readout.
    pub counts: Vec<Vec<i32>>,
    /// Gates S' of every population: `A > 0` for rectified neurons, true for all others.
    pub gates: Vec<Vec<bool>>,
    /// Total input of the readout over its threshold.
    pub logits: Vec<f64>,
}

impl ForwardResult {
    /// The result of an event-driven simulation of `network`.
    ///
    /// # Errors
    /// [`SpikegradError::Network`] unless the network has exactly one readout population.
    pub fn from_simulation(network: &Network, simulation: &Simulation<'_>) -> Result<Self, SpikegradError> {
        let readout = readout(network)?;
        let populations = 0..network.populations().len();
        let population = &network.populations()[readout];
        let totals: Totals<'_> = simulation.totals(readout);
        let logit = |neuron| totals.get(neuron) / population.threshold(neuron % population.shape.channels) as f64;
        Ok(Self {
            counts: populations.clone().map(|index| simulation.counts(index).to_vec()).collect(),
            gates: populations.map(|index| simulation.gates(index).collect()).collect(),
            logits: (0..totals.len()).map(logit).collect(),
        })
    }

    /// The result of one example of the last [`Inference::run`] on `network`, counted from 0.
    ///
    /// # Errors
    /// [`SpikegradError::Network`] unless the network has exactly one readout population,
    /// [`SpikegradError::Samples`] when the last run had fewer examples.
    pub fn from_inference(
        network: &Network,
        inference: &Inference<'_>,
        example: usize,
    ) -> Result<Self, SpikegradError> {
        let classes = network.populations()[readout(network)?].shape.neurons();
        let logits = inference.logits().chunks_exact(classes).nth(example).ok_or_else(|| SpikegradError::Samples {
            expected: format!("an example below {}", inference.logits().len() / classes.max(1)),
            found: example.to_string(),
        })?;
        let mut result = Self { counts: Vec::new(), gates: Vec::new(), logits: logits.to_vec() };
        for (index, population) in network.populations().iter().enumerate() {
            let neurons = population.shape.neurons();
            let range = example * neurons..(example + 1) * neurons;
            result.counts.push(match inference.counts(index) {
                _ if population.neuron == NeuronKind::Readout => vec![0; neurons],
                Counts::Unsigned(values) => values[range.clone()].iter().map(|&value| value.into()).collect(),
                Counts::Signed(values) => values[range.clone()].iter().map(|&value| value.into()).collect(),
            });
            result.gates.push(match population.fires() {
                true => inference.gates(index)[range].iter().map(|&gate| gate != 0).collect(),
                false => vec![true; neurons],
            });
        }
        Ok(result)
    }

    /// Refuses a result of another network.
    pub(crate) fn check(&self, network: &Network) -> Result<(), SpikegradError> {
        let sizes = || network.populations().iter().map(|population| population.shape.neurons());
        let fits = self.counts.len() == network.populations().len()
            && self.gates.len() == network.populations().len()
            && self.counts.iter().map(Vec::len).eq(sizes())
            && self.gates.iter().map(Vec::len).eq(sizes());
        if fits {
            return Ok(());
        }
        Err(SpikegradError::Samples {
            expected: format!("counts and gates of populations of {:?} neurons", sizes().collect::<Vec<_>>()),
            found: format!(
                "counts of {:?} and gates of {:?}",
                self.counts.iter().map(Vec::len).collect::<Vec<_>>(),
                self.gates.iter().map(Vec::len).collect::<Vec<_>>()
            ),
        })
    }
}

pub(crate) fn readout(network: &Network) -> Result<usize, SpikegradError> {
    network.single_readout().ok_or_else(|| SpikegradError::Network {
        problem: "it does not have exactly one readout population".to_owned(),
        remedy: "give it one readout population".to_owned(),
    })
}
