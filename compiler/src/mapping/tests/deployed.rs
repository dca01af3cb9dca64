//! Weights on the hardware's bits.

use proptest::prelude::*;
use snn::testing::Generator;
use snn::{WeightFormat, Weights};

use crate::mapping::{deploy, deploy_with_steps, on_grid, step_for};
use crate::testing::{any_hardware, ideal};

fn nearest(mantissa: i32, step: i32, largest: i32) -> i32 {
    let candidates = (-largest..=largest).map(|w| w * step).filter(|value| value.abs() <= 127);
    // Of two equally near the one farther from zero: rounding half away.
    candidates.min_by_key(|value| ((value - mantissa).abs(), -value.abs())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_grid_value_is_the_nearest(mantissa in -127i32..=127, step in 1i32..=127, largest in 1i32..=127) {
        prop_assert_eq!(on_grid(mantissa, step, largest), nearest(mantissa, step, largest));
    }

    #[test]
    fn the_step_has_the_least_squared_error(mantissas in proptest::collection::vec(-127i8..=127, 1..60), largest in 1i32..=127) {
        let error = |step: i32| -> i64 {
            mantissas.iter().map(|&m| i64::from(i32::from(m) - nearest(m.into(), step, largest)).pow(2)).sum()
        };
        let chosen = step_for(&mantissas, largest);
        for step in 1..=127 / largest {
            prop_assert!(error(chosen) < error(step) || (error(chosen) == error(step) && chosen <= step));
        }
    }

    #[test]
    fn deployed_weights_are_multiples_of_the_step(seed in any::<u64>(), hardware in any_hardware()) {
        let network = Generator::new(seed).network(WeightFormat::I8).unwrap();
        let largest = hardware.weights.largest();
        let deployment = deploy(&network, &hardware).unwrap();
        for (index, projection) in network.projections().iter().enumerate() {
            let (Some(Weights::I8(before)), Some(Weights::I8(after))) =
                (&projection.weights, &deployment.network.projections()[index].weights)
            else {
                prop_assert!(deployment.steps[index].is_none() && deployment.multipliers(index).is_none());
                continue;
            };
            let step = deployment.steps[index].unwrap();
            prop_assert_eq!(step, step_for(before, largest));
            let multipliers = deployment.multipliers(index).unwrap();
            for ((&before, &after), multiplier) in before.iter().zip(after).zip(multipliers) {
                prop_assert_eq!(i32::from(after), nearest(before.into(), step, largest));
                prop_assert_eq!(i32::from(after), step * i32::from(multiplier));
                prop_assert!(i32::from(multiplier).abs() <= largest);
            }
        }
        let again = deploy(&deployment.network, &hardware).unwrap();
        prop_assert_eq!(&again.steps, &deployment.steps);
        for (one, other) in again.network.projections().iter().zip(deployment.network.projections()) {
            prop_assert_eq!(&one.weights, &other.weights);
        }
    }
}

#[test]
fn seven_magnitude_bits_change_nothing() {
    let network = Generator::new(5).network(WeightFormat::I8).unwrap();
    let deployment = deploy(&network, &ideal(16, 16)).unwrap();
    for (before, after) in network.projections().iter().zip(deployment.network.projections()) {
        assert_eq!(before.weights, after.weights);
    }
    assert!(deployment.steps.iter().flatten().all(|&step| step == 1));
}

#[test]
fn other_formats_and_steps_are_refused() {
    for format in [WeightFormat::I16, WeightFormat::F32] {
        let network = Generator::new(1).network(format).unwrap();
        let message = deploy(&network, &ideal(16, 16)).unwrap_err().to_string();
        assert!(message.contains(&format.to_string()) && message.contains("--weights i8"), "{message}");
    }
    let network = Generator::new(1).network(WeightFormat::I8).unwrap();
    for step in [0, -3, 128] {
        let steps = vec![Some(step); network.projections().len()];
        let message = deploy_with_steps(&network, &ideal(16, 16), &steps).unwrap_err().to_string();
        assert!(message.contains(&step.to_string()) && message.contains("1 to 127"), "{message}");
    }
}
