//! Rounding is exact, ties go away from zero, clamps and gates follow the rule.

mod common;

use common::*;
use kernels::{Divisor, FiringRule, FiringStatistics, KernelError, as_signed};
use proptest::prelude::*;

/// Rounding half away from zero, from its definition: the nearest integer, of two the one further from zero.
fn reference(total: i32, threshold: i64, multiplier: i64) -> i128 {
    let (numerator, threshold) = (i128::from(total) * i128::from(multiplier), i128::from(threshold));
    let (quotient, rest) = (numerator / threshold, numerator % threshold);
    if 2 * rest.abs() >= threshold { quotient + rest.signum() } else { quotient }
}

fn threshold() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 1i64..=300,
        4 => (0u32..20).prop_map(|bits| 1 << bits),
        2 => 1i64..=1 << 22,
        1 => (1i64 << 21) - 2..=(1i64 << 21) + 2,
        1 => 1i64..=1 << 40,
        1 => Just(1i64 << 40),
    ]
}

fn multiplier() -> impl Strategy<Value = i64> {
    prop_oneof![4 => Just(1i64), 3 => 1i64..100, 1 => 1i64..=1 << 40, 1 => Just(1i64 << 40)]
}

/// Totals near ties and limits of the range, and anything.
fn totals(threshold: i64, multiplier: i64, seed: u64, length: usize) -> Vec<i32> {
    let mut totals = old_values(seed, length);
    for (index, total) in totals.iter_mut().enumerate() {
        let count = i128::from(bytes(0, seed ^ index as u64, 8)[7]) - 128;
        let tie = (2 * count + 1) * i128::from(threshold) / (2 * i128::from(multiplier));
        match index % 8 {
            0..4 => *total = (tie + index as i128 % 4 - 1).clamp(i32::MIN.into(), i32::MAX.into()) as i32,
            4 => *total %= 1 << 16,
            5 => *total = [i32::MIN, i32::MAX, 0, -1, 1, i32::MIN + 1][index / 8 % 6],
            _ => {}
        }
    }
    totals
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn division_is_exact(threshold in threshold(), multiplier in multiplier(), seed in any::<u64>()) {
        let divisor = Divisor::uniform(threshold, multiplier)?;
        for total in totals(threshold, multiplier, seed, 64) {
            prop_assert_eq!(divisor.divide(total, 0), reference(total, threshold, multiplier));
        }
    }

    #[test]
    fn firing_follows_the_rule(
        thresholds in prop_oneof![threshold().prop_map(|t| vec![t]), proptest::collection::vec(threshold(), 1..20), proptest::collection::vec(1i64..5000, 1..400)],
        (multiplier, neurons, seed) in (multiplier(), 0usize..40, any::<u64>()),
        (low, high, rectified) in (-127i32..=127, -127i32..=127, any::<bool>()),
    ) {
        let (low, high) = if rectified { (low.abs().min(high.abs()), low.abs().max(high.abs())) } else { (low.min(high), low.max(high)) };
        let channels = thresholds.len();
        let totals = totals(thresholds[0], multiplier, seed, neurons * channels);
        let divisor = if channels == 1 {
            Divisor::uniform(thresholds[0], multiplier)?
        } else {
            Divisor::per_channel(&thresholds, multiplier)?
        };
        let rule = FiringRule { divisor: divisor.clone(), low, high, rectified };
        let gate_in: Vec<u8> = bytes(0, seed, totals.len()).iter().map(|byte| byte % 2).collect();
        let (mut counts, mut gates, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        let (mut forward, mut backward) = (FiringStatistics::default(), FiringStatistics::default());
        for (index, &total) in totals.iter().enumerate() {
            let rounded = reference(total, thresholds[index % channels], multiplier);
            let count = rounded.clamp(low.into(), high.into());
            let gate = u8::from(total > 0 || !rectified);
            let clipped = if rectified { rounded > high.into() } else { rounded != count };
            forward += FiringStatistics { spikes: count.unsigned_abs() as u64, clipped: clipped.into(), active: gate.into() };
            counts.push(count as i8 as u8);
            gates.push(gate);
            let clamped = rounded.clamp(-127, 127);
            let open = gate_in[index] == 1;
            let error = if open { clamped } else { 0 };
            let clipped = open && clamped != rounded;
            backward += FiringStatistics { spikes: error.unsigned_abs() as u64, clipped: clipped.into(), active: open.into() };
            errors.push(error as i8);
        }
        for engine in engines() {
            let (mut count_out, mut gate_out) = (vec![9u8; totals.len()], vec![9u8; totals.len()]);
            prop_assert_eq!(engine.fire(&rule, &totals, &mut count_out, &mut gate_out)?, forward);
            prop_assert_eq!(as_signed(&count_out), as_signed(&counts), "{:?}", engine);
            prop_assert_eq!(&gate_out, &gates);
            let mut error_out = vec![9i8; totals.len()];
            prop_assert_eq!(engine.fire_errors(&divisor, &totals, &gate_in, &mut error_out)?, backward);
            prop_assert_eq!(&error_out, &errors);
        }
    }
}

/// Every total in reach of the counts, or all that are close to a rounding, for a spread of thresholds and multipliers
/// on both sides of every limit.
#[test]
fn every_small_total_is_exact() {
    let thresholds = [1, 2, 3, 7, 64, 100, 255, 256, 1000, 6000, 8191, 8192, 8193, 10_007, 1 << 14, 65_535, 1 << 16];
    let fractions = [(3, 7), (7, 3), (8191, 2), (8192, 3), (8192, 8191), (1 << 16, 3), (5, 1 << 20)];
    for (threshold, multiplier) in thresholds.map(|threshold| (threshold, 1)).into_iter().chain(fractions) {
        let limit = (130 * threshold / multiplier + 2) as i32;
        let close = |half: i64| ((half * threshold / 2) / multiplier) as i32 - 3;
        let totals: Vec<i32> = match threshold {
            ..=10_007 => (-limit..=limit).collect(),
            _ => (-261..=261).flat_map(|half| (0..7).map(move |step| close(half) + step)).collect(),
        };
        let divisor = Divisor::uniform(threshold, multiplier).unwrap();
        let per_channel = Divisor::per_channel(&[threshold; 3], multiplier).unwrap();
        let expected: Vec<i8> =
            totals.iter().map(|&t| reference(t, threshold, multiplier).clamp(-127, 127) as i8).collect();
        let clipped = totals.iter().filter(|&&t| reference(t, threshold, multiplier).abs() > 127).count();
        for engine in engines() {
            for divisor in [&divisor, &per_channel] {
                let whole = totals.len() - totals.len() % divisor.channels();
                let rule = FiringRule { divisor: divisor.clone(), low: -127, high: 127, rectified: false };
                let (mut counts, mut gate) = (vec![0; whole], vec![0; whole]);
                let statistics = engine.fire(&rule, &totals[..whole], &mut counts, &mut gate).unwrap();
                assert_eq!(as_signed(&counts), &expected[..whole]);
                assert!(clipped - statistics.clipped as usize <= totals.len() - whole);
            }
        }
    }
}

#[test]
fn bad_rules_are_refused() {
    for (threshold, multiplier) in [(0, 1), (-5, 1), (1, 0), ((1 << 40) + 1, 1), (1, (1 << 40) + 1)] {
        assert!(matches!(Divisor::uniform(threshold, multiplier), Err(KernelError::Divisor { .. })));
    }
    let error = Divisor::per_channel(&[3, 0], 1).unwrap_err();
    assert!(error.to_string().contains("channel 1"), "{error}");
    assert!(Divisor::per_channel(&[], 1).is_err());
    let engine = engines()[0];
    for (low, high, rectified) in [(-128, 0, false), (0, 128, false), (3, 2, false), (-1, 5, true)] {
        let rule = FiringRule { divisor: Divisor::uniform(1, 1).unwrap(), low, high, rectified };
        assert_eq!(engine.fire(&rule, &[], &mut [], &mut []), Err(KernelError::FiringRange { low, high }));
    }
    let divisor = Divisor::per_channel(&[3, 4], 1).unwrap();
    assert!(engine.fire_errors(&divisor, &[1, 2, 3], &[1; 3], &mut [0; 3]).is_err());
    assert!(engine.fire_errors(&divisor, &[1, 2], &[1; 3], &mut [0; 2]).is_err());
}
