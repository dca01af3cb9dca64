//! From activations to codes, in loops that the compiler can vectorise.

use kernels::Loop;

use super::coding::{SiteCoding, TokenScale};

/// Farther from 0 than any code.
const FARTHEST: f32 = 2_097_152.0;
/// Its sum with a number of at most [`FARTHEST`] has no bits behind the point.
pub(super) const NO_FRACTION: f32 = 12_582_912.0;

/// Activations that are gathered at once: so many that the first are in the cache when they are read again, as
/// processors do not forward several narrow writes to a wide read.
const PART: usize = 256;
/// Partial extremes of a token.
const LANES: usize = 16;

/// Half away from zero, [`FARTHEST`] for what lies farther, 0 for what is not a number. Without a conversion that
/// saturates, which the compiler does not vectorise.
#[inline(always)]
pub(super) fn round(x: f32) -> i32 {
    let x = if x.is_nan() { 0.0 } else { x };
    let x = if x > FARTHEST { FARTHEST } else { x };
    let x = if x < -FARTHEST { -FARTHEST } else { x };
    // Half to even first: the low bits of `shifted` are the whole number. A half that went towards zero goes back.
    let shifted = x + NO_FRACTION;
    let fraction = x - (shifted - NO_FRACTION);
    let even = shifted.to_bits() as i32 - NO_FRACTION.to_bits() as i32;
    even + i32::from((fraction == 0.5) & (x > 0.0)) - i32::from((fraction == -0.5) & (x < 0.0))
}

/// Smallest and largest of numbers and 0.
#[inline(always)]
fn range(numbers: &[f32]) -> (f32, f32) {
    let low = extreme(numbers, |a, b| if b < a { b } else { a });
    (low, extreme(numbers, |a, b| if b > a { b } else { a }))
}

/// The number that `choose` prefers to all others and to 0.
#[inline(always)]
fn extreme(numbers: &[f32], choose: impl Fn(f32, f32) -> f32) -> f32 {
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    let mut lanes = [0.0f32; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = choose(lanes[lane], chunk[lane]);
        }
    }
    for (lane, &number) in lanes.iter_mut().zip(rest) {
        *lane = choose(*lane, number);
    }
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            lanes[lane] = choose(lanes[lane], lanes[lane + width]);
        }
    }
    lanes[0]
}

/// A number that holds codes.
pub(super) trait Code: Copy + Default + Into<u16> + Send + Sync {
    /// The code, which fits.
    fn of(code: i32) -> Self;

    /// Ones among its bits.
    fn ones(self) -> u16;
}

impl Code for u8 {
    #[inline(always)]
    fn of(code: i32) -> u8 {
        code as u8
    }

    #[inline(always)]
    fn ones(self) -> u16 {
        self.count_ones() as u16
    }
}

impl Code for u16 {
    #[inline(always)]
    fn of(code: i32) -> u16 {
        code as u16
    }

    #[inline(always)]
    fn ones(self) -> u16 {
        self.count_ones() as u16
    }
}

/// Codes of the activations of one token, place after place, and scale and zero point of every class.
#[inline(always)]
pub(super) fn encode<C: Code>(
    coding: &SiteCoding,
    token: &[f32],
    codes: &mut [C],
    scales: &mut [TokenScale],
    Part { numbers, codes: of_part }: &mut Part<C>,
) {
    let (low, high) = range(token);
    let (low, high) = (low * coding.clip, high * coding.clip);
    for (class, scale) in coding.classes.iter().zip(scales) {
        *scale = TokenScale::of(low, high, class.largest);
        let places = class.places.clone();
        let (scale, largest) = (*scale, class.largest);
        let parts = codes[places.clone()].chunks_mut(PART).zip(coding.order[places].chunks(PART));
        for (codes, order) in parts {
            for (x, &channel) in numbers.iter_mut().zip(order) {
                *x = token[channel as usize];
            }
            // Whole lanes, whatever the last ones hold.
            let lanes = order.len().next_multiple_of(LANES);
            for (code, &x) in of_part[..lanes].iter_mut().zip(&numbers[..lanes]) {
                *code = C::of(scale.nearest(x, largest));
            }
            codes.copy_from_slice(&of_part[..codes.len()]);
        }
    }
}

/// Activations of some places, and their codes.
pub(super) struct Part<C> {
    numbers: [f32; PART],
    codes: [C; PART],
}

impl<C: Code> Default for Part<C> {
    fn default() -> Self {
        Self { numbers: [0.0; PART], codes: [C::default(); PART] }
    }
}

/// Codes of several tokens, with the scales of their classes.
pub(super) struct Encode<'a, C> {
    pub coding: &'a SiteCoding,
    /// The activations of a token begin `pitch` numbers behind those of the token before.
    pub numbers: &'a [f32],
    pub pitch: usize,
    /// `[tokens][channels]`.
    pub codes: &'a mut [C],
    /// `[tokens][classes]`.
    pub scales: &'a mut [TokenScale],
}

impl<C: Code> Loop for Encode<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (channels, classes) = (self.coding.channels(), self.coding.classes.len());
        let mut part = Part::default();
        let rows = self.codes.chunks_exact_mut(channels.max(1)).zip(self.scales.chunks_exact_mut(classes.max(1)));
        for (token, (codes, scales)) in rows.enumerate() {
            encode(self.coding, &self.numbers[token * self.pitch..][..channels], codes, scales, &mut part);
        }
    }
}
