//! The error compartment of a population's neurons.

use snn::Network;

use crate::error::SpikegradError;
use crate::pass::LARGEST_DENOMINATOR;
use crate::plan::{ErrorScale, greatest_common_divisor};

/// Net error counts below the readout stay within ±127.
const LARGEST_COUNT: i32 = 127;

/// How error spikes of the populations above enter a population's error potential.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The error threshold, in units of the error potential.
    pub one: i128,
    /// Whether its neurons take error spikes: they are driven and drive others.
    pub fires: bool,
    /// Per outgoing projection: what one error spike over a weight of 1 adds, for the population
    /// or for each channel of the projection's target.
    outgoing: Vec<(usize, Vec<i128>)>,
}

impl Rules {
    pub fn new(network: &Network, index: usize) -> Result<Self, SpikegradError> {
        let population = &network.populations()[index];
        if !population.fires() {
            return Ok(Self { one: 1, fires: false, outgoing: Vec::new() });
        }
        let scale = |projection: usize| {
            ErrorScale::new(&network.populations()[network.projections()[projection].to].thresholds)
        };
        let scales: Vec<(usize, ErrorScale)> = population.outgoing.iter().map(|&p| (p, scale(p))).collect();
        let one = scales.iter().try_fold(1i64, |one, (_, scale)| {
            (one / greatest_common_divisor(one, scale.denominator)).checked_mul(scale.denominator)
        });
        let one = one.filter(|&one| one < LARGEST_DENOMINATOR).ok_or_else(|| SpikegradError::Network {
            problem: format!(
                "the thresholds after population '{}' have no common denominator below 2^50",
                population.name
            ),
            remedy: "use thresholds that are powers of two or multiples of each other".to_owned(),
        })?;
        let outgoing = scales.into_iter().map(|(projection, scale)| {
            let share = i128::from(one / scale.denominator);
            let factors = scale.factors.unwrap_or_else(|| vec![1]);
            (projection, factors.into_iter().map(|factor| share * i128::from(factor)).collect())
        });
        Ok(Self { one: one.into(), fires: true, outgoing: outgoing.collect() })
    }

    /// What one error spike of a neuron of `channel` adds over a weight of 1 of `projection`; 0
    /// where error spikes do not go.
    pub fn factor(&self, projection: usize, channel: usize) -> i128 {
        let factors = self.outgoing.iter().find(|(index, _)| *index == projection).map(|(_, factors)| factors);
        factors.map_or(0, |factors| if let [factor] = factors[..] { factor } else { factors[channel] })
    }
}

/// State of one population.
#[derive(Clone, Debug)]
pub(super) struct Compartment {
    /// U, with the fired spikes subtracted.
    pub potentials: Vec<i128>,
    /// Z.
    pub counts: Vec<i32>,
}

impl Compartment {
    pub fn new(neurons: usize) -> Self {
        Self { potentials: vec![0; neurons], counts: vec![0; neurons] }
    }

    /// Fires a neuron until its error spike function returns 0; returns the spikes.
    pub fn drain(&mut self, rules: &Rules, neuron: usize) -> i32 {
        let count = self.counts[neuron];
        let (down, up) = (i128::from(-LARGEST_COUNT - count), i128::from(LARGEST_COUNT - count));
        let spikes = (self.potentials[neuron] / rules.one).clamp(down, up) as i32;
        self.emit(rules, neuron, spikes)
    }

    /// Fires the residual spike of a neuron, if it has one; returns it.
    pub fn fire_residual(&mut self, rules: &Rules, neuron: usize) -> i32 {
        let (twice, count) = (2 * self.potentials[neuron], self.counts[neuron]);
        let spikes = if count < LARGEST_COUNT && (twice > rules.one || (twice == rules.one && count >= 0)) {
            1
        } else if count > -LARGEST_COUNT && (-twice > rules.one || (-twice == rules.one && count <= 0)) {
            -1
        } else {
            0
        };
        self.emit(rules, neuron, spikes)
    }

    fn emit(&mut self, rules: &Rules, neuron: usize, spikes: i32) -> i32 {
        self.potentials[neuron] -= rules.one * i128::from(spikes);
        self.counts[neuron] += spikes;
        spikes
    }
}
