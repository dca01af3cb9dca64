//! The walk over samples that convolution and transposed convolution share.

use std::ops::Range;

use super::{share, share_fired, store_nothing};
use crate::fire::Epilogue;
use crate::panel::Placement;
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, multiply};
use crate::workspace::{LINE, Line, line_bytes_mut, line_integers_mut, lines_for};
use crate::{ConvolutionShape, Counts, Engine, FiringStatistics, Isa, KernelError, PackedMatrix, Store, Workspace};

/// Bytes of totals that are fired together: a share of the second cache.
const PANEL: usize = 128 * 1024;
/// Bytes of weights that all samples meet before the next ones are read: a share of the second cache.
const WEIGHTS: usize = 1216 * 1024;
/// Columns of weights that are taken together at least, and a multiple of which is taken.
const LEAST_COLUMNS: usize = 64;
const COLUMN_STEP: usize = 2 * BLOCK;

/// A convolution read in place from a padded copy of each sample.
pub(super) struct Windows {
    placement: Placement,
    kernel: [usize; 2],
    stride: [usize; 2],
    /// Output rows and columns.
    output: [usize; 2],
    output_channels: usize,
}

/// The operands of one sample's product.
struct Operands<'a> {
    isa: Isa,
    image: &'a [u8],
    /// Rows of the image from the first to the last that hold a spike.
    filled: Range<usize>,
    flip: u8,
    weights: &'a PackedMatrix,
    bias: Option<&'a [i32]>,
    /// The output channels to compute, from the start of a block.
    columns: Range<usize>,
}

/// Where totals go: those of the first channel asked for, and values from cell to cell.
struct Totals<'a> {
    values: &'a mut [i32],
    step: usize,
}

