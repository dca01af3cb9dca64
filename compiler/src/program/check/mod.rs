//! Whether a program is what the format says: every index, size, weight and level.

mod tensors;

pub(crate) use tensors::{cell_shape, check_tensors};

use std::collections::BTreeSet;

use kernels::{ConvolutionShape, PoolingShape};
use snn::{NeuronKind, Shape};

use super::{
    CrossbarLayout, DigitalKind, FORMAT, Geometry, Layout, PopulationLayout, ProjectionKind, ProjectionLayout,
    placement,
};
use crate::columns::{Slicing, streams};
use crate::hardware::HardwareSpecification;

/// A field that holds something other than it must.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) field: String,
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl Wrong {
    pub(crate) fn new(field: impl Into<String>, expected: impl Into<String>, found: impl ToString) -> Self {
        Self { field: field.into(), expected: expected.into(), found: found.to_string() }
    }
}

/// Largest threshold and bias, so that sums of them with total inputs stay within 64 bits.
const LARGEST: u64 = 1 << 61;
/// Largest unit and fixed weight.
const LARGEST_WEIGHT: u64 = 1 << 60;

/// Checks everything but the tensors. The hardware must have been checked.
pub(crate) fn check_layout(layout: &Layout) -> Result<(), Wrong> {
    if layout.format != FORMAT {
        return Err(Wrong::new("format", FORMAT.to_string(), layout.format));
    }
    let mut names = BTreeSet::new();
    for (index, population) in layout.populations.iter().enumerate() {
        check_name(&population.name, &format!("populations[{index}].name"), &mut names)?;
        check_population(population).map_err(|wrong| inside(format!("populations[{index}]"), wrong))?;
    }
    let (mut names, mut first_array, mut last) = (BTreeSet::new(), 0usize, 0usize);
    for (index, projection) in layout.projections.iter().enumerate() {
        check_name(&projection.name, &format!("projections[{index}].name"), &mut names)?;
        let within = |wrong| inside(format!("projections[{index}]"), wrong);
        check_projection(layout, projection, last, first_array).map_err(within)?;
        last = projection.to;
        if let ProjectionKind::Crossbar(part) = &projection.kind {
            let arrays = part.row_tiles.checked_mul(part.column_tiles).and_then(|n| n.checked_mul(part.replicas));
            first_array = arrays.and_then(|arrays| first_array.checked_add(arrays)).unwrap_or(usize::MAX);
        }
    }
    check_ends(layout)?;
    if layout.arrays.len() != first_array {
        return Err(Wrong::new("arrays", format!("{first_array} as the projections say"), layout.arrays.len()));
    }
    let arrays = placement::arrays(&layout.hardware, &layout.projections);
    if let Some(index) = differing(&arrays, &layout.arrays) {
        let expected = format!("{:?}", arrays.get(index));
        return Err(Wrong::new(format!("arrays[{index}]"), expected, format!("{:?}", layout.arrays.get(index))));
    }
    let routes = placement::routes(&layout.hardware, &layout.projections, &arrays);
    if let Some(index) = differing(&routes, &layout.routes) {
        let expected = format!("{:?}", routes.get(index));
        return Err(Wrong::new(format!("routes[{index}]"), expected, format!("{:?}", layout.routes.get(index))));
    }
    Ok(())
}

fn inside(place: String, wrong: Wrong) -> Wrong {
    Wrong { field: format!("{place}.{}", wrong.field), ..wrong }
}

/// Index of the first element that one list has and the other has not.
fn differing<T: PartialEq>(one: &[T], other: &[T]) -> Option<usize> {
    let common = one.iter().zip(other).position(|(one, other)| one != other);
    common.or((one.len() != other.len()).then(|| one.len().min(other.len())))
}

fn check_name<'a>(name: &'a str, field: &str, names: &mut BTreeSet<&'a str>) -> Result<(), Wrong> {
    if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) || !names.insert(name) {
        return Err(Wrong::new(field, "a unique name of 1 to 200 printable characters", format!("{name:?}")));
    }
    Ok(())
}

fn check_population(population: &PopulationLayout) -> Result<(), Wrong> {
    if Shape::from_sizes(&population.shape).is_none() {
        return Err(Wrong::new("shape", "channels, height and width above 0", format!("{:?}", population.shape)));
    }
    let channels = population.shape[0];
    let (low, high) = match population.neuron {
        NeuronKind::Input => (-128, 255),
        NeuronKind::Relu => (0, 127),
        NeuronKind::Linear => (-127, 127),
        NeuronKind::Readout => (0, 0),
    };
    if !(low..=0).contains(&population.minimum_count) {
        return Err(Wrong::new("minimum_count", format!("{low} to 0"), population.minimum_count));
    }
    let high = if population.minimum_count < 0 { high.min(127) } else { high };
    if !(0..=high).contains(&population.maximum_count) {
        return Err(Wrong::new("maximum_count", format!("0 to {high}"), population.maximum_count));
    }
    if population.thresholds.len() != 1 && population.thresholds.len() != channels {
        return Err(Wrong::new("thresholds", format!("1 or {channels} values"), population.thresholds.len()));
    }
    if let Some(wrong) = population.thresholds.iter().find(|&&value| value < 1 || value.unsigned_abs() > LARGEST) {
        return Err(Wrong::new("thresholds", "integers from 1 to 2^61", wrong));
    }
    let is_input = population.neuron == NeuronKind::Input;
    if !population.bias.is_empty() && (is_input || population.bias.len() != channels) {
        let expected = if is_input { "no values".to_owned() } else { format!("0 or {channels} values") };
        return Err(Wrong::new("bias", expected, population.bias.len()));
    }
    match population.bias.iter().find(|value| value.unsigned_abs() > LARGEST) {
        Some(wrong) => Err(Wrong::new("bias", "magnitudes up to 2^61", wrong)),
        None => Ok(()),
    }
}

