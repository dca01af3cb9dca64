//! The last stage's forward pass is what the compiled program computes.

use proptest::prelude::*;
use spikegrad::Samples;
use spikegrad::loss::cross_entropy;

use super::{Digits, chip, network, resources, settings};
use crate::columns::{Digits as Cells, Patches, active};
use crate::hardware::Quantiser;
use crate::mapping::compile;
use crate::program::{CrossbarLayout, DigitalKind, Program, ProjectionKind};
use crate::training::{Retraining, Task, TrainingOptions};

/// Runs a compiled network on one example by the equation of the crate; the logits.
fn simulate(program: &Program, input: &[u8]) -> Vec<f64> {
    let layout = &program.layout;
    let mut counts: Vec<Vec<i32>> = Vec::new();
    let mut logits = Vec::new();
    for (index, population) in layout.populations.iter().enumerate() {
        let [channels, height, width] = population.shape;
        let neurons = channels * height * width;
        if index == 0 {
            counts.push(input.iter().map(|&count| count.into()).collect());
            continue;
        }
        let bias = |neuron: usize| if population.bias.is_empty() { 0 } else { population.bias[neuron % channels] };
        let mut totals: Vec<i64> = (0..neurons).map(bias).collect();
        for (number, projection) in layout.projections.iter().enumerate().filter(|(_, p)| p.to == index) {
            let source = &layout.populations[projection.from];
            let rows = &counts[projection.from];
            match &projection.kind {
                ProjectionKind::Crossbar(crossbar) => {
                    let cells = program.crossbars[number].as_ref().unwrap();
                    let digits = Cells::of_cells(crossbar, cells, &layout.hardware).unwrap();
                    for (place, total) in totals.iter_mut().enumerate() {
                        let (position, output) = (place / crossbar.outputs, place % crossbar.outputs);
                        let patches = Patches::new(crossbar.geometry, source.shape).unwrap();
                        let bytes: Vec<u8> = rows.iter().map(|&count| count as u8).collect();
                        let mut patch = vec![0; patches.rows()];
                        patches.gather(&bytes, position, &mut patch);
                        *total += column(program, crossbar, number, &digits, &patch, output);
                    }
                }
                ProjectionKind::Digital(DigitalKind::SumPooling { window, stride, weight }) => {
                    let source_width = source.shape[2];
                    for (place, total) in totals.iter_mut().enumerate() {
                        let (channel, x, y) = (place % channels, place / channels % width, place / channels / width);
                        for (dy, dx) in (0..window[0]).flat_map(|dy| (0..window[1]).map(move |dx| (dy, dx))) {
                            let from = (y * stride[0] + dy) * source_width + x * stride[1] + dx;
                            *total += weight * i64::from(rows[from * channels + channel]);
                        }
                    }
                }
                ProjectionKind::Digital(DigitalKind::Identity { weight }) => {
                    totals.iter_mut().zip(rows).for_each(|(total, &count)| *total += weight * i64::from(count));
                }
            }
        }
        let threshold = |neuron: usize| population.thresholds[neuron % channels % population.thresholds.len()];
        logits = totals.iter().enumerate().map(|(neuron, &total)| total as f64 / threshold(neuron) as f64).collect();
        let fire = |(neuron, &total): (usize, &i64)| {
            let threshold = threshold(neuron);
            let count = total.signum() * ((2 * total.abs() + threshold) / (2 * threshold));
            count.clamp(population.minimum_count.into(), population.maximum_count.into()) as i32
        };
        counts.push(totals.iter().enumerate().map(fire).collect());
    }
    logits
}

