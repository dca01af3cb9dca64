//! Keys and values as spikes.

use std::sync::Arc;

use kernels::{Engine, Loop, Parallelism};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::attention;
use super::coding::{SiteCoding, TokenScale};
use super::encode::Encode;
use super::shares::WHOLE;
use crate::LlmError;
use crate::forward::softmax::Softmax;
use crate::forward::{Attention, FloatCache, KeyValueCache};

/// Tokens up to which each attends for itself.
const FEW_TOKENS: usize = 8;
/// Tokens whose shares times values fit 32 bits.
const TOKENS: usize = 256;
/// Bytes that products may read behind the codes of queries.
const BEHIND: usize = 3;
/// Numbers below which coding stays on one thread.
const SHARED_NUMBERS: usize = 1 << 14;
/// Multiply-accumulates below which the work stays on one thread.
const SHARED_WORK: usize = 1 << 18;

/// How queries, keys and values of a block become codes, each per token and head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CacheCoding {
    /// Of every key and value head; queries follow the order of their keys.
    pub keys: Vec<SiteCoding>,
    /// Of every key and value head.
    pub values: Vec<SiteCoding>,
    /// Of queries, in one class of one step.
    pub query_bits: u32,
}

impl CacheCoding {
    /// Checks widths and that codes are bytes.
    ///
    /// # Errors
    /// [`LlmError::Configuration`], [`LlmError::Shape`].
    pub fn check(&self, key_value_heads: usize, head: usize) -> Result<(), LlmError> {
        for (what, codings) in [("keys", &self.keys), ("values", &self.values)] {
            LlmError::check_shape(format!("codings of {what}"), &[key_value_heads], &[codings.len()])?;
            for coding in codings {
                coding.check(head)?;
                if coding.largest_code() > 255 {
                    let expected = "codes of at most 255: fewer bits or steps";
                    return Err(LlmError::configuration(format!("codes of {what}"), expected, coding.largest_code()));
                }
            }
        }
        if !(1..=8).contains(&self.query_bits) {
            return Err(LlmError::configuration("bits of queries", "1 to 8", self.query_bits));
        }
        Ok(())
    }

    fn query(&self, head: usize) -> Result<SiteCoding, LlmError> {
        let keys = &self.keys[head];
        let mut coding = SiteCoding::new(self.query_bits, &vec![1; keys.channels()], keys.top, 1.0)?;
        coding.order.clone_from(&keys.order);
        Ok(coding)
    }
}

/// Keys and values of a sequence as codes of few bits.
///
/// Scores are integer dot products of codes, attended values integer sums of codes by shares of 16 bits:
///
/// ```text
/// score = sum over classes of s_q s_k sum((q - z_q)(k - z_k)) / sqrt(head)
/// out   = m / 65535 sum over tokens of round(65535 p s_v / m) (v - z_v),  m the largest p s_v
/// ```
#[derive(Clone, Debug)]
pub struct SpikeCache {
    attention: Attention,
    codings: Arc<Vec<CacheCoding>>,
    /// Per block and head.
    blocks: Vec<Vec<Head>>,
}

#[derive(Clone, Debug, Default)]
struct Head {
    keys: Held,
    values: Held,
}

/// Codes `[tokens][head]` in the order of the coding, scales `[tokens][classes]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    pub codes: Vec<u8>,
    pub scales: Vec<TokenScale>,
}

impl Held {
    /// Appends the codes of tokens; those of one begin `pitch` numbers behind those of the one before.
    fn append(&mut self, engine: Engine, coding: &SiteCoding, numbers: &[f32], pitch: usize, tokens: usize) {
        let (codes, scales) = (self.codes.len(), self.scales.len());
        self.codes.resize(codes + tokens * coding.channels(), 0);
        self.scales.resize(scales + tokens * coding.classes.len(), TokenScale::default());
        let (codes, scales) = (&mut self.codes[codes..], &mut self.scales[scales..]);
        engine.vectorised(Encode { coding, numbers, pitch, codes, scales });
    }
}