impl Windows {
    /// A convolution.
    pub(super) fn forward(shape: &ConvolutionShape) -> Windows {
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

    /// The errors, spread by the stride and padded, convolved with the reversed kernel at every input cell.
    pub(super) fn transposed(shape: &ConvolutionShape) -> Windows {
        let input = [shape.input_height, shape.input_width];
        let offset = |axis: usize| (shape.kernel[axis] - 1).wrapping_sub(shape.padding[axis]) as isize;
        Windows {
            placement: Placement {
                source: [shape.output_height(), shape.output_width()],
                target: [input[0] + shape.kernel[0] - 1, input[1] + shape.kernel[1] - 1],
                offset: [offset(0), offset(1)],
                dilation: shape.stride,
                channels: shape.output_channels,
            },
            kernel: shape.kernel,
            stride: [1, 1],
            output: input,
            output_channels: shape.input_channels,
        }
    }

    /// Lines of a padded sample and the overshoot of its last group.
    fn image_lines(&self) -> usize {
        lines_for(self.placement.length() + GROUP)
    }

    /// Values of one sample of the source.
    fn source_length(&self) -> usize {
        self.placement.source.iter().product::<usize>() * self.placement.channels
    }

    /// Values of one output row.
    fn row_length(&self) -> usize {
        self.output[1] * self.output_channels
    }

    /// Values of one sample of the output.
    fn output_length(&self) -> usize {
        self.output[0] * self.row_length()
    }

    /// Into how many parts a batch is split.
    fn parts(&self, engine: &Engine, batch: usize) -> usize {
        let run = self.kernel[0] * self.kernel[1] * self.placement.channels;
        engine.parts(batch, batch.saturating_mul(self.output_length().saturating_mul(run)))
    }

    /// Bytes of workspace for [`Windows::run`].
    pub(super) fn workspace(&self, engine: &Engine, batch: usize) -> usize {
        self.image_lines().saturating_mul(self.parts(engine, batch)).saturating_mul(LINE)
    }

    /// Output channels that are computed together, so that their weights stay in a near cache.
    fn width(&self) -> usize {
        let groups = (self.kernel[1] * self.placement.channels).div_ceil(GROUP);
        let column = self.kernel[0].saturating_mul(groups).saturating_mul(GROUP);
        let fitting = WEIGHTS / column.max(1) / COLUMN_STEP * COLUMN_STEP;
        fitting.max(LEAST_COLUMNS).min(self.output_channels)
    }

    /// Groups of output channels.
    fn column_ranges(&self, width: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let all = self.output_channels;
        (0..all).step_by(width.max(1)).map(move |first| first..all.min(first + width))
    }

    /// Output rows fired together.
    fn panel_rows(&self, width: usize) -> usize {
        let row = self.output[1].saturating_mul(width).saturating_mul(4);
        (PANEL / row.max(1)).clamp(1, self.output[0].max(1))
    }

    /// Samples fired together; more than one only if all their rows are.
    fn panel_samples(&self, width: usize, batch: usize) -> usize {
        let sample = self.output[0].saturating_mul(self.output[1]).saturating_mul(width).saturating_mul(4);
        (PANEL / sample.max(1)).clamp(1, batch.max(1))
    }

    /// Lines of the padded sample, of a panel of totals and of the column corrections.
    fn fired_lines(&self, batch: usize) -> [usize; 3] {
        let panel = |width: usize| {
            let rows = self.panel_rows(width).saturating_mul(self.panel_samples(width, batch));
            lines_for(rows.saturating_mul(self.output[1]).saturating_mul(width).saturating_mul(4))
        };
        let corrections = self.output_channels.next_multiple_of(BLOCK).saturating_mul(4);
        [self.image_lines(), panel(self.width()).max(panel(self.output_channels)), lines_for(corrections)]
    }

    /// Bytes of workspace for [`Windows::run_fired`].
    pub(super) fn fired_workspace(&self, engine: &Engine, batch: usize) -> usize {
        let lines = self.fired_lines(batch).into_iter().fold(0, usize::saturating_add);
        lines.saturating_mul(self.parts(engine, batch)).saturating_mul(LINE)
    }

    /// Convolves every sample into `out`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the public operation")]
    pub(super) fn run(
        &self,
        operation: &'static str,
        engine: &Engine,
        input: Counts<'_>,
        weights: &PackedMatrix,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        if out.is_empty() {
            return Ok(());
        }
        let (lines, out_length) = (self.image_lines(), self.output_length());
        let batch = out.len() / out_length;
        let (parts, scratch) = workspace.split(operation, self.parts(engine, batch), lines)?;
        let part_samples = batch.div_ceil(parts);
        share(parts, out, part_samples * out_length, scratch, lines, |part, out, scratch| {
            for columns in self.column_ranges(self.width()) {
                for (index, out) in out.chunks_exact_mut(out_length).enumerate() {
                    let filled = self.place(input, part * part_samples + index, scratch);
                    let (isa, image, flip) = (engine.isa(), line_bytes_mut(scratch), input.flip());
                    let start = columns.start;
                    let operands = Operands { isa, image, filled, flip, weights, bias: None, columns: columns.clone() };
                    let mut totals = Totals { values: &mut out[start..], step: self.output_channels };
                    self.convolve(&operands, 0..self.output[0], store, &mut [], &mut totals);
                }
            }
        });
        Ok(())
    }

    /// Convolves every sample and fires a panel of totals at a time.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the public operation")]
    pub(super) fn run_fired(
        &self,
        operation: &'static str,
        engine: &Engine,
        input: Counts<'_>,
        weights: &PackedMatrix,
        bias: Option<&[i32]>,
        epilogue: Epilogue<'_>,
        workspace: &mut Workspace,
    ) -> Result<FiringStatistics, KernelError> {
        if epilogue.len() == 0 {
            return Ok(FiringStatistics::default());
        }
        let out_length = self.output_length();
        let batch = epilogue.len() / out_length;
        let layout = self.fired_lines(batch);
        let lines = layout.into_iter().fold(0, usize::saturating_add);
        let (parts, scratch) = workspace.split(operation, self.parts(engine, batch), lines)?;
        let part_samples = batch.div_ceil(parts);
        // Thresholds per channel need whole rows.
        let width = if epilogue.is_uniform() { self.width() } else { self.output_channels };
        let (panel_samples, panel_rows) = (self.panel_samples(width, batch), self.panel_rows(width));
        let run = |part: usize, mut epilogue: Epilogue<'_>, scratch: &mut [Line]| {
            let (image, scratch) = scratch.split_at_mut(layout[0]);
            let (panel, corrections) = scratch.split_at_mut(layout[1]);
            let (panel, corrections) = (line_integers_mut(panel), line_integers_mut(corrections));
            let samples = epilogue.len() / out_length;
            let mut statistics = FiringStatistics::default();
            let panels = (0..samples).step_by(panel_samples);
            for (columns, first) in
                self.column_ranges(width).flat_map(|columns| panels.clone().map(move |first| (columns.clone(), first)))
            {
                let count = panel_samples.min(samples - first);
                let mut filled = 0..0;
                for first_row in (0..self.output[0]).step_by(panel_rows) {
                    let rows = first_row..self.output[0].min(first_row + panel_rows);
                    let length = rows.len() * self.output[1] * columns.len();
                    for (index, totals) in panel[..count * length].chunks_exact_mut(length).enumerate() {
                        if first_row == 0 {
                            filled = self.place(input, part * part_samples + first + index, image);
                        }
                        let (isa, image, flip) = (engine.isa(), line_bytes_mut(image), input.flip());
                        let (filled, columns) = (filled.clone(), columns.clone());
                        let mut totals = Totals { values: totals, step: columns.len() };
                        let operands = Operands { isa, image, filled, flip, weights, bias, columns };
                        self.convolve(&operands, rows.clone(), Store::OVERWRITE, corrections, &mut totals);
                    }
                    let start = first * out_length + first_row * self.row_length();
                    let panel = &panel[..count * length];
                    if columns.len() == self.output_channels {
                        statistics += epilogue.apply(engine.isa(), start, panel);
                        continue;
                    }
                    for (sample, totals) in panel.chunks_exact(length).enumerate() {
                        let start = start + sample * out_length + columns.start;
                        for (cell, totals) in totals.chunks_exact(columns.len()).enumerate() {
                            statistics += epilogue.apply(engine.isa(), start + cell * self.output_channels, totals);
                        }
                    }
                }
            }
            statistics
        };
        Ok(share_fired(parts, epilogue, part_samples * out_length, scratch, lines, run))
    }

