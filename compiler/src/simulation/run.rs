//! Groups of examples through all populations.

use super::digital::{add_identity, add_pooling};
use super::prepare::{Currents, Incoming, Simulator, Stage, Work};
use super::state::{SimulationState, view};
use crate::columns::{CodeCounts, Total};
use crate::error::CompilerError;
use crate::statistics::PopulationStatistics;

impl Simulator<'_> {
    /// Runs `examples` examples whose counts lie one after the other in `input`. `first_sample` is
    /// the number of the first one: noise of reads depends on it, and on nothing else of the group.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] when `input` has another length, there are too many examples, or
    /// a count lies outside the range of the input population.
    pub fn run(
        &self,
        state: &mut SimulationState,
        input: &[u8],
        examples: usize,
        first_sample: u64,
    ) -> Result<(), CompilerError> {
        self.check(state, input, examples)?;
        state.examples = examples;
        state.counts[self.input][..input.len()].copy_from_slice(input);
        state.statistics.examples += examples as u64;
        let seen = view(input, state.is_signed[self.input], input.len());
        let magnitudes: u64 = match seen {
            kernels::Counts::Unsigned(counts) => counts.iter().map(|&count| u64::from(count)).sum(),
            kernels::Counts::Signed(counts) => counts.iter().map(|&count| u64::from(count.unsigned_abs())).sum(),
        };
        let statistics = &mut state.statistics.populations[self.input];
        statistics.spikes += magnitudes;
        statistics.active_neurons += input.iter().filter(|&&count| count != 0).count() as u64;
        for (index, stage) in self.stages.iter().enumerate() {
            match stage {
                Stage::Input => {}
                Stage::Narrow(currents) => {
                    let mut totals = std::mem::take(&mut state.narrow);
                    let result = self.advance(state, index, currents, &mut totals, first_sample);
                    state.narrow = totals;
                    result?;
                }
                Stage::Wide(currents) => {
                    let mut totals = std::mem::take(&mut state.wide);
                    let result = self.advance(state, index, currents, &mut totals, first_sample);
                    state.wide = totals;
                    result?;
                }
            }
        }
        Ok(())
    }

    fn check(&self, state: &SimulationState, input: &[u8], examples: usize) -> Result<(), CompilerError> {
        let length = self.input_length();
        if examples > state.capacity() || Some(input.len()) != length.checked_mul(examples) {
            return Err(CompilerError::Samples {
                what: "input counts".to_owned(),
                expected: format!("{length} for each of at most {} examples", state.capacity()),
                found: format!("{} for {examples} examples", input.len()),
            });
        }
        let population = &self.program.layout.populations[self.input];
        let range = population.minimum_count..=population.maximum_count;
        let is_signed = state.is_signed[self.input];
        let count = |byte: u8| if is_signed { i32::from(byte as i8) } else { i32::from(byte) };
        match input.iter().find(|&&byte| !range.contains(&count(byte))) {
            None => Ok(()),
            Some(&wrong) => Err(CompilerError::Samples {
                what: "input count".to_owned(),
                expected: format!("{} to {}", range.start(), range.end()),
                found: count(wrong).to_string(),
            }),
        }
    }

    /// Total inputs of one population, then its counts or logits.
    fn advance<T: Total>(
        &self,
        state: &mut SimulationState,
        index: usize,
        currents: &Currents<T>,
        totals: &mut [T],
        first_sample: u64,
    ) -> Result<(), CompilerError> {
        let length = state.neurons[index] * state.examples;
        let totals = &mut totals[..length];
        if currents.initial.is_empty() {
            totals.fill(T::default());
        } else {
            totals
                .chunks_exact_mut(currents.initial.len())
                .for_each(|totals| totals.copy_from_slice(&currents.initial));
        }
        for projection in &currents.projections {
            self.add(state, projection, totals, first_sample)?;
        }
        if index == self.readout {
            currents.neurons.read_out(totals, &mut state.logits[..length]);
            return Ok(());
        }
        let (counts, gate) = (&mut state.counts[index][..length], &mut state.gate[..length]);
        let fired = currents.neurons.fire(self.engine, totals, counts, gate)?;
        let PopulationStatistics { spikes, active_neurons, clipped } = &mut state.statistics.populations[index];
        *spikes += fired.spikes;
        *active_neurons += fired.active_neurons;
        *clipped += fired.clipped;
        Ok(())
    }

    /// Adds the currents of one projection.
    fn add<T: Total>(
        &self,
        state: &mut SimulationState,
        projection: &Incoming<T>,
        totals: &mut [T],
        first_sample: u64,
    ) -> Result<(), CompilerError> {
        let (examples, from) = (state.examples, projection.from);
        let SimulationState { counts, is_signed, neurons, columns, chip: scratch, workspace, statistics, .. } = state;
        let input = view(&counts[from], is_signed[from], neurons[from] * examples);
        let statistics = &mut statistics.projections[projection.index];
        match &projection.work {
            Work::Columns { operator, quantiser, chip: None } => {
                operator.for_each_read(input, examples, columns, |read| {
                    quantiser.accumulate(&read, totals, statistics, self.engine);
                })
            }
            Work::Columns { operator, quantiser, chip: Some(chip) } => {
                operator.for_each_rows(input, examples, columns, |read| {
                    chip.accumulate(&read, quantiser, first_sample, totals, statistics, scratch);
                    Ok(())
                })
            }
            Work::Exact { product, unit, counted } => {
                if let Some(totals) = T::narrow(totals) {
                    product.add(self.engine, input, examples, *unit, totals, workspace)?;
                }
                let Some((operator, quantiser)) = counted else { return Ok(()) };
                operator.for_each_rows(input, examples, columns, |read| {
                    quantiser.count(&read, CodeCounts::default(), statistics);
                    Ok(())
                })
            }
            Work::SumPooling { shape, weight } => add_pooling(self.engine, shape, *weight, input, examples, totals),
            Work::Identity { weight } => {
                add_identity(*weight, input, totals);
                Ok(())
            }
        }
    }
}
