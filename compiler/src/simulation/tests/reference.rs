//! A compiled network run synapse by synapse from its layout and tensors.
//!
//! Nothing is shared with the simulator but the definitions of the program: levels of cells,
//! streams, sizes.

use snn::NeuronKind;

use crate::columns::active;
use crate::hardware::{Quantiser, SignedWeights};
use crate::program::{
    Crossbar, CrossbarLayout, DigitalKind, Geometry, PopulationLayout, Program, ProjectionKind, ProjectionLayout,
};

/// Counts of every population (total inputs for readouts) for one example, `inputs` by input population.
pub fn run(program: &Program, inputs: &[Vec<i32>]) -> Vec<Vec<i128>> {
    let layout = &program.layout;
    let mut counts: Vec<Vec<i128>> = Vec::new();
    let mut inputs = inputs.iter();
    for (index, population) in layout.populations.iter().enumerate() {
        if population.neuron == NeuronKind::Input {
            counts.push(inputs.next().unwrap().iter().map(|&count| count.into()).collect());
            continue;
        }
        let channels = population.shape[0];
        let neurons: usize = population.shape.iter().product();
        let bias = |neuron: usize| population.bias.get(neuron % channels).map_or(0, |&bias| i128::from(bias));
        let mut totals: Vec<i128> = (0..neurons).map(bias).collect();
        for (number, projection) in layout.projections.iter().enumerate().filter(|(_, other)| other.to == index) {
            let source = &layout.populations[projection.from];
            let crossbar = program.crossbars[number].as_ref();
            add(program, projection, crossbar, source, &counts[projection.from], population, &mut totals);
        }
        if population.neuron != NeuronKind::Readout {
            for (neuron, total) in totals.iter_mut().enumerate() {
                let threshold = i128::from(population.thresholds[neuron % channels % population.thresholds.len()]);
                let rounded = (2 * total.abs() + threshold) / (2 * threshold) * total.signum();
                *total = rounded.clamp(population.minimum_count.into(), population.maximum_count.into());
            }
        }
        counts.push(totals);
    }
    counts
}

fn add(
    program: &Program,
    projection: &ProjectionLayout,
    crossbar: Option<&Crossbar>,
    source: &PopulationLayout,
    counts: &[i128],
    target: &PopulationLayout,
    totals: &mut [i128],
) {
    let [channels, height, width] = source.shape;
    let at = |y: i64, x: i64, channel: usize| {
        let inside = (0..height as i64).contains(&y) && (0..width as i64).contains(&x);
        if inside { counts[(y as usize * width + x as usize) * channels + channel] } else { 0 }
    };
    match &projection.kind {
        ProjectionKind::Digital(DigitalKind::Identity { weight }) => {
            totals.iter_mut().zip(counts).for_each(|(total, count)| *total += i128::from(*weight) * count);
        }
        ProjectionKind::Digital(DigitalKind::SumPooling { window, stride, weight }) => {
            for (neuron, total) in totals.iter_mut().enumerate() {
                let (cell, channel) = (neuron / channels, neuron % channels);
                let (row, column) = (cell / target.shape[2], cell % target.shape[2]);
                for y in 0..window[0] {
                    for x in 0..window[1] {
                        let count = at((row * stride[0] + y) as i64, (column * stride[1] + x) as i64, channel);
                        *total += i128::from(*weight) * count;
                    }
                }
            }
        }
        ProjectionKind::Crossbar(layout) => {
            let positions = totals.len() / layout.outputs;
            for position in 0..positions {
                let rows: Vec<i32> = match layout.geometry {
                    Geometry::Dense {} => counts.iter().map(|&count| count as i32).collect(),
                    Geometry::Convolution { kernel, stride, padding } => {
                        let (oy, ox) = (position / target.shape[2], position % target.shape[2]);
                        let mut rows = Vec::new();
                        for y in 0..kernel[0] {
                            for x in 0..kernel[1] {
                                let y = (oy * stride[0] + y) as i64 - padding[0] as i64;
                                let x = (ox * stride[1] + x) as i64 - padding[1] as i64;
                                rows.extend((0..channels).map(|channel| at(y, x, channel) as i32));
                            }
                        }
                        rows
                    }
                };
                for output in 0..layout.outputs {
                    let sum = output_sum(program, layout, crossbar.unwrap(), &rows, output);
                    totals[position * layout.outputs + output] += i128::from(layout.unit) * sum;
                }
            }
        }
    }
}

/// The quantised, weighted sum of all columns of an output.
fn output_sum(program: &Program, layout: &CrossbarLayout, crossbar: &Crossbar, rows: &[i32], output: usize) -> i128 {
    let hardware = &program.layout.hardware;
    let (array_rows, coding) = (hardware.array.rows, hardware.input.coding);
    let (column_tile, local) = (output / layout.outputs_per_array, output % layout.outputs_per_array);
    let mut sum = 0;
    for row_tile in 0..layout.row_tiles {
        let positive = Crossbar::levels(&crossbar.cells, layout, hardware, row_tile, column_tile);
        let negative = Crossbar::levels(&crossbar.negative_cells, layout, hardware, row_tile, column_tile);
        let rows = rows.iter().skip(row_tile * array_rows).take(array_rows);
        for (number, &stream) in layout.streams.iter().enumerate() {
            let driven: Vec<usize> = rows
                .clone()
                .enumerate()
                .filter(|(_, count)| active(coding, **count, stream))
                .map(|(row, _)| row)
                .collect();
            for (slice, &weight) in layout.slices.iter().enumerate() {
                let column = local * layout.slices.len() + slice;
                let partial: i64 = driven
                    .iter()
                    .map(|row| row * layout.columns() + column)
                    .map(|place| i64::from(positive[place]) - i64::from(negative[place]))
                    .sum();
                let place = [row_tile, slice, number, output];
                let level = crossbar.quantiser_levels.get(place);
                let code = quantise(hardware.quantiser, hardware.weights.signed, partial, level.into());
                let scale = crossbar.scale_factors.get(place);
                sum += i128::from(scale) * i128::from(code) * i128::from(weight) * i128::from(stream.weight);
            }
            sum += i128::from(layout.reference_weight) * driven.len() as i128 * i128::from(stream.weight);
        }
    }
    sum
}

/// Q(P) as [`Quantiser`] defines it.
fn quantise(quantiser: Quantiser, signed: SignedWeights, sum: i64, level: i64) -> i64 {
    match quantiser {
        Quantiser::Ideal {} => sum,
        Quantiser::Sign {} => 2 * i64::from(sum > 0 || (sum == 0 && level == 1)) - 1,
        Quantiser::Ternary {} => {
            if sum.abs() >= level {
                sum.signum()
            } else {
                0
            }
        }
        Quantiser::Uniform { bits, .. } => {
            let code = (2 * sum.abs() + level).div_euclid(2 * level) * sum.signum();
            let (low, high) = match signed {
                SignedWeights::DifferentialPair => (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1),
                SignedWeights::ReferenceColumn => (0, (1i64 << bits) - 1),
            };
            level * code.clamp(low, high)
        }
    }
}