/// Inputs are entered by nothing, readouts are left by nothing, all others are entered.
fn check_ends(layout: &Layout) -> Result<(), Wrong> {
    for (index, population) in layout.populations.iter().enumerate() {
        let is_entered = layout.projections.iter().any(|projection| projection.to == index);
        let is_left = layout.projections.iter().any(|projection| projection.from == index);
        let expected = match population.neuron {
            NeuronKind::Input if is_entered => "no projection to an input",
            NeuronKind::Readout if is_left => "no projection from a readout",
            NeuronKind::Relu | NeuronKind::Linear | NeuronKind::Readout if !is_entered => "a projection that enters it",
            _ => continue,
        };
        return Err(Wrong::new(format!("populations[{index}]"), expected, format!("'{}'", population.name)));
    }
    Ok(())
}

fn check_projection(
    layout: &Layout,
    projection: &ProjectionLayout,
    last: usize,
    first_array: usize,
) -> Result<(), Wrong> {
    let populations = layout.populations.len();
    if projection.to >= populations || projection.to < last {
        let expected = format!("an index of {last} to {}, not falling", populations.saturating_sub(1));
        return Err(Wrong::new("to", expected, projection.to));
    }
    if projection.from >= projection.to {
        return Err(Wrong::new("from", format!("an index below {}", projection.to), projection.from));
    }
    let (source, target) = (&layout.populations[projection.from], &layout.populations[projection.to]);
    match &projection.kind {
        ProjectionKind::Digital(kind) => check_digital(kind, source, target),
        ProjectionKind::Crossbar(part) => check_crossbar(part, source, target, &layout.hardware, first_array),
    }
}

fn check_digital(kind: &DigitalKind, source: &PopulationLayout, target: &PopulationLayout) -> Result<(), Wrong> {
    let [channels, height, width] = source.shape;
    let (shape, weight) = match *kind {
        DigitalKind::Identity { weight } => (source.shape, weight),
        DigitalKind::SumPooling { window, stride, weight } => {
            let pooling = PoolingShape::new([height, width, channels], window, stride)
                .map_err(|error| Wrong::new("window", "a window within the map", error))?;
            ([channels, pooling.output_height(), pooling.output_width()], weight)
        }
    };
    if shape != target.shape {
        return Err(Wrong::new("to", format!("a population of shape {shape:?}"), format!("{:?}", target.shape)));
    }
    if weight == 0 || weight.unsigned_abs() > LARGEST_WEIGHT {
        return Err(Wrong::new("weight", "a weight other than 0 up to 2^60", weight));
    }
    Ok(())
}

fn check_crossbar(
    part: &CrossbarLayout,
    source: &PopulationLayout,
    target: &PopulationLayout,
    hardware: &HardwareSpecification,
    first_array: usize,
) -> Result<(), Wrong> {
    let equal = |field: &str, expected: usize, found: usize| {
        if expected == found { Ok(()) } else { Err(Wrong::new(field, expected.to_string(), found)) }
    };
    let (fan_in, outputs) = match part.geometry {
        Geometry::Dense {} => (source.neurons(), target.neurons()),
        Geometry::Convolution { kernel, stride, padding } => {
            let [channels, height, width] = source.shape;
            let shape = ConvolutionShape::new([height, width, channels], target.shape[0], kernel, stride, padding)
                .map_err(|error| Wrong::new("geometry", "a convolution of the map", error))?;
            if padding[0] >= kernel[0] || padding[1] >= kernel[1] {
                return Err(Wrong::new("geometry.padding", "less than the kernel", format!("{padding:?}")));
            }
            let delivered = [target.shape[0], shape.output_height(), shape.output_width()];
            if delivered != target.shape {
                let expected = format!("a population of shape {delivered:?}");
                return Err(Wrong::new("to", expected, format!("{:?}", target.shape)));
            }
            (shape.patch(), target.shape[0])
        }
    };
    equal("fan_in", fan_in, part.fan_in)?;
    equal("outputs", outputs, part.outputs)?;
    let outputs_per_array = hardware.outputs_per_array().min(outputs);
    if outputs_per_array == 0 {
        let columns = hardware.array.columns;
        return Err(Wrong::new("hardware.array.columns", "columns for the slices of one weight", columns));
    }
    equal("outputs_per_array", outputs_per_array, part.outputs_per_array)?;
    equal("row_tiles", fan_in.div_ceil(hardware.array.rows.max(1)), part.row_tiles)?;
    equal("column_tiles", outputs.div_ceil(outputs_per_array), part.column_tiles)?;
    let slicing = Slicing::of(hardware);
    if part.slices != slicing.weights() {
        let found = format!("{} others", part.slices.len());
        return Err(Wrong::new("slices", format!("{:?}", slicing.weights()), found));
    }
    if part.reference_weight != slicing.reference_weight() {
        return Err(Wrong::new("reference_weight", slicing.reference_weight().to_string(), part.reference_weight));
    }
    let expected = streams(hardware.input.coding, source.minimum_count, source.maximum_count);
    if part.streams != expected {
        let expected = format!("the {} streams of the counts of '{}'", expected.len(), source.name);
        return Err(Wrong::new("streams", expected, format!("{} others", part.streams.len())));
    }
    if part.unit < 1 || part.unit.unsigned_abs() > LARGEST_WEIGHT {
        return Err(Wrong::new("unit", "1 to 2^60", part.unit));
    }
    let positions = part.positions(target);
    if !(1..=positions).contains(&part.replicas) {
        return Err(Wrong::new("replicas", format!("1 to {positions}"), part.replicas));
    }
    equal("first_array", first_array, part.first_array)
}
