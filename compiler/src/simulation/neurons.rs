//! Total inputs to spike counts: `S = clamp(round_half_away(A / threshold), minimum, maximum)`.

use kernels::{Divisor, Engine, FiringRule};
use snn::NeuronKind;

use crate::columns::Total;
use crate::error::CompilerError;
use crate::program::PopulationLayout;
use crate::statistics::PopulationStatistics;

/// Thresholds and clamp of a population.
#[derive(Debug)]
pub(super) struct Neurons {
    thresholds: Vec<i64>,
    low: i32,
    high: i32,
    is_rectified: bool,
    /// Absent where the kernels do not take thresholds or clamp.
    rule: Option<FiringRule>,
}

impl Neurons {
    pub fn new(population: &PopulationLayout) -> Result<Self, CompilerError> {
        let thresholds = population.thresholds.clone();
        let (low, high) = (population.minimum_count, population.maximum_count);
        let [channels, ..] = population.shape;
        let fires = population.neuron != NeuronKind::Readout;
        let bias = population.bias.len();
        let fits = (thresholds.len() == 1 || thresholds.len() == channels)
            && thresholds.iter().all(|&threshold| threshold > 0)
            && (bias == 0 || bias == channels)
            && (!fires || (low <= high && low >= -128 && high <= if low < 0 { 127 } else { 255 }));
        if !fits {
            return Err(CompilerError::Columns {
                what: format!("population '{}'", population.name),
                expected: format!("1 or {channels} positive thresholds, 0 or {channels} biases, counts of 8 bits"),
                found: format!("{} thresholds, {bias} biases, counts of {low}..={high}", thresholds.len()),
            });
        }
        let is_rectified = population.neuron == NeuronKind::Relu;
        let divisor = match thresholds.as_slice() {
            [threshold] => Divisor::uniform(*threshold, 1),
            thresholds => Divisor::per_channel(thresholds, 1),
        };
        let in_range = low >= if is_rectified { 0 } else { -127 } && high <= 127;
        let rule = divisor.ok().filter(|_| in_range);
        let rule = rule.map(|divisor| FiringRule { divisor, low, high, rectified: is_rectified });
        Ok(Self { thresholds, low, high, is_rectified, rule })
    }

    /// Spike counts of a group of examples; `gate` is scratch.
    pub fn fire<T: Total>(
        &self,
        engine: Engine,
        totals: &mut [T],
        counts: &mut [u8],
        gate: &mut [u8],
    ) -> Result<PopulationStatistics, CompilerError> {
        if let (Some(rule), Some(totals)) = (&self.rule, T::narrow(totals)) {
            let fired = engine.fire(rule, totals, counts, gate)?;
            let active_neurons = counts.iter().filter(|&&count| count != 0).count() as u64;
            return Ok(PopulationStatistics { spikes: fired.spikes, active_neurons, clipped: fired.clipped });
        }
        let mut statistics = PopulationStatistics::default();
        for ((total, threshold), count) in totals.iter().zip(self.thresholds.iter().cycle()).zip(counts) {
            let (total, threshold) = (i128::from(total.wide()), i128::from(*threshold));
            let rounded = total.signum() * ((2 * total.abs() + threshold) / (2 * threshold));
            let clamped = rounded.clamp(self.low.into(), self.high.into()) as i32;
            *count = clamped as u8;
            statistics.spikes += u64::from(clamped.unsigned_abs());
            statistics.active_neurons += u64::from(clamped != 0);
            let is_cut = rounded > self.high.into() || (!self.is_rectified && rounded < self.low.into());
            statistics.clipped += u64::from(is_cut);
        }
        Ok(statistics)
    }

    /// Logits: total inputs over their thresholds.
    pub fn read_out<T: Total>(&self, totals: &[T], logits: &mut [f64]) {
        for ((total, threshold), logit) in totals.iter().zip(self.thresholds.iter().cycle()).zip(logits) {
            *logit = total.wide() as f64 / *threshold as f64;
        }
    }
}
