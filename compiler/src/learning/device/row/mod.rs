//! Pulses on one row of devices.

mod lanes;
mod meeting;
mod strip;
mod write;

pub(super) use meeting::{Columns, Meeting, Train, train};
pub(super) use strip::Strip;

use rand_xoshiro::rand_core::Rng;
use rayon::prelude::*;

use super::devices::Parts;
use super::families::{ConstantLaw, Law};
use super::random::Draws;
use super::rule::Rule;
use super::statistics::Counts;

/// One row on its way through an update.
pub(super) struct Row<'a> {
    pub number: usize,
    pub state: &'a mut [f32],
    /// Empty where weights are the states.
    pub weights: &'a mut [f32],
}

impl Row<'_> {
    /// The same row for a shorter time.
    pub fn reborrow(&mut self) -> Row<'_> {
        Row { number: self.number, state: self.state, weights: self.weights }
    }
}

/// The rows of an array, to be worked on side by side.
pub(super) fn rows<'a>(state: &'a mut [f32], weights: &'a mut [f32], width: usize, columns: usize) -> Vec<Row<'a>> {
    let mut weights = weights.chunks_mut(columns);
    let row = |(number, state)| Row { number, state, weights: weights.next().unwrap_or_default() };
    state.chunks_mut(width).enumerate().map(row).collect()
}

/// Work, in devices to be written, from which on rows are worked on side by side: less takes longer to hand out than to do.
const SIDE_BY_SIDE: usize = 4096;

/// Whether so much work is worth handing out to threads.
pub(super) fn is_worth_threads(devices: usize) -> bool {
    devices >= SIDE_BY_SIDE
}

/// Updates all rows, each `samples` times; gives the sum of their counts and the largest number of slots. As all of these
/// are integers, the order of the rows does not matter.
pub(super) fn update_all<'a>(
    rows: Vec<Row<'a>>,
    samples: usize,
    update: impl Fn(Row<'a>) -> (Counts, u64) + Sync + Send,
) -> (Counts, u64) {
    let zero = || (Counts::default(), 0);
    let join = |(counts, slots): (Counts, u64), (more, others): (Counts, u64)| (counts + more, slots.max(others));
    let devices: usize = rows.iter().map(|row| row.state.len()).sum();
    match is_worth_threads(devices.saturating_mul(samples)) {
        true => rows.into_par_iter().map(update).reduce(zero, join),
        false => rows.into_iter().map(update).fold(zero(), join),
    }
}

/// Pulses of one row: a number for each column, and the columns that get any.
pub(super) struct Pulses {
    pub numbers: Vec<i16>,
    touched: Vec<u32>,
}

impl Pulses {
    /// None for any of `columns` columns.
    pub fn new(columns: usize) -> Self {
        Self { numbers: vec![0; columns], touched: vec![0; columns] }
    }

    /// Columns with pulses and their numbers, in order. No branch depends on which columns these are.
    fn given(&mut self) -> impl Iterator<Item = (usize, i16)> {
        let mut found = 0;
        for (column, &number) in (0u32..).zip(&self.numbers) {
            self.touched[found] = column;
            found += usize::from(number != 0);
        }
        self.touched[..found].iter().map(|&column| (column as usize, self.numbers[column as usize]))
    }
}

impl Parts {
    /// Gives the devices of a row their pulses.
    pub fn pulse<R: Rng>(&self, row: Row<'_>, pulses: &mut Pulses, draws: &mut Draws<R>) -> Counts {
        if self.is_in_blocks(pulses.numbers.len()) {
            let mut strip = Strip::new(self, &row);
            let counts = strip.take(&pulses.numbers);
            strip.act(draws.normals());
            strip.store(row);
            return counts;
        }
        match &self.rule {
            Rule::Constant(law) if self.levels.is_none() && !self.is_paired() => self.constant(law, row, pulses, draws),
            Rule::Constant(law) => self.stepwise(law, row, pulses, draws),
            Rule::Linear(law) => self.stepwise(law, row, pulses, draws),
            Rule::Exponential(law) => self.stepwise(law, row, pulses, draws),
            Rule::Power(law) => self.stepwise(law, row, pulses, draws),
            Rule::Table(law) => self.stepwise(law, row, pulses, draws),
        }
    }

