//! Attention of many tokens over keys and values in codes, as integer products of matrices.
//!
//! It computes what [`super::SpikeCache`] computes token by token, bit for bit: every integer sum is exact, and what is
//! rounded is rounded in the same order.

use kernels::{Counts, Engine, Loop, PackedMatrix, Parallelism, Store, Workspace};

use super::cache::{Held, WHOLE};
use super::coding::{Class, SiteCoding, TokenScale};
use crate::LlmError;
use crate::forward::Attention;
use crate::forward::softmax::Softmax;

/// Tokens whose scores are held at once.
const TOKENS: usize = 64;
/// Partial extremes.
const LANES: usize = 16;
/// Largest code that is a signed byte.
const LARGEST: u16 = 127;

/// Whether codes of keys and values are small enough.
pub(super) fn fits(keys: &SiteCoding, values: &SiteCoding) -> bool {
    keys.largest_code().max(values.largest_code()) <= LARGEST
}

/// Queries of one head: codes `[tokens][width]` in the order of the keys, and scales.
pub(super) struct Queries<'a> {
    pub codes: &'a [u16],
    pub scales: &'a [TokenScale],
}

/// Keys of a class: packed, their sums.
struct PackedClass {
    packed: PackedMatrix,
    sums: Vec<i32>,
}

/// The attended values of one head, `[tokens][width]` in the order of the channels.
pub(super) fn attend(
    attention: &Attention,
    queries: &Queries<'_>,
    [keys, values]: [(&Held, &SiteCoding); 2],
    first_position: usize,
) -> Result<Vec<f32>, LlmError> {
    let (width, tokens) = (attention.head, queries.scales.len());
    let engine = Engine::new(attention.engine.isa(), Parallelism::Serial)?;
    let seen = first_position + tokens;
    let of_keys = keys.1.classes.iter().map(|class| {
        let bytes = class_bytes(keys.0, width, class, seen);
        let count = class.places.len();
        let sums = bytes.chunks_exact(count.max(1)).map(|row| row.iter().map(|&code| i32::from(code)).sum()).collect();
        let mut packed = PackedMatrix::new(count, seen)?;
        packed.pack(&bytes)?;
        Ok(PackedClass { packed, sums })
    });
    let of_keys: Vec<PackedClass> = of_keys.collect::<Result<_, LlmError>>()?;
    let of_values = values.1.classes.iter().map(|class| {
        let mut packed = PackedMatrix::new(seen, class.places.len())?;
        // Columns of the product are channels, its reduction the positions.
        let bytes = class_bytes(values.0, width, class, seen);
        let count = class.places.len();
        let turned: Vec<i8> =
            (0..count).flat_map(|place| bytes.iter().skip(place).step_by(count.max(1)).copied()).collect();
        packed.pack(&turned)?;
        Ok(packed)
    });
    let of_values: Vec<PackedMatrix> = of_values.collect::<Result<_, LlmError>>()?;
    let mut outputs = vec![0.0; tokens * width];
    let mut workspace = Workspace::new();
    let mut scratch = Scratch::default();
    for start in (0..tokens).step_by(TOKENS) {
        let count = TOKENS.min(tokens - start);
        let part = Queries {
            codes: &queries.codes[start * width..(start + count) * width],
            scales: &queries.scales[start..start + count],
        };
        scratch.scores.clear();
        scratch.scores.resize(count * seen, 0.0);
        for (number, (class, packed)) in keys.1.classes.iter().zip(&of_keys).enumerate() {
            scratch.score(engine, &part, (keys, number, class), packed, [width, seen], &mut workspace)?;
        }
        for (index, scores) in scratch.scores.chunks_exact_mut(seen).enumerate() {
            let position = first_position + start + index;
            let (begin, end) = (attention.first_seen(position), position + 1);
            engine.vectorised(Softmax { scores: &mut scores[begin..end] });
            scores[..begin].fill(0.0);
            scores[end..].fill(0.0);
        }
        let outputs = &mut outputs[start * width..][..count * width];
        for (number, (class, packed)) in values.1.classes.iter().zip(&of_values).enumerate() {
            scratch.mix(engine, (values, number, class), packed, [width, seen], &mut workspace, outputs)?;
        }
    }
    Ok(outputs)
}

/// Codes of a class, `[positions][places]`.
fn class_bytes(held: &Held, width: usize, class: &Class, seen: usize) -> Vec<i8> {
    let rows = held.codes.chunks_exact(width).take(seen);
    rows.flat_map(|row| row[class.places.clone()].iter().map(|&code| code as i8)).collect()
}

#[derive(Default)]
struct Scratch {
    /// `[tokens][positions]`.
    scores: Vec<f32>,
    dots: Vec<i32>,
    low: Vec<u8>,
    high: Vec<u8>,
}

type ClassOf<'a> = ((&'a Held, &'a SiteCoding), usize, &'a Class);

