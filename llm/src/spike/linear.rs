//! A linear map that takes spikes: sums of integer weights, one addition an event.

use kernels::{Counts, Engine, Loop, PackedMatrix, Parallelism, Store, Workspace};
use ndarray::Array2;
use rayon::prelude::*;

use super::codes::Codes;
use super::coding::SiteCoding;
use super::nibbles::Nibbles;
use super::weights::FewBitWeights;
use crate::LlmError;

/// Outputs that one task computes.
const OUTPUTS: usize = 128;
/// Tokens up to which weights of at most 4 bits are multiplied without unpacking them first.
const FEW_TOKENS: usize = 8;
/// Most spikes of one pass: counts of the kernels have 8 bits.
const MOST: u16 = u8::MAX as u16;

/// A linear map on the codes of its site.
///
/// With weights `s_w (m - z_w)` and activations `s (q - z)` per class of channels and group of columns
///
/// ```text
/// y = sum over classes and groups of s s_w (M q - z_w sum(q) - z (sum(m) - n z_w)) + bias
/// ```
///
/// `M q` is summed in integers spike by spike or all at once, which is the same; every bracket is an exact integer. The
/// zero points of activations are constants that belong to the columns of their class alone.
#[derive(Debug)]
pub struct SpikingLinear {
    outputs: usize,
    inputs: usize,
    bias: Option<Vec<f32>>,
    tasks: Vec<Task>,
}

/// The outputs of one task.
#[derive(Debug)]
struct Task {
    first: usize,
    count: usize,
    segments: Vec<Segment>,
}

/// Columns of one class and one group.
#[derive(Debug)]
struct Segment {
    start: usize,
    columns: usize,
    class: usize,
    weights: Held,
    /// Per output: scale, zero point, and `sum(m) - n z_w`.
    scales: Vec<f32>,
    zeros: Vec<i32>,
    rests: Vec<i32>,
}

/// Codes of a segment.
#[derive(Debug)]
enum Held {
    /// A byte each, as the products of the kernels take them.
    Bytes(PackedMatrix),
    /// Half a byte each.
    Nibbles(Nibbles),
}

impl SpikingLinear {
    /// Packs weights whose columns are in the order of the coding.
    ///
    /// # Errors
    /// [`LlmError::Shape`] when the weights do not belong to the coding; [`LlmError::Kernel`] when they are too large.
    pub fn new(weights: &FewBitWeights, bias: Option<Vec<f32>>, coding: &SiteCoding) -> Result<Self, LlmError> {
        weights.check("a linear map")?;
        LlmError::check_shape("columns of a linear map", &[coding.channels()], &[weights.columns])?;
        if let Some(bias) = &bias {
            LlmError::check_shape("bias of a linear map", &[weights.rows], &[bias.len()])?;
        }
        let segments = segments(weights, coding);
        let tasks = (0..weights.rows).step_by(OUTPUTS).map(|first| {
            let count = OUTPUTS.min(weights.rows - first);
            let packed = segments.iter().map(|&part| Segment::new(weights, first, count, part));
            Ok(Task { first, count, segments: packed.collect::<Result<_, LlmError>>()? })
        });
        let tasks = tasks.collect::<Result<_, LlmError>>()?;
        Ok(Self { outputs: weights.rows, inputs: weights.columns, bias, tasks })
    }

    /// Outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// `outputs[t] = y(codes of token t)`; `[tokens, outputs]`.
    ///
    /// # Errors
    /// [`LlmError::Shape`], [`LlmError::Kernel`].
    pub fn multiply(&self, engine: Engine, codes: &Codes, outputs: &mut Array2<f32>) -> Result<(), LlmError> {
        let tokens = codes.tokens();
        LlmError::check_shape("codes of a linear map", &[tokens, self.inputs], &[tokens, codes.channels()])?;
        LlmError::check_shape("outputs of a linear map", &[tokens, self.outputs], outputs.shape())?;
        let serial = Engine::new(engine.isa(), Parallelism::Serial)?;
        let run = |task: &Task| task.run(serial, codes, self.bias.as_deref());
        let parts: Vec<Vec<f32>> = match engine.parallelism() {
            Parallelism::Rayon => self.tasks.par_iter().map(run).collect::<Result<_, _>>()?,
            Parallelism::Serial => self.tasks.iter().map(run).collect::<Result<_, _>>()?,
        };
        let width = self.outputs;
        let order = || LlmError::Shape { what: "memory order of outputs".to_owned(), expected: vec![], found: vec![] };
        let rows = outputs.as_slice_mut().ok_or_else(order)?.chunks_exact_mut(width.max(1));
        for (token, row) in rows.enumerate() {
            for (task, part) in self.tasks.iter().zip(&parts) {
                let part = &part[token * task.count..][..task.count];
                row[task.first..task.first + task.count].copy_from_slice(part);
            }
        }
        Ok(())
    }
}

/// Where columns of one class and one group lie: start, count, class, group. No sum of one of them leaves 32 bits.
fn segments(weights: &FewBitWeights, coding: &SiteCoding) -> Vec<[usize; 4]> {
    let mut segments = Vec::new();
    let widest = ((1usize << 31) - 1) / (255 * usize::from(coding.largest_code()).max(1));
    for (class, places) in coding.classes.iter().map(|class| class.places.clone()).enumerate() {
        let mut start = places.start;
        while start < places.end {
            let group = weights.group_of(start);
            let mut end = weights.group.map_or(places.end, |size| places.end.min((group + 1) * size));
            end = end.min(start + widest);
            segments.push([start, end - start, class, group]);
            start = end;
        }
    }
    segments
}

