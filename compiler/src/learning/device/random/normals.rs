//! Standard normal numbers, many at once, by the polar form of Box and Muller.
//!
//! ```text
//! z1 = sqrt(-2 ln u) cos(a),   z2 = sqrt(-2 ln u) sin(a)      u uniform over (0, 1), a uniform over the circle
//! ```
//!
//! Logarithm, sine and cosine are polynomials with errors near that of f32, so that the compiler may vectorise them and
//! every instruction set gives the same bits. A word of 32 bits makes u, so no number is beyond 6.7.
//!
//! Sources: Box and Muller, Annals of Mathematical Statistics 29:610 (1958); polynomials: Moshier, Cephes (sinf, cosf).

use std::hint::select_unpredictable;

use super::super::functions::logarithm;
use super::threefry::words;

/// Numbers side by side.
pub(in super::super) const LANES: usize = 16;

/// Numbers of each of `LANES` lanes.
pub(in super::super) type Lanes = [f32; LANES];

/// A function from counters to normal numbers.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Normals {
    pub key: [u32; 4],
}

impl Normals {
    /// The numbers of a counter.
    #[inline(always)]
    pub fn fill(self, counter: [u32; 2], values: &mut [Lanes; 4]) {
        let [first, second, third, fourth] = values;
        for lane in 0..LANES {
            let [a, b, c, d] = words(self.key, [counter[0], counter[1], lane as u32, 0]);
            (first[lane], second[lane]) = pair(a, b);
            (third[lane], fourth[lane]) = pair(c, d);
        }
    }

    /// Of the numbers of a counter the one of each lane at `place`, 0 to 3, where lanes have keys of their own: the first
    /// words of all lanes, then the second ones, and so on.
    #[inline(always)]
    pub fn of_each(keys: &[[u32; LANES]; 4], counter: [u32; 2], place: usize) -> Lanes {
        // One thing after the other, so that the compiler sees lanes side by side.
        let (mut lengths, mut angles) = ([0; LANES], [0; LANES]);
        for lane in 0..LANES {
            let key = [keys[0][lane], keys[1][lane], keys[2][lane], keys[3][lane]];
            let [a, b, c, d] = words(key, [counter[0], counter[1], lane as u32, 0]);
            lengths[lane] = select_unpredictable(place < 2, a, c);
            angles[lane] = select_unpredictable(place < 2, b, d);
        }
        let mut values = [[0.0; LANES]; 2];
        for lane in 0..LANES {
            (values[0][lane], values[1][lane]) = pair(lengths[lane], angles[lane]);
        }
        values[place % 2]
    }
}

/// 2^-32.
const UNIT: f32 = 1.0 / 4_294_967_296.0;
/// An eighth of the circle in parts of 2^31.
const ANGLE_UNIT: f32 = std::f32::consts::FRAC_PI_4 / 2_147_483_648.0;

/// Two independent normal numbers of two random words.
#[inline(always)]
fn pair(length: u32, angle: u32) -> (f32, f32) {
    // 2^-32 times an odd number is neither 0 nor above 1.
    let radius = (-2.0 * logarithm((length | 1) as f32 * UNIT)).sqrt();
    // The upper bits are an angle of -pi/4 to pi/4, the lowest two say which of the quarters it is in.
    let (sine, cosine) = sine_and_cosine(angle as i32 as f32 * ANGLE_UNIT);
    let cosine = f32::from_bits(cosine.to_bits() ^ (angle << 31));
    let is_turned = angle & 2 != 0;
    let (across, along) = if is_turned { (cosine, sine) } else { (sine, cosine) };
    (radius * along, radius * across)
}

/// Sine and cosine of an angle of -pi/4 to pi/4.
#[inline(always)]
fn sine_and_cosine(angle: f32) -> (f32, f32) {
    let square = angle * angle;
    let sine = angle + angle * square * (-0.166_666_55 + square * (0.008_332_161 - square * 0.000_195_152_96));
    let higher = 0.041_666_646 + square * (-0.001_388_731_6 + square * 0.000_024_433_157);
    (sine, 1.0 - 0.5 * square + square * square * higher)
}

#[cfg(test)]
mod tests {
    use kernels::{Engine, Isa, Loop, Parallelism};

    use super::{LANES, Lanes, Normals, sine_and_cosine};

