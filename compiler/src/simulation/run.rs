//! Groups of examples through all populations.

use snn::NeuronKind;

use super::digital::{add_identity, add_pooling};
use super::prepare::{Currents, Incoming, Part, Simulator, Stage, Work};
use super::state::{SimulationState, view};
use crate::columns::{CodeCounts, Total};
use crate::error::CompilerError;
use crate::statistics::PopulationStatistics;

impl Simulator<'_> {
    /// Runs `examples` examples whose counts lie one after the other in `input`, those of an example by input
    /// population. `first_sample` is
    /// the number of the first one: noise of reads depends on it, and on nothing else of the group.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] when `input` has another length, there are too many examples, or
    /// a count lies outside the range of its input population.
    pub fn run(
        &self,
        state: &mut SimulationState,
        input: &[u8],
        examples: usize,
        first_sample: u64,
    ) -> Result<(), CompilerError> {
        self.check(state, input, examples)?;
        state.examples = examples;
        state.statistics.examples += examples as u64;
        for part in &self.inputs {
            self.take_input(state, part, input);
        }
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

    /// Takes over the counts of one input population.
    fn take_input(&self, state: &mut SimulationState, part: &Part, input: &[u8]) {
        let neurons = part.range.len();
        let counts = &mut state.counts[part.population][..neurons * state.examples];
        for (counts, input) in counts.chunks_exact_mut(neurons).zip(input.chunks_exact(self.input_length())) {
            counts.copy_from_slice(&input[part.range.clone()]);
        }
        let magnitudes: u64 = match view(counts, state.is_signed[part.population], counts.len()) {
            kernels::Counts::Unsigned(counts) => counts.iter().map(|&count| u64::from(count)).sum(),
            kernels::Counts::Signed(counts) => counts.iter().map(|&count| u64::from(count.unsigned_abs())).sum(),
        };
        let statistics = &mut state.statistics.populations[part.population];
        statistics.spikes += magnitudes;
        statistics.active_neurons += counts.iter().filter(|&&count| count != 0).count() as u64;
    }

    /// Writes values of `[example][neuron]` of an output population to their places.
    fn write_outputs(&self, index: usize, logits: &mut [f64], value: impl Fn(usize) -> f64) {
        let Some(part) = self.outputs.iter().find(|part| part.population == index) else { return };
        for (example, logits) in logits.chunks_exact_mut(self.classes()).enumerate() {
            let first = example * part.range.len();
            let own = &mut logits[part.range.clone()];
            own.iter_mut().enumerate().for_each(|(place, logit)| *logit = value(first + place));
        }
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
        for part in &self.inputs {
            let population = &self.program.layout.populations[part.population];
            let range = population.minimum_count..=population.maximum_count;
            let is_signed = state.is_signed[part.population];
            let count = |byte: u8| if is_signed { i32::from(byte as i8) } else { i32::from(byte) };
            let mut counts = input.chunks_exact(length.max(1)).flat_map(|example| &example[part.range.clone()]);
            if let Some(&wrong) = counts.find(|&&byte| !range.contains(&count(byte))) {
                return Err(CompilerError::Samples {
                    what: format!("input count of '{}'", population.name),
                    expected: format!("{} to {}", range.start(), range.end()),
                    found: count(wrong).to_string(),
                });
            }
        }
        Ok(())
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
        let outputs = self.classes() * state.examples;
        if self.program.layout.populations[index].neuron == NeuronKind::Readout {
            let SimulationState { logits, readout, .. } = state;
            readout.resize(length, 0.0);
            currents.neurons.read_out(totals, readout);
            self.write_outputs(index, &mut logits[..outputs], |place| readout[place]);
            return Ok(());
        }
        let (counts, gate) = (&mut state.counts[index][..length], &mut state.gate[..length]);
        let fired = currents.neurons.fire(self.engine, totals, counts, gate)?;
        let PopulationStatistics { spikes, active_neurons, clipped } = &mut state.statistics.populations[index];
        *spikes += fired.spikes;
        *active_neurons += fired.active_neurons;
        *clipped += fired.clipped;
        if self.outputs.iter().any(|part| part.population == index) {
            let SimulationState { logits, counts, is_signed, .. } = state;
            let (counts, is_signed) = (&counts[index], is_signed[index]);
            self.write_outputs(index, &mut logits[..outputs], |place| {
                if is_signed { f64::from(counts[place] as i8) } else { f64::from(counts[place]) }
            });
        }
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
