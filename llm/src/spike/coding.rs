//! Activations of a site as the codes of its quantisers: what generalised integrate-and-fire neurons turn into spikes.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::counts::MOST_CLASSES;
use super::encode::{Part, encode, round};
use crate::LlmError;

/// Most steps of a channel.
pub const MOST_STEPS: u32 = 64;
/// Smallest scale of a quantiser.
const SMALLEST_SCALE: f32 = 1e-8;

/// Which codes a channel with several steps has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TopCodes {
    /// Up to `T (L - 1)`: what T spikes of at most L - 1 reach.
    #[default]
    Reachable,
    /// Up to `T L - 1`, all codes of `b + log2 T` bits; the last step carries what T spikes of L - 1 leave over.
    Full,
}

/// Channels of a site that fire in the same number of steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Steps T.
    pub steps: u32,
    /// Largest code.
    pub largest: u16,
    /// Its places in the order of the coding.
    pub places: Range<usize>,
}

/// How the activations of a site become codes.
///
/// All channels of a token share the range of its activations, which always covers 0; with L = 2^b levels a channel of T
/// steps has the codes `q = clamp(round_half_away(x / s) + z, 0, Q)`, `s = (max - min) / Q`,
/// `z = round_half_away(-min / s)` with its largest code Q, and stands for `s (q - z)`: the asymmetric quantiser of
/// SpikeLLM's activations (section "generalised integrate-and-fire").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteCoding {
    /// Bits b of one spike.
    pub bits: u32,
    /// Whether codes reach beyond what the steps carry.
    pub top: TopCodes,
    /// Factor on the range of a token.
    pub clip: f32,
    /// Channel at each place, class after class.
    pub order: Vec<u32>,
    /// Classes, fewest steps first.
    pub classes: Vec<Class>,
}

/// Scale and zero point of a class for one token.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TokenScale {
    /// What one more in the code stands for.
    pub scale: f32,
    /// The code of 0; some code of the quantiser or one more.
    pub zero: i32,
}

impl SiteCoding {
    /// The coding with `steps` of every channel.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] for bits outside `1..=8` and steps outside `1..=64`.
    pub fn new(bits: u32, steps: &[u32], top: TopCodes, clip: f32) -> Result<Self, LlmError> {
        if !(1..=8).contains(&bits) {
            return Err(LlmError::configuration("bits of activations", "1 to 8", bits));
        }
        if let Some(wrong) = steps.iter().find(|steps| !(1..=MOST_STEPS).contains(steps)) {
            return Err(LlmError::configuration("steps of a channel", format!("1 to {MOST_STEPS}"), wrong));
        }
        if !(clip > 0.0 && clip <= 1.0) {
            return Err(LlmError::configuration("clipping of activations", "above 0 and at most 1", clip));
        }
        let mut kinds: Vec<u32> = steps.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.len() > MOST_CLASSES {
            let expected = format!("at most {MOST_CLASSES} different numbers of steps");
            return Err(LlmError::configuration("steps of channels", expected, kinds.len()));
        }
        let mut order = Vec::with_capacity(steps.len());
        let mut classes = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let first = order.len();
            order.extend(steps.iter().zip(0u32..).filter(|&(&steps, _)| steps == kind).map(|(_, channel)| channel));
            classes.push(Class { steps: kind, largest: largest_code(bits, kind, top), places: first..order.len() });
        }
        Ok(Self { bits, top, clip, order, classes })
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.order.len()
    }

    /// Mean steps of a channel.
    pub fn mean_steps(&self) -> f64 {
        let sum: f64 = self.classes.iter().map(|class| f64::from(class.steps) * class.places.len() as f64).sum();
        sum / self.channels().max(1) as f64
    }

    /// Steps of every channel.
    pub fn steps(&self) -> Vec<u32> {
        let mut steps = vec![1; self.channels()];
        for class in &self.classes {
            for &channel in &self.order[class.places.clone()] {
                steps[channel as usize] = class.steps;
            }
        }
        steps
    }

    /// Largest code of all classes.
    pub fn largest_code(&self) -> u16 {
        self.classes.iter().map(|class| class.largest).max().unwrap_or(0)
    }

    /// Replaces the activations of a token by what their codes stand for.
    pub fn quantise(&self, token: &mut [f32]) {
        let mut codes = vec![0u16; self.channels()];
        let mut scales = vec![TokenScale::default(); self.classes.len()];
        encode(self, token, &mut codes, &mut scales, &mut Part::default());
        for (class, scale) in self.classes.iter().zip(&scales) {
            for place in class.places.clone() {
                token[self.order[place] as usize] = scale.value(codes[place]);
            }
        }
    }

    /// Checks what a file says.
    ///
    /// # Errors
    /// [`LlmError::Configuration`] naming what contradicts what.
    pub fn check(&self, channels: usize) -> Result<(), LlmError> {
        let mut seen = vec![false; channels];
        let is_permutation = self.order.len() == channels
            && self
                .order
                .iter()
                .all(|&channel| seen.get_mut(channel as usize).is_some_and(|seen| !std::mem::replace(seen, true)));
        if !is_permutation {
            let expected = format!("each of {channels} channels once");
            return Err(LlmError::configuration("order of channels", expected, "another list"));
        }
        let rebuilt = Self::new(self.bits, &self.steps_checked(channels)?, self.top, self.clip)?;
        if rebuilt.classes != self.classes {
            return Err(LlmError::configuration(
                "classes of channels",
                "classes by steps, one after the other",
                "others",
            ));
        }
        Ok(())
    }

    fn steps_checked(&self, channels: usize) -> Result<Vec<u32>, LlmError> {
        let wrong = || LlmError::configuration("classes of channels", format!("places within {channels}"), "others");
        let mut steps = vec![0; channels];
        for class in &self.classes {
            let order = self.order.get(class.places.clone()).ok_or_else(wrong)?;
            for &channel in order {
                *steps.get_mut(channel as usize).ok_or_else(wrong)? = class.steps;
            }
        }
        Ok(steps)
    }
}