    /// Steps that do not depend on the state: the sum of n steps is one normal number of variance n.
    fn constant<R: Rng>(&self, law: &ConstantLaw, row: Row<'_>, pulses: &mut Pulses, draws: &mut Draws<R>) -> Counts {
        let mut counts = Counts::default();
        let first = row.number * row.state.len();
        for (column, number) in pulses.given() {
            let device = first + column;
            let (step, spread) = law.step(self, device, number > 0, 0.0);
            let magnitude = f32::from(number.unsigned_abs());
            let noise = if spread > 0.0 { spread * magnitude.sqrt() * draws.normal() } else { 0.0 };
            let change = magnitude * step + noise;
            let moved = row.state[column] + f32::from(number.signum()) * change;
            row.state[column] = moved.max(self.lower[device]).min(self.upper[device]);
            counts.add(number);
            if let Some(weight) = row.weights.get_mut(column) {
                *weight = self.written(device, row.state[column], draws);
            }
        }
        counts
    }

    /// Pulse after pulse, each on the state that the one before left.
    fn stepwise<R: Rng>(&self, law: &impl Law, row: Row<'_>, pulses: &mut Pulses, draws: &mut Draws<R>) -> Counts {
        let mut counts = Counts::default();
        let (first, columns) = (row.number * row.state.len(), pulses.numbers.len());
        for (column, number) in pulses.given() {
            counts.add(number);
            if self.is_paired() {
                // The second half of the row holds what counts as negative.
                let (plus, minus) = (column, column + columns);
                let raised = if number > 0 { plus } else { minus };
                self.repeat(law, first + raised, number.unsigned_abs(), true, &mut row.state[raised], draws);
                counts.up += self.refresh(law, first, [plus, minus], row.state, draws);
                let weigh = |device: usize| self.read(first + device, row.state[device]);
                let noise = if self.write_noise > 0.0 { self.write_noise * draws.normal() } else { 0.0 };
                if let Some(weight) = row.weights.get_mut(column) {
                    *weight = weigh(plus) - weigh(minus) + noise;
                }
                continue;
            }
            self.repeat(law, first + column, number.unsigned_abs(), number > 0, &mut row.state[column], draws);
            if let Some(weight) = row.weights.get_mut(column) {
                *weight = self.written(first + column, row.state[column], draws);
            }
        }
        counts
    }

    /// Gives one device pulses in one direction.
    #[inline]
    fn repeat<R: Rng>(
        &self,
        law: &impl Law,
        device: usize,
        pulses: u16,
        upward: bool,
        state: &mut f32,
        draws: &mut Draws<R>,
    ) {
        let sign = if upward { 1.0 } else { -1.0 };
        for _ in 0..pulses {
            let (step, spread) = law.step(self, device, upward, *state);
            let change = if spread > 0.0 { step + spread * draws.normal() } else { step };
            *state = self.held(device, *state + sign * change);
        }
    }

    /// Refreshes a pair whose devices are both high; gives the pulses that took.
    pub fn refresh<R: Rng>(
        &self,
        law: &impl Law,
        first: usize,
        pair: [usize; 2],
        state: &mut [f32],
        draws: &mut Draws<R>,
    ) -> u64 {
        let Some(limits) = &self.pair else { return 0 };
        let (higher, lower) = if state[pair[0]] >= state[pair[1]] { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
        let exceeds = |device: usize, share: f64| state[device] > self.highest * share as f32;
        if !exceeds(higher, limits.refresh_above) || !exceeds(lower, limits.refresh_below) {
            return 0;
        }
        let weight = state[higher] - state[lower];
        for device in pair {
            let reset = self.reset[first + device] + limits.reset_spread as f32 * draws.normal();
            state[device] = self.held(first + device, reset);
        }
        let pulses = (weight / self.step).round().clamp(0.0, f32::from(u16::MAX)) as u16;
        self.repeat(law, first + higher, pulses, true, &mut state[higher], draws);
        u64::from(pulses)
    }

    /// What a device weighs that was just written.
    #[inline]
    pub fn written<R: Rng>(&self, device: usize, state: f32, draws: &mut Draws<R>) -> f32 {
        let noise = if self.write_noise > 0.0 && !self.stuck[device] { self.write_noise * draws.normal() } else { 0.0 };
        self.read(device, state) + noise
    }
}
