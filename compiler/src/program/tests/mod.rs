//! Files of compiled networks: written, read back, damaged.

mod damaged;
mod round_trip;
mod schema;

use snn::WeightFormat;
use snn::testing::Generator;

use super::Program;
use crate::HardwareSpecification;
use crate::mapping::{compile, plan};
use crate::testing::calibration;

/// A random network compiled for a chip with a random calibration.
fn compiled(seed: u64, hardware: &HardwareSpecification) -> Program {
    let network = Generator::new(seed).network(WeightFormat::I8).unwrap();
    let calibration = calibration(&plan(&network, hardware), hardware, seed);
    compile(&network, hardware, &calibration).unwrap()
}
