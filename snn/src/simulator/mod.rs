//! Event-driven simulation: ternary integrate-and-fire neurons, spike by spike.
//!
//! A neuron holds its total input A (from its bias on) and its net spike count S; its membrane
//! potential is `V = A - threshold * S`. Whenever a spike arrives it fires `+1` while
//! `V >= threshold` and S is below its maximum, or `-1` while `V <= -threshold` and S is above
//! its minimum; an event carries all spikes of one such drain. A rectified neuron's minimum of 0
//! is the `x > 0` guard of the papers. Readouts only integrate.
//!
//! When no spike is pending, populations are taken from the lowest to the highest and each neuron
//! fires at most one residual spike, which brings S to A / threshold rounded to nearest, halves
//! away from zero. So for integer weights S, A and the gates equal the integer pass, see
//! [`mod@reference`], for every order of events. With float weights the equality holds up to the
//! order of summation: a total may differ in its last bits and a count that is a near tie with it.
//!
//! Rules: Thiele et al., *SpikeGrad* (arXiv 1906.00851), forward phase and residual spikes.
//!
//! ```
//! use kernels::Counts;
//! use snn::simulator::{SimulationOptions, Simulator, State};
//! use snn::{Network, NetworkDescription};
//!
//! let description = NetworkDescription::from_toml(
//!     r#"
//!     [[population]]
//!     name = "input"
//!     shape = [1, 2, 2]
//!     neuron = "input"
//!     [[population]]
//!     name = "mean"
//!     shape = [1, 1, 1]
//!     neuron = "linear"
//!     threshold = 4
//!     [[projection]]
//!     name = "pooling"
//!     from = "input"
//!     to = "mean"
//!     kind = "sum-pooling"
//!     window = [2, 2]
//!     "#,
//! )?;
//! let simulator = Simulator::new(&Network::build(&description)?)?;
//! let mut state = State::new();
//! let pixels = [1, 2, 3, 4];
//! let result = simulator.run(&[Counts::Unsigned(&pixels)], &SimulationOptions::default(), &mut state, None)?;
//! assert_eq!(result.counts(1), [3]); // 10 / 4 = 2.5, away from zero
//! # Ok::<(), snn::SnnError>(())
//! ```

mod course;
mod fan_out;
mod input;
mod options;
mod population;
mod queue;
pub mod reference;
mod state;
mod statistics;
mod total;

pub use options::{EventOrder, InputEncoding, SimulationOptions};
pub use state::{Simulation, State, Totals};
pub use statistics::{PopulationStatistics, ProjectionStatistics, Statistics};

use kernels::Counts;

use self::course::Prepared;
use self::input::InputRange;
use crate::description::{NeuronKind, WeightFormat};
use crate::error::SnnError;
use crate::network::{Bias, Network};
use crate::trace::Trace;

/// A network prepared for event-driven simulation; immutable, so threads may share it.
#[derive(Clone, Debug)]
pub struct Simulator {
    course: Typed,
    kinds: Vec<NeuronKind>,
    sizes: Vec<(String, usize)>,
    inputs: Vec<InputRange>,
}

#[derive(Clone, Debug)]
enum Typed {
    Integer(Prepared<i32>),
    Float(Prepared<f32>),
}

impl Simulator {
    /// Copies the parameters of a network into the order in which spikes meet them.
    ///
    /// # Errors
    /// [`SnnError::Overflow`] when the weights as they are could exceed 32-bit totals,
    /// [`SnnError::Parameters`] when weights are missing.
    pub fn new(network: &Network) -> Result<Self, SnnError> {
        network.check_bounds()?;
        let course = match network.weight_format() {
            WeightFormat::I8 | WeightFormat::I16 => {
                Typed::Integer(Prepared::new(network, |bias: &Bias, channel| match bias {
                    Bias::Integer(values) => values[channel],
                    Bias::Float(values) => values[channel] as i32,
                })?)
            }
            WeightFormat::F32 => Typed::Float(Prepared::new(network, |bias: &Bias, channel| bias.get(channel) as f32)?),
        };
        let populations = network.populations();
        let is_input = |population: &&crate::Population| population.neuron == NeuronKind::Input;
        Ok(Self {
            course,
            kinds: populations.iter().map(|population| population.neuron).collect(),
            sizes: populations.iter().map(|p| (p.name.clone(), p.shape.neurons())).collect(),
            inputs: (0..populations.len())
                .filter(|&index| is_input(&&populations[index]))
                .map(|index| InputRange::new(index, &populations[index]))
                .collect(),
        })
    }

    /// Indices of the input populations, in the order in which [`Simulator::run`] takes them.
    pub fn input_populations(&self) -> impl Iterator<Item = usize> + '_ {
        self.inputs.iter().map(|input| input.population)
    }

    /// Simulates one example from the resting state.
    ///
    /// `inputs` holds the counts of each input population, channels-last. What the state held
    /// before has no influence. A trace is cleared, then filled.
    ///
    /// # Errors
    /// [`SnnError::Input`] when inputs are missing, of wrong length or out of range, or the trace
    /// watches a neuron that does not exist.
    pub fn run<'s>(
        &'s self,
        inputs: &[Counts<'_>],
        options: &SimulationOptions,
        state: &'s mut State,
        trace: Option<&mut Trace>,
    ) -> Result<Simulation<'s>, SnnError> {
        if inputs.len() != self.inputs.len() {
            let names: Vec<&str> = self.inputs.iter().map(|input| self.sizes[input.population].0.as_str()).collect();
            return Err(SnnError::Input {
                population: names.join("', '"),
                expected: format!("counts for {} input populations", names.len()),
                found: format!("counts for {}", inputs.len()),
            });
        }
        if let Some(trace) = &trace {
            trace.check(&self.sizes)?;
        }
        for (range, counts) in self.inputs.iter().zip(inputs) {
            range.check(counts)?;
        }
        let is_float = match &self.course {
            Typed::Integer(prepared) => {
                prepared.run(&self.inputs, inputs, options, &mut state.integer, &mut state.scratch, trace);
                false
            }
            Typed::Float(prepared) => {
                prepared.run(&self.inputs, inputs, options, &mut state.float, &mut state.scratch, trace);
                true
            }
        };
        Ok(Simulation { kinds: &self.kinds, state, is_float })
    }
}
