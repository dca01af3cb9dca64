//! The forward phase of one example, as the backward phases take it.

use kernels::Counts;
use snn::simulator::Simulation;
use snn::{Network, NeuronKind};

use crate::error::SpikegradError;
use crate::inference::Inference;
use crate::plan::ends;

/// Spike counts, gates and logits of one example.
///
/// Populations are numbered as in [`Network::populations`], neurons channels-last.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardResult {
    /// Net spike counts S of every population; the input counts for inputs, zeros for readouts.
    pub counts: Vec<Vec<i32>>,
    /// Gates S' of every population: `A > 0` for rectified neurons, true for all others.
    pub gates: Vec<Vec<bool>>,
    /// Of each output neuron the total input of a readout over its threshold, or the spike count where outputs fire.
    pub logits: Vec<f64>,
}

impl ForwardResult {
    /// The result of an event-driven simulation of `network`.
    ///
    /// # Errors
    /// [`SpikegradError::Network`] for a network without inputs or outputs.
    pub fn from_simulation(network: &Network, simulation: &Simulation<'_>) -> Result<Self, SpikegradError> {
        let (_, outputs) = ends(network)?;
        let populations = 0..network.populations().len();
        let logits = outputs.iter().flat_map(|part| {
            let population = &network.populations()[part.population];
            let (totals, counts) = (simulation.totals(part.population), simulation.counts(part.population));
            (0..part.range.len()).map(move |neuron| match population.fires() {
                true => f64::from(counts[neuron]),
                false => totals.get(neuron) / population.threshold(neuron % population.shape.channels) as f64,
            })
        });
        Ok(Self {
            counts: populations.clone().map(|index| simulation.counts(index).to_vec()).collect(),
            gates: populations.map(|index| simulation.gates(index).collect()).collect(),
            logits: logits.collect(),
        })
    }

    /// The result of one example of the last [`Inference::run`] on `network`, counted from 0.
    ///
    /// # Errors
    /// [`SpikegradError::Network`] for a network without inputs or outputs, [`SpikegradError::Samples`] when the last run had fewer examples.
    pub fn from_inference(
        network: &Network,
        inference: &Inference<'_>,
        example: usize,
    ) -> Result<Self, SpikegradError> {
        let (_, outputs) = ends(network)?;
        let length = outputs.last().map_or(1, |part| part.range.end);
        let logits = inference.logits().chunks_exact(length).nth(example).ok_or_else(|| SpikegradError::Samples {
            expected: format!("an example below {}", inference.logits().len() / length),
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
