//! Updates by coincidence of stochastic pulse trains.
//!
//! Row r and column c are driven by trains of `length` slots in which a slot holds a pulse with
//! probability `min(1, C_x |x_r|)` and `min(1, C_d |d_c|)`. A device is written in the slots where both
//! meet, in the direction of sign(x_r d_c), so that with dw the nominal step of the device
//!
//! ```text
//! C_x C_d = K^2,   K = sqrt( learning_rate / (length * dw) ),   E[change of w] = learning_rate * x_r * d_c
//! ```
//!
//! as long as no probability exceeds 1. Update management balances both sides,
//! `C_x = K sqrt(max|d| / max|x|)`, `C_d = K sqrt(max|x| / max|d|)`, and shortens trains to
//! `ceil( learning_rate * max|x| * max|d| / dw )` slots where that is less.
//!
//! Source: Gokmen and Vlasov, Frontiers in Neuroscience 10:333 (2016), equation 3; balancing: Gokmen,
//! Onen and Haensch, Frontiers in Neuroscience 11:538 (2017).

use rayon::prelude::*;

use super::Devices;
use super::devices::finite;
use super::random::{Draws, Origin, Purpose};
use super::row::{Columns, Meeting, Pulses, Row, Strip, Train, is_worth_threads, rows, train, update_all};
use super::statistics::Counts;
use crate::error::CompilerError;

/// Most slots of a train.
pub const LONGEST_TRAIN: u32 = 63;

/// How pulse trains are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PulseTrains {
    /// Factor on the product of input and error, of at least 0.
    pub learning_rate: f32,
    /// Slots of a train, 1 to [`LONGEST_TRAIN`].
    pub length: u32,
    /// Whether the largest input and the largest error get the same probability.
    pub balance: bool,
    /// Whether trains are shortened where fewer slots suffice.
    pub shorten: bool,
}

impl PulseTrains {
    /// 31 slots with update management.
    pub fn new(learning_rate: f32) -> Self {
        Self { learning_rate, length: 31, balance: true, shorten: true }
    }
}

/// Trains of one sample.
struct Trains {
    inputs: Vec<Train>,
    errors: Columns,
    slots: u32,
}

impl Devices {
    /// Adds `learning_rate * inputs[row] * errors[column]` to every weight, on average, by pulse
    /// trains. `inputs` has one number for each row, `errors` one for each column (positive where
    /// the weight is to grow with the input). `stamp` is the number of the update: each value is to be
    /// used once.
    ///
    /// # Errors
    /// [`CompilerError::Pulses`] for other lengths, numbers that are not finite, a train length out of
    /// range or a negative learning rate.
    pub fn stochastic_update(
        &mut self,
        inputs: &[f32],
        errors: &[f32],
        trains: PulseTrains,
        stamp: u64,
    ) -> Result<(), CompilerError> {
        self.sized("inputs", "row", self.rows, inputs.len())?;
        self.sized("errors", "column", self.columns, errors.len())?;
        self.stochastic_batch(inputs, errors, trains, stamp)
    }

