//! Rotary position embedding applied to queries and keys.

use kernels::{Engine, Loop};
use ndarray::Array2;

use super::arithmetic::for_rows;
use crate::LlmError;
use crate::model::{ModelConfig, Pairing};

/// Cosine and sine of the angle of every pair of a head, for some tokens in a row.
pub(super) struct Angles {
    /// `[tokens, head / 2]`.
    turns: Vec<[f32; 2]>,
    head: usize,
    pairing: Pairing,
}

impl Angles {
    /// The angles of `tokens` tokens from position `first`.
    pub(super) fn new(config: &ModelConfig, first: usize, tokens: usize) -> Self {
        let frequencies = config.rotary.frequencies(config.head);
        let positions = (first..first + tokens).flat_map(|position| {
            frequencies.iter().map(move |frequency| {
                let (sine, cosine) = (position as f64 * frequency).sin_cos();
                [cosine as f32, sine as f32]
            })
        });
        Self { turns: positions.collect(), head: config.head, pairing: config.rotary.pairing }
    }

    /// Turns every head of every token, `[tokens, heads * head]`.
    pub(super) fn rotate(&self, engine: Engine, heads: &mut Array2<f32>) -> Result<(), LlmError> {
        let pairs = self.head / 2;
        for_rows(engine, heads, |token, row| {
            let turns = &self.turns[token * pairs..][..pairs];
            engine.vectorised(Turn { pairing: self.pairing, turns, width: self.head, heads: row });
        })
    }
}

/// Turns every head of a token.
struct Turn<'a> {
    pairing: Pairing,
    turns: &'a [[f32; 2]],
    width: usize,
    heads: &'a mut [f32],
}

impl Loop for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for head in self.heads.chunks_exact_mut(self.width) {
            turn(self.pairing, self.turns, head);
        }
    }
}

#[inline(always)]
fn turn(pairing: Pairing, turns: &[[f32; 2]], head: &mut [f32]) {
    let rotated = |x: f32, y: f32, [cosine, sine]: [f32; 2]| [x * cosine - y * sine, x * sine + y * cosine];
    match pairing {
        Pairing::Interleaved => {
            for (pair, &angle) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
                *pair = rotated(pair[0], pair[1], angle);
            }
        }
        Pairing::HalfSplit => {
            let (first, second) = head.split_at_mut(turns.len());
            for ((x, y), &angle) in first.iter_mut().zip(second).zip(turns) {
                [*x, *y] = rotated(*x, *y, angle);
            }
        }
    }
}

/// Turns every head of tokens in a row, the first at position `first`: `heads` is `[tokens, heads * head]`. This is what
/// [`forward`](super::forward) does to queries and keys.
///
/// # Errors
/// [`LlmError::Shape`] for rows that do not hold whole heads, or a matrix that is not in row-major order.
pub fn rotate(config: &ModelConfig, engine: Engine, first: usize, heads: &mut Array2<f32>) -> Result<(), LlmError> {
    let whole = heads.ncols() / config.head * config.head;
    LlmError::check_shape("heads to rotate", &[heads.nrows(), whole], heads.shape())?;
    Angles::new(config, first, heads.nrows()).rotate(engine, heads)
}
