//! Digits and streams put together again.

use proptest::prelude::*;

use super::{Slicing, active, streams};
use crate::hardware::{InputCoding, SignedWeights};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slices_sum_to_the_weight(bits in 1u32..=8, cell_bits in 1u32..=4, paired in any::<bool>(), part in 0.0..1.0f64) {
        let signed = if paired { SignedWeights::DifferentialPair } else { SignedWeights::ReferenceColumn };
        let slicing = Slicing { signed, bits, cell_bits };
        let (low, high) = if paired { (1 - (1 << bits), (1 << bits) - 1) } else { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) };
        let weight = low + (part * f64::from(high - low)).round() as i32;
        let levels = (0..slicing.count()).map(|slice| slicing.levels(weight, slice));
        let digits: Vec<i64> = levels.map(|(positive, negative)| i64::from(positive) - i64::from(negative)).collect();
        prop_assert!(digits.iter().all(|digit| digit.abs() < 1 << cell_bits));
        let sum: i64 = digits.iter().zip(slicing.weights()).map(|(digit, weight)| digit * weight).sum();
        prop_assert_eq!(sum + slicing.reference_weight(), i64::from(weight));
    }

    #[test]
    fn streams_sum_to_the_count(low in -300i32..=0, high in 0i32..300, part in 0.0..1.0f64, bits in any::<bool>()) {
        let coding = if bits { InputCoding::BitSerial } else { InputCoding::Spikes };
        let count = low + (part * f64::from(high - low)).round() as i32;
        let streams = streams(coding, low, high);
        let sum: i64 = streams.iter().filter(|&&stream| active(coding, count, stream)).map(|stream| stream.weight).sum();
        prop_assert_eq!(sum, i64::from(count));
    }
}
