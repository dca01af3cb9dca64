//! Attention of many tokens over keys and values in codes, as integer products of matrices.
//!
//! It computes what [`super::SpikeCache`] computes token by token, bit for bit: every integer sum is exact, and what is
//! rounded is rounded in the same order.

use kernels::{CountRows, Engine, KernelError, PackedMatrix, Parallelism, Store};

use super::bytes::Sums;
use super::cache::Held;
use super::coding::{Class, SiteCoding, TokenScale};
use super::shares::{Mixed, Score, Shares};
use crate::LlmError;
use crate::forward::Attention;
use crate::forward::softmax::Softmax;

/// Tokens whose scores are held at once.
const TOKENS: usize = 48;
/// Counts that products read at a time.
const GROUP: usize = 4;
/// Largest code that is a signed byte.
const LARGEST: u16 = 127;

/// Whether codes of keys and values are small enough.
pub(super) fn fits(keys: &SiteCoding, values: &SiteCoding) -> bool {
    keys.largest_code().max(values.largest_code()) <= LARGEST
}

/// Queries of one head: codes `[tokens][width]` in the order of the keys with 3 bytes behind, and scales.
pub(super) struct Queries<'a> {
    pub codes: &'a [u8],
    pub scales: &'a [TokenScale],
}

/// Keys or values of a class at the first positions.
struct Packed {
    /// Keys `[places x positions]`, values `[positions x places]`.
    matrix: PackedMatrix,
    /// Sums of the codes of every position.
    sums: Vec<i32>,
    scales: Vec<f32>,
    zeros: Vec<i32>,
}

impl Packed {
    /// The codes of class `number` at `seen` positions; those of keys are columns.
    fn new(
        engine: Engine,
        held: &Held,
        coding: &SiteCoding,
        number: usize,
        seen: usize,
        is_key: bool,
    ) -> Result<Self, KernelError> {
        let (places, classes) = (coding.classes[number].places.clone(), coding.classes.len());
        let count = places.len();
        let mut bytes = Vec::with_capacity(seen * count);
        for row in held.codes.chunks_exact(coding.channels().max(1)).take(seen) {
            bytes.extend_from_slice(&row[places.clone()]);
        }
        let mut sums = Vec::new();
        let matrix = if is_key {
            sums.resize(seen, 0);
            let rows = CountRows { bytes: &bytes, pitch: count, count: seen };
            engine.vectorised(Sums { rows, width: count, sums: &mut sums });
            let mut matrix = PackedMatrix::new(count, seen)?.with_engine(engine);
            matrix.pack(kernels::as_signed(&bytes))?;
            matrix
        } else {
            let mut matrix = PackedMatrix::new(seen, count)?.with_engine(engine);
            matrix.pack_transposed(kernels::as_signed(&bytes))?;
            matrix
        };
        let scales = held.scales.chunks_exact(classes.max(1)).take(seen).map(|scales| scales[number]);
        let (scales, zeros) = scales.map(|TokenScale { scale, zero }| (scale, zero)).unzip();
        Ok(Self { matrix, sums, scales, zeros })
    }

    fn all(
        engine: Engine,
        held: &Held,
        coding: &SiteCoding,
        seen: usize,
        is_key: bool,
    ) -> Result<Vec<Self>, KernelError> {
        (0..coding.classes.len()).map(|number| Self::new(engine, held, coding, number, seen, is_key)).collect()
    }
}

/// Writes the attended values of one head into the rows of its tokens, `[width]` each in the order of the channels.
///
/// # Errors
/// [`LlmError::Kernel`].
pub(super) fn attend(
    attention: &Attention,
    queries: &Queries<'_>,
    [keys, values]: [(&Held, &SiteCoding); 2],
    first_position: usize,
    outputs: &mut [&mut [f32]],
) -> Result<(), LlmError> {
    let engine = Engine::new(attention.engine.isa(), Parallelism::Serial)?;
    let seen = first_position + outputs.len();
    let head = Head {
        attention,
        engine,
        queries,
        coding: [keys.1, values.1],
        keys: Packed::all(engine, keys.0, keys.1, seen, true)?,
        values: Packed::all(engine, values.0, values.1, seen, false)?,
    };
    let mut scratch = Scratch {
        scores: vec![0.0; seen],
        keys: keys.1.classes.iter().map(|_| OfKeys::default()).collect(),
        values: values.1.classes.iter().map(|_| OfValues::default()).collect(),
    };
    for (block, outputs) in outputs.chunks_mut(TOKENS).enumerate() {
        head.attend(block * TOKENS, first_position, outputs, &mut scratch)?;
    }
    Ok(())
}

/// What all tokens of a head share.
struct Head<'a> {
    attention: &'a Attention,
    engine: Engine,
    queries: &'a Queries<'a>,
    /// Of keys and values.
    coding: [&'a SiteCoding; 2],
    keys: Vec<Packed>,
    values: Vec<Packed>,
}

