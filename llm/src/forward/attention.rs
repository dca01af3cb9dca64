//! Grouped-query attention over keys and values in f32, causal, with an optional sliding window.

use kernels::{Engine, Loop, Parallelism, float};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::softmax::Softmax;
use crate::LlmError;
use crate::model::ModelConfig;

/// Tokens whose scores are computed at once.
const TOKENS: usize = 64;
/// Multiply-accumulates below which the work stays on one thread.
const SHARED_WORK: usize = 1 << 20;
/// Partial sums of a dot product; their number fixes its order of additions.
const LANES: usize = 16;

/// The shape of an attention, and what it computes with.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub key_value_heads: usize,
    /// Width of a head.
    pub head: usize,
    /// Positions a token sees, itself included.
    pub window: Option<usize>,
    /// Instruction set and threads.
    pub engine: Engine,
}

/// Keys and values of one sequence in one block.
#[derive(Clone, Copy, Debug)]
pub struct Sequence<'a> {
    /// Keys of each key and value head, rotated, `[positions, head]` each.
    pub keys: &'a [Vec<f32>],
    /// Values of each key and value head, `[positions, head]` each.
    pub values: &'a [Vec<f32>],
}

impl Attention {
    /// The attention of a model.
    pub fn new(config: &ModelConfig, engine: Engine) -> Self {
        Self {
            heads: config.heads,
            key_value_heads: config.key_value_heads,
            head: config.head,
            window: config.sliding_window,
            engine,
        }
    }

    /// First position that the token at `position` sees.
    pub fn first_seen(&self, position: usize) -> usize {
        self.window.map_or(0, |window| (position + 1).saturating_sub(window))
    }

    /// What [`KeyValueCache::attend`](super::KeyValueCache::attend) computes.
    ///
    /// # Errors
    /// [`LlmError::Shape`], also when the sequence lacks positions of the queries.
    pub fn attend(
        &self,
        sequence: Sequence<'_>,
        queries: ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        let tokens = queries.nrows();
        self.check(sequence, &queries, first_position, outputs)?;
        let heads: Vec<usize> = (0..self.heads).collect();
        let attend = |&head: &usize| self.attend_head(sequence, &queries, first_position, head);
        let seen = self.window.unwrap_or(usize::MAX).min(first_position + tokens);
        let is_shared = tokens.saturating_mul(seen).saturating_mul(self.heads * self.head) >= SHARED_WORK;
        let attended: Vec<Vec<f32>> = if is_shared && self.engine.parallelism() == Parallelism::Rayon {
            heads.par_iter().map(attend).collect::<Result<_, _>>()?
        } else {
            heads.iter().map(attend).collect::<Result<_, _>>()?
        };
        for (token, mut output) in outputs.rows_mut().into_iter().enumerate() {
            for (head, attended) in attended.iter().enumerate() {
                let attended = &attended[token * self.head..][..self.head];
                for (channel, &value) in attended.iter().enumerate() {
                    output[head * self.head + channel] = value;
                }
            }
        }
        Ok(())
    }

    fn check(
        &self,
        sequence: Sequence<'_>,
        queries: &ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &Array2<f32>,
    ) -> Result<(), LlmError> {
        let (tokens, width) = (queries.nrows(), self.heads * self.head);
        LlmError::check_shape("queries", &[tokens, width], queries.shape())?;
        LlmError::check_shape("attended values", &[tokens, width], outputs.shape())?;
        for (what, heads) in [("heads of keys", sequence.keys), ("heads of values", sequence.values)] {
            LlmError::check_shape(what, &[self.key_value_heads], &[heads.len()])?;
            for numbers in heads {
                let (expected, found) =
                    (vec![first_position + tokens, self.head], vec![numbers.len() / self.head.max(1), self.head]);
                if found[0] < expected[0] {
                    return Err(LlmError::Shape { what: what.to_owned(), expected, found });
                }
            }
        }
        Ok(())
    }

    /// The attended values of one query head, `[tokens, head]`.
    fn attend_head(
        &self,
        sequence: Sequence<'_>,
        queries: &ArrayView2<'_, f32>,
        first_position: usize,
        head: usize,
    ) -> Result<Vec<f32>, LlmError> {
        let width = self.head;
        let shared = head / (self.heads / self.key_value_heads);
        let (keys, values) = (&sequence.keys[shared], &sequence.values[shared]);
        let tokens = queries.nrows();
        let mut attended = vec![0.0; tokens * width];
        let scale = 1.0 / (width as f32).sqrt();
        let mut scores = Vec::new();
        for start in (0..tokens).step_by(TOKENS) {
            let count = TOKENS.min(tokens - start);
            let mut scaled = Vec::with_capacity(count * width);
            for token in start..start + count {
                let query = queries.row(token);
                scaled.extend((head * width..(head + 1) * width).map(|channel| query[channel] * scale));
            }
            // Positions that some token of this group sees.
            let first = self.first_seen(first_position + start);
            let seen = first_position + start + count - first;
            let (keys, values) = (&keys[first * width..][..seen * width], &values[first * width..][..seen * width]);
            scores.clear();
            scores.resize(count * seen, 0.0);
            let attended = &mut attended[start * width..][..count * width];
            if count == 1 {
                self.engine.vectorised(Scores { query: &scaled, keys, scores: &mut scores });
                self.engine.vectorised(Softmax { scores: &mut scores });
                self.engine.vectorised(Mix { shares: &scores, values, out: attended });
                continue;
            }
            float::matmul(count, width, seen, &scaled, keys, false, &mut scores)?;
            for (index, scores) in scores.chunks_exact_mut(seen).enumerate() {
                let position = first_position + start + index;
                let (begin, end) = (self.first_seen(position) - first, position + 1 - first);
                self.engine.vectorised(Softmax { scores: &mut scores[begin..end] });
                scores[..begin].fill(0.0);
                scores[end..].fill(0.0);
            }
            float::matmul_transposed(count, seen, width, &scores, values, false, attended)?;
        }
        Ok(attended)
    }
}

/// Dot products of one query with every key.
struct Scores<'a> {
    query: &'a [f32],
    keys: &'a [f32],
    scores: &'a mut [f32],
}

impl Loop for Scores<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (score, key) in self.scores.iter_mut().zip(self.keys.chunks_exact(self.query.len())) {
            let mut lanes = [0.0f32; LANES];
            let (key, key_rest) = key.as_chunks::<LANES>();
            let (query, query_rest) = self.query.as_chunks::<LANES>();
            for (key, query) in key.iter().zip(query) {
                for lane in 0..LANES {
                    lanes[lane] += key[lane] * query[lane];
                }
            }
            for ((lane, &key), &query) in lanes.iter_mut().zip(key_rest).zip(query_rest) {
                *lane += key * query;
            }
            *score = lanes.iter().sum();
        }
    }
}

/// The sum of the values, each times its share.
struct Mix<'a> {
    shares: &'a [f32],
    values: &'a [f32],
    out: &'a mut [f32],
}

impl Loop for Mix<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.out.fill(0.0);
        for (&share, value) in self.shares.iter().zip(self.values.chunks_exact(self.out.len())) {
            for (out, &value) in self.out.iter_mut().zip(value) {
                *out += share * value;
            }
        }
    }
}
