//! How many arrays a network takes, and what does not fit, before a cell is computed.

use serde::Serialize;
use snn::{Connection, Network, NeuronKind, WeightFormat};

use super::counts::count_ranges;
use super::replication::{Stage, copies};
use crate::columns::{Slicing, streams};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, InputCoding, SignedWeights};
use crate::program::{CrossbarLayout, Geometry};

/// What a network takes on a chip.
#[derive(Clone, Debug, Serialize)]
pub struct MappingPlan {
    /// Name of the hardware.
    pub hardware: String,
    /// One for each projection, in the order of the network.
    pub projections: Vec<ProjectionPlan>,
    /// Arrays in all, copies included.
    pub arrays: usize,
    /// Arrays that the chip has; no limit when absent.
    pub available_arrays: Option<usize>,
    /// Arrays beyond those.
    pub spilled_arrays: usize,
    /// Groups of arrays that share buffers and a router.
    pub tiles: usize,
    /// Share of all cells that hold a digit of a weight or of a reference column.
    pub utilisation: f64,
    /// Everything that does not fit.
    pub problems: Vec<Problem>,
}

/// One projection of a plan. All numbers but the first two names are 0 for a digital projection.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectionPlan {
    /// Its name.
    pub name: String,
    /// "crossbar" or "digital".
    pub on: &'static str,
    /// Rows in all.
    pub fan_in: usize,
    /// Outputs: channels, or units.
    pub outputs: usize,
    /// Output positions of an example.
    pub positions: usize,
    /// Arrays below each other.
    pub row_tiles: usize,
    /// Arrays side by side.
    pub column_tiles: usize,
    /// Bit slices of a weight.
    pub slices: usize,
    /// Reads of one position.
    pub streams: usize,
    /// Copies.
    pub replicas: usize,
    /// Arrays, copies included.
    pub arrays: usize,
    /// Those that the chip has no room for, counted in the order of the projections.
    pub spilled_arrays: usize,
    /// Share of the cells in use.
    pub utilisation: f64,
    /// Reads of row tiles for one example.
    pub reads_per_example: u64,
    /// Reads one after the other for one example.
    pub reads_in_sequence: u64,
    /// The layout with unit 1; `None` for a digital projection.
    #[serde(skip)]
    pub layout: Option<CrossbarLayout>,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// "population" or "projection".
    pub part: &'static str,
    /// Its name.
    pub name: String,
    /// Why not.
    pub problem: String,
    /// What to change.
    pub remedy: String,
}

impl MappingPlan {
    /// Whether everything fits.
    ///
    /// # Errors
    /// [`CompilerError::Mapping`] with the first problem.
    pub fn check(&self) -> Result<(), CompilerError> {
        match self.problems.first() {
            None => Ok(()),
            Some(Problem { part, name, problem, remedy }) => Err(CompilerError::Mapping {
                part,
                name: name.clone(),
                hardware: self.hardware.clone(),
                problem: problem.clone(),
                remedy: remedy.clone(),
            }),
        }
    }
}

/// Maps a network onto arrays: rows over the fan-in, columns over outputs times slices. The input
/// streams follow from the counts that can occur ([`super::count_ranges`]).
pub fn plan(network: &Network, hardware: &HardwareSpecification) -> MappingPlan {
    let ranges = count_ranges(network);
    let mut problems = count_problems(network, hardware);
    let mut projections = Vec::with_capacity(network.projections().len());
    for projection in network.projections() {
        let refused = |problem: String, remedy: String| Problem {
            part: "projection",
            name: projection.name.clone(),
            problem,
            remedy,
        };
        let Some((geometry, fan_in, outputs, positions)) = geometry(&projection.connection) else {
            projections.push(digital(&projection.name));
            continue;
        };
        if network.weight_format() != WeightFormat::I8 {
            let problem = format!("its weights are {}, cells are mapped from i8", network.weight_format());
            problems.push(refused(problem, "train it with --weights i8".to_owned()));
        }
        let slicing = Slicing::of(hardware);
        let fitting = hardware.outputs_per_array();
        if fitting == 0 {
            let problem = format!(
                "the {} slices of one weight need more than the {} columns of an array",
                slicing.count(),
                hardware.array.columns
            );
            problems.push(refused(problem, "raise array.columns, or lower weights.bits".to_owned()));
        }
        let outputs_per_array = fitting.clamp(1, outputs);
        let range = ranges[projection.from];
        let layout = CrossbarLayout {
            geometry,
            fan_in,
            outputs,
            row_tiles: fan_in.div_ceil(hardware.array.rows),
            column_tiles: outputs.div_ceil(outputs_per_array),
            outputs_per_array,
            slices: slicing.weights(),
            streams: streams(hardware.input.coding, range.low, range.high),
            unit: 1,
            reference_weight: slicing.reference_weight(),
            replicas: 1,
            first_array: 0,
        };
        projections.push(on_crossbar(&projection.name, layout, positions));
    }
    replicate(&mut projections, hardware);
    let mut plan = MappingPlan {
        hardware: hardware.name.clone(),
        arrays: projections.iter().map(|projection| projection.arrays).sum(),
        available_arrays: hardware.periphery.arrays,
        projections,
        spilled_arrays: 0,
        tiles: 0,
        utilisation: 0.0,
        problems,
    };
    plan.tiles = plan.arrays.div_ceil(hardware.arrays_per_tile());
    measure_utilisation(&mut plan, hardware);
    find_spills(&mut plan);
    plan
}