/// Buffers of a head.
struct Scratch {
    /// Of one token.
    scores: Vec<f32>,
    /// Per class.
    keys: Vec<OfKeys>,
    values: Vec<OfValues>,
}

/// What some tokens and the keys of a class make.
#[derive(Default)]
struct OfKeys {
    /// `[tokens][positions]`.
    dots: Vec<i32>,
    /// Sums of the codes of the queries.
    sums: Vec<i32>,
}

/// What some tokens and the values of a class make.
#[derive(Default)]
struct OfValues {
    /// Digits of the shares, low and high, `[tokens][positions in whole groups]`.
    digits: [Vec<u8>; 2],
    /// Largest weight, and sum of shares times zero points, of every token.
    units: Vec<(f32, i64)>,
    /// `[tokens][places]` for the digits.
    totals: [Vec<i32>; 2],
}

impl Head<'_> {
    /// Attends from the tokens from `first` on.
    fn attend(
        &self,
        first: usize,
        first_position: usize,
        outputs: &mut [&mut [f32]],
        scratch: &mut Scratch,
    ) -> Result<(), LlmError> {
        let (width, tokens) = (self.attention.head, outputs.len());
        let visible = first_position + first + tokens;
        let pitch = visible.next_multiple_of(GROUP);
        for ((class, packed), made) in self.coding[0].classes.iter().zip(&self.keys).zip(&mut scratch.keys) {
            let bytes = &self.queries.codes[first * width + class.places.start..];
            let rows = CountRows { bytes, pitch: width, count: tokens };
            made.sums.clear();
            made.sums.resize(tokens, 0);
            self.engine.vectorised(Sums { rows, width: class.places.len(), sums: &mut made.sums });
            made.dots.resize(tokens * visible, 0);
            let sizes = [class.places.len(), visible];
            self.engine.matmul_first(rows, &packed.matrix, sizes, Store::OVERWRITE, &mut made.dots)?;
        }
        for made in &mut scratch.values {
            made.units.clear();
            made.digits.iter_mut().for_each(|digits| digits.resize(tokens * pitch, 0));
        }
        for token in 0..tokens {
            let position = first_position + first + token;
            self.share(self.queries.scales[first + token], [token, position, visible], scratch);
        }
        let classes = self.coding[1].classes.iter().zip(&self.values).zip(&mut scratch.values);
        for ((class, packed), made) in classes {
            self.mix(class, packed, visible, made, outputs)?;
        }
        Ok(())
    }

    /// The shares of one token at `position`, of those whose tokens see `visible` positions at most.
    fn share(&self, scale: TokenScale, [token, position, visible]: [usize; 3], scratch: &mut Scratch) {
        let (begin, end) = (self.attention.first_seen(position), position + 1);
        let scores = &mut scratch.scores[begin..end];
        scores.fill(0.0);
        let factor = scale.scale / (self.attention.head as f32).sqrt();
        for ((class, keys), made) in self.coding[0].classes.iter().zip(&self.keys).zip(&scratch.keys) {
            self.engine.vectorised(Score {
                factor,
                zero: scale.zero,
                rest: made.sums[token] - class.places.len() as i32 * scale.zero,
                dots: &made.dots[token * visible..][begin..end],
                sums: &keys.sums[begin..end],
                scales: &keys.scales[begin..end],
                zeros: &keys.zeros[begin..end],
                scores,
            });
        }
        self.engine.vectorised(Softmax { scores });
        let pitch = visible.next_multiple_of(GROUP);
        for (values, made) in self.values.iter().zip(&mut scratch.values) {
            let [low, high] = made.digits.each_mut().map(|digits| {
                let digits = &mut digits[token * pitch..][..pitch];
                digits[..begin].fill(0);
                digits[end..].fill(0);
                &mut digits[begin..end]
            });
            let (scales, zeros) = (&values.scales[begin..end], &values.zeros[begin..end]);
            made.units.push(self.engine.vectorised(Shares { scores, scales, zeros, low, high }));
        }
    }

    /// Writes the attended values of a class.
    fn mix(
        &self,
        class: &Class,
        packed: &Packed,
        visible: usize,
        made: &mut OfValues,
        outputs: &mut [&mut [f32]],
    ) -> Result<(), LlmError> {
        let (tokens, count) = (outputs.len(), class.places.len());
        for (digits, totals) in made.digits.iter().zip(&mut made.totals) {
            totals.resize(tokens * count, 0);
            let rows = CountRows { bytes: digits, pitch: visible.next_multiple_of(GROUP), count: tokens };
            self.engine.matmul_first(rows, &packed.matrix, [visible, count], Store::OVERWRITE, totals)?;
        }
        let order = &self.coding[1].order[class.places.clone()];
        let [low, high] = &made.totals;
        self.engine.vectorised(Mixed { low, high, units: &made.units, order, outputs });
        Ok(())
    }
}