    /// Copies a sample into its padded place if it holds a spike; returns the rows there that hold one.
    fn place(&self, input: Counts<'_>, sample: usize, image: &mut [Line]) -> Range<usize> {
        let source = &input.bytes()[sample * self.source_length()..][..self.source_length()];
        let filled = self.placement.filled_rows(source);
        if !filled.is_empty() {
            self.placement.copy(source, input.flip(), line_bytes_mut(image));
        }
        filled
    }

    /// The kernel rows that an output row needs: those outside only meet zeros. Never cut at both ends.
    fn kernel_rows(&self, output_row: usize, filled: &Range<usize>) -> Range<usize> {
        let first = output_row * self.stride[0];
        let kernel = self.kernel[0];
        let start = filled.start.saturating_sub(first).min(kernel);
        let end = filled.end.saturating_sub(first).min(kernel);
        if start >= end {
            0..0
        } else if start > 0 {
            start..kernel
        } else {
            0..end
        }
    }

    /// Convolves some output rows of a sample, together all adjacent ones that need the same kernel rows.
    fn convolve(
        &self,
        operands: &Operands<'_>,
        rows: Range<usize>,
        store: Store,
        corrections: &mut [i32],
        totals: &mut Totals<'_>,
    ) {
        let mut first = rows.start;
        while first < rows.end {
            let kernel_rows = self.kernel_rows(first, &operands.filled);
            let more = (first + 1..rows.end).take_while(|&row| self.kernel_rows(row, &operands.filled) == kernel_rows);
            let group = first..first + 1 + more.count();
            let start = (first - rows.start) * self.output[1] * totals.step;
            let mut totals = Totals { values: &mut totals.values[start..], step: totals.step };
            first = group.end;
            self.multiply(operands, group, kernel_rows, store, corrections, &mut totals);
        }
    }

    /// Convolves some output rows with some kernel rows; a bias is only joined to a product that overwrites.
    fn multiply(
        &self,
        operands: &Operands<'_>,
        rows: Range<usize>,
        kernel_rows: Range<usize>,
        store: Store,
        corrections: &mut [i32],
        totals: &mut Totals<'_>,
    ) {
        let Operands { isa, image, flip, weights, columns, .. } = operands;
        let bias = operands.bias.map(|bias| &bias[columns.clone()]);
        let step = totals.step;
        if kernel_rows.is_empty() {
            for cell in totals.values.chunks_mut(step).take(rows.len() * self.output[1]) {
                let cell = &mut cell[..columns.len()];
                store_nothing(store, cell);
                if let Some(bias) = bias {
                    cell.copy_from_slice(bias);
                }
            }
            return;
        }
        let channels = self.placement.channels;
        let row = self.placement.target[1] * channels;
        let groups = (self.kernel[1] * channels).div_ceil(GROUP);
        let line = BLOCK * GROUP;
        let image_start = (rows.start * self.stride[0] + kernel_rows.start) * row;
        let left = Operand { bytes: &image[image_start..], lane: self.stride[1] * channels, steps: [0, row, GROUP] };
        let block = columns.start / BLOCK * weights.block_step();
        let right = Operand {
            bytes: &weights.bytes()[block + kernel_rows.start * groups * line..],
            lane: weights.block_step(),
            steps: [0, groups * line, line],
        };
        let correction = weights.correction(*flip, kernel_rows.clone()).map(|values| &values[columns.start..]);
        let padded = columns.len().next_multiple_of(BLOCK);
        let product = Product {
            row_groups: rows.len(),
            left_group_step: self.stride[0] * row,
            rows: self.output[1],
            columns: columns.len(),
            counts: [1, kernel_rows.len(), groups],
            left,
            right,
            unsigned: UnsignedSide::Left,
            column_correction: join(
                correction,
                bias,
                if bias.is_some() { &mut corrections[..padded] } else { &mut [] },
            ),
            row_correction: None,
            store,
        };
        let out = Output { values: &mut *totals.values, group_step: self.output[1] * step, row_step: step };
        multiply(*isa, &product, out);
    }
}

/// The sum of a column correction and a bias, in `scratch` when there is a bias.
pub(super) fn join<'a>(
    correction: Option<&'a [i32]>,
    bias: Option<&[i32]>,
    scratch: &'a mut [i32],
) -> Option<&'a [i32]> {
    let Some(bias) = bias else {
        return correction;
    };
    scratch[bias.len()..].fill(0);
    scratch[..bias.len()].copy_from_slice(bias);
    for (value, &correction) in scratch.iter_mut().zip(correction.unwrap_or_default()) {
        *value = value.wrapping_add(correction);
    }
    Some(scratch)
}
