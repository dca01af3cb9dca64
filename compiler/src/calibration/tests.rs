//! Calibration against sums over one partial sum at a time.

use kernels::Isa;
use snn::{NetworkDescription, NeuronKind, Weights};
use spikegrad::{Resources, Samples};

use super::{Rule, calibrate};
use crate::columns::{Slicing, active, streams};
use crate::hardware::{Granularity, HardwareSpecification, Quantiser, Range};
use crate::mapping::{FixedPoint, ScaleValues, common_factor, compile, deploy};
use crate::testing::ideal;

struct Set(Vec<Vec<u8>>);

impl Samples for Set {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn input_length(&self) -> usize {
        self.0[0].len()
    }
    fn classes(&self) -> usize {
        3
    }
    fn fill(&self, _: Option<u32>, index: usize, out: &mut [u8]) {
        out.copy_from_slice(&self.0[index]);
    }
    fn label(&self, index: usize) -> usize {
        index % 3
    }
    fn order(&self, _: u32) -> Vec<u32> {
        (0..self.0.len() as u32).collect()
    }
}

const INPUTS: usize = 11;

fn network() -> snn::Network {
    let text = "[[population]]\nname = 'input'\nshape = [11]\nneuron = 'input'\nmaximum_count = 15\n\
        [[population]]\nname = 'out'\nshape = [3]\nneuron = 'readout'\nfraction_bits = 4\n\
        [[projection]]\nname = 'only'\nfrom = 'input'\nto = 'out'\nkind = 'dense'\n";
    let mut network = snn::Network::build(&NetworkDescription::from_toml(text).unwrap()).unwrap();
    let weights = (0..3 * INPUTS as i32).map(|index| ((index * 37 + 11) % 31 - 15) as i8).collect();
    network.set_weights(0, Weights::I8(weights)).unwrap();
    assert_eq!(network.populations()[0].neuron, NeuronKind::Input);
    network
}

fn samples() -> Set {
    Set((0..40)
        .map(|sample| (0..INPUTS).map(|index| ((sample * 7 + index * index * 5) % 23 % 16) as u8).collect())
        .collect())
}

fn hardware(quantiser: Quantiser, granularity: Granularity) -> HardwareSpecification {
    let mut hardware = ideal(4, 64);
    hardware.weights.bits = 4;
    hardware.quantiser = quantiser;
    hardware.scale_factors.granularity = granularity;
    hardware
}

/// Every partial sum by `[row tile, slice, stream, output]`, one for each sample.
fn partial_sums(hardware: &HardwareSpecification) -> Vec<([usize; 4], Vec<i32>)> {
    let weights = deploy(&network(), hardware).unwrap().multipliers(0).unwrap();
    let slicing = Slicing::of(hardware);
    let mut all = Vec::new();
    for row_tile in 0..INPUTS.div_ceil(4) {
        for slice in 0..slicing.count() {
            for (number, &stream) in streams(hardware.input.coding, 0, 15).iter().enumerate() {
                for output in 0..3 {
                    let sum = |counts: &Vec<u8>| {
                        (row_tile * 4..INPUTS.min(row_tile * 4 + 4))
                            .filter(|&row| active(hardware.input.coding, counts[row].into(), stream))
                            .map(|row| {
                                let (up, down) = slicing.levels(weights[output * INPUTS + row].into(), slice);
                                i32::from(up) - i32::from(down)
                            })
                            .sum()
                    };
                    all.push(([row_tile, slice, number, output], samples().0.iter().map(sum).collect()));
                }
            }
        }
    }
    all
}

fn place(shape: [usize; 4], index: [usize; 4]) -> usize {
    shape.iter().zip(index).fold(0, |place, (&size, index)| place * size + index.min(size - 1))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum()
}

/// Per output and sample: what the codes of a group of partial sums add to the total input for a scale
/// factor of 1, less what they add at rest, and what the partial sums themselves add.
fn contributions(
    hardware: &HardwareSpecification,
    all: &[([usize; 4], Vec<i32>)],
    threshold: i32,
    is_member: impl Fn([usize; 4]) -> bool,
) -> [[Vec<f64>; 2]; 3] {
    let mut sums: [[Vec<f64>; 2]; 3] = std::array::from_fn(|_| [vec![0.0; 40], vec![0.0; 40]]);
    for (index, partial) in all.iter().filter(|(index, _)| is_member(*index)) {
        let weight = f64::from(1 << index[1]) * f64::from(1 << index[2]);
        for (sample, &sum) in partial.iter().enumerate() {
            let code = match hardware.quantiser {
                Quantiser::Sign {} if (index[0] + index[1]) % 2 == 0 => -2 * i32::from(sum < 0),
                Quantiser::Sign {} => 2 * i32::from(sum > 0),
                _ => i32::from(sum >= threshold) - i32::from(sum <= -threshold),
            };
            sums[index[3]][0][sample] += weight * f64::from(code);
            sums[index[3]][1][sample] += weight * f64::from(sum);
        }
    }
    sums
}

