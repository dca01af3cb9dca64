//! Convolution, and the walk over samples that it shares with the transposed one.

use std::ops::Range;

use super::share;
use crate::error::check_length;
use crate::packed::Packing;
use crate::panel::Placement;
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, multiply};
use crate::workspace::{LINE, line_bytes_mut, lines_for};
use crate::{ConvolutionShape, Counts, Engine, KernelError, PackedMatrix, Store, Workspace};

/// A convolution read in place from a padded copy of each sample.
pub(super) struct Windows {
    pub(super) placement: Placement,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    /// Output rows and columns.
    pub(super) output: [usize; 2],
    pub(super) output_channels: usize,
}

impl Windows {
    fn forward(shape: &ConvolutionShape) -> Windows {
        let output = [shape.output_height(), shape.output_width()];
        let side = |axis: usize| (output[axis] - 1) * shape.stride[axis] + shape.kernel[axis];
        Windows {
            placement: Placement {
                source: [shape.input_height, shape.input_width],
                target: [side(0), side(1)],
                offset: shape.padding.map(|cells| cells as isize),
                dilation: [1, 1],
                channels: shape.input_channels,
            },
            kernel: shape.kernel,
            stride: shape.stride,
            output,
            output_channels: shape.output_channels,
        }
    }

    /// Lines that one part needs: a padded sample and the overshoot of its last group.
    fn part_lines(&self) -> usize {
        lines_for(self.placement.length() + GROUP)
    }

    /// Values of one sample of the output.
    fn output_length(&self) -> usize {
        self.output[0] * self.output[1] * self.output_channels
    }

    /// Multiply-accumulates of one sample.
    fn work(&self) -> usize {
        let run = self.kernel[0] * self.kernel[1] * self.placement.channels;
        self.output_length().saturating_mul(run)
    }

    pub(super) fn workspace(&self, engine: &Engine, batch: usize) -> usize {
        let parts = engine.parts(batch, batch.saturating_mul(self.work()));
        self.part_lines().saturating_mul(parts).saturating_mul(LINE)
    }

    /// Convolves every sample of `bytes`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the public operation")]
    pub(super) fn run(
        &self,
        operation: &'static str,
        engine: &Engine,
        batch: usize,
        input: Counts<'_>,
        weights: &PackedMatrix,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        if out.is_empty() {
            return Ok(());
        }
        let lines = self.part_lines();
        let parts = engine.parts(batch, batch.saturating_mul(self.work()));
        let (parts, scratch) = workspace.split(operation, parts, lines)?;
        let (source_length, out_length) =
            (self.placement.source.iter().product::<usize>() * self.placement.channels, self.output_length());
        let part_samples = batch.div_ceil(parts);
        share(parts, out, part_samples * out_length, scratch, lines, |part, out, scratch| {
            let image = line_bytes_mut(scratch);
            for (index, out) in out.chunks_exact_mut(out_length).enumerate() {
                let sample = part * part_samples + index;
                let source = &input.bytes()[sample * source_length..][..source_length];
                self.placement.copy(source, input.flip(), image);
                self.sample(engine, image, input.flip(), weights, store, out);
            }
        });
        Ok(())
    }

    /// The kernel rows that an output row needs: those outside only meet zeros. Never cut at both ends.
    fn kernel_rows(&self, output_row: usize, filled: &Range<usize>) -> Range<usize> {
        let first = output_row * self.stride[0];
        let kernel = self.kernel[0];
        let start = filled.start.saturating_sub(first).min(kernel);
        let end = filled.end.saturating_sub(first).min(kernel);
        if start < end && (start == 0 || end == kernel) { start..end } else { 0..kernel }
    }

    /// Convolves one padded sample, together all adjacent output rows that need the same kernel rows.
    fn sample(&self, engine: &Engine, image: &[u8], flip: u8, weights: &PackedMatrix, store: Store, out: &mut [i32]) {
        let filled = self.placement.filled_rows();
        let mut first = 0;
        while first < self.output[0] {
            let kernel_rows = self.kernel_rows(first, &filled);
            let more = (first + 1..self.output[0]).take_while(|&row| self.kernel_rows(row, &filled) == kernel_rows);
            let rows = first..first + 1 + more.count();
            first = rows.end;
            self.rows(engine, rows, kernel_rows, image, flip, weights, store, out);
        }
    }

    /// Convolves some output rows with some kernel rows.
    #[expect(clippy::too_many_arguments, reason = "two ranges beside the arguments of the public operation")]
    fn rows(
        &self,
        engine: &Engine,
        rows: Range<usize>,
        kernel_rows: Range<usize>,
        image: &[u8],
        flip: u8,
        weights: &PackedMatrix,
        store: Store,
        out: &mut [i32],
    ) {
        let channels = self.placement.channels;
        let row = self.placement.target[1] * channels;
        let groups = (self.kernel[1] * channels).div_ceil(GROUP);
        let line = BLOCK * GROUP;
        let image_start = (rows.start * self.stride[0] + kernel_rows.start) * row;
        let product = Product {
            row_groups: rows.len(),
            left_group_step: self.stride[0] * row,
            rows: self.output[1],
            columns: self.output_channels,
            counts: [1, kernel_rows.len(), groups],
            left: Operand { bytes: &image[image_start..], lane: self.stride[1] * channels, steps: [0, row, GROUP] },
            right: Operand {
                bytes: &weights.bytes()[kernel_rows.start * groups * line..],
                lane: weights.block_step(),
                steps: [0, groups * line, line],
            },
            unsigned: UnsignedSide::Left,
            column_correction: weights.correction(flip, kernel_rows),
            row_correction: None,
            store,
        };
        let row_step = self.output_channels;
        let group_step = self.output[1] * row_step;
        let values = &mut out[rows.start * group_step..];
        multiply(engine.isa(), &product, Output { values, group_step, row_step });
    }
}

impl Engine {
    /// `out[n][y][x][o] = store(sum over i, j, c of weight[o][i][j][c] * input[n][y*s+i-p][x*s+j-p][c])`.
    ///
    /// `input` is `[batch][input map]`, `out` `[batch][output map]`, `weights` packed by
    /// [`PackedMatrix::pack_convolution`]; cells outside the input count as zero.
    ///
    /// # Errors
    /// Those of [`ConvolutionShape::validate`], [`KernelError::MatrixSize`], [`KernelError::Packing`],
    /// [`KernelError::Length`] or [`KernelError::WorkspaceTooSmall`].
    #[expect(clippy::too_many_arguments, reason = "shape, operands, output and scratch are all the caller's")]
    pub fn convolution(
        &self,
        shape: &ConvolutionShape,
        batch: usize,
        input: Counts<'_>,
        weights: &PackedMatrix,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "convolution";
        shape.validate()?;
        weights.check_size(operation, shape.patch(), shape.output_channels)?;
        weights.check_packing(operation, Packing::Convolution(shape.kernel))?;
        check_length(operation, "input", &[batch, shape.input_length()], input.len())?;
        check_length(operation, "out", &[batch, shape.output_length()], out.len())?;
        Windows::forward(shape).run(operation, self, batch, input, weights, store, out, workspace)
    }

    /// Bytes of workspace for [`Engine::convolution`]; 0 for a shape that does not validate.
    pub fn convolution_workspace(&self, shape: &ConvolutionShape, batch: usize) -> usize {
        if shape.validate().is_err() { 0 } else { Windows::forward(shape).workspace(self, batch) }
    }
}