impl Scratch {
    /// Adds the scores of a class.
    fn score(
        &mut self,
        engine: Engine,
        queries: &Queries<'_>,
        ((held, coding), number, class): ClassOf<'_>,
        packed: &PackedClass,
        [width, seen]: [usize; 2],
        workspace: &mut Workspace,
    ) -> Result<(), LlmError> {
        let tokens = queries.scales.len();
        let count = class.places.len();
        let rows = queries.codes.chunks_exact(width);
        let codes: Vec<u8> = rows.flat_map(|row| row[class.places.clone()].iter().map(|&code| code as u8)).collect();
        self.dots.resize(tokens * seen, 0);
        reserve(workspace, engine.matmul_workspace(tokens, count, seen));
        let dots = &mut self.dots[..tokens * seen];
        engine.matmul(Counts::Unsigned(&codes), tokens, &packed.packed, Store::OVERWRITE, dots, workspace)?;
        let classes = coding.classes.len();
        let (scales, zeros) = of_class(held, classes, number, seen);
        for (token, scores) in self.scores.chunks_exact_mut(seen).enumerate() {
            let scale = queries.scales[token];
            let sum: i32 = codes[token * count..][..count].iter().map(|&code| i32::from(code)).sum();
            engine.vectorised(Score {
                factor: scale.scale / (width as f32).sqrt(),
                zero: scale.zero,
                rest: sum - count as i32 * scale.zero,
                dots: &dots[token * seen..][..seen],
                sums: &packed.sums,
                scales: &scales,
                zeros: &zeros,
                scores,
            });
        }
        Ok(())
    }

    /// Writes the attended values of a class.
    fn mix(
        &mut self,
        engine: Engine,
        ((held, coding), number, class): ClassOf<'_>,
        packed: &PackedMatrix,
        [width, seen]: [usize; 2],
        workspace: &mut Workspace,
        outputs: &mut [f32],
    ) -> Result<(), LlmError> {
        let tokens = outputs.len() / width;
        let (count, classes) = (class.places.len(), coding.classes.len());
        let (scales, zeros) = of_class(held, classes, number, seen);
        self.low.resize(tokens * seen, 0);
        self.high.resize(tokens * seen, 0);
        let mut units = Vec::with_capacity(tokens);
        for (token, scores) in self.scores.chunks_exact(seen).enumerate() {
            let range = token * seen..(token + 1) * seen;
            let (low, high) = (&mut self.low[range.clone()], &mut self.high[range]);
            units.push(engine.vectorised(Shares { scores, scales: &scales, zeros: &zeros, low, high }));
        }
        self.dots.resize(2 * tokens * count.max(seen), 0);
        let (high, low) = self.dots.split_at_mut(tokens * count.max(seen));
        reserve(workspace, engine.matmul_workspace(tokens, seen, count));
        for (bytes, dots) in [(&self.high, &mut *high), (&self.low, &mut *low)] {
            let (bytes, dots) = (&bytes[..tokens * seen], &mut dots[..tokens * count]);
            engine.matmul(Counts::Unsigned(bytes), tokens, packed, Store::OVERWRITE, dots, workspace)?;
        }
        for (token, &(largest, zeros)) in units.iter().enumerate() {
            let unit = largest / WHOLE;
            for (index, place) in class.places.clone().enumerate() {
                let total = 256 * i64::from(high[token * count + index]) + i64::from(low[token * count + index]);
                outputs[token * width + coding.order[place] as usize] = unit * (total - zeros) as f32;
            }
        }
        Ok(())
    }
}

fn reserve(workspace: &mut Workspace, bytes: usize) {
    if workspace.capacity() < bytes {
        workspace.reserve(bytes);
    }
}

/// Scales and zero points of a class at the first positions.
fn of_class(held: &Held, classes: usize, number: usize, seen: usize) -> (Vec<f32>, Vec<i32>) {
    let scales = held.scales.chunks_exact(classes).take(seen).map(|scales| scales[number]);
    scales.map(|TokenScale { scale, zero }| (scale, zero)).unzip()
}

/// Scores of one token in one class.
struct Score<'a> {
    factor: f32,
    zero: i32,
    rest: i32,
    dots: &'a [i32],
    sums: &'a [i32],
    scales: &'a [f32],
    zeros: &'a [i32],
    scores: &'a mut [f32],
}

impl Loop for Score<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { factor, zero, rest, dots, sums, scales, zeros, scores } = self;
        let count = scores.len();
        let (dots, sums, scales, zeros) = (&dots[..count], &sums[..count], &scales[..count], &zeros[..count]);
        for index in 0..count {
            let integer =
                dots[index].wrapping_sub(zero.wrapping_mul(sums[index])).wrapping_sub(zeros[index].wrapping_mul(rest));
            scores[index] += factor * scales[index] * integer as f32;
        }
    }
}

/// The shares of one token in one class as two digits of a byte; returns the largest weight and the sum of shares times
/// zero points.
struct Shares<'a> {
    scores: &'a [f32],
    scales: &'a [f32],
    zeros: &'a [i32],
    low: &'a mut [u8],
    high: &'a mut [u8],
}

impl Loop for Shares<'_> {
    type Output = (f32, i64);

    #[inline(always)]
    fn run(self) -> (f32, i64) {
        let Self { scores, scales, zeros, low, high } = self;
        let count = scores.len();
        let (scales, zeros, low, high) = (&scales[..count], &zeros[..count], &mut low[..count], &mut high[..count]);
        let mut lanes = [f32::MIN_POSITIVE; LANES];
        let larger = |a: f32, b: f32| if b > a { b } else { a };
        let whole = count / LANES * LANES;
        for start in (0..whole).step_by(LANES) {
            for lane in 0..LANES {
                lanes[lane] = larger(lanes[lane], scores[start + lane] * scales[start + lane]);
            }
        }
        let rest = (whole..count).map(|index| scores[index] * scales[index]);
        let largest = lanes.into_iter().chain(rest).fold(f32::MIN_POSITIVE, larger);
        let mut sum = 0i64;
        for index in 0..count {
            // Half away from zero, of numbers of at least 0. A share times a zero point fits 32 bits.
            let share = (scores[index] * scales[index] / largest * WHOLE + 0.5) as i32;
            sum += i64::from(share * zeros[index]);
            (low[index], high[index]) = (share as u8, (share >> 8) as u8);
        }
        (largest, sum)
    }
}