/// Geometry, fan-in, outputs and positions of trained weights.
fn geometry(connection: &Connection) -> Option<(Geometry, usize, usize, usize)> {
    match connection {
        Connection::Dense { inputs, outputs } => Some((Geometry::Dense {}, *inputs, *outputs, 1)),
        Connection::Convolution(shape) => Some((
            Geometry::Convolution { kernel: shape.kernel, stride: shape.stride, padding: shape.padding },
            shape.patch(),
            shape.output_channels,
            shape.output_height() * shape.output_width(),
        )),
        Connection::SumPooling { .. } | Connection::Identity { .. } => None,
    }
}

fn digital(name: &str) -> ProjectionPlan {
    ProjectionPlan {
        name: name.to_owned(),
        on: "digital",
        fan_in: 0,
        outputs: 0,
        positions: 0,
        row_tiles: 0,
        column_tiles: 0,
        slices: 0,
        streams: 0,
        replicas: 0,
        arrays: 0,
        spilled_arrays: 0,
        utilisation: 0.0,
        reads_per_example: 0,
        reads_in_sequence: 0,
        layout: None,
    }
}

fn on_crossbar(name: &str, layout: CrossbarLayout, positions: usize) -> ProjectionPlan {
    ProjectionPlan {
        on: "crossbar",
        fan_in: layout.fan_in,
        outputs: layout.outputs,
        positions,
        row_tiles: layout.row_tiles,
        column_tiles: layout.column_tiles,
        slices: layout.slices.len(),
        streams: layout.streams.len(),
        replicas: 1,
        arrays: layout.arrays(),
        reads_per_example: (positions * layout.row_tiles * layout.streams.len()) as u64,
        layout: Some(layout),
        ..digital(name)
    }
}

/// Populations that feed arrays with counts that the rows cannot be given.
fn count_problems(network: &Network, hardware: &HardwareSpecification) -> Vec<Problem> {
    let feeds_arrays = |population: &snn::Population| {
        population.outgoing.iter().any(|&index| geometry(&network.projections()[index].connection).is_some())
    };
    let mut problems = Vec::new();
    for (population, range) in network.populations().iter().zip(count_ranges(network)) {
        let is_image = population.neuron == NeuronKind::Input;
        let bits = hardware.input.bits_for(is_image);
        let largest = (1u32 << bits) - 1;
        if range.magnitude() <= largest || !feeds_arrays(population) {
            continue;
        }
        let needed = u32::BITS - range.magnitude().leading_zeros();
        let word = match hardware.input.coding {
            InputCoding::BitSerial => "bits",
            InputCoding::Spikes => "bits of spikes",
        };
        let problem =
            format!("spike counts of {}..={} for inputs of {bits} {word}, up to {largest}", range.low, range.high);
        let remedy = if is_image {
            format!("set input.image_bits = {needed} in the hardware")
        } else {
            format!(
                "train with --max-spikes {largest} (maximum_count in a [[network.population]]), for this population \
                 or for what feeds it, or set input.bits = {needed} in the hardware"
            )
        };
        problems.push(Problem { part: "population", name: population.name.clone(), problem, remedy });
    }
    problems
}

fn replicate(projections: &mut [ProjectionPlan], hardware: &HardwareSpecification) {
    let stage = |plan: &ProjectionPlan| Stage { arrays: plan.arrays, positions: plan.positions, reads: plan.streams };
    let stages: Vec<Stage> = projections.iter().filter(|plan| plan.layout.is_some()).map(stage).collect();
    let copies = copies(&stages, hardware.periphery.largest_replication, hardware.periphery.arrays);
    let mut first_array = 0;
    for (plan, copies) in projections.iter_mut().filter(|plan| plan.layout.is_some()).zip(copies) {
        plan.replicas = copies;
        plan.reads_in_sequence = (plan.positions.div_ceil(copies) * plan.streams) as u64;
        if let Some(layout) = &mut plan.layout {
            (layout.replicas, layout.first_array) = (copies, first_array);
        }
        plan.arrays *= copies;
        first_array += plan.arrays;
    }
}

fn measure_utilisation(plan: &mut MappingPlan, hardware: &HardwareSpecification) {
    let cells = hardware.array.rows as f64 * hardware.array.columns as f64;
    let reference = usize::from(hardware.weights.signed == SignedWeights::ReferenceColumn);
    let mut used = 0.0;
    for projection in &mut plan.projections {
        let columns = projection.outputs * projection.slices * hardware.weights.columns_per_slice()
            + projection.column_tiles * reference;
        let of_projection = projection.fan_in as f64 * columns as f64 * projection.replicas as f64;
        used += of_projection;
        if projection.arrays > 0 {
            projection.utilisation = of_projection / (cells * projection.arrays as f64);
        }
    }
    if plan.arrays > 0 {
        plan.utilisation = used / (cells * plan.arrays as f64);
    }
}

/// Arrays beyond those that the chip has, in the order of the projections.
fn find_spills(plan: &mut MappingPlan) {
    let Some(available) = plan.available_arrays else { return };
    let mut placed = 0usize;
    for projection in &mut plan.projections {
        let fitting = projection.arrays.min(available.saturating_sub(placed));
        projection.spilled_arrays = projection.arrays - fitting;
        placed += projection.arrays;
        if projection.spilled_arrays > 0 {
            plan.problems.push(Problem {
                part: "projection",
                name: projection.name.clone(),
                problem: format!(
                    "{} of its {} arrays are beyond the {available} of the chip",
                    projection.spilled_arrays, projection.arrays
                ),
                remedy: format!("raise periphery.arrays to {}, or make the network smaller", plan.arrays),
            });
        }
    }
    plan.spilled_arrays = plan.arrays.saturating_sub(available);
}
