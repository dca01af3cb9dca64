//! The codes of some tokens at a site.

use kernels::{CountRows, Engine, Parallelism};
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::bytes;
use super::coding::{SiteCoding, TokenScale};
use super::counts::{Counting, SpikeCounts};
use super::encode::{Code, Encode};

/// What one pass of a product carries of a code: counts of the kernels have 8 bits.
const MOST: u16 = u8::MAX as u16;
/// Bytes that products may read behind the last row.
const BEHIND: usize = 3;
/// Tokens that one thread codes or counts at a time.
const SHARED_TOKENS: usize = 16;

/// Codes of tokens in the order of a coding, with the scales of their classes.
#[derive(Clone, Debug)]
pub struct Codes {
    tokens: usize,
    channels: usize,
    classes: usize,
    largest: Vec<u16>,
    /// `[passes][tokens][channels]`, and room behind: the codes are the sums over the passes.
    parts: Vec<u8>,
    /// `[tokens][classes]`.
    scales: Vec<TokenScale>,
}

/// Codes the rows of `tokens`, on several threads where the engine has them.
fn encode<C: Code>(engine: Engine, coding: &SiteCoding, tokens: &[f32], codes: &mut [C], scales: &mut [TokenScale]) {
    let (channels, classes) = (coding.channels().max(1), coding.classes.len().max(1));
    if engine.parallelism() == Parallelism::Rayon && tokens.len() > SHARED_TOKENS * channels {
        let parts = tokens.par_chunks(SHARED_TOKENS * channels).zip(codes.par_chunks_mut(SHARED_TOKENS * channels));
        parts.zip(scales.par_chunks_mut(SHARED_TOKENS * classes)).for_each(|((tokens, codes), scales)| {
            engine.vectorised(Encode { coding, numbers: tokens, pitch: channels, codes, scales });
        });
    } else {
        engine.vectorised(Encode { coding, numbers: tokens, pitch: channels, codes, scales });
    }
}

impl Codes {
    /// The codes of activations, `[tokens, channels]`.
    ///
    /// # Panics
    /// When the activations are not as wide as the coding.
    pub fn new(engine: Engine, coding: &SiteCoding, activations: ArrayView2<'_, f32>) -> Self {
        let (tokens, channels, classes) = (activations.nrows(), coding.channels(), coding.classes.len());
        assert_eq!(activations.ncols(), channels, "channels of a site");
        let activations = activations.as_standard_layout();
        let numbers = activations.as_slice().unwrap_or(&[]);
        let mut scales = vec![TokenScale::default(); tokens * classes];
        let passes = passes(coding.largest_code());
        let length = tokens * channels;
        let mut parts = vec![0; passes * length + BEHIND];
        if passes == 1 {
            encode(engine, coding, numbers, &mut parts[..length], &mut scales);
        } else {
            let mut codes = vec![0u16; length];
            encode(engine, coding, numbers, &mut codes, &mut scales);
            for (pass, parts) in parts.chunks_exact_mut(length.max(1)).take(passes).enumerate() {
                let before = pass as u16 * MOST;
                let carried = codes.iter().map(|code| code.saturating_sub(before).min(MOST) as u8);
                parts.iter_mut().zip(carried).for_each(|(part, carried)| *part = carried);
            }
        }
        let largest = coding.classes.iter().map(|class| class.largest).collect();
        Self { tokens, channels, classes, largest, parts, scales }
    }

    /// Tokens.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Passes that the codes of a class take: products add up what each of them carries.
    pub(super) fn passes(&self, class: usize) -> usize {
        passes(self.largest[class])
    }

    /// What a pass carries of the codes of `count` tokens from `first`, at the places from `start`.
    pub(super) fn rows(&self, pass: usize, [first, count]: [usize; 2], start: usize) -> CountRows<'_> {
        let begin = (pass * self.tokens + first) * self.channels + start;
        CountRows { bytes: &self.parts[begin..], pitch: self.channels, count }
    }

    /// What a pass carries of the codes of one token.
    fn part(&self, pass: usize, token: usize) -> &[u8] {
        &self.parts[(pass * self.tokens + token) * self.channels..][..self.channels]
    }

    /// Codes of one token, place after place.
    pub fn token(&self, token: usize) -> Vec<u16> {
        let mut codes = vec![0; self.channels];
        for pass in 0..passes(self.largest.iter().copied().max().unwrap_or(0)) {
            codes.iter_mut().zip(self.part(pass, token)).for_each(|(code, &part)| *code += u16::from(part));
        }
        codes
    }

    /// Scale and zero point of a class.
    #[inline(always)]
    pub fn scale(&self, token: usize, class: usize) -> TokenScale {
        self.scales[token * self.classes + class]
    }

    /// For every token, the sum of the codes of a class at `count` places from `start`.
    pub(super) fn sums(&self, engine: Engine, class: usize, start: usize, count: usize) -> Vec<i32> {
        let mut sums = vec![0; self.tokens];
        for pass in 0..self.passes(class) {
            let rows = self.rows(pass, [0, self.tokens], start);
            engine.vectorised(bytes::Sums { rows, width: count, sums: &mut sums });
        }
        sums
    }

    /// The spike trains of one token, `[steps][channels]` in the order of the coding, as many steps as the class with the
    /// most has: soft reset, largest spikes first ([`snn::gif`]).
    pub fn spikes(&self, coding: &SiteCoding, token: usize) -> Vec<Vec<u16>> {
        let most = (1u16 << coding.bits) - 1;
        let steps = coding.classes.iter().map(|class| class.steps).max().unwrap_or(0);
        let mut trains = vec![vec![0; self.channels]; steps as usize];
        let codes = self.token(token);
        for class in &coding.classes {
            for place in class.places.clone() {
                let mut potential = codes[place];
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
    pub fn count(&self, engine: Engine, coding: &SiteCoding, counts: &mut SpikeCounts) {
        let of_tokens = |tokens: std::ops::Range<usize>| {
            let mut counts = SpikeCounts { tokens: tokens.len() as u64, ..SpikeCounts::default() };
            if passes(coding.largest_code()) == 1 {
                let codes = &self.parts[tokens.start * self.channels..tokens.end * self.channels];
                engine.vectorised(Counting { coding, codes, counts: &mut counts });
            } else {
                let codes: Vec<u16> = tokens.flat_map(|token| self.token(token)).collect();
                engine.vectorised(Counting { coding, codes: &codes, counts: &mut counts });
            }
            counts
        };
        if engine.parallelism() == Parallelism::Rayon && self.tokens > SHARED_TOKENS {
            let parts = (0..self.tokens.div_ceil(SHARED_TOKENS)).into_par_iter();
            let of_part = |part: usize| of_tokens(part * SHARED_TOKENS..self.tokens.min((part + 1) * SHARED_TOKENS));
            counts.add(&parts.map(of_part).reduce(SpikeCounts::default, |mut sum, part| {
                sum.add(&part);
                sum
            }));
        } else {
            counts.add(&of_tokens(0..self.tokens));
        }
    }
}

/// Passes of 8 bits that carry codes up to `largest`.
fn passes(largest: u16) -> usize {
    largest.div_ceil(MOST).max(1).into()
}