impl SpikeCache {
    /// An empty cache of codings, one a block, that were checked.
    pub fn new(attention: Attention, codings: Arc<Vec<CacheCoding>>) -> Self {
        let heads = vec![Head::default(); attention.key_value_heads];
        let blocks = vec![heads; codings.len()];
        Self { attention, codings, blocks }
    }

    /// Bytes of codes and scales (two bytes and one for scale and zero point), at `bits` of the codes packed.
    pub fn bytes(&self) -> usize {
        let bits = |coding: &SiteCoding| {
            let of_class = |class: &super::coding::Class| {
                class.places.len() * (u16::BITS - class.largest.leading_zeros()) as usize
            };
            coding.classes.iter().map(of_class).sum::<usize>()
        };
        let held = |held: &Held, coding: &SiteCoding| {
            let tokens = held.codes.len() / coding.channels().max(1);
            tokens * (bits(coding).div_ceil(8) + 3 * coding.classes.len())
        };
        let blocks = self.blocks.iter().zip(self.codings.iter());
        let heads = blocks.flat_map(|(heads, coding)| {
            let codings = coding.keys.iter().zip(&coding.values);
            heads.iter().zip(codings).map(|(head, (keys, values))| held(&head.keys, keys) + held(&head.values, values))
        });
        heads.sum()
    }

    /// Writes what a head attends to into the rows of its tokens, `[width]` each.
    fn attend_head(
        &self,
        block: usize,
        queries: &[f32],
        first_position: usize,
        head: usize,
        outputs: &mut [&mut [f32]],
    ) -> Result<(), LlmError> {
        let Attention { heads, key_value_heads, head: width, engine, .. } = self.attention;
        let shared = head / (heads / key_value_heads);
        let (held, coding) = (&self.blocks[block][shared], &self.codings[block]);
        let query_coding = coding.query(shared)?;
        let (keys, values) = (&coding.keys[shared], &coding.values[shared]);
        let tokens = outputs.len();
        if tokens == 0 {
            return Ok(());
        }
        let mut codes = vec![0u8; tokens * width + BEHIND];
        let mut scales = vec![TokenScale::default(); tokens];
        engine.vectorised(Encode {
            coding: &query_coding,
            numbers: &queries[head * width..],
            pitch: heads * width,
            codes: &mut codes[..tokens * width],
            scales: &mut scales,
        });
        if tokens > FEW_TOKENS && attention::fits(keys, values) {
            let queries = attention::Queries { codes: &codes, scales: &scales };
            let parts = [(&held.keys, keys), (&held.values, values)];
            return attention::attend(&self.attention, &queries, parts, first_position, outputs);
        }
        let mut scores = Vec::new();
        for (token, out) in outputs.iter_mut().enumerate() {
            let position = first_position + token;
            let first = self.attention.first_seen(position);
            scores.clear();
            scores.resize(position + 1 - first, 0.0);
            let (codes, scale) = (&codes[token * width..][..width], scales[token]);
            let signed: Vec<i32> = codes.iter().map(|&code| i32::from(code) - scale.zero).collect();
            let dots = Scores { query: &signed, scale: scale.scale, held: &held.keys, coding: keys, first };
            engine.vectorised(dots.into(&mut scores));
            engine.vectorised(Softmax { scores: &mut scores });
            engine.vectorised(Mix { shares: &scores, held: &held.values, coding: values, first, out });
        }
        Ok(())
    }
}

