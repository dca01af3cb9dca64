//! The same chip with converters that lose nothing.

use serde::{Deserialize, Serialize};

use crate::hardware::{Component, HardwareSpecification, Quantiser, Range};

/// Columns that share a lossless converter at least, as in the 5-bit baseline of the ADC-less
/// design: one such converter per column would dwarf the array.
const COLUMNS_PER_CONVERTER: usize = 8;
/// Conversions in a second that the law is evaluated at.
const RATE: f64 = 1e9;
/// Fewest bits that the law holds for.
const FEWEST_BITS: u32 = 4;

/// Bits of a converter that keeps every partial sum of one array apart:
/// `ceil(log2(rows * (2^cell_bits - 1) + 1))`. The sign of a differential pair is not counted, as
/// usual in the literature.
pub fn lossless_bits(hardware: &HardwareSpecification) -> u32 {
    let levels = (hardware.array.rows as u64).saturating_mul((1u64 << hardware.array.cell_bits.min(32)) - 1);
    64 - levels.leading_zeros()
}

/// Energy and area of a converter by resolution, rate and node, fitted to the Murmann survey
/// (Accelergy ADC plug-in).
///
/// ```text
/// FOM = min(213.78 - 2.872 ln f, 128.307 + 3.2205 bits)      dB, f in conversions a second
/// E   = 10^((6.02 bits + 1.76 - FOM) / 10) / 2 * exp(26.05 + 1.880 ln nm - 2.829 ln bits - 1.470)      pJ
/// area = exp(1.346 + 0.993 ln nm + 0.181 ln f + 0.299 ln E)      square micrometres
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConverterLaw {
    /// Resolution; fewer than 4 bits count as 4, for which the law still holds.
    pub bits: u32,
    /// Process node.
    pub technology_nm: f64,
    /// Conversions in a second.
    pub rate: f64,
}

impl ConverterLaw {
    fn bits(&self) -> f64 {
        f64::from(self.bits.max(FEWEST_BITS))
    }

    /// Energy of one conversion.
    pub fn energy_pj(&self) -> f64 {
        let bits = self.bits();
        let merit = (213.78 - 2.872 * self.rate.ln()).min(128.307 + 3.2205 * bits);
        let exponent = 26.05 + 1.880 * self.technology_nm.ln() - 2.829 * bits.ln() - 1.470;
        0.5 * 10f64.powf((6.02 * bits + 1.76 - merit) / 10.0) * exponent.exp()
    }

    /// Area of one converter.
    pub fn area_um2(&self) -> f64 {
        let logarithm =
            1.346 + 0.993 * self.technology_nm.ln() + 0.181 * self.rate.ln() + 0.299 * self.energy_pj().ln();
        logarithm.exp()
    }
}

/// The chip with a lossless converter for its quantiser, and no scale factors: everything else,
/// arrays, row tiles and buffers, stays.
pub fn with_lossless_converters(hardware: &HardwareSpecification) -> HardwareSpecification {
    let mut matched = hardware.clone();
    matched.name = format!("{} with lossless converters", hardware.name);
    matched.quantiser = Quantiser::Uniform { bits: lossless_bits(hardware), range: Range::Full };
    matched.periphery.columns_per_converter = hardware.periphery.columns_per_converter.max(COLUMNS_PER_CONVERTER);
    with_converters_by_law(matched)
}

/// The same chip with energy, time and area of its converter by [`ConverterLaw`]; nothing changes
/// for quantisers that are no converters.
pub fn with_converters_by_law(mut hardware: HardwareSpecification) -> HardwareSpecification {
    let Quantiser::Uniform { bits, .. } = hardware.quantiser else { return hardware };
    let own = hardware.cost.technology_nm;
    let technology_nm = if own > 0.0 { own } else { hardware.device.technology_nm };
    let law = ConverterLaw { bits, technology_nm, rate: RATE };
    hardware.cost.converter = Component {
        energy_pj: law.energy_pj(),
        latency_ns: 1e9 / RATE,
        area_um2: law.area_um2(),
        source: format!(
            "law of the Accelergy ADC plug-in (Murmann survey) for {} bits at {technology_nm} nm and 10^9 conversions a second",
            bits.max(FEWEST_BITS)
        ),
    };
    hardware
}
