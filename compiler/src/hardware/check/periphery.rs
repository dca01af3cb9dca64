//! Checks of quantisers, scale factors, converters and accumulators.

use super::Checker;
use crate::CompilerError;
use crate::hardware::{HardwareSpecification, Quantiser, ScaleFactors, SignedWeights};

/// Most arrays of a chip, and most copies of an array.
const MOST_ARRAYS: i64 = 1 << 24;
const MOST_COPIES: i64 = 1 << 16;

impl Checker<'_> {
    pub(super) fn quantiser(&self, specification: &HardwareSpecification) -> Result<(), CompilerError> {
        let quantiser = &specification.quantiser;
        if let Quantiser::Uniform { bits, .. } = quantiser {
            self.whole("quantiser.bits", *bits, 1..=16, "give the bits of the converter")?;
        }
        let has_scale_factors = quantiser.has_scale_factors();
        self.that(
            !has_scale_factors || specification.weights.signed == SignedWeights::DifferentialPair,
            "quantiser.kind",
            "'ideal' or 'uniform' with weights.signed = \"reference-column\", whose partial sums are never below zero",
            format_args!("'{quantiser}'"),
            "choose weights.signed = \"differential-pair\", or a converter",
        )?;
        let scale_factors = &specification.scale_factors;
        if has_scale_factors {
            return self.whole("scale_factors.bits", scale_factors.bits, 1..=16, "give the bits of one scale factor");
        }
        self.that(
            *scale_factors == ScaleFactors::default(),
            "scale_factors",
            format_args!("nothing beside the quantiser '{quantiser}'"),
            format_args!("{scale_factors:?}"),
            "remove the scale factors, or choose the quantiser 'sign' or 'ternary'",
        )
    }

    pub(super) fn periphery(&self, specification: &HardwareSpecification) -> Result<(), CompilerError> {
        let periphery = &specification.periphery;
        let columns = specification.array.columns as i64;
        self.whole(
            "periphery.columns_per_converter",
            periphery.columns_per_converter,
            1..=columns,
            "at most all columns of an array (array.columns) take turns at one converter",
        )?;
        let bits = periphery.accumulator_bits;
        self.whole("periphery.accumulator_bits", bits, 8..=32, "give the bits of a partial-sum register")?;
        let remedy = "raise periphery.accumulator_bits, or lower the bits of what is added up";
        if let Quantiser::Uniform { bits: code, .. } = specification.quantiser {
            let expected = format_args!("at least {code}, the bits of the converter's codes (quantiser.bits)");
            self.that(bits >= code, "periphery.accumulator_bits", expected, bits, remedy)?;
        }
        if specification.quantiser.has_scale_factors() {
            let scale = specification.scale_factors.bits;
            let expected =
                format_args!("more than the {scale} bits of a scale factor (scale_factors.bits), for the sign");
            self.that(bits > scale, "periphery.accumulator_bits", expected, bits, remedy)?;
        }
        if let Some(arrays) = periphery.arrays {
            let remedy = "give the arrays of the chip, or leave the key out for no limit";
            self.whole("periphery.arrays", arrays, 1..=MOST_ARRAYS, remedy)?;
        }
        let copies = periphery.largest_replication;
        self.whole("periphery.largest_replication", copies, 1..=MOST_COPIES, "1 stands for no replication")?;
        let arrays = periphery.arrays.unwrap_or(copies);
        self.that(
            copies <= arrays,
            "periphery.largest_replication",
            format_args!("at most periphery.arrays = {arrays}"),
            copies,
            "lower periphery.largest_replication or raise periphery.arrays",
        )
    }
}
