//! The codes of some tokens at a site.

use kernels::{Engine, Loop, Parallelism};
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::coding::{SiteCoding, TokenScale};
use super::counts::SpikeCounts;

/// Codes of tokens in the order of a coding, `[tokens][channels]`, with the scales of their classes.
#[derive(Clone, Debug)]
pub struct Codes {
    channels: usize,
    classes: usize,
    largest: Vec<u16>,
    codes: Vec<u16>,
    /// `[tokens][classes]`.
    scales: Vec<TokenScale>,
    /// `[tokens][channels + 1]`: sums of the codes before each place.
    sums: Vec<i32>,
}

/// [`SiteCoding::encode`] with the instruction set of an engine.
struct Encode<'a> {
    coding: &'a SiteCoding,
    token: &'a [f32],
    codes: &'a mut [u16],
    scales: &'a mut [TokenScale],
}

impl Loop for Encode<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.coding.encode(self.token, self.codes, self.scales);
    }
}

/// Activations and codes of a token, scales and sums.
type Rows<'a> = ((&'a [f32], &'a mut [u16]), (&'a mut [TokenScale], &'a mut [i32]));

impl Codes {
    /// The codes of activations, `[tokens, channels]`.
    ///
    /// # Panics
    /// When the activations are not as wide as the coding.
    pub fn new(engine: Engine, coding: &SiteCoding, activations: ArrayView2<'_, f32>) -> Self {
        let (tokens, channels, classes) = (activations.nrows(), coding.channels(), coding.classes.len());
        assert_eq!(activations.ncols(), channels, "channels of a site");
        let mut codes = vec![0; tokens * channels];
        let mut scales = vec![TokenScale::default(); tokens * classes];
        let mut sums = vec![0; tokens * (channels + 1)];
        let activations = activations.as_standard_layout();
        let numbers = activations.as_slice().unwrap_or(&[]);
        let encode = |((token, codes), (scales, sums)): Rows<'_>| {
            engine.vectorised(Encode { coding, token, codes: &mut *codes, scales });
            let mut sum = 0;
            for (after, &code) in sums.iter_mut().skip(1).zip(codes.iter()) {
                sum += i32::from(code);
                *after = sum;
            }
        };
        if engine.parallelism() == Parallelism::Rayon && tokens > 1 {
            let codes = codes.par_chunks_exact_mut(channels.max(1));
            let scales = scales.par_chunks_exact_mut(classes.max(1)).zip(sums.par_chunks_exact_mut(channels + 1));
            numbers.par_chunks_exact(channels.max(1)).zip(codes).zip(scales).for_each(encode);
        } else {
            let codes = codes.chunks_exact_mut(channels.max(1));
            let scales = scales.chunks_exact_mut(classes.max(1)).zip(sums.chunks_exact_mut(channels + 1));
            numbers.chunks_exact(channels.max(1)).zip(codes).zip(scales).for_each(encode);
        }
        let largest = coding.classes.iter().map(|class| class.largest).collect();
        Self { channels, classes, largest, codes, scales, sums }
    }

    /// Tokens.
    pub fn tokens(&self) -> usize {
        self.sums.len() / (self.channels + 1)
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Largest code of a class.
    pub(super) fn largest(&self, class: usize) -> u16 {
        self.largest[class]
    }

    /// Codes of one token, place after place.
    pub fn token(&self, token: usize) -> &[u16] {
        &self.codes[token * self.channels..][..self.channels]
    }

    /// Scale and zero point of a class.
    #[inline(always)]
    pub fn scale(&self, token: usize, class: usize) -> TokenScale {
        self.scales[token * self.classes + class]
    }

    /// Sum of the codes of some places.
    #[inline(always)]
    pub(super) fn sum(&self, token: usize, start: usize, count: usize) -> i32 {
        let sums = &self.sums[token * (self.channels + 1)..];
        sums[start + count] - sums[start]
    }

    /// What a pass carries of the codes at some places, `[tokens][count]`: up to 255 of each.
    pub(super) fn bytes(&self, start: usize, count: usize, pass: u16) -> Vec<u8> {
        let before = pass.saturating_mul(255);
        let mut bytes = Vec::with_capacity(self.tokens() * count);
        for token in 0..self.tokens() {
            let codes = &self.token(token)[start..start + count];
            bytes.extend(codes.iter().map(|code| code.saturating_sub(before).min(255) as u8));
        }
        bytes
    }

    /// The spike trains of one token, `[steps][channels]` in the order of the coding, as many steps as the class with the
    /// most has: soft reset, largest spikes first ([`snn::gif`]).
    pub fn spikes(&self, coding: &SiteCoding, token: usize) -> Vec<Vec<u16>> {
        let most = (1u16 << coding.bits) - 1;
        let steps = coding.classes.iter().map(|class| class.steps).max().unwrap_or(0);
        let mut trains = vec![vec![0; self.channels]; steps as usize];
        for class in &coding.classes {
            for place in class.places.clone() {
                let mut potential = self.token(token)[place];
                for (step, train) in (1..=class.steps).zip(&mut trains) {
                    let spike = if step == class.steps { potential } else { potential.min(most) };
                    train[place] = spike;
                    potential -= spike;
                }
            }
        }
        trains
    }

    /// Counts the spikes of all tokens.
    pub fn count(&self, coding: &SiteCoding, counts: &mut SpikeCounts) {
        counts.tokens += self.tokens() as u64;
        let most = (1u64 << coding.bits) - 1;
        for token in 0..self.tokens() {
            for (class, bits) in coding.classes.iter().zip(&mut counts.bits) {
                let codes = &self.token(token)[class.places.clone()];
                *bits += codes.iter().map(|code| u64::from(code.count_ones())).sum::<u64>();
                counts.levels += codes.iter().map(|&code| u64::from(code)).sum::<u64>();
                counts.spikes += if class.steps == 1 {
                    codes.iter().map(|&code| u64::from(code != 0)).sum::<u64>()
                } else {
                    codes.iter().map(|&code| u64::from(code).div_ceil(most).min(class.steps.into())).sum()
                };
            }
        }
    }
}