/// What the columns of one output deliver for one patch.
fn column(
    program: &Program,
    layout: &CrossbarLayout,
    number: usize,
    digits: &Cells,
    patch: &[u8],
    output: usize,
) -> i64 {
    let hardware = &program.layout.hardware;
    let numbers = program.crossbars[number].as_ref().unwrap();
    let mut total = 0;
    for tile in 0..layout.row_tiles {
        let rows = digits.rows(tile);
        for (k, slice) in layout.slices.iter().enumerate() {
            for (j, &stream) in layout.streams.iter().enumerate() {
                let first = (k * layout.outputs + output) * rows;
                let column = &digits.tile(tile)[first..first + rows];
                let counts = &patch[tile * hardware.array.rows..][..rows];
                let driven = column
                    .iter()
                    .zip(counts)
                    .filter(|(_, count)| active(hardware.input.coding, i32::from(**count), stream));
                let sum: i64 = driven.map(|(&digit, _)| i64::from(digit)).sum();
                let index = [tile, k, j, output];
                let level = i64::from(numbers.quantiser_levels.get(index));
                let code = match hardware.quantiser {
                    Quantiser::Ideal {} => sum,
                    Quantiser::Sign {} => {
                        if sum > 0 || (sum == 0 && (tile + k) % 2 == 0) {
                            1
                        } else {
                            -1
                        }
                    }
                    Quantiser::Ternary {} => {
                        if sum.abs() >= level {
                            sum.signum()
                        } else {
                            0
                        }
                    }
                    Quantiser::Uniform { bits, .. } => {
                        let top = 1i64 << (bits - 1);
                        level * ((sum as f64 / level as f64).round() as i64).clamp(-top, top - 1)
                    }
                };
                total += i64::from(numbers.scale_factors.get(index)) * code * slice * stream.weight;
            }
        }
    }
    total * layout.unit
}

const QUANTISERS: [&str; 5] = [
    "{ kind = 'sign' }",
    "{ kind = 'ternary' }",
    "{ kind = 'uniform', bits = 4, range = 'unit' }",
    "{ kind = 'uniform', bits = 4, range = 'full' }",
    "{ kind = 'uniform', bits = 3, range = 'calibrated' }",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_last_stage_equals_the_compiled_network(
        kind in 0usize..5,
        rows in 3usize..40,
        cell_bits in 1u32..4,
        granularity in 0usize..4,
        topology in 0usize..3,
    ) {
        let granularity = ["layer", "channel", "column", "column-stream"][granularity];
        let has_scales = kind < 2;
        let rest = if has_scales { format!("[scale_factors]\ngranularity = '{granularity}'\n") } else { String::new() };
        let chip = chip(rows, 4, cell_bits, QUANTISERS[kind], &rest);
        let start = network(["8x8-3C3-P2-6-10", "8x8-2C3s2-3C2p0-10", "64-12-10"][topology]);
        let start = spikegrad::Trainer::new(start, settings(1), resources(1)).unwrap().network().clone();
        let train = Digits::new(0, 96);
        let task = Task {
            network: &start,
            hardware: &chip,
            settings: settings(3),
            options: TrainingOptions::default(),
            resources: resources(1),
        };
        let mut run = Retraining::new(&task, &train).unwrap();
        while !run.trainer().is_finished() {
            while !run.trainer().epoch_is_complete(&train) {
                run.step(&train).unwrap();
            }
            run.finish_epoch(&Digits::new(200, 10)).unwrap();
        }
        let samples = Digits::new(300, 24);
        let trained = run.evaluate(&samples).unwrap();
        let (network, calibration) = run.deployed().unwrap();
        let program = compile(&network, &chip, &calibration).unwrap();
        let mut loss = 0.0;
        for index in 0..samples.len() {
            let mut input = vec![0; 64];
            samples.fill(None, index, &mut input);
            let logits = simulate(&program, &input);
            let (own, prediction) = cross_entropy(&logits, samples.label(index), &mut [0.0; 10]);
            loss += own;
            prop_assert_eq!(prediction, usize::from(trained.predictions[index]));
        }
        // The same logits give the same bits of the loss, summed in the same order.
        prop_assert_eq!(trained.score.loss, loss / samples.len() as f64);
    }
}
