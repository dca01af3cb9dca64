//! The part of a linear map that one class and one group of columns make up.

use kernels::{CountRows, Engine, KernelError, Loop, PackedMatrix, PackedNibbles, Store, Workspace};

use super::codes::Codes;
use super::coding::{SiteCoding, TokenScale};
use super::weights::FewBitWeights;
use crate::LlmError;

/// Columns of one class and one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub start: usize,
    pub count: usize,
    pub class: usize,
    group: usize,
}

impl Columns {
    /// The columns of every class and group. No sum of one of them leaves 32 bits.
    pub fn of(weights: &FewBitWeights, coding: &SiteCoding) -> Vec<Self> {
        let mut all = Vec::new();
        let widest = ((1usize << 31) - 1) / (255 * usize::from(coding.largest_code()).max(1));
        for (class, places) in weights.parts(coding) {
            let group = weights.group_of(places.start);
            for start in places.clone().step_by(widest) {
                all.push(Self { start, count: widest.min(places.end - start), class, group });
            }
        }
        all
    }
}

/// Some outputs of columns of one class and one group.
#[derive(Debug)]
pub(super) struct Segment {
    pub columns: Columns,
    weights: Weights,
    /// Per output: scale, zero point, and `sum(m) - n z_w`.
    scales: Vec<f32>,
    zeros: Vec<i32>,
    rests: Vec<i32>,
}

/// Codes of a segment.
#[derive(Debug)]
enum Weights {
    /// A byte each, as the products of the kernels take them.
    Bytes(PackedMatrix),
    /// Half a byte each.
    Nibbles(PackedNibbles),
}

impl Segment {
    /// The outputs `first..first + count`.
    pub fn new(
        weights: &FewBitWeights,
        first: usize,
        count: usize,
        columns @ Columns { start, count: width, group, .. }: Columns,
    ) -> Result<Self, LlmError> {
        // Codes of 8 bits are centred, so that they are signed bytes.
        let centre = if weights.bits == 8 { 128 } else { 0 };
        let mut codes = Vec::with_capacity(count * width);
        for row in first..first + count {
            codes.extend((start..start + width).map(|column| weights.code(row, column).wrapping_sub(centre)));
        }
        let packed = if weights.bits <= 4 {
            Weights::Nibbles(PackedNibbles::new(width, count, &codes)?)
        } else {
            let mut packed = PackedMatrix::new(width, count)?;
            packed.pack(kernels::as_signed(&codes))?;
            Weights::Bytes(packed)
        };
        let place = |row: usize| row * weights.groups() + group;
        let zero = |row: usize| i32::from(weights.zeros[place(row)]) - i32::from(centre);
        let zeros: Vec<i32> = (first..first + count).map(zero).collect();
        let sums = codes.chunks_exact(width).map(|row| row.iter().map(|&m| i32::from(m as i8)).sum::<i32>());
        Ok(Self {
            columns,
            weights: packed,
            scales: (first..first + count).map(|row| weights.scales[place(row)]).collect(),
            rests: sums.zip(&zeros).map(|(sum, zero)| sum - width as i32 * zero).collect(),
            zeros,
        })
    }

    /// The codes as the products of the kernels take them: `scratch` where they are unpacked.
    pub fn unpacked<'a>(&'a self, scratch: &'a mut PackedMatrix) -> &'a PackedMatrix {
        match &self.weights {
            Weights::Bytes(matrix) => matrix,
            Weights::Nibbles(nibbles) => {
                scratch.unpack(nibbles);
                scratch
            }
        }
    }

    /// `totals[token][output] = sum over columns of m q` for the tokens `first..first + count`.
    pub fn sum(
        &self,
        engine: Engine,
        codes: &Codes,
        tokens: [usize; 2],
        unpacked: Option<&PackedMatrix>,
        totals: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        for pass in 0..codes.passes(self.columns.class) {
            let rows: CountRows<'_> = codes.rows(pass, tokens, self.columns.start);
            let store = if pass == 0 { Store::OVERWRITE } else { Store::ADD };
            match (unpacked, &self.weights) {
                (Some(matrix), _) | (None, Weights::Bytes(matrix)) => {
                    engine.matmul_rows(rows, matrix, store, totals)?
                }
                (None, Weights::Nibbles(nibbles)) => {
                    let needed = engine.matmul_nibbles_workspace(nibbles.inner());
                    workspace.reserve(needed);
                    engine.matmul_nibbles(rows, nibbles, store, totals, workspace)?;
                }
            }
        }
        Ok(())
    }
}

/// Adds what the totals of a segment stand for to the outputs of tokens from `first`, or to the bias where it is given.
pub(super) struct Finish<'a, 'b> {
    pub segment: &'a Segment,
    pub codes: &'a Codes,
    /// Per token, the sum of its codes.
    pub sums: &'a [i32],
    pub first: usize,
    pub totals: &'a [i32],
    pub bias: Option<&'a [f32]>,
    pub rows: &'a mut [&'b mut [f32]],
}

impl Loop for Finish<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Segment { columns, scales, zeros, rests, .. } = self.segment;
        let bias = self.bias.map(|bias| &bias[..scales.len()]);
        let rows = self.rows.iter_mut().zip(self.totals.chunks_exact(scales.len()));
        for (token, (outputs, totals)) in (self.first..).zip(rows) {
            let scale = self.codes.scale(token, columns.class);
            match bias {
                Some(bias) => {
                    finish(scale, self.sums[token], totals, [zeros, rests], scales, outputs, |index, _| bias[index])
                }
                None => finish(scale, self.sums[token], totals, [zeros, rests], scales, outputs, |_, output| output),
            }
        }
    }
}

/// [`Finish`] of one token, added to what `begin` says of an output and its old value.
#[inline(always)]
fn finish(
    TokenScale { scale, zero }: TokenScale,
    sum: i32,
    totals: &[i32],
    [zeros, rests]: [&[i32]; 2],
    scales: &[f32],
    outputs: &mut [f32],
    begin: impl Fn(usize, f32) -> f32,
) {
    let count = outputs.len();
    let (totals, zeros, rests, scales) = (&totals[..count], &zeros[..count], &rests[..count], &scales[..count]);
    for index in 0..count {
        // The exact value fits 32 bits; parts of it may wrap on the way.
        let constant = zero.wrapping_mul(rests[index]);
        let integer = totals[index].wrapping_sub(zeros[index].wrapping_mul(sum)).wrapping_sub(constant);
        outputs[index] = begin(index, outputs[index]) + scale * scales[index] * integer as f32;
    }
}
