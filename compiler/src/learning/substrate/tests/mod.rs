//! Spiking networks on arrays against the ordinary trainer, other numbers of threads and uninterrupted runs.

mod converters;
mod ideal;
mod reads;
mod runs;
mod trains;

use std::path::Path;

use snn::Network;
use spikegrad::{Samples, Substrate, Trainer, TrainingSettings};

use super::{LearningSubstrate, Placement};
use crate::hardware::Spread;
use crate::learning::array::{ArraySettings, ReadSettings, UpdateRule};
use crate::learning::device::DeviceSpecification;
use crate::training::tests::{Digits, network, resources};

/// A convolution, pooling and two dense projections.
const TOPOLOGY: &str = "8x8-4C3-P2-12-10";

fn device(text: &str) -> DeviceSpecification {
    DeviceSpecification::parse(&format!("name = \"test\"\ndescription = \"test\"\nsources = []\n{text}"), "test")
        .unwrap()
}

/// A step of one grid unit, and bounds at the largest mantissas.
fn ideal() -> DeviceSpecification {
    device(
        "model = { family = \"constant-step\" }\nstep = { size = 0.0078125 }\n\
         bounds = { lower = -0.9921875, upper = 0.9921875 }",
    )
}

fn noisy() -> DeviceSpecification {
    device(
        "model = { family = \"soft-bounds\" }\n\
         step = { size = 0.004, device_spread = 0.2, cycle_spread = 0.3, write_noise = 0.5 }\n\
         retention = { lifetime_updates = 5000.0 }\n\
         energy = { write_j = 1e-12, lowest_conductance_s = 1e-6, highest_conductance_s = 1e-4 }",
    )
}

fn array(rule: UpdateRule) -> ArraySettings {
    ArraySettings { rule, ..ArraySettings::default() }
}

fn noise() -> ReadSettings {
    let noise = Some(Spread::Absolute { sigma: 0.02 });
    ReadSettings { noise, sense_offset: Some(0.01), ..ReadSettings::default() }
}

fn settings() -> TrainingSettings {
    TrainingSettings {
        epochs: 2,
        batch: 16,
        learning_rate: 0.05,
        momentum: 0.8,
        weight_decay: 0.001,
        seed: 4,
        ..TrainingSettings::default()
    }
}

/// A network with initial weights.
fn start() -> Network {
    Trainer::new(network(TOPOLOGY), settings(), resources(1)).unwrap().network().clone()
}

fn substrate(device: &DeviceSpecification, array: &ArraySettings, placement: &Placement) -> LearningSubstrate {
    LearningSubstrate::new(&start(), device, array, placement, 9, resources(1).isa).unwrap()
}

fn trainer(device: &DeviceSpecification, array: &ArraySettings, placement: &Placement, threads: usize) -> Trainer {
    let substrate = Box::new(substrate(device, array, placement));
    Trainer::on_substrate(start(), settings(), resources(threads), substrate).unwrap()
}

fn bytes(network: &Network) -> Vec<u8> {
    snn::model::to_bytes(network, Path::new("model")).unwrap()
}

/// Model, reports, and the state of the substrate.
type Course = (Vec<u8>, String, Option<Vec<(String, Vec<f32>)>>);

/// Trains to the end.
fn finish(mut trainer: Trainer) -> Course {
    let (train, validation) = (Digits::new(0, 80), Digits::new(80, 40));
    let mut reports = String::new();
    while !trainer.is_finished() {
        while !trainer.epoch_is_complete(&train) {
            trainer.step(&train).unwrap();
        }
        reports += &format!("{:?}", trainer.finish_epoch(&validation).unwrap());
    }
    assert_eq!(train.len(), 80);
    (bytes(trainer.network()), reports, trainer.substrate().map(Substrate::state))
}
