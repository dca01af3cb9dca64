//! Rows in blocks of sixteen devices against one device at a time, for every family.

use super::{preset, specification};
use crate::learning::device::families::Law;
use crate::learning::device::random::{Draws, LANES, Normals, Purpose};
use crate::learning::device::rule::Rule;
use crate::learning::device::{DeviceSpecification, Devices, Model, PRESETS, PulseTrains};

const WIDTHS: [usize; 8] = [1, 15, 16, 17, 63, 64, 65, 131];

/// Presets, the families that have none, and discrete states.
fn every_family() -> Vec<DeviceSpecification> {
    let spreads = "step = { size = 0.02, device_spread = 0.3, cycle_spread = 0.4, write_noise = 2.0 }\n\
                   bounds = { lower = -0.8, upper = 1.2, lower_spread = 0.2, upper_spread = 0.2 }";
    let power = "family = \"power-step\", exponent_up = 1.7, exponent_down = 0.6, exponent_spread = 0.1";
    let measured = "family = \"piecewise\", pulses = [0, 1, 1, 1, -1, -1, -1], \
                    conductance_s = [1e-6, 5e-6, 8e-6, 9e-6, 6e-6, 3e-6, 1e-6], nodes = 3";
    let mut stuck = preset("reram-es");
    stuck.stuck = Some(crate::learning::device::Stuck { share: 0.2, lower: -0.5, upper: 0.5 });
    let mut stepped = preset("reram-es");
    (stepped.levels, stepped.step.size) = (Some(9), Some(0.2));
    let others = [
        specification(power, spreads),
        specification(&format!("{power} "), &format!("levels = 41\n{}", spreads.replace("0.02,", "0.1,"))),
        specification(measured, "step = { cycle_spread = 0.4 }"),
        stuck,
        stepped,
    ];
    PRESETS.iter().map(|named| preset(named.name)).chain(others).collect()
}

