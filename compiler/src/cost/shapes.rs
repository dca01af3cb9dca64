//! Counts from shapes alone, for published networks that nobody has trained here.

use serde::{Deserialize, Serialize};

use super::workload::{Basis, CrossbarWork, Stage, Workload, mismatch};
use crate::CompilerError;
use crate::hardware::{HardwareSpecification, Quantiser, SignedWeights};

/// One convolution or dense projection; a dense one has a map of 1 x 1 and a kernel of 1 x 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerShape {
    /// Name, unique in the list.
    pub name: String,
    /// Channels of the map that enters.
    pub channels: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Channels of the map that leaves.
    pub outputs: usize,
    /// Height and width of the map that leaves.
    pub map: [usize; 2],
    /// Copies of its arrays.
    pub replicas: usize,
}

/// What stands for a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    /// Share of active rows in a read, 0..=1.
    pub density: f64,
    /// Share of zeros among ternary codes, 0..=1; no effect for other quantisers.
    pub zero_share: f64,
    /// Reads of each position: bits of a count, or time steps.
    pub streams: usize,
    /// Whether sums leave the arrays and neurons are updated after every read, as in a spiking
    /// network that runs in time steps; else once for all reads of a position.
    pub integrates_every_read: bool,
}

impl LayerShape {
    /// A convolution with a square kernel onto a map of `height` x `width`.
    pub fn convolution(name: &str, channels: usize, kernel: usize, outputs: usize, map: [usize; 2]) -> Self {
        Self { name: name.to_owned(), channels, kernel: [kernel; 2], outputs, map, replicas: 1 }
    }

    /// A dense projection.
    pub fn dense(name: &str, units: usize, outputs: usize) -> Self {
        Self::convolution(name, units, 1, outputs, [1, 1])
    }

    /// The same with copies of its arrays.
    pub fn replicated(self, replicas: usize) -> Self {
        Self { replicas, ..self }
    }

    /// Synapses of one output.
    pub fn fan_in(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Multiply-accumulates of the dense network.
    pub fn operations(&self) -> usize {
        self.fan_in() * self.outputs * self.map[0] * self.map[1]
    }
}

/// How outputs lie in arrays.
pub(super) struct Tiling {
    rows: usize,
    slices: usize,
    outputs_per_array: usize,
}

impl Tiling {
    /// Of a chip; `name` is told where one output does not fit an array.
    pub fn of(hardware: &HardwareSpecification, name: &str) -> Result<Self, CompilerError> {
        let slices = hardware.weights.slices(hardware.array.cell_bits) as usize;
        let width = slices * hardware.weights.columns_per_slice();
        let reserved = usize::from(hardware.weights.signed == SignedWeights::ReferenceColumn);
        let outputs_per_array = hardware.array.columns.saturating_sub(reserved) / width.max(1);
        if outputs_per_array == 0 || hardware.array.rows == 0 {
            return Err(CompilerError::Mapping {
                part: "projection",
                name: name.to_owned(),
                hardware: hardware.name.clone(),
                problem: format!("the {width} columns of one output exceed {}", hardware.array.columns),
                remedy: "use more columns, more bits per cell or fewer weight bits".to_owned(),
            });
        }
        Ok(Self { rows: hardware.array.rows, slices, outputs_per_array })
    }

    /// Work of a projection of `[fan-in, outputs, positions, streams]` without copies, whose sums leave the arrays once for
    /// a position.
    pub fn work(
        &self,
        name: &str,
        [fan_in, outputs, positions, streams]: [usize; 4],
        active_rows: f64,
    ) -> CrossbarWork {
        let row_tiles = fan_in.div_ceil(self.rows);
        CrossbarWork {
            name: name.to_owned(),
            fan_in,
            outputs,
            slices: self.slices,
            row_tiles,
            column_tiles: outputs.div_ceil(self.outputs_per_array),
            columns_per_array: outputs.min(self.outputs_per_array) * self.slices,
            replicas: 1,
            positions,
            streams,
            deliveries: positions as f64,
            active_rows,
            conversions: (positions * streams) as f64 * (row_tiles * outputs * self.slices) as f64,
            zero_share: 0.0,
        }
    }
}

impl Workload {
    /// Counts of a chain of layers on a chip, under an assumption. Weights fill the slices of the
    /// specification.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] for shares beyond 0..=1, and for sizes of zero;
    /// [`CompilerError::Mapping`] if the slices of one output do not fit an array.
    pub fn assumed(
        hardware: &HardwareSpecification,
        layers: &[LayerShape],
        assumption: &Assumption,
    ) -> Result<Self, CompilerError> {
        for (what, share) in [("density", assumption.density), ("share of zero codes", assumption.zero_share)] {
            if !(0.0..=1.0).contains(&share) {
                return Err(mismatch(what, "0 to 1", share));
            }
        }
        if assumption.streams == 0 {
            return Err(mismatch("reads of a position", "at least 1", 0));
        }
        let tiling = Tiling::of(hardware, layers.first().map_or("", |layer| &layer.name))?;
        let zero_share = if hardware.quantiser == (Quantiser::Ternary {}) { assumption.zero_share } else { 0.0 };
        let mut stages = Vec::with_capacity(layers.len());
        for (index, layer) in layers.iter().enumerate() {
            let sizes = [
                layer.channels,
                layer.kernel[0],
                layer.kernel[1],
                layer.outputs,
                layer.map[0],
                layer.map[1],
                layer.replicas,
            ];
            if sizes.contains(&0) {
                return Err(mismatch(&format!("sizes of layer '{}'", layer.name), "at least 1 each", 0));
            }
            let positions = layer.map[0] * layer.map[1];
            let (fan_in, outputs) = (layer.fan_in(), layer.outputs);
            let passes = if assumption.integrates_every_read { assumption.streams } else { 1 };
            let deliveries = (positions * passes) as f64;
            let reads = (positions * assumption.streams) as f64;
            stages.push(Stage {
                name: layer.name.clone(),
                neurons: positions * outputs,
                channels: outputs,
                count_bits: if assumption.integrates_every_read { 1 } else { assumption.streams as u32 },
                updates: deliveries * outputs as f64,
                sources: index.checked_sub(1).into_iter().collect(),
                crossbars: vec![CrossbarWork {
                    replicas: layer.replicas,
                    deliveries,
                    zero_share,
                    ..tiling.work(
                        &layer.name,
                        [fan_in, outputs, positions, assumption.streams],
                        reads * fan_in as f64 * assumption.density,
                    )
                }],
                digital: Vec::new(),
            });
        }
        Ok(Self { basis: Basis::Assumed { density: assumption.density, zero_share }, stages })
    }
}
