//! Input counts of an example and their spikes.

use kernels::Counts;

use super::InputEncoding;
use super::queue::Event;
use crate::error::SnnError;
use crate::network::Population;

/// What an input population takes.
#[derive(Clone, Debug)]
pub(super) struct InputRange {
    pub(super) population: usize,
    name: String,
    neurons: usize,
    minimum: i32,
    maximum: i32,
}

/// The count with an index.
#[inline]
pub(super) fn count(counts: &Counts<'_>, index: usize) -> i32 {
    match counts {
        Counts::Unsigned(values) => i32::from(values[index]),
        Counts::Signed(values) => i32::from(values[index]),
    }
}

impl InputRange {
    pub(super) fn new(index: usize, population: &Population) -> Self {
        Self {
            population: index,
            name: population.name.clone(),
            neurons: population.shape.neurons(),
            minimum: population.minimum_count,
            maximum: population.maximum_count,
        }
    }

    /// Refuses counts of the wrong number or out of range.
    pub(super) fn check(&self, counts: &Counts<'_>) -> Result<(), SnnError> {
        let fail = |expected: String, found: String| SnnError::Input { population: self.name.clone(), expected, found };
        if counts.len() != self.neurons {
            return Err(fail(format!("{} counts", self.neurons), format!("{} counts", counts.len())));
        }
        let range = self.minimum..=self.maximum;
        match (0..self.neurons).find(|&neuron| !range.contains(&count(counts, neuron))) {
            None => Ok(()),
            Some(neuron) => Err(fail(
                format!("counts of {}..={}", self.minimum, self.maximum),
                format!("{} at neuron {neuron}", count(counts, neuron)),
            )),
        }
    }

    /// Appends the spikes of checked counts.
    pub(super) fn encode(&self, counts: &Counts<'_>, encoding: InputEncoding, events: &mut Vec<Event>) {
        for neuron in 0..self.neurons {
            let count = count(counts, neuron);
            let event = Event { population: self.population as u32, neuron: neuron as u32, spikes: count, time: 0.0 };
            match encoding {
                InputEncoding::Graded if count != 0 => events.push(event),
                InputEncoding::Graded => {}
                InputEncoding::UnitSpikes => {
                    let number = count.unsigned_abs();
                    events.extend((0..number).map(|spike| Event {
                        spikes: count.signum(),
                        time: (2 * spike + 1) as f32 / (2 * number) as f32,
                        ..event
                    }));
                }
            }
        }
    }
}

/// Gives graded spikes their arrival times and sorts unit spikes by theirs, ties by neuron.
pub(super) fn arrange(encoding: InputEncoding, events: &mut [Event]) {
    match encoding {
        InputEncoding::Graded => {
            let number = events.len() as f32;
            events.iter_mut().enumerate().for_each(|(index, event)| event.time = index as f32 / number);
        }
        InputEncoding::UnitSpikes => events.sort_unstable_by(|a, b| {
            a.time.total_cmp(&b.time).then((a.population, a.neuron).cmp(&(b.population, b.neuron)))
        }),
    }
}
