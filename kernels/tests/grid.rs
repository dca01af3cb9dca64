//! Rounding onto the weight grid equals its definition bit for bit on every instruction set.

mod common;

use common::*;
use kernels::KernelError;
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
}

#[test]
fn wrong_lengths_and_limits_are_refused() {
    let engine = engines()[0];
    assert!(matches!(engine.round_to_grid(&[1.0], 1.0, -1, &mut [0]), Err(KernelError::GridLimit { found: -1, .. })));
    assert!(matches!(engine.round_to_wide_grid(&[1.0], 1.0, 1, &mut []), Err(KernelError::Length { found: 0, .. })));
}
