//! What is counted while spikes flow.

use serde::{Deserialize, Serialize};

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