    const BLOCKS: u32 = 1 << 16;

    struct Fill<'a>(&'a mut [[Lanes; 4]]);

    impl Loop for Fill<'_> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            let normals = Normals { key: [1, 2, 3, 4] };
            for (counter, block) in (0..).zip(self.0) {
                normals.fill([counter, 7], block);
            }
        }
    }

    fn drawn(engine: Engine, blocks: usize) -> Vec<[Lanes; 4]> {
        let mut values = vec![[[0.0; LANES]; 4]; blocks];
        engine.vectorised(Fill(&mut values));
        values
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let bits = |isa: Isa| -> Vec<u32> {
            let values = drawn(Engine::new(isa, Parallelism::Serial).unwrap(), 500);
            values.as_flattened().as_flattened().iter().map(|value| value.to_bits()).collect()
        };
        let expected = bits(Isa::Scalar);
        assert!(Isa::available().into_iter().all(|isa| bits(isa) == expected));
    }

    #[test]
    fn moments_and_tails_are_those_of_a_normal_number() {
        let values = drawn(Engine::detect(Parallelism::Serial), BLOCKS as usize);
        let values: Vec<f64> = values.as_flattened().as_flattened().iter().map(|&value| f64::from(value)).collect();
        let number = values.len() as f64;
        // Odd moments are 0; the variance of a moment of order n is m_2n - m_n^2.
        for (order, expected, variance) in
            [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0), (6, 15.0, 10_170.0)]
        {
            let moment = values.iter().map(|value| value.powi(order)).sum::<f64>() / number;
            let error = f64::sqrt(variance / number);
            assert!((moment - expected).abs() < 4.5 * error, "moment {order}: {moment}, {expected} +- {error}");
        }
        // Twice the upper tail, from tables of the error function.
        for (limit, share) in [
            (0.01, 0.992_021_3),
            (0.1, 0.920_344_3),
            (0.674_489_75, 0.5),
            (1.0, 0.317_310_5),
            (2.0, 0.045_500_26),
            (3.0, 2.699_796e-3),
            (4.0, 6.334_248e-5),
            (4.5, 6.795_346e-6),
            (5.0, 5.733_031e-7),
        ] {
            let expected: f64 = share * number;
            let error = (expected * (1.0 - share)).sqrt();
            let found = values.iter().filter(|value| value.abs() > limit).count() as f64;
            assert!((found - expected).abs() < 4.5 * error + 0.5, "beyond {limit}: {found}, {expected} +- {error}");
            let above = values.iter().filter(|&&value| value > limit).count() as f64;
            assert!((above - found / 2.0).abs() < 4.5 * found.sqrt() / 2.0 + 1.0, "above {limit}: {above} of {found}");
        }
    }

    #[test]
    fn numbers_of_a_counter_are_independent() {
        let values = drawn(Engine::detect(Parallelism::Serial), BLOCKS as usize);
        let number = f64::from(BLOCKS) * LANES as f64;
        let agrees = |product: &dyn Fn(&[Lanes; 4], usize) -> f32, expected: f64, spread: f64| {
            let sum: f64 = values.iter().flat_map(|block| (0..LANES).map(|lane| f64::from(product(block, lane)))).sum();
            assert!((sum / number - expected).abs() < 4.5 * spread / number.sqrt(), "{}", sum / number);
        };
        for (one, other) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            agrees(&|block, lane| block[one][lane] * block[other][lane], 0.0, 1.0);
            agrees(&|block, lane| block[one][lane].powi(2) * block[other][lane].powi(2), 1.0, 8f64.sqrt());
        }
        agrees(&|block, lane| block[0][lane] * block[0][(lane + 1) % LANES], 0.0, 1.0);
    }

    #[test]
    fn polynomials_are_as_exact_as_their_type() {
        for step in 1..100_000u32 {
            let value = step as f32 / 100_000.0;
            let angle = (value - 0.5) * std::f32::consts::FRAC_PI_2;
            let (sine, cosine) = sine_and_cosine(angle);
            let (exact_sine, exact_cosine) = f64::from(angle).sin_cos();
            assert!((f64::from(sine) - exact_sine).abs() < 1.2e-7 && (f64::from(cosine) - exact_cosine).abs() < 1.2e-7);
        }
    }
}
