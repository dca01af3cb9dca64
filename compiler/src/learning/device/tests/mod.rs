//! Devices against naive loops, statistics and outside data.

mod bounds;
mod formulas;
mod lanes;
mod levels;
mod noise;
mod order;
mod physical;
mod pulse_data;
mod specification;
mod trains;

use super::{DeviceSpecification, Devices};

/// A specification of constants without spread, changed by TOML lines.
fn specification(model: &str, rest: &str) -> DeviceSpecification {
    let text = format!("name = \"test\"\ndescription = \"test\"\nsources = []\nmodel = {{ {model} }}\n{rest}");
    DeviceSpecification::parse(&text, "test").unwrap()
}

fn preset(name: &str) -> DeviceSpecification {
    DeviceSpecification::preset(name).unwrap()
}

fn one(specification: &DeviceSpecification) -> Devices {
    Devices::draw(specification, 1, 1, 1, 0).unwrap()
}

fn mean_and_spread(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (mean, variance.sqrt())
}
