//! Pulses on a row of single devices, sixteen columns at a time.
//!
//! Blocks of sixteen columns are taken through a pulse at a time; blocks whose columns have all had their pulses drop
//! out. Four blocks share the normal numbers of a counter: a function of the stream of the row and the update, the
//! number of the pulse and the place among the blocks that are left.

use kernels::Loop;

use super::super::devices::Parts;
use super::super::families::{Law, Made};
use super::super::random::{LANES, Lanes, Normals};

/// Bit that says whether a number is negative.
const SIGN: u32 = 1 << 31;

/// Sixteen devices side by side. Those that fill up the last block of a row never have a pulse.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Block {
    up: Lanes,
    down: Lanes,
    slope_up: Lanes,
    slope_down: Lanes,
    lower: Lanes,
    upper: Lanes,
    pub state: Lanes,
    /// Pulses; the sign is the direction.
    pub pulses: Lanes,
}

impl Block {
    pub const EMPTY: Self = {
        let zeros = [0.0; LANES];
        Self {
            up: zeros,
            down: zeros,
            slope_up: zeros,
            slope_down: zeros,
            lower: zeros,
            upper: zeros,
            state: zeros,
            pulses: zeros,
        }
    };

    #[inline(always)]
    fn made(&self, lane: usize) -> Made {
        Made {
            up: self.up[lane],
            down: self.down[lane],
            slope_up: self.slope_up[lane],
            slope_down: self.slope_down[lane],
            lower: self.lower[lane],
            upper: self.upper[lane],
        }
    }
}

/// The blocks of a row whose first device is `first`.
pub(super) fn blocks(parts: &Parts, first: usize, state: &[f32]) -> Vec<Block> {
    let block = |(number, states): (usize, &[f32])| {
        let devices = first + number * LANES..first + number * LANES + states.len();
        let lanes = |values: &[f32]| {
            let mut lanes = [0.0; LANES];
            let values = values.get(devices.clone()).unwrap_or_default();
            lanes[..values.len()].copy_from_slice(values);
            lanes
        };
        let mut block = Block {
            up: lanes(&parts.up),
            down: lanes(&parts.down),
            slope_up: lanes(&parts.slope_up),
            slope_down: lanes(&parts.slope_down),
            lower: lanes(&parts.lower),
            upper: lanes(&parts.upper),
            ..Block::EMPTY
        };
        block.state[..states.len()].copy_from_slice(states);
        block
    };
    state.chunks(LANES).enumerate().map(block).collect()
}

/// Gives blocks their pulses.
pub(super) struct Give<'a, L> {
    pub law: &'a L,
    pub normals: Normals,
    pub is_noisy: bool,
    /// Whether all pulses of a device are one step, of a variance that grows with them: for steps that do not depend
    /// on the state.
    pub at_once: bool,
    pub levels: Option<u32>,
    pub blocks: &'a mut [Block],
    /// Most pulses of a device of each block.
    pub most: &'a [u32],
    /// Scratch: numbers of the blocks that are not done.
    pub left: &'a mut Vec<u32>,
}

impl<L: Law + Clone> Loop for Give<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        match (self.at_once, self.levels) {
            (true, _) => self.steps::<true>(|moved, _| moved),
            (false, None) => self.steps::<false>(|moved, _| moved),
            (false, Some(levels)) => {
                let last = (levels - 1) as f32;
                self.steps::<false>(|moved, made| nearest(moved, made, last));
            }
        }
    }
}

impl<L: Law + Clone> Give<'_, L> {
    #[inline(always)]
    fn steps<const AT_ONCE: bool>(&mut self, hold: impl Fn(f32, Made) -> f32) {
        // A copy of its own, so that the compiler sees that no store changes the constants.
        let law = self.law.clone();
        self.left.clear();
        self.left.extend(0..self.most.len() as u32);
        let mut noise = [[0.0; LANES]; 4];
        for step in 0.. {
            let mut kept = 0;
            for place in 0..self.left.len() {
                let block = self.left[place];
                self.left[kept] = block;
                kept += usize::from(self.most[block as usize] > step);
            }
            self.left.truncate(kept);
            if kept == 0 {
                return;
            }
            for (group, four) in (0..).zip(self.left.chunks(4)) {
                if self.is_noisy {
                    self.normals.fill([group, step], &mut noise);
                }
                for (&block, noise) in four.iter().zip(&noise) {
                    advance::<L, AT_ONCE>(&law, &mut self.blocks[block as usize], noise, step as f32, &hold);
                }
            }
            if AT_ONCE {
                return;
            }
        }
    }
}

/// Moves those devices of a block that have more than `done` pulses.
#[inline(always)]
fn advance<L: Law, const AT_ONCE: bool>(
    law: &L,
    block: &mut Block,
    noise: &Lanes,
    done: f32,
    hold: &impl Fn(f32, Made) -> f32,
) {
    // Into lanes of their own, so that the compiler sees that no store changes what the other lanes load.
    let mut states = [0.0; LANES];
    for (lane, &noise) in noise.iter().enumerate() {
        let (made, state, pulses) = (block.made(lane), block.state[lane], block.pulses[lane]);
        let magnitude = pulses.abs();
        let (step, spread) = law.answer(made, pulses > 0.0, state);
        let change = match AT_ONCE {
            true => magnitude * step + spread * magnitude.sqrt() * noise,
            false => step + spread * noise,
        };
        let moved = state + f32::from_bits(change.to_bits() ^ pulses.to_bits() & SIGN);
        let moved = if moved > made.lower { moved } else { made.lower };
        let moved = hold(if moved < made.upper { moved } else { made.upper }, made);
        states[lane] = if magnitude > done { moved } else { state };
    }
    block.state = states;
}

/// The level nearest to a state within the bounds.
#[inline(always)]
fn nearest(state: f32, made: Made, last: f32) -> f32 {
    let pitch = (made.upper - made.lower) / last;
    let level = made.lower + ((state - made.lower) / pitch).round() * pitch;
    let level = if level < made.upper { level } else { made.upper };
    if made.upper > made.lower { level } else { state }
}
