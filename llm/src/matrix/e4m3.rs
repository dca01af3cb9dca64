//! Floating point in 8 bits: E4M3 of the Open Compute Project (Micikevicius et al., 2022, "FP8 Formats for Deep
//! Learning"), a sign, 4 bits of exponent with bias 7 and 3 of mantissa, no infinities.
//!
//! ```text
//! e > 0:  (-1)^s 2^(e - 7) (1 + m / 8)      up to 448; e = 15, m = 7 is no number
//! e = 0:  (-1)^s 2^-6 m / 8
//! ```

/// The largest number.
pub const LARGEST: f32 = 448.0;
/// The code of what is no number.
const NOT_A_NUMBER: u8 = 0x7f;
/// Bits of the mantissa of f32 that E4M3 does not have.
const DROPPED: u32 = 20;
/// The biases of f32 and E4M3 apart, at the place of E4M3's exponent.
const REBIAS: u32 = (127 - 7) << 3;
/// The smallest number with a full mantissa.
const SMALLEST_NORMAL: f32 = 1.0 / 64.0;
/// One over the smallest number above 0.
const STEPS: f32 = 512.0;

/// What each code stands for.
pub(super) const VALUES: [f32; 256] = values();

/// The code nearest to `x`, of two equally near ones the even one; numbers beyond 448 become 448.
pub fn code(x: f32) -> u8 {
    let (sign, magnitude) = (u8::from(x.is_sign_negative()) << 7, x.abs());
    sign | if magnitude.is_nan() {
        NOT_A_NUMBER
    } else if magnitude >= LARGEST {
        NOT_A_NUMBER - 1
    } else if magnitude < SMALLEST_NORMAL {
        // Exact: a product with a power of two.
        (magnitude * STEPS).round_ties_even() as u8
    } else {
        let bits = magnitude.to_bits();
        let half = (1 << (DROPPED - 1)) - 1 + (bits >> DROPPED & 1);
        (((bits + half) >> DROPPED) - REBIAS) as u8
    }
}

/// What a code stands for.
#[inline(always)]
pub fn value(code: u8) -> f32 {
    VALUES[code as usize]
}

const fn values() -> [f32; 256] {
    let mut values = [f32::NAN; 256];
    let mut code = 0;
    while code < 256 {
        let (sign, exponent, mantissa) = (code as u32 >> 7, code as u32 >> 3 & 15, code as u32 & 7);
        if code as u8 & NOT_A_NUMBER != NOT_A_NUMBER {
            let magnitude = if exponent == 0 {
                mantissa as f32 / STEPS
            } else {
                f32::from_bits((exponent + 120) << 23 | mantissa << DROPPED)
            };
            values[code] = if sign == 1 { -magnitude } else { magnitude };
        }
        code += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::{LARGEST, VALUES, code, value};

    /// By the formula of the format, in double precision.
    fn defined(code: u8) -> f64 {
        let (exponent, mantissa) = (i32::from(code >> 3 & 15), f64::from(code & 7));
        let magnitude = match exponent {
            0 => 2f64.powi(-6) * mantissa / 8.0,
            _ => 2f64.powi(exponent - 7) * (1.0 + mantissa / 8.0),
        };
        if code > 127 { -magnitude } else { magnitude }
    }

    #[test]
    fn every_code_is_the_format_and_comes_back() {
        for bits in 0..=255u8 {
            if bits & 127 == 127 {
                assert!(value(bits).is_nan() && value(code(value(bits))).is_nan());
                continue;
            }
            assert_eq!(f64::from(value(bits)), defined(bits), "{bits:#x}");
            assert_eq!(code(value(bits)), bits, "{bits:#x}");
        }
        assert_eq!((VALUES[0x7e], VALUES[1], VALUES[8]), (LARGEST, 0.001953125, 0.015625));
    }

    #[test]
    fn what_lies_between_two_numbers_goes_to_the_nearer_one_and_ties_to_even() {
        for low in 0..0x7eu8 {
            let (below, above) = (value(low), value(low + 1));
            let middle = below + (above - below) / 2.0;
            let even = low + low % 2;
            for (x, expected) in [(middle, even), (middle.next_down(), low), (middle.next_up(), low + 1)] {
                assert_eq!(code(x), expected, "{x}");
                assert_eq!(code(-x), expected | 128, "-{x}");
            }
            assert_eq!((code(below.next_up()), code(above.next_down())), (low, low + 1));
        }
    }

    #[test]
    fn what_is_beyond_the_largest_is_the_largest() {
        for x in [448.0, 448.1, 464.0, 480.0, 1e9, f32::MAX, f32::INFINITY] {
            assert_eq!((code(x), code(-x)), (0x7e, 0xfe), "{x}");
        }
        assert_eq!((code(f32::MIN_POSITIVE), code(-0.0), code(1e-45)), (0, 0x80, 0));
    }
}