    /// The same for the samples of a batch, one after another: `inputs` is `[batch][rows]`, `errors`
    /// `[batch][columns]`. Sample k has the stamp `first_stamp + k`; the result equals that of as
    /// many calls of [`Devices::stochastic_update`] bit for bit.
    ///
    /// # Errors
    /// As [`Devices::stochastic_update`].
    pub fn stochastic_batch(
        &mut self,
        inputs: &[f32],
        errors: &[f32],
        trains: PulseTrains,
        first_stamp: u64,
    ) -> Result<(), CompilerError> {
        let samples = inputs.len() / self.rows;
        self.sized("inputs of a batch", "row and sample", samples * self.rows, inputs.len())?;
        self.sized("errors of a batch", "column and sample", samples * self.columns, errors.len())?;
        finite("inputs", inputs)?;
        finite("errors", errors)?;
        trains.check()?;
        let (parts, origin, columns, width) = (&self.parts, self.origin, self.columns, self.width());
        let draw = |(sample, (inputs, errors)): (usize, (&[f32], &[f32]))| {
            trains.draw(inputs, errors, parts.step, origin, first_stamp.wrapping_add(sample as u64))
        };
        let samples: Vec<Trains> = match is_worth_threads(inputs.len() + errors.len()) {
            true => inputs.par_chunks(self.rows).zip(errors.par_chunks(columns)).enumerate().map(draw).collect(),
            false => inputs.chunks(self.rows).zip(errors.chunks(columns)).enumerate().map(draw).collect(),
        };
        let update = |mut row: Row<'_>| {
            let (mut counts, number) = (Counts::default(), row.number);
            let draws = |stamp: u64| Draws::new(origin, Purpose::Pulses, number, stamp);
            let meetings = samples.iter().enumerate().map(|(sample, trains)| {
                let meeting = Meeting { input: trains.inputs[number], errors: &trains.errors };
                (first_stamp.wrapping_add(sample as u64), meeting)
            });
            let meetings = meetings.filter(|(_, meeting)| meeting.has_pulses());
            if parts.is_in_blocks(columns) {
                let mut strip = Strip::new(parts, &row);
                for (stamp, meeting) in meetings {
                    counts = counts + strip.meet(&meeting);
                    strip.act(draws(stamp).normals());
                }
                strip.store(row);
            } else {
                let mut pulses = Pulses::new(columns);
                for (stamp, meeting) in meetings {
                    meeting.count(&mut pulses.numbers);
                    counts = counts + parts.pulse(row.reborrow(), &mut pulses, &mut draws(stamp));
                }
            }
            counts
        };
        let rows = rows(&mut self.state, &mut self.weights, width, columns);
        let (counts, _) = update_all(rows, samples.len(), |row| (update(row), 0));
        let slots = samples.iter().map(|trains| u64::from(trains.slots)).sum();
        self.counts = self.counts + counts + Counts { updates: samples.len() as u64, slots, ..Counts::default() };
        Ok(())
    }
}

impl PulseTrains {
    fn check(self) -> Result<(), CompilerError> {
        let refused = |what: &str, expected: String, found: String| CompilerError::Pulses {
            what: what.to_owned(),
            expected,
            found,
            remedy: "change it".to_owned(),
        };
        if !(1..=LONGEST_TRAIN).contains(&self.length) {
            return Err(refused("length of pulse trains", format!("1 to {LONGEST_TRAIN}"), self.length.to_string()));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate >= 0.0) {
            let found = self.learning_rate.to_string();
            return Err(refused("learning rate", "a finite number of at least 0".to_owned(), found));
        }
        Ok(())
    }

    /// Draws the trains of one sample for devices of nominal step `step`.
    fn draw(self, inputs: &[f32], errors: &[f32], step: f32, origin: Origin, stamp: u64) -> Trains {
        let (slots, input_factor, error_factor) = self.factors(largest(inputs), largest(errors), step);
        Trains {
            inputs: words(inputs, input_factor, slots, &mut Draws::new(origin, Purpose::InputTrain, 0, stamp)),
            errors: Columns::new(&words(
                errors,
                error_factor,
                slots,
                &mut Draws::new(origin, Purpose::ErrorTrain, 0, stamp),
            )),
            slots,
        }
    }

    /// Slots of the trains, C_x and C_d; all 0 where nothing is to change.
    fn factors(self, largest_input: f32, largest_error: f32, step: f32) -> (u32, f64, f64) {
        let (rate, input, error, step) =
            (f64::from(self.learning_rate), f64::from(largest_input), f64::from(largest_error), f64::from(step));
        let product = rate * input * error;
        if product <= 0.0 {
            return (0, 0.0, 0.0);
        }
        let needed = (product / step).ceil().clamp(1.0, f64::from(self.length)) as u32;
        let slots = if self.shorten { needed } else { self.length };
        let factor = (rate / (f64::from(slots) * step)).sqrt();
        let balance = if self.balance { (error / input).sqrt() } else { 1.0 };
        (slots, factor * balance, factor / balance)
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

/// Trains of numbers: each slot holds a pulse with probability `min(1, factor * |value|)`.
fn words(values: &[f32], factor: f64, slots: u32, draws: &mut Draws) -> Vec<Train> {
    let word = |&value: &f32| {
        let probability = (factor * f64::from(value.abs())).min(1.0);
        // Compared with 32 random bits each, so that probability 1 always holds.
        let threshold = (probability * 32f64.exp2()).round() as u64;
        if threshold == 0 {
            return [0; 2];
        }
        let mut word = 0;
        for slot in (0..slots).step_by(2) {
            let bits = draws.bits();
            let pair = u64::from((bits & 0xffff_ffff) < threshold) | u64::from((bits >> 32) < threshold) << 1;
            word |= pair << slot;
        }
        train(value < 0.0, word & !(u64::MAX << slots))
    };
    values.iter().map(word).collect()
}
