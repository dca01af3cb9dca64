//! Whatever happens, states stay within the bounds of their device.

use proptest::prelude::*;

use crate::learning::device::{DeviceSpecification, Devices, Elapsed, PRESETS, PulseTrains};

fn within_bounds(devices: &Devices) -> bool {
    let bounds = devices.parts.lower.iter().zip(&devices.parts.upper);
    devices.states().iter().zip(bounds).all(|(state, (lower, upper))| lower <= state && state <= upper)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_preset_leaves_its_bounds(
        which in 0..PRESETS.len(),
        seed in any::<u64>(),
        rounds in prop::collection::vec((any::<[i16; 6]>(), 0f32..100.0), 1..6),
    ) {
        let specification = DeviceSpecification::preset(PRESETS[which].name).unwrap();
        let mut devices = Devices::draw(&specification, 2, 3, seed, 1).unwrap();
        prop_assert!(within_bounds(&devices));
        for (stamp, (pulses, rate)) in (0u64..).zip(&rounds) {
            let pulses = pulses.map(|pulses| pulses % 2000);
            devices.apply(&pulses, 3 * stamp).unwrap();
            prop_assert!(within_bounds(&devices), "{}", specification.name);
            let trains = PulseTrains::new(*rate);
            devices.stochastic_update(&[1.0, -0.3], &[0.2, -5.0, 0.0], trains, 3 * stamp + 1).unwrap();
            prop_assert!(within_bounds(&devices), "{}", specification.name);
            devices.relax(Elapsed { updates: 1e4, seconds: 3.0 }, 3 * stamp + 2).unwrap();
            devices.set_states(&[9.0, -9.0, 0.0, 0.1, -0.1, 1.0], 3 * stamp + 2).unwrap();
            prop_assert!(within_bounds(&devices) && devices.weights().iter().all(|weight| weight.is_finite()));
        }
    }
}

#[test]
fn saturation_is_counted() {
    let mut devices = Devices::draw(&DeviceSpecification::preset("ideal").unwrap(), 2, 2, 0, 0).unwrap();
    assert_eq!(devices.statistics().saturated_share, 0.0);
    devices.apply(&[30_000, -30_000, 5, 0], 0).unwrap();
    let statistics = devices.statistics();
    assert_eq!(statistics.saturated_share, 0.5);
    assert_eq!((statistics.pulses_up, statistics.pulses_down, statistics.updates), (30_005, 30_000, 1));
    assert_eq!((statistics.energy_j, statistics.time_s), (None, None));
}
