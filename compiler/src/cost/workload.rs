//! How often each part of the chip works for one example.

use serde::{Deserialize, Serialize};

use crate::CompilerError;
use crate::program::{CrossbarLayout, DigitalKind, Geometry, Layout, ProjectionKind};
use crate::statistics::{ProjectionStatistics, RunStatistics};

/// Where the counts come from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Basis {
    /// Counted while the compiled network ran.
    Simulated {
        /// Examples that were run.
        examples: u64,
    },
    /// Derived from shapes with an assumed share of active rows; no network was run.
    Assumed {
        /// Share of active rows in a read.
        density: f64,
        /// Share of zeros among ternary codes.
        zero_share: f64,
    },
}

/// Counts of one example, stage by stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Where they come from.
    pub basis: Basis,
    /// Populations with what enters them; sources come first.
    pub stages: Vec<Stage>,
}

/// A population and the projections that enter it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Name of the population.
    pub name: String,
    /// Neurons.
    pub neurons: usize,
    /// Channels: each has a unit that updates its neurons, in every replica.
    pub channels: usize,
    /// Bits of a spike count.
    pub count_bits: u32,
    /// Updates of neurons in one example.
    pub updates: f64,
    /// Stages that its projections leave.
    pub sources: Vec<usize>,
    /// Projections in crossbar arrays.
    pub crossbars: Vec<CrossbarWork>,
    /// Projections with fixed weights.
    pub digital: Vec<DigitalWork>,
}

/// Work of a projection in crossbar arrays for one example.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossbarWork {
    /// Name of the projection.
    pub name: String,
    /// Rows in all.
    pub fan_in: usize,
    /// Outputs: channels, or units.
    pub outputs: usize,
    /// Bit slices of a weight.
    pub slices: usize,
    /// Arrays below each other.
    pub row_tiles: usize,
    /// Arrays side by side.
    pub column_tiles: usize,
    /// Columns with partial sums in the fullest array.
    pub columns_per_array: usize,
    /// Copies of all arrays.
    pub replicas: usize,
    /// Output positions.
    pub positions: usize,
    /// Reads of each position.
    pub streams: usize,
    /// Times that accumulated sums leave the arrays.
    pub deliveries: f64,
    /// Active rows, summed over the reads of row tiles.
    pub active_rows: f64,
    /// Partial sums that are quantised, reference columns not included.
    pub conversions: f64,
    /// Share of zeros among the quantised partial sums.
    pub zero_share: f64,
}

/// Work of a projection with fixed weights for one example.
#[derive(Clone, Debug, PartialEq)]
pub struct DigitalWork {
    /// Name of the projection.
    pub name: String,
    /// Additions, one for each synapse.
    pub additions: usize,
    /// Additions that follow one another for one channel.
    pub additions_per_channel: usize,
    /// Bits of the counts that are added.
    pub count_bits: u32,
}

impl CrossbarWork {
    /// Reads of row tiles.
    pub fn reads(&self) -> f64 {
        self.positions as f64 * self.streams as f64 * self.row_tiles as f64
    }

    /// Arrays, replicas included.
    pub fn arrays(&self) -> usize {
        self.replicas * self.row_tiles * self.column_tiles
    }
}

