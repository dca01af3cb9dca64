//! Momentum steps and rounding onto the weight grid equal their definitions bit for bit on every instruction set.

mod common;

use common::*;
use kernels::{GradientSums, KernelError, MomentumUpdate};
use proptest::prelude::*;

/// Rounding by the standard library.
fn mantissa(weight: f32, unit: f32, limit: f32) -> f32 {
    (weight * unit).round().clamp(-limit, limit)
}

/// Floats: any bits, near ties of the grid, near the limits, and special values.
fn floats(seed: u64, unit: f32, length: usize) -> Vec<f32> {
    let bits = old_values(seed, length);
    bits.iter()
        .enumerate()
        .map(|(index, &bits)| match index % 6 {
            0 => f32::from_bits(bits as u32),
            1 => ((bits % 600) as f32 + 0.5) / unit,
            2 => (((bits % 70_000) as f32 + 0.5) / unit).next_up(),
            3 => (((bits % 300) as f32 + 0.5) / unit).next_down(),
            4 => [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MAX, f32::MIN_POSITIVE, 0.49999997]
                [bits as u32 as usize % 7],
            _ => (bits % 1000) as f32 / 3000.0,
        })
        .collect()
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn rounding_equals_its_definition(
        (seed, length, bits) in (any::<u64>(), 0usize..300, 0i32..16), (limit, wide) in (0i8..=127, 0i16..=i16::MAX),
    ) {
        let unit = (bits as f32).exp2();
        let weights = floats(seed, unit, length);
        let narrow: Vec<i8> = weights.iter().map(|&w| mantissa(w, unit, limit.into()) as i8).collect();
        let words: Vec<i16> = weights.iter().map(|&w| mantissa(w, unit, wide.into()) as i16).collect();
        for engine in engines() {
            let mut out = vec![99; length];
            engine.round_to_grid(&weights, unit, limit, &mut out)?;
            prop_assert_eq!(&out, &narrow, "{:?}", engine);
            let mut out = vec![99; length];
            engine.round_to_wide_grid(&weights, unit, wide, &mut out)?;
            prop_assert_eq!(&out, &words, "{:?}", engine);
        }
    }

    #[test]
    fn a_step_equals_its_definition(
        (seed, length, wide) in (any::<u64>(), 0usize..200, any::<bool>()),
        (momentum, factor, decay, rate) in (0f32..1.0, 1e-8f32..1e-2, 0f32..1e-3, 0f32..1.0),
    ) {
        let update = MomentumUpdate { momentum, factor, decay, rate, unit: 64.0, limit: 127 };
        let weights: Vec<f32> = old_values(seed, length).iter().map(|&v| v as f32 / 1e9).collect();
        let velocities: Vec<f32> = old_values(seed ^ 5, length).iter().map(|&v| v as f32 / 1e10).collect();
        let narrow = old_values(seed ^ 9, length);
        let long: Vec<i64> = narrow.iter().map(|&v| i64::from(v) * if wide { 1_000_003 } else { 1 }).collect();
        let expected: Vec<(u32, u32, i8)> = (0..length).map(|index| {
            let velocity = momentum * velocities[index] + (long[index] as f32 * factor + decay * weights[index]);
            let weight = weights[index] - rate * velocity;
            (weight.to_bits(), velocity.to_bits(), mantissa(weight, 64.0, 127.0) as i8)
        }).collect();
        for engine in engines() {
            for gradients in [GradientSums::Wide(&long), GradientSums::Narrow(&narrow)] {
                if wide && matches!(gradients, GradientSums::Narrow(_)) {
                    continue;
                }
                let (mut weights, mut velocities, mut mantissas) = (weights.clone(), velocities.clone(), vec![0; length]);
                engine.momentum_update(update, gradients, &mut weights, &mut velocities, &mut mantissas)?;
                let found: Vec<(u32, u32, i8)> = (0..length)
                    .map(|index| (weights[index].to_bits(), velocities[index].to_bits(), mantissas[index]))
                    .collect();
                prop_assert_eq!(&found, &expected, "{:?}", engine);
            }
        }
    }
}

#[test]
fn wrong_lengths_and_limits_are_refused() {
    let engine = engines()[0];
    assert!(matches!(engine.round_to_grid(&[1.0], 1.0, -1, &mut [0]), Err(KernelError::GridLimit { found: -1, .. })));
    assert!(matches!(engine.round_to_wide_grid(&[1.0], 1.0, 1, &mut []), Err(KernelError::Length { found: 0, .. })));
    let update = MomentumUpdate { momentum: 0.0, factor: 1.0, decay: 0.0, rate: 1.0, unit: 1.0, limit: 127 };
    let short = engine.momentum_update(update, GradientSums::Narrow(&[1]), &mut [0.0; 2], &mut [0.0; 2], &mut [0; 2]);
    assert!(matches!(short, Err(KernelError::Length { what: "gradients", expected: 2, found: 1, .. })));
}
