//! Functions in plain f32 operations: the compiler may vectorise them, and every instruction set gives the same bits.
//!
//! Sources: Moshier, Cephes (expf), for ln 2 in two parts; Sun Microsystems, fdlibm (logf), for the logarithm.

/// The exponential function, within 1e-7 of itself. Exponents beyond -87 and 88 count as these, and what is not a number
/// as -87.
///
/// A power of 2 times the exponential function of -ln(2)/2 to ln(2)/2, `1 + x + x^2 p(x)`, with p of degree 4 through
/// the exact values at five Chebyshev nodes; halves of p are worked out side by side.
#[inline(always)]
pub(super) fn exponential(exponent: f32) -> f32 {
    let exponent = if exponent > -87.0 { exponent } else { -87.0 };
    let exponent = if exponent < 88.0 { exponent } else { 88.0 };
    // Adding 1.5 * 2^23 rounds to an integer, held in the lowest bits.
    const ROUNDER: f32 = 12_582_912.0;
    let rounded = exponent * std::f32::consts::LOG2_E + ROUNDER;
    let power = rounded - ROUNDER;
    // ln 2 in two parts, the first of so few bits that the product is exact.
    let rest = exponent - power * 0.693_359_4 + power * 2.121_944_4e-4;
    let square = rest * rest;
    let higher = (0.041_666_556 + rest * 0.008_363_173) + square * 0.001_392_617_6;
    let series = (0.5 + rest * 0.166_665_78) + square * higher;
    let value = 1.0 + (rest + square * series);
    // Adding to its exponent multiplies a number by a power of 2.
    f32::from_bits(value.to_bits().wrapping_add(rounded.to_bits() << 23))
}

/// Natural logarithm of a positive normal number.
#[inline(always)]
pub(super) fn logarithm(value: f32) -> f32 {
    const ROOT_OF_HALF: u32 = 0x3f35_04f3;
    let bits = value.to_bits();
    let exponent = (bits.wrapping_sub(ROOT_OF_HALF) as i32) >> 23;
    let rest = f32::from_bits(bits.wrapping_sub((exponent << 23) as u32)) - 1.0;
    let ratio = rest / (2.0 + rest);
    let square = ratio * ratio;
    let series = square * (0.666_666_6 + square * (0.400_009_72 + square * (0.284_987_87 + square * 0.242_790_79)));
    exponent as f32 * std::f32::consts::LN_2 + (2.0 * ratio + ratio * series)
}

/// `base^exponent` for an exponent of at least 0, within 2e-7 of itself for each unit of `exponent * ln(base)`, and one
/// more. Bases below the least normal number count as 0.
#[inline(always)]
pub(super) fn power(base: f32, exponent: f32) -> f32 {
    let is_normal = base >= f32::MIN_POSITIVE;
    let value = exponential(exponent * logarithm(if is_normal { base } else { 1.0 }));
    let of_zero = if exponent > 0.0 { 0.0 } else { 1.0 };
    if is_normal { value } else { of_zero }
}

#[cfg(test)]
mod tests {
    use kernels::{Engine, Isa, Loop, Parallelism};

    use super::{exponential, logarithm, power};

    #[test]
    fn the_exponential_function_is_exact_to_its_type() {
        for step in -870_000..=880_000 {
            let exponent = step as f32 / 10_000.0;
            let exact = f64::from(exponent).exp();
            let found = f64::from(exponential(exponent));
            assert!((found - exact).abs() <= 1e-7 * exact, "{exponent}: {found}, {exact}");
        }
        for (beyond, end) in [(-87.1, -87.0), (f32::NEG_INFINITY, -87.0), (f32::NAN, -87.0), (1e30, 88.0)] {
            assert_eq!(exponential(beyond).to_bits(), exponential(end).to_bits(), "{beyond}");
        }
        assert_eq!((exponential(0.0), exponential(-0.0)), (1.0, 1.0));
    }

    #[test]
    fn logarithms_are_exact_to_their_type() {
        for step in 1..200_000u32 {
            let value = step as f32 / 100_000.0;
            let exact = f64::from(value).ln();
            assert!((f64::from(logarithm(value)) - exact).abs() <= 3e-7 * exact.abs().max(1e-3), "{value}");
        }
    }

    #[test]
    fn powers_are_those_of_their_logarithms() {
        for step in 1..=1000u32 {
            let base = step as f32 / 1000.0;
            for exponent in [0.0, 0.3, 1.0, 1.7, 6.0, 12.5] {
                let exact = f64::from(base).powf(exponent);
                let error = 2e-7 * (1.0 + exponent * f64::from(base).ln().abs());
                let found = f64::from(power(base, exponent as f32));
                assert!((found - exact).abs() <= error * exact + 1e-37, "{base}^{exponent}: {found}, {exact}");
            }
        }
        assert_eq!([power(0.0, 2.0), power(0.0, 0.0), power(1e-40, 0.5), power(1.0, 100.0)], [0.0, 1.0, 0.0, 1.0]);
    }

    struct Apply<'a>(&'a mut [f32]);

    impl Loop for Apply<'_> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            for (place, value) in self.0.iter_mut().enumerate() {
                *value = exponential(*value) + power(place as f32 * 1e-4, 1.0 + *value * *value * 1e-3);
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let bits = |isa: Isa| -> Vec<u32> {
            let mut values: Vec<f32> = (0..20_000).map(|step| (step - 10_000) as f32 / 113.0).collect();
            Engine::new(isa, Parallelism::Serial).unwrap().vectorised(Apply(&mut values));
            values.iter().map(|value| value.to_bits()).collect()
        };
        let expected = bits(Isa::Scalar);
        assert!(Isa::available().into_iter().all(|isa| bits(isa) == expected));
    }
}