impl Workload {
    /// Counts of a compiled network that was simulated.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] if the statistics are of no example or of another network.
    pub fn of(layout: &Layout, statistics: &RunStatistics) -> Result<Self, CompilerError> {
        let differs = |what: &str, expected: usize, found: usize| match expected == found {
            true => Ok(()),
            false => Err(mismatch(what, expected, found)),
        };
        if statistics.examples == 0 {
            return Err(mismatch("examples that were simulated", "at least 1", 0));
        }
        differs("projections with statistics", layout.projections.len(), statistics.projections.len())?;
        differs("populations with statistics", layout.populations.len(), statistics.populations.len())?;
        let examples = statistics.examples as f64;
        let mut stages = Vec::with_capacity(layout.populations.len());
        for (population, counts) in layout.populations.iter().zip(&statistics.populations) {
            let [channels, height, width] = population.shape;
            let neurons = channels * height * width;
            let is_input = population.neuron == snn::NeuronKind::Input;
            stages.push(Stage {
                name: population.name.clone(),
                neurons,
                channels,
                count_bits: count_bits(population.minimum_count, population.maximum_count),
                // A neuron is compared with its threshold once more than it fires.
                updates: if is_input { 0.0 } else { neurons as f64 + counts.spikes as f64 / examples },
                sources: Vec::new(),
                crossbars: Vec::new(),
                digital: Vec::new(),
            });
        }
        for (projection, counts) in layout.projections.iter().zip(&statistics.projections) {
            let (Some(source), Some(target)) =
                (layout.populations.get(projection.from), layout.populations.get(projection.to))
            else {
                let found = projection.from.max(projection.to);
                return Err(mismatch("index of a population", format!("below {}", stages.len()), found));
            };
            let count_bits = count_bits(source.minimum_count, source.maximum_count);
            let neurons = stages[projection.to].neurons;
            let stage = &mut stages[projection.to];
            stage.sources.push(projection.from);
            match &projection.kind {
                ProjectionKind::Crossbar(crossbar) => {
                    let work = simulated(&projection.name, crossbar, target.shape, counts, examples);
                    let expected = work.reads() * examples;
                    if counts.reads as f64 != expected {
                        return Err(mismatch(
                            &format!("reads of projection '{}'", projection.name),
                            expected,
                            counts.reads,
                        ));
                    }
                    stage.crossbars.push(work);
                }
                ProjectionKind::Digital(kind) => {
                    let each = match kind {
                        DigitalKind::SumPooling { window, .. } => window[0] * window[1],
                        DigitalKind::Identity { .. } => 1,
                    };
                    stage.digital.push(DigitalWork {
                        name: projection.name.clone(),
                        additions: neurons * each,
                        additions_per_channel: neurons / stage.channels.max(1) * each,
                        count_bits,
                    });
                }
            }
        }
        Ok(Self { basis: Basis::Simulated { examples: statistics.examples }, stages })
    }

    /// Crossbar projections of all stages.
    pub fn crossbars(&self) -> impl Iterator<Item = &CrossbarWork> {
        self.stages.iter().flat_map(|stage| &stage.crossbars)
    }

    /// Arrays in all, replicas included.
    pub fn arrays(&self) -> usize {
        self.crossbars().map(CrossbarWork::arrays).sum()
    }

    /// Accumulations along synapses: active rows times outputs.
    pub fn accumulations(&self) -> f64 {
        self.crossbars().map(|work| work.active_rows * work.outputs as f64).sum()
    }
}

fn simulated(
    name: &str,
    crossbar: &CrossbarLayout,
    shape: [usize; 3],
    counts: &ProjectionStatistics,
    examples: f64,
) -> CrossbarWork {
    let positions = match crossbar.geometry {
        Geometry::Dense {} => 1,
        Geometry::Convolution { .. } => shape[1] * shape[2],
    };
    let slices = crossbar.slices.len();
    CrossbarWork {
        name: name.to_owned(),
        fan_in: crossbar.fan_in,
        outputs: crossbar.outputs,
        slices,
        row_tiles: crossbar.row_tiles,
        column_tiles: crossbar.column_tiles,
        columns_per_array: crossbar.outputs_per_array.min(crossbar.outputs) * slices,
        replicas: crossbar.replicas,
        positions,
        streams: crossbar.streams.len(),
        deliveries: positions as f64,
        active_rows: counts.active_rows as f64 / examples,
        conversions: counts.conversions as f64 / examples,
        zero_share: counts.zero_codes as f64 / counts.conversions.max(1) as f64,
    }
}

/// Bits that hold every count of `low..=high`, a sign included where one is needed.
fn count_bits(low: i32, high: i32) -> u32 {
    let bits = |magnitude: u32| 32 - magnitude.leading_zeros();
    bits(high.max(0).unsigned_abs()).max(bits(low.min(0).unsigned_abs())) + u32::from(low < 0)
}

pub(super) fn mismatch(what: &str, expected: impl ToString, found: impl ToString) -> CompilerError {
    CompilerError::Samples { what: what.to_owned(), expected: expected.to_string(), found: found.to_string() }
}
