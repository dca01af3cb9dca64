//! A linear map that takes spikes: sums of integer weights, one addition an event.

use kernels::{Engine, PackedMatrix, Parallelism, Workspace};
use ndarray::Array2;
use rayon::prelude::*;

use super::codes::Codes;
use super::coding::SiteCoding;
use super::segment::{Columns, Finish, Segment};
use super::weights::FewBitWeights;
use crate::LlmError;

/// Outputs that one task computes.
const OUTPUTS: usize = 128;
/// Tokens of a task; those of one share unpacked weights.
const TOKENS: usize = 256;
/// Tokens whose totals are held at once.
const BLOCK: usize = 48;
/// Tokens up to which weights of at most 4 bits are multiplied without unpacking them first.
const FEW_TOKENS: usize = 8;

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
    /// Zeros without one.
    bias: Vec<f32>,
    columns: Vec<Columns>,
    /// Segments of every [`OUTPUTS`] outputs.
    parts: Vec<Vec<Segment>>,
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
        let columns = Columns::of(weights, coding);
        let parts = (0..weights.rows).step_by(OUTPUTS).map(|first| {
            let count = OUTPUTS.min(weights.rows - first);
            columns.iter().map(|&columns| Segment::new(weights, first, count, columns)).collect()
        });
        let parts = parts.collect::<Result<_, LlmError>>()?;
        let bias = bias.unwrap_or_else(|| vec![0.0; weights.rows]);
        Ok(Self { outputs: weights.rows, inputs: weights.columns, bias, columns, parts })
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
        multiply(engine, codes, vec![(self, outputs)])
    }

    /// The tasks that compute the outputs; `sums` are those of the codes at [`Self::columns`], per token.
    fn tasks<'a>(&'a self, sums: &'a [Vec<i32>], outputs: &'a mut Array2<f32>) -> Result<Vec<Task<'a>>, LlmError> {
        let order = || LlmError::Shape { what: "memory order of outputs".to_owned(), expected: vec![], found: vec![] };
        let width = self.outputs.max(1);
        let rows = outputs.as_slice_mut().ok_or_else(order)?;
        let mut tasks = Vec::new();
        for (block, rows) in rows.chunks_mut(TOKENS * width).enumerate() {
            let begin = tasks.len();
            let tokens = rows.len() / width;
            tasks.extend(self.parts.iter().enumerate().map(|(part, segments)| {
                let bias = &self.bias[part * OUTPUTS..];
                Task { segments, bias, sums, first: block * TOKENS, rows: Vec::with_capacity(tokens) }
            }));
            for row in rows.chunks_exact_mut(width) {
                tasks[begin..].iter_mut().zip(row.chunks_mut(OUTPUTS)).for_each(|(task, row)| task.rows.push(row));
            }
        }
        Ok(tasks)
    }
}

/// What several linear maps make of the codes of their site, each `[tokens, outputs]`.
///
/// # Errors
/// [`LlmError::Shape`], [`LlmError::Kernel`].
pub(super) fn multiply(
    engine: Engine,
    codes: &Codes,
    mut linears: Vec<(&SpikingLinear, &mut Array2<f32>)>,
) -> Result<(), LlmError> {
    let tokens = codes.tokens();
    let serial = Engine::new(engine.isa(), Parallelism::Serial)?;
    // Linear maps of a site mostly have the same classes and groups.
    let mut sums: Vec<(&[Columns], Vec<Vec<i32>>)> = Vec::new();
    for (linear, outputs) in &linears {
        LlmError::check_shape("codes of a linear map", &[tokens, linear.inputs], &[tokens, codes.channels()])?;
        LlmError::check_shape("outputs of a linear map", &[tokens, linear.outputs], outputs.shape())?;
        if sums.iter().all(|(columns, _)| *columns != linear.columns) {
            let of_columns = |part: &Columns| codes.sums(serial, part.class, part.start, part.count);
            sums.push((&linear.columns, linear.columns.iter().map(of_columns).collect()));
        }
    }
    let mut tasks = Vec::new();
    for (linear, outputs) in &mut linears {
        let same = sums.iter().find(|(columns, _)| *columns == linear.columns);
        tasks.extend(linear.tasks(same.map_or(&[], |(_, sums)| sums), outputs)?);
    }
    let run = |scratch: &mut Scratch, task: Task<'_>| task.run(serial, codes, scratch);
    match engine.parallelism() {
        Parallelism::Rayon => tasks.into_par_iter().try_for_each_init(Scratch::default, run),
        Parallelism::Serial => {
            let mut scratch = Scratch::default();
            tasks.into_iter().try_for_each(|task| run(&mut scratch, task))
        }
    }
}

/// Buffers of a thread.
#[derive(Default)]
struct Scratch {
    matrices: Vec<PackedMatrix>,
    totals: Vec<i32>,
    workspace: Workspace,
}

/// Some outputs of some tokens.
struct Task<'a> {
    segments: &'a [Segment],
    /// From the first output on, which sums begin with.
    bias: &'a [f32],
    /// Per segment and token of all.
    sums: &'a [Vec<i32>],
    /// The first token.
    first: usize,
    /// The outputs of each token.
    rows: Vec<&'a mut [f32]>,
}

impl Task<'_> {
    fn run(mut self, engine: Engine, codes: &Codes, scratch: &mut Scratch) -> Result<(), LlmError> {
        let Scratch { matrices, totals, workspace } = scratch;
        if self.segments.is_empty() {
            self.rows.iter_mut().for_each(|row| row.copy_from_slice(&self.bias[..row.len()]));
        }
        let count = self.rows.first().map_or(0, |row| row.len());
        totals.resize(BLOCK.min(self.rows.len()) * count, 0);
        while matrices.len() < self.segments.len() {
            matrices.push(PackedMatrix::new(0, 0)?);
        }
        let is_few = self.rows.len() <= FEW_TOKENS;
        let unpacked = self.segments.iter().zip(matrices);
        let unpacked: Vec<Option<&PackedMatrix>> =
            unpacked.map(|(segment, scratch)| (!is_few).then(|| segment.unpacked(scratch))).collect();
        for (block, rows) in self.rows.chunks_mut(BLOCK).enumerate() {
            let (first, tokens) = (self.first + block * BLOCK, rows.len());
            let totals = &mut totals[..tokens * count];
            let mut bias = Some(self.bias);
            for ((segment, sums), &unpacked) in self.segments.iter().zip(self.sums).zip(&unpacked) {
                segment.sum(engine, codes, [first, tokens], unpacked, totals, workspace)?;
                engine.vectorised(Finish { segment, codes, sums, first, totals, bias: bias.take(), rows });
            }
        }
        Ok(())
    }
}