impl KeyValueCache for SpikeCache {
    fn append(&mut self, block: usize, keys: ArrayView2<'_, f32>, values: ArrayView2<'_, f32>) -> Result<(), LlmError> {
        let Attention { key_value_heads, head: width, .. } = self.attention;
        let shape = [keys.nrows(), key_value_heads * width];
        LlmError::check_shape("keys", &shape, keys.shape())?;
        LlmError::check_shape("values", &shape, values.shape())?;
        let Attention { engine, .. } = self.attention;
        let (coding, tokens, pitch) = (&self.codings[block], keys.nrows(), keys.ncols());
        let (keys, values) = (keys.as_standard_layout(), values.as_standard_layout());
        let (keys, values) = (keys.as_slice().unwrap_or(&[]), values.as_slice().unwrap_or(&[]));
        let run = |(index, head): (usize, &mut Head)| {
            for (held, coding, numbers) in
                [(&mut head.keys, &coding.keys[index], keys), (&mut head.values, &coding.values[index], values)]
            {
                held.append(engine, coding, &numbers[(index * width).min(numbers.len())..], pitch, tokens);
            }
        };
        let heads = &mut self.blocks[block];
        if engine.parallelism() == Parallelism::Rayon && keys.len() >= SHARED_NUMBERS {
            heads.par_iter_mut().enumerate().for_each(run);
        } else {
            heads.iter_mut().enumerate().for_each(run);
        }
        Ok(())
    }

    fn attend(
        &mut self,
        block: usize,
        queries: ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        let Attention { heads, head: width, engine, .. } = self.attention;
        let shape = [queries.nrows(), heads * width];
        LlmError::check_shape("queries", &shape, queries.shape())?;
        LlmError::check_shape("attended values", &shape, outputs.shape())?;
        let held = self.blocks[block].first().map_or(0, |head| head.values.codes.len() / width);
        LlmError::check_shape("positions of keys", &[first_position + queries.nrows()], &[held])?;
        let work = queries.nrows() * held * heads * width;
        let queries = queries.as_standard_layout();
        let queries = queries.as_slice().unwrap_or(&[]);
        let order = || LlmError::Shape { what: "memory order of outputs".to_owned(), expected: vec![], found: vec![] };
        let mut rows: Vec<Vec<&mut [f32]>> = (0..heads).map(|_| Vec::with_capacity(outputs.nrows())).collect();
        for row in outputs.as_slice_mut().ok_or_else(order)?.chunks_exact_mut((heads * width).max(1)) {
            rows.iter_mut().zip(row.chunks_exact_mut(width)).for_each(|(rows, row)| rows.push(row));
        }
        let run = |(head, mut rows): (usize, Vec<&mut [f32]>)| {
            self.attend_head(block, queries, first_position, head, &mut rows)
        };
        if engine.parallelism() == Parallelism::Rayon && work >= SHARED_WORK {
            rows.into_par_iter().enumerate().try_for_each(run)?;
        } else {
            rows.into_iter().enumerate().try_for_each(run)?;
        }
        Ok(())
    }

    fn len(&self) -> usize {
        let width = self.attention.head.max(1);
        self.blocks
            .iter()
            .map(|heads| heads.last().map_or(0, |head| head.values.codes.len() / width))
            .min()
            .unwrap_or(0)
    }
}

/// Integer dot products of the codes of a query with those of keys.
struct Scores<'a> {
    query: &'a [i32],
    scale: f32,
    held: &'a Held,
    coding: &'a SiteCoding,
    first: usize,
}

struct ScoresInto<'a> {
    scores: Scores<'a>,
    out: &'a mut [f32],
}

impl<'a> Scores<'a> {
    fn into(self, out: &'a mut [f32]) -> ScoresInto<'a> {
        ScoresInto { scores: self, out }
    }
}

impl Loop for ScoresInto<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Scores { query, scale, held, coding, first } = self.scores;
        let (width, classes) = (query.len(), coding.classes.len());
        let factor = scale / (width as f32).sqrt();
        for (index, score) in self.out.iter_mut().enumerate() {
            let token = first + index;
            let codes = &held.codes[token * width..][..width];
            let scales = &held.scales[token * classes..][..classes];
            *score = 0.0;
            for (class, scale) in coding.classes.iter().zip(scales) {
                let places = class.places.clone();
                let mut sum = 0i32;
                for (&query, &key) in query[places.clone()].iter().zip(&codes[places]) {
                    sum += query * (i32::from(key) - scale.zero);
                }
                *score += factor * scale.scale * sum as f32;
            }
        }
    }
}