impl Segment {
    fn new(
        weights: &FewBitWeights,
        first: usize,
        count: usize,
        [start, columns, class, group]: [usize; 4],
    ) -> Result<Self, LlmError> {
        // Codes of 8 bits are centred, so that they are signed bytes.
        let centre = if weights.bits == 8 { 128 } else { 0 };
        let centred = |code: u8| (i32::from(code) - centre) as i8;
        let rows = (first..first + count).flat_map(|row| (start..start + columns).map(move |column| (row, column)));
        let multipliers: Vec<i8> = rows.map(|(row, column)| centred(weights.code(row, column))).collect();
        let held = if weights.bits <= 4 {
            Held::Nibbles(Nibbles::new(columns, &multipliers))
        } else {
            Held::Bytes(packed(columns, count, &multipliers)?)
        };
        let place = |row: usize| row * weights.groups() + group;
        let zeros: Vec<i32> = (first..first + count).map(|row| i32::from(weights.zeros[place(row)]) - centre).collect();
        let sums = multipliers.chunks_exact(columns).map(|row| row.iter().map(|&m| i32::from(m)).sum::<i32>());
        Ok(Self {
            start,
            columns,
            class,
            weights: held,
            scales: (first..first + count).map(|row| weights.scales[place(row)]).collect(),
            rests: sums.zip(&zeros).map(|(sum, zero)| sum - columns as i32 * zero).collect(),
            zeros,
        })
    }
}

fn packed(columns: usize, rows: usize, multipliers: &[i8]) -> Result<PackedMatrix, LlmError> {
    let mut packed = PackedMatrix::new(columns, rows)?;
    packed.pack(multipliers)?;
    Ok(packed)
}

impl Task {
    /// `[tokens][outputs of the task]`.
    fn run(&self, engine: Engine, codes: &Codes, bias: Option<&[f32]>) -> Result<Vec<f32>, LlmError> {
        let tokens = codes.tokens();
        let bias = bias.map_or(&[][..], |bias| &bias[self.first..][..self.count]);
        let mut outputs = Vec::with_capacity(tokens * self.count);
        for _ in 0..tokens {
            outputs.extend_from_slice(bias);
            outputs.resize(outputs.len() + self.count - bias.len(), 0.0);
        }
        let mut totals = vec![0; tokens * self.count];
        let mut workspace = Workspace::new();
        for segment in &self.segments {
            segment.sum(engine, codes, self.count, &mut totals, &mut workspace)?;
            engine.vectorised(Finish { segment, codes, totals: &totals, outputs: &mut outputs });
        }
        Ok(outputs)
    }
}

impl Segment {
    /// `totals[token][output] = sum over columns of m q`.
    fn sum(
        &self,
        engine: Engine,
        codes: &Codes,
        outputs: usize,
        totals: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), LlmError> {
        let tokens = codes.tokens();
        let unpacked;
        let matrix = match &self.weights {
            Held::Nibbles(nibbles) if tokens <= FEW_TOKENS => {
                for (token, totals) in totals.chunks_exact_mut(outputs).enumerate() {
                    let counts = &codes.token(token)[self.start..self.start + self.columns];
                    nibbles.multiply(engine, counts, codes.largest(self.class), totals);
                }
                return Ok(());
            }
            Held::Nibbles(nibbles) => {
                unpacked = packed(self.columns, outputs, &nibbles.unpacked())?;
                &unpacked
            }
            Held::Bytes(matrix) => matrix,
        };
        let needed = engine.matmul_workspace(tokens, self.columns, outputs);
        if workspace.capacity() < needed {
            workspace.reserve(needed);
        }
        for pass in 0..codes.largest(self.class).div_ceil(MOST).max(1) {
            let bytes = codes.bytes(self.start, self.columns, pass);
            let store = if pass == 0 { Store::OVERWRITE } else { Store::ADD };
            engine.matmul(Counts::Unsigned(&bytes), tokens, matrix, store, totals, workspace)?;
        }
        Ok(())
    }
}

/// Adds what the totals of a segment stand for to the outputs.
struct Finish<'a> {
    segment: &'a Segment,
    codes: &'a Codes,
    totals: &'a [i32],
    outputs: &'a mut [f32],
}

impl Loop for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Segment { start, columns, class, scales, zeros, rests, .. } = self.segment;
        let count = scales.len();
        let rows = self.totals.chunks_exact(count).zip(self.outputs.chunks_exact_mut(count));
        for (token, (totals, outputs)) in rows.enumerate() {
            let scale = self.codes.scale(token, *class);
            let sum = self.codes.sum(token, *start, *columns);
            for index in 0..count {
                // The exact value fits 32 bits; parts of it may wrap on the way.
                let constant = scale.zero.wrapping_mul(rests[index]);
                let integer = totals[index].wrapping_sub(zeros[index].wrapping_mul(sum)).wrapping_sub(constant);
                outputs[index] += scale.scale * scales[index] * integer as f32;
            }
        }
    }
}
