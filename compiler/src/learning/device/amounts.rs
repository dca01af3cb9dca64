//! Pulses of any strength.

use rand_xoshiro::rand_core::Rng;

use super::Devices;
use super::devices::{Parts, finite};
use super::families::Law;
use super::random::{Draws, Purpose};
use super::row::{Row, rows, update_all};
use super::rule::Rule;
use super::statistics::Counts;
use crate::error::CompilerError;

/// Most nominal steps of one pulse.
const STRONGEST: f32 = 32_767.0;

impl Devices {
    /// Gives every device one pulse as strong as `amounts` nominal steps, row-major `[rows][columns]`; the sign is the
    /// direction. A pulse of strength a up to 1 changes the state by a times what a whole pulse does, its noise included;
    /// a stronger one acts as ceil(a) equal parts one after the other. Pulses of strength 0 are none.
    ///
    /// # Errors
    /// [`CompilerError::Pulses`] unless there is one finite number for each device, or pair.
    pub fn apply_amounts(&mut self, amounts: &[f32], stamp: u64) -> Result<(), CompilerError> {
        self.sized("strengths", "weight", self.rows * self.columns, amounts.len())?;
        finite("strengths", amounts)?;
        let (parts, origin, columns, width) = (&self.parts, self.origin, self.columns, self.width());
        let push = |row: Row<'_>| {
            let amounts = &amounts[row.number * columns..][..columns];
            let mut draws = Draws::new(origin, Purpose::Pulses, row.number, stamp);
            match &parts.rule {
                Rule::Constant(law) => parts.push(law, row, amounts, &mut draws),
                Rule::Linear(law) => parts.push(law, row, amounts, &mut draws),
                Rule::Exponential(law) => parts.push(law, row, amounts, &mut draws),
                Rule::Power(law) => parts.push(law, row, amounts, &mut draws),
                Rule::Table(law) => parts.push(law, row, amounts, &mut draws),
            }
        };
        let rows = rows(&mut self.state, &mut self.weights, width, columns);
        let (counts, _) = update_all(rows, 1, |row| (push(row), 0));
        self.counts = self.counts + counts + Counts { updates: 1, slots: 1, ..Counts::default() };
        Ok(())
    }
}

impl Parts {
    fn push<R: Rng>(&self, law: &impl Law, row: Row<'_>, amounts: &[f32], draws: &mut Draws<R>) -> Counts {
        let mut counts = Counts::default();
        let first = row.number * row.state.len();
        for (column, &amount) in amounts.iter().enumerate().filter(|(_, amount)| **amount != 0.0) {
            counts.add(if amount > 0.0 { 1 } else { -1 });
            let paired = self.is_paired().then_some([column, column + amounts.len()]);
            let (place, upward) = match paired {
                Some([plus, minus]) => (if amount > 0.0 { plus } else { minus }, true),
                None => (column, amount > 0.0),
            };
            let strength = amount.abs().min(STRONGEST);
            let parts = strength.ceil();
            for _ in 0..parts as u16 {
                let (step, spread) = law.step(self, first + place, upward, row.state[place]);
                let noise = if spread > 0.0 { spread * draws.normal() } else { 0.0 };
                let change = strength / parts * (step + noise);
                row.state[place] = self.held(first + place, row.state[place] + if upward { change } else { -change });
            }
            let weight = match paired {
                Some(pair) => {
                    counts.up += self.refresh(law, first, pair, row.state, draws);
                    let weigh = |place: usize| self.read(first + place, row.state[place]);
                    let noise = if self.write_noise > 0.0 { self.write_noise * draws.normal() } else { 0.0 };
                    weigh(pair[0]) - weigh(pair[1]) + noise
                }
                None if row.weights.is_empty() => continue,
                None => self.written(first + column, row.state[column], draws),
            };
            if let Some(held) = row.weights.get_mut(column) {
                *held = weight;
            }
        }
        counts
    }
}