/// Integer sums of the codes of values by their shares.
struct Mix<'a> {
    shares: &'a [f32],
    held: &'a Held,
    coding: &'a SiteCoding,
    first: usize,
    out: &'a mut [f32],
}

impl Loop for Mix<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (width, classes) = (self.out.len(), self.coding.classes.len());
        let scale = |index: usize, class: usize| self.held.scales[(self.first + index) * classes + class];
        for (number, class) in self.coding.classes.iter().enumerate() {
            let weighed = |index: usize| self.shares[index] * scale(index, number).scale;
            let largest = (0..self.shares.len()).map(weighed).fold(f32::MIN_POSITIVE, f32::max);
            let places = class.places.clone();
            let mut totals = vec![0i64; places.len()];
            let mut sums = vec![0u32; places.len()];
            let mut zeros = 0i64;
            for start in (0..self.shares.len()).step_by(TOKENS) {
                sums.fill(0);
                for index in start..self.shares.len().min(start + TOKENS) {
                    let share = (weighed(index) / largest * WHOLE + 0.5) as u32;
                    if share == 0 {
                        continue;
                    }
                    zeros += i64::from(share) * i64::from(scale(index, number).zero);
                    let codes = &self.held.codes[(self.first + index) * width..][..width];
                    for (sum, &code) in sums.iter_mut().zip(&codes[places.clone()]) {
                        *sum += share * u32::from(code);
                    }
                }
                totals.iter_mut().zip(&sums).for_each(|(total, &sum)| *total += i64::from(sum));
            }
            let unit = largest / WHOLE;
            for (place, total) in places.zip(totals) {
                self.out[self.coding.order[place] as usize] = unit * (total - zeros) as f32;
            }
        }
    }
}

/// The fake-quantised twin of [`SpikeCache`]: floats that are what codes stand for.
#[derive(Clone, Debug)]
pub struct QuantisedCache {
    attention: Attention,
    codings: Arc<Vec<CacheCoding>>,
    floats: FloatCache,
}

impl QuantisedCache {
    /// An empty cache of codings, one a block, that were checked.
    pub fn new(attention: Attention, codings: Arc<Vec<CacheCoding>>) -> Self {
        let floats = FloatCache::new(attention, codings.len());
        Self { attention, codings, floats }
    }

    fn quantised(
        numbers: ArrayView2<'_, f32>,
        coding: impl Fn(usize) -> Result<SiteCoding, LlmError>,
        width: usize,
    ) -> Result<Array2<f32>, LlmError> {
        let mut numbers = numbers.to_owned();
        for head in 0..numbers.ncols() / width.max(1) {
            let coding = coding(head)?;
            for mut row in numbers.rows_mut() {
                if let Some(row) = row.as_slice_mut() {
                    coding.quantise(&mut row[head * width..(head + 1) * width]);
                }
            }
        }
        Ok(numbers)
    }
}

impl KeyValueCache for QuantisedCache {
    fn append(&mut self, block: usize, keys: ArrayView2<'_, f32>, values: ArrayView2<'_, f32>) -> Result<(), LlmError> {
        let (coding, width) = (&self.codings[block], self.attention.head);
        let keys = Self::quantised(keys, |head| Ok(coding.keys[head].clone()), width)?;
        let values = Self::quantised(values, |head| Ok(coding.values[head].clone()), width)?;
        self.floats.append(block, keys.view(), values.view())
    }

    fn attend(
        &mut self,
        block: usize,
        queries: ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        let Attention { heads, key_value_heads, head: width, .. } = self.attention;
        let coding = &self.codings[block];
        let queries = Self::quantised(queries, |head| coding.query(head / (heads / key_value_heads)), width)?;
        self.floats.attend(block, queries.view(), first_position, outputs)
    }

    fn len(&self) -> usize {
        self.floats.len()
    }
}