/// Lines through codes with the spread of the exact total inputs, and the resting inputs that belong to
/// `chosen` scale factors: those that the calibration found, since rounding parts even the closest numbers.
fn lines(
    hardware: &HardwareSpecification,
    all: &[([usize; 4], Vec<i32>)],
    threshold: i32,
    ScaleValues { shape, values: chosen }: &ScaleValues,
) -> (Vec<f64>, Vec<f64>) {
    let shape = *shape;
    let groups: usize = shape.iter().product();
    let of_group: Vec<[[Vec<f64>; 2]; 3]> = (0..groups)
        .map(|group| contributions(hardware, all, threshold, |index| place(shape, index) == group))
        .collect();
    let totals = contributions(hardware, all, threshold, |_| true);
    let mut scales = vec![0.0; groups];
    for system in 0..shape[3] {
        let outputs: Vec<usize> = if shape[3] == 1 { vec![0, 1, 2] } else { vec![system] };
        let members: Vec<usize> = (system..groups).step_by(shape[3]).collect();
        let sum = |group: usize, other: usize| -> f64 {
            outputs.iter().map(|&m| covariance(&of_group[group][m][0], &of_group[group][m][other])).sum()
        };
        let seen = members.iter().filter(|&&group| sum(group, 0) > 0.0);
        let seen: Vec<f64> = seen.map(|&group| (sum(group, 1) / sum(group, 0)).max(0.0)).collect();
        for &group in &members {
            scales[group] = if sum(group, 0) > 0.0 { (sum(group, 1) / sum(group, 0)).max(0.0) } else { mean(&seen) };
        }
        let (mut exact, mut fitted) = (0.0, 0.0);
        for &m in &outputs {
            let total = |sample: usize| members.iter().map(|&g| scales[g] * of_group[g][m][0][sample]).sum();
            let coded: Vec<f64> = (0..40).map(total).collect();
            exact += covariance(&totals[m][1], &totals[m][1]);
            fitted += covariance(&coded, &coded);
        }
        members.iter().for_each(|&group| scales[group] *= (exact / fitted).sqrt());
    }
    let weight = |slice: usize, stream: usize| f64::from(1 << slice) * f64::from(1 << stream);
    let (real, bits) = (ScaleValues { shape, values: chosen.clone() }, hardware.scale_factors.bits);
    let fixed = FixedPoint::rounded(&real, bits, common_factor(&real, bits, weight, None));
    let rest = |m: usize| {
        let used = |group: usize| fixed.common * f64::from(fixed.integers.values[group]);
        let coded: f64 = (0..groups).map(|group| used(group) * mean(&of_group[group][m][0])).sum();
        mean(&totals[m][1]) - coded
    };
    (scales, (0..3).map(rest).collect())
}

#[test]
fn scale_factors_are_those_of_their_rule() {
    for quantiser in [Quantiser::Sign {}, Quantiser::Ternary {}] {
        for granularity in [Granularity::Layer, Granularity::Channel, Granularity::Column, Granularity::ColumnStream] {
            let hardware = hardware(quantiser, granularity);
            let all = partial_sums(&hardware);
            let resources = |threads| Resources { threads, isa: Isa::detect() };
            let calibrated = calibrate(&network(), &hardware, &samples(), resources(1)).unwrap();
            assert_eq!(calibrated, calibrate(&network(), &hardware, &samples(), resources(3)).unwrap());
            let chosen = calibrated.accuracies[0];
            assert!(chosen.1 >= calibrated.accuracies[1].1);
            let projection = &calibrated.calibration.projections[0];
            let threshold = projection.quantiser_levels.as_ref().map_or(0, |levels| levels.values[0]);
            assert_eq!(threshold > 0, quantiser == (Quantiser::Ternary {}));
            let scales = projection.scale_factors.as_ref().unwrap();
            let rest = projection.rest.as_ref();
            match chosen.0 {
                Rule::Mean => {
                    assert!(rest.is_none());
                    for (group, &scale) in scales.values.iter().enumerate() {
                        let members = all.iter().filter(|(index, _)| place(scales.shape, *index) == group);
                        let sums: Vec<i32> = members.flat_map(|(_, sums)| sums.iter().copied()).collect();
                        let sum: f64 = sums.iter().map(|sum| 2.0 * f64::from(sum.abs())).sum();
                        assert!(
                            (scale - sum / sums.len() as f64).abs() < 1e-9,
                            "{quantiser:?} {granularity:?} {group}"
                        );
                    }
                }
                Rule::LeastSquares => {
                    let (expected, expected_rest) = lines(&hardware, &all, threshold, scales);
                    let is_close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6 * (1.0 + b.abs());
                    let what = format!("{quantiser:?} {granularity:?}");
                    assert!(scales.values.iter().zip(&expected).all(is_close), "{what} {scales:?} {expected:?}");
                    assert!(
                        rest.unwrap().iter().zip(&expected_rest).all(is_close),
                        "{what} {rest:?} {expected_rest:?}"
                    );
                }
            }
            compile(&network(), &hardware, &calibrated.calibration).unwrap();
        }
    }
}

#[test]
fn calibrated_steps_clip_one_in_a_thousand() {
    for bits in 1..=5 {
        let hardware = hardware(Quantiser::Uniform { bits, range: Range::Calibrated }, Granularity::Layer);
        let sums: Vec<i32> = partial_sums(&hardware).into_iter().flat_map(|(_, sums)| sums).collect();
        let clipped = |step: i32| {
            let clips = |sum: &&i32| {
                let code = (f64::from(**sum) / f64::from(step)).round();
                code < -f64::from(1 << (bits - 1)) || code > f64::from((1 << (bits - 1)) - 1)
            };
            sums.iter().filter(clips).count()
        };
        let resources = Resources { threads: 2, isa: Isa::detect() };
        let calibrated = calibrate(&network(), &hardware, &samples(), resources).unwrap();
        let step = calibrated.calibration.projections[0].quantiser_levels.as_ref().unwrap().values[0];
        assert!(step.count_ones() == 1 && clipped(step) * 1000 <= sums.len(), "{bits}: {step}");
        assert!(step == 1 || clipped(step / 2) * 1000 > sums.len(), "{bits}: {step}");
    }
}