/// Largest code of a channel with `steps` of `bits` bits.
pub fn largest_code(bits: u32, steps: u32, top: TopCodes) -> u16 {
    let levels = 1u32 << bits;
    let largest = match top {
        TopCodes::Reachable => steps * (levels - 1),
        TopCodes::Full => steps * levels - 1,
    };
    largest as u16
}

impl TokenScale {
    /// Of the range `low..=high`, which covers 0, in codes up to `largest`.
    #[inline(always)]
    pub fn of(low: f32, high: f32, largest: u16) -> Self {
        let scale = ((high - low) / f32::from(largest)).max(SMALLEST_SCALE);
        Self { scale, zero: round(-low / scale) }
    }

    /// The code of a number.
    #[inline(always)]
    pub fn code(self, x: f32, largest: u16) -> u16 {
        self.nearest(x, largest) as u16
    }

    #[inline(always)]
    pub(super) fn nearest(self, x: f32, largest: u16) -> i32 {
        (round(x / self.scale) + self.zero).clamp(0, i32::from(largest))
    }

    /// What a code stands for.
    pub fn value(self, code: u16) -> f32 {
        self.scale * (i32::from(code) - self.zero) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::{SiteCoding, TokenScale, TopCodes};

    fn tokens(channels: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..channels)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 4_194_304.0 - 1.5
            })
            .collect()
    }

    /// The quantiser of `bits` bits over a whole token.
    fn plain(token: &[f32], bits: u32) -> Vec<f32> {
        let (low, high) = token.iter().fold((0.0f32, 0.0f32), |(low, high), &x| (low.min(x), high.max(x)));
        let largest = (1u32 << bits) as f32 - 1.0;
        let scale = (high - low) / largest;
        let zero = (-low / scale).round();
        token.iter().map(|x| scale * (((x / scale).round() + zero).clamp(0.0, largest) - zero)).collect()
    }

    #[test]
    fn one_step_is_the_plain_quantiser_and_all_steps_one_of_more_bits() {
        for bits in 1..=6 {
            let token = tokens(37, bits);
            for (steps, added) in [(1, 0), (2, 1), (4, 2)] {
                let coding = SiteCoding::new(bits, &[steps; 37], TopCodes::Full, 1.0).unwrap();
                let mut quantised = token.clone();
                coding.quantise(&mut quantised);
                assert_eq!(quantised, plain(&token, bits + added), "{bits} bits, {steps} steps");
            }
        }
    }

    #[test]
    fn salient_channels_have_finer_codes_on_the_same_range() {
        let token = tokens(40, 7);
        let steps: Vec<u32> = (0..40).map(|channel| if channel % 10 == 3 { 2 } else { 1 }).collect();
        let coding = SiteCoding::new(4, &steps, TopCodes::Full, 1.0).unwrap();
        assert_eq!(coding.steps(), steps);
        coding.check(40).unwrap();
        assert_eq!(coding.mean_steps(), 1.1);
        let mut quantised = token.clone();
        coding.quantise(&mut quantised);
        let (low, high) = (plain(&token, 4), plain(&token, 5));
        for channel in 0..40 {
            assert_eq!(quantised[channel], if steps[channel] == 2 { high[channel] } else { low[channel] });
        }
    }

    #[test]
    fn nothing_but_zeros_and_one_sign_keep_their_values() {
        let coding = SiteCoding::new(4, &[1, 2, 1], TopCodes::Reachable, 1.0).unwrap();
        for token in [[0.0; 3], [3.0; 3], [-2.0; 3]] {
            let mut quantised = token;
            coding.quantise(&mut quantised);
            assert_eq!(quantised, token);
        }
        assert_eq!(TokenScale::of(0.0, 0.0, 15).code(0.0, 15), 0);
    }

    #[test]
    fn halves_and_no_less_are_rounded_away_from_zero() {
        let below = 0.5f32.next_down();
        let scale = TokenScale { scale: 1.0, zero: 8 };
        for whole in -9..=9 {
            for (x, code) in [(below, 8), (-below, 8), (0.5, 9), (-0.5, 7), (1.5f32.next_down(), 9), (2.5, 11)] {
                assert_eq!(scale.code(x, 15), code, "{x}");
            }
            let exact = whole as f32 + 0.25;
            assert_eq!(i32::from(scale.code(exact, 255)), (8 + exact.round() as i32).max(0));
        }
        for (x, code) in [(f32::INFINITY, 15), (1e30, 15), (f32::NEG_INFINITY, 0), (-1e30, 0), (f32::NAN, 8)] {
            assert_eq!(scale.code(x, 15), code, "{x}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(SiteCoding::new(9, &[1], TopCodes::Full, 1.0).is_err());
        assert!(SiteCoding::new(4, &[0], TopCodes::Full, 1.0).is_err());
        assert!(SiteCoding::new(4, &[1], TopCodes::Full, 0.0).is_err());
        let coding = SiteCoding::new(4, &[1, 2], TopCodes::Full, 1.0).unwrap();
        assert!(coding.check(3).is_err());
        let twice = SiteCoding { order: vec![0, 0], ..coding.clone() };
        assert!(twice.check(2).is_err());
        let mut moved = coding;
        moved.classes[1].places = 1..3;
        assert!(moved.check(2).is_err());
    }
}