/// Without chance from pulse to pulse.
fn silent(mut specification: DeviceSpecification) -> DeviceSpecification {
    (specification.step.cycle_spread, specification.step.write_noise) = (0.0, 0.0);
    if let Model::DomainWall(wall) = &mut specification.model {
        wall.position_spread_nm = 0.0;
    }
    if let Some(pair) = &mut specification.pair {
        pair.reset_spread = 0.0;
    }
    specification
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn pulses(number: usize, round: usize) -> Vec<i16> {
    (0..number).map(|place| [0, 3, -1, 12, -7, 0, 1, -30, 2][(place * 5 + round) % 9]).collect()
}

#[test]
fn lanes_equal_devices_one_by_one() {
    for specification in every_family().into_iter().map(silent) {
        for columns in WIDTHS {
            let mut array = Devices::draw(&specification, 2, columns, 5, 1).unwrap();
            let place = |index: usize| (index / columns, index % columns);
            let mut apart: Vec<_> =
                (0..2 * columns).map(|index| array.device(place(index).0, place(index).1).unwrap()).collect();
            let mut unused = Draws::new(array.origin, Purpose::Read, 0, 0).0;
            for round in 0..6 {
                let pulses = pulses(2 * columns, round);
                array.apply(&pulses, round as u64).unwrap();
                apart.iter_mut().zip(&pulses).for_each(|(device, &pulses)| device.apply(pulses, &mut unused));
            }
            let weights: Vec<f32> = apart.iter().map(|device| device.weight()).collect();
            assert_eq!(bits(array.weights()), bits(&weights), "{} {columns}", specification.name);
            for (index, device) in apart.iter().enumerate() {
                let found = array.device(place(index).0, place(index).1).unwrap();
                assert_eq!(bits(found.states()), bits(device.states()), "{} {columns}", specification.name);
            }
        }
    }
}

/// Magnitude and standard deviation of a pulse.
fn answer(devices: &Devices, device: usize, upward: bool, state: f32) -> (f32, f32) {
    let parts = &devices.parts;
    match &parts.rule {
        Rule::Constant(law) => law.step(parts, device, upward, state),
        Rule::Linear(law) => law.step(parts, device, upward, state),
        Rule::Exponential(law) => law.step(parts, device, upward, state),
        Rule::Power(law) => law.step(parts, device, upward, state),
        Rule::Table(law) => law.step(parts, device, upward, state),
    }
}

/// The normal number of a device in a group of four blocks.
fn normal(normals: Normals, counter: [u32; 2], place: usize, lane: usize) -> f32 {
    let mut values = [[0.0; LANES]; 4];
    normals.fill(counter, &mut values);
    values[place][lane]
}

/// What a row becomes, device by device: states and weights.
fn expected(devices: &Devices, row: usize, pulses: &[i16], stamp: u64) -> (Vec<f32>, Vec<f32>) {
    let (columns, parts) = (devices.columns(), &devices.parts);
    let first = row * columns;
    let normals = Draws::new(devices.origin, Purpose::Pulses, row, stamp).normals();
    let mut states = devices.states()[first..first + columns].to_vec();
    let mut weights = devices.weights()[first..first + columns].to_vec();
    let at_once = matches!(parts.rule, Rule::Constant(_)) && parts.levels.is_none();
    let most: Vec<u32> = pulses
        .chunks(LANES)
        .map(|pulses| pulses.iter().map(|pulses| u32::from(pulses.unsigned_abs())).max().unwrap())
        .collect();
    for step in 0..*most.iter().max().unwrap() {
        let left: Vec<usize> = (0..most.len()).filter(|&block| most[block] > step).collect();
        for (place, &block) in left.iter().enumerate() {
            for column in (block * LANES..columns.min((block + 1) * LANES)).filter(|&column| pulses[column] != 0) {
                let (device, upward, number) = (first + column, pulses[column] > 0, pulses[column].unsigned_abs());
                if u32::from(number) <= step {
                    continue;
                }
                let (size, spread) = answer(devices, device, upward, states[column]);
                let noise = normal(normals, [(place / 4) as u32, step], place % 4, column % LANES);
                let change = match at_once {
                    true => f32::from(number) * size + spread * f32::from(number).sqrt() * noise,
                    false => size + spread * noise,
                };
                states[column] = parts.held(device, states[column] + if upward { change } else { -change });
            }
        }
        if at_once {
            break;
        }
    }
    for column in (0..columns).filter(|&column| pulses[column] != 0) {
        let noise = normal(normals, [(column / (4 * LANES)) as u32, u32::MAX], column / LANES % 4, column % LANES);
        let noise = if parts.stuck[first + column] { 0.0 } else { parts.write_noise * noise };
        weights[column] = parts.read(first + column, states[column]) + noise;
    }
    (states, weights)
}

#[test]
fn lanes_take_the_normal_numbers_of_their_places() {
    for specification in every_family() {
        for columns in WIDTHS {
            let mut devices = Devices::draw(&specification, 2, columns, 5, 1).unwrap();
            if !devices.parts.is_in_blocks(columns) {
                continue;
            }
            for round in 0..4 {
                let (pulses, stamp) = (pulses(2 * columns, round), round as u64);
                let rows: Vec<_> = pulses.chunks(columns).enumerate().collect();
                let (states, weights): (Vec<_>, Vec<_>) =
                    rows.into_iter().map(|(row, pulses)| expected(&devices, row, pulses, stamp)).unzip();
                devices.apply(&pulses, stamp).unwrap();
                assert_eq!(bits(devices.states()), bits(&states.concat()), "{} {columns}", specification.name);
                assert_eq!(bits(devices.weights()), bits(&weights.concat()), "{} {columns}", specification.name);
            }
        }
    }
}

/// Work of 4096 devices is handed out to threads, less is not: shapes and samples on either side.
#[test]
fn threads_change_nothing_on_either_side_of_the_least_work_for_them() {
    let numbers = |count: usize, factor: f32| (0..count).map(|index| (index as f32 * factor).sin()).collect::<Vec<_>>();
    for specification in every_family() {
        for (rows, columns, samples) in [(63, 65, 1), (64, 64, 1), (62, 33, 2), (64, 32, 2), (63, 33, 2)] {
            let drawn = Devices::draw(&specification, rows, columns, 3, 2).unwrap();
            let (inputs, errors) = (numbers(samples * rows, 0.7), numbers(samples * columns, 0.3));
            let trains = PulseTrains::new(3.0 * specification.step_size() as f32);
            // Sample by sample and row by row, on this thread where that is little work.
            let mut apart = drawn.clone();
            for sample in 0..samples {
                let (inputs, errors) = (&inputs[sample * rows..][..rows], &errors[sample * columns..][..columns]);
                apart.stochastic_update(inputs, errors, trains, sample as u64).unwrap();
            }
            let given = pulses(rows * columns, 1);
            apart.apply(&given, 9).unwrap();
            for threads in [1, 2, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut together = drawn.clone();
                pool.install(|| {
                    together.stochastic_batch(&inputs, &errors, trains, 0).unwrap();
                    together.apply(&given, 9).unwrap();
                });
                assert_eq!(together, apart, "{} {rows} x {columns} x {samples}, {threads}", specification.name);
            }
        }
    }
}
