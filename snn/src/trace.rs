//! Record of a simulation: who fired when, and the membrane potentials of chosen neurons.

use std::fmt::Write as _;
use std::path::Path;

use crate::error::SnnError;
use crate::network::Network;

/// Spikes that a neuron emitted at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpikeRecord {
    /// Number of the delivered event that made the neuron fire, counted from 1; 0 for spikes that
    /// a bias alone caused. An input spike has its own number.
    pub event: u64,
    /// Arrival time of the input spike that caused it, as a share of the presentation: 0 for
    /// biases, 1 for residual spikes and what they cause.
    pub time: f32,
    /// Index of the population.
    pub population: u32,
    /// Channels-last index of the neuron.
    pub neuron: u32,
    /// Number and sign of the spikes.
    pub spikes: i32,
    /// Whether it is a residual spike.
    pub residual: bool,
}

/// Membrane potential of a watched neuron after an event that changed its state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PotentialRecord {
    /// Number of the event, as in [`SpikeRecord::event`]; 0 for the state at rest.
    pub event: u64,
    /// Time of the event, as in [`SpikeRecord::time`].
    pub time: f32,
    /// Index of the population.
    pub population: usize,
    /// Channels-last index of the neuron.
    pub neuron: usize,
    /// V in grid units, after the neuron has fired.
    pub potential: f64,
    /// Net spike count S so far.
    pub count: i32,
}

/// A bounded record, filled by [`crate::simulator::Simulator::run`].
#[derive(Clone, Debug)]
pub struct Trace {
    limit: usize,
    spikes: Vec<SpikeRecord>,
    potentials: Vec<PotentialRecord>,
    omitted: u64,
    watched: Vec<Watched>,
}

#[derive(Clone, Debug)]
struct Watched {
    population: usize,
    neuron: usize,
    last: Option<(f64, i32)>,
}

impl Trace {
    /// An empty trace that keeps at most `limit` spike records and as many potentials.
    pub fn new(limit: usize) -> Self {
        Self { limit, spikes: Vec::new(), potentials: Vec::new(), omitted: 0, watched: Vec::new() }
    }

    /// Records the membrane potential of a neuron too.
    pub fn watch(&mut self, population: usize, neuron: usize) {
        self.watched.push(Watched { population, neuron, last: None });
    }

    /// Spikes in the order in which they were emitted.
    pub fn spikes(&self) -> &[SpikeRecord] {
        &self.spikes
    }

    /// Potentials of watched neurons, in the order of events.
    pub fn potentials(&self) -> &[PotentialRecord] {
        &self.potentials
    }

    /// Records left out because the limit was reached.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    /// Writes the spikes as CSV with the columns
    /// `event,time,population,neuron,channel,y,x,spikes,residual`; atomically, so an existing file
    /// stays when writing fails.
    ///
    /// # Errors
    /// [`SnnError::Io`] when the file cannot be written; [`SnnError::Parameters`] when the trace
    /// is of another network.
    pub fn write_spikes(&self, network: &Network, path: &Path) -> Result<(), SnnError> {
        crate::model::write_atomically(path, self.spikes_csv(network)?.as_bytes())
    }

    /// The text that [`Trace::write_spikes`] writes.
    ///
    /// # Errors
    /// [`SnnError::Parameters`] when the trace is of another network.
    pub fn spikes_csv(&self, network: &Network) -> Result<String, SnnError> {
        let names: Vec<String> = network.populations().iter().map(|population| quoted(&population.name)).collect();
        let mut text = String::from("event,time,population,neuron,channel,y,x,spikes,residual\n");
        for record in &self.spikes {
            let (index, neuron) = (record.population as usize, record.neuron as usize);
            let shape = match network.populations().get(index) {
                Some(population) if neuron < population.shape.neurons() => population.shape,
                _ => {
                    return Err(SnnError::Parameters {
                        what: "spike trace",
                        name: names.get(index).cloned().unwrap_or_default(),
                        expected: "a trace of this network".to_owned(),
                        found: format!("population {index}, neuron {neuron}"),
                    });
                }
            };
            let (cell, channel) = (neuron / shape.channels, neuron % shape.channels);
            let (y, x) = (cell / shape.width, cell % shape.width);
            let SpikeRecord { event, time, spikes, residual, .. } = record;
            let name = &names[index];
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{event},{time},{name},{neuron},{channel},{y},{x},{spikes},{residual}");
        }
        Ok(text)
    }

    /// Refuses watched neurons that do not exist; `sizes` are names and neurons of populations.
    pub(crate) fn check(&self, sizes: &[(String, usize)]) -> Result<(), SnnError> {
        for watched in &self.watched {
            let (name, expected) = match sizes.get(watched.population) {
                Some((_, neurons)) if watched.neuron < *neurons => continue,
                Some((name, neurons)) => (name.clone(), format!("watched neurons below {neurons}")),
                None => (watched.population.to_string(), format!("watched populations below {}", sizes.len())),
            };
            let found = format!("population {}, neuron {}", watched.population, watched.neuron);
            return Err(SnnError::Parameters { what: "trace", name, expected, found });
        }
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.spikes.clear();
        self.potentials.clear();
        self.omitted = 0;
        self.watched.iter_mut().for_each(|watched| watched.last = None);
    }

    pub(crate) fn record_spike(&mut self, record: SpikeRecord) {
        if self.spikes.len() < self.limit {
            self.spikes.push(record);
        } else {
            self.omitted += 1;
        }
    }

    /// Records each watched neuron whose potential and count, given by `state`, changed.
    pub(crate) fn record_potentials(&mut self, event: u64, time: f32, state: impl Fn(usize, usize) -> (f64, i32)) {
        for watched in &mut self.watched {
            let (population, neuron) = (watched.population, watched.neuron);
            let now = state(population, neuron);
            if watched.last == Some(now) {
                continue;
            }
            watched.last = Some(now);
            if self.potentials.len() < self.limit {
                let (potential, count) = now;
                self.potentials.push(PotentialRecord { event, time, population, neuron, potential, count });
            } else {
                self.omitted += 1;
            }
        }
    }
}

/// A CSV field, quoted where it has to be.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
