//! What is counted while spikes flow.

use kernels::Loop;
use serde::{Deserialize, Serialize};

use super::bytes::sum;
use super::coding::SiteCoding;
use super::encode::Code;

/// Spikes of a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpikeCounts {
    /// Tokens.
    pub tokens: u64,
    /// Multi-level spikes that are not 0.
    pub spikes: u64,
    /// Sum of their levels.
    pub levels: u64,
    /// Ones among the bits of the codes, by class: what arrays read that take codes bit by bit.
    pub bits: [u64; MOST_CLASSES],
}

/// Most classes of a site.
pub const MOST_CLASSES: usize = 8;

impl SpikeCounts {
    /// Adds those of other tokens.
    pub fn add(&mut self, other: &Self) {
        self.tokens += other.tokens;
        self.spikes += other.spikes;
        self.levels += other.levels;
        self.bits.iter_mut().zip(other.bits).for_each(|(bits, other)| *bits += other);
    }

    /// Additions that linear maps with `outputs` outputs in all need for these spikes: one for each spike and output.
    pub fn additions(&self, outputs: usize) -> u64 {
        self.spikes * outputs as u64
    }
}

/// Counts the spikes of codes, `[tokens][channels]`, without the number of tokens.
pub(super) struct Counting<'a, C> {
    pub coding: &'a SiteCoding,
    pub codes: &'a [C],
    pub counts: &'a mut SpikeCounts,
}

impl<C: Code> Loop for Counting<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { coding, codes, counts } = self;
        let most = (1u32 << coding.bits) - 1;
        for codes in codes.chunks_exact(coding.channels().max(1)) {
            for (class, bits) in coding.classes.iter().zip(&mut counts.bits) {
                let codes = &codes[class.places.clone()];
                *bits += u64::from(sum(codes, C::ones));
                counts.levels += u64::from(sum(codes, C::into));
                for step in 0..class.steps {
                    // A step fires where those before it, of most levels each, leave something.
                    let before = (step * most) as u16;
                    counts.spikes += u64::from(sum(codes, |code| u16::from(code.into() > before)));
                }
            }
        }
    }
}
