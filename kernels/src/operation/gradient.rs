//! The weight-gradient product: a reduction over positions, four horizontally adjacent ones at a time.

use std::ops::Range;

use super::{share, store_nothing};
use crate::panel::{Placement, interleave, interleave_shifted};
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, multiply};
use crate::workspace::{LINE, Line, line_bytes_mut, line_integers_mut, lines_for};
use crate::{ConvolutionShape, Counts, Engine, KernelError, Store, Workspace, as_unsigned};

/// Bytes of interleaved counts that one step should keep in the nearest cache.
const COUNT_BUDGET: usize = 24 * 1024;

/// `out[o][i][j][c] = store(sum over n, y, x of errors[n][y][x][o] * counts[n][y*s+i-p][x*s+j-p][c])`.
pub(super) struct Gradient {
    placement: Placement,
    kernel: [usize; 2],
    stride: [usize; 2],
    output: [usize; 2],
    output_channels: usize,
    /// Groups of four output positions in an output row.
    quads: usize,
}

/// Which operand the taps (kernel cells times input channels) are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Orientation {
    /// Columns, written straight to the output.
    TapsAcross,
    /// Rows, through a transposed scratch; better when a kernel row is short.
    TapsDown,
}

/// The scratch of one part, in lines.
struct Layout {
    samples: usize,
    image: usize,
    counts: usize,
    errors: usize,
    sums: usize,
    transposed: usize,
}

impl Gradient {
    pub(super) fn new(shape: &ConvolutionShape) -> Gradient {
        let output = [shape.output_height(), shape.output_width()];
        let quads = output[1].div_ceil(GROUP);
        Gradient {
            placement: Placement {
                source: [shape.input_height, shape.input_width],
                target: [
                    (output[0] - 1) * shape.stride[0] + shape.kernel[0],
                    (quads * GROUP - 1) * shape.stride[1] + shape.kernel[1],
                ],
                offset: shape.padding.map(|cells| cells as isize),
                dilation: [1, 1],
                channels: shape.input_channels,
            },
            kernel: shape.kernel,
            stride: shape.stride,
            output,
            output_channels: shape.output_channels,
            quads,
        }
    }

    /// Taps in a kernel row.
    fn run_length(&self) -> usize {
        self.kernel[1] * self.placement.channels
    }

    /// Taps in all.
    fn taps(&self) -> usize {
        self.kernel[0] * self.run_length()
    }

    /// Kernels one cell wide share no counts between positions, so their groups lie side by side.
    fn is_compact(&self) -> bool {
        self.kernel[1] == 1
    }

    /// Bytes from one group of positions to the next in the interleaved counts.
    fn count_group_step(&self) -> usize {
        let cells = if self.is_compact() { 1 } else { GROUP * self.stride[1] };
        cells * self.placement.channels * GROUP
    }

    /// Bytes of a row of interleaved counts.
    fn count_row(&self) -> usize {
        (self.quads - 1) * self.count_group_step() + self.run_length() * GROUP
    }

    fn error_group_step(width: usize) -> usize {
        width.next_multiple_of(BLOCK) * GROUP
    }

    fn orientation(&self, width: usize) -> Orientation {
        let across = width.saturating_mul(self.run_length().div_ceil(BLOCK));
        let down = self.run_length().saturating_mul(width.div_ceil(BLOCK));
        if down.saturating_mul(5) <= across.saturating_mul(4) { Orientation::TapsDown } else { Orientation::TapsAcross }
    }

    /// The scratch of a part of `width` output channels.
    fn layout(&self, batch: usize, width: usize) -> Layout {
        let count_bytes = self.placement.target[0].saturating_mul(self.count_row());
        let samples = (COUNT_BUDGET / count_bytes.max(1)).clamp(1, batch.max(1));
        let error_bytes = (self.output[0] * self.quads).saturating_mul(Self::error_group_step(width));
        let padded = width.next_multiple_of(BLOCK);
        Layout {
            samples,
            image: lines_for(self.placement.length()),
            counts: lines_for(samples.saturating_mul(count_bytes)).saturating_add(1),
            errors: lines_for(samples.saturating_mul(error_bytes)),
            sums: lines_for(padded.saturating_mul(4)),
            transposed: match self.orientation(width) {
                Orientation::TapsAcross => 0,
                Orientation::TapsDown => lines_for(self.taps().saturating_mul(padded).saturating_mul(4)),
            },
        }
    }

    /// Multiply-accumulates of one sample.
    fn work(&self) -> usize {
        let positions = self.output[0] * self.output[1];
        positions.saturating_mul(self.output_channels).saturating_mul(self.taps())
    }

    /// Into how many parts the output channels are split, and how many channels a part has.
    fn split(&self, engine: &Engine, batch: usize) -> (usize, usize) {
        let parts = engine.parts(self.output_channels, batch.saturating_mul(self.work()));
        let width = self.output_channels.div_ceil(parts);
        (self.output_channels.div_ceil(width.max(1)), width)
    }

    /// Bytes of workspace for [`Gradient::share_channels`].
    pub(super) fn workspace(&self, engine: &Engine, batch: usize) -> usize {
        let (parts, width) = self.split(engine, batch);
        let shared = self.part_lines(batch, width).saturating_mul(parts);
        shared.max(self.part_lines(batch, self.output_channels)).saturating_mul(LINE)
    }

    /// Computes the gradient, its output channels shared among threads.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the public operation")]
    pub(super) fn share_channels(
        &self,
        operation: &'static str,
        engine: &Engine,
        batch: usize,
        errors: &[i8],
        counts: Counts<'_>,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        if out.is_empty() || batch == 0 {
            store_nothing(store, out);
            return Ok(());
        }
        let (mut parts, mut width) = self.split(engine, batch);
        let mut lines = self.part_lines(batch, width);
        if lines.saturating_mul(parts).saturating_mul(LINE) > workspace.capacity() {
            (parts, width) = (1, self.output_channels);
            lines = self.part_lines(batch, width);
        }
        let (_, scratch) = workspace.split(operation, parts, lines)?;
        let taps = self.taps();
        share(parts, out, width * taps, scratch, lines, |part, out, scratch| {
            let channels = part * width..part * width + out.len() / taps;
            self.run(engine, batch, errors, counts, channels, store, out, scratch);
        });
        Ok(())
    }

    /// Bytes of workspace for [`Gradient::rows`] with `width` output channels.
    pub(super) fn rows_workspace(&self, batch: usize, width: usize) -> usize {
        self.part_lines(batch, width).saturating_mul(LINE)
    }

    /// Computes the rows `channels` of the gradient on the calling thread.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the public operation")]
    pub(super) fn rows(
        &self,
        operation: &'static str,
        engine: &Engine,
        batch: usize,
        errors: &[i8],
        counts: Counts<'_>,
        channels: Range<usize>,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        if out.is_empty() || batch == 0 {
            store_nothing(store, out);
            return Ok(());
        }
        let (_, scratch) = workspace.split(operation, 1, self.part_lines(batch, channels.len()))?;
        self.run(engine, batch, errors, counts, channels, store, out, scratch);
        Ok(())
    }

    /// Lines that a part of `width` output channels needs.
    fn part_lines(&self, batch: usize, width: usize) -> usize {
        let layout = self.layout(batch, width);
        [layout.image, layout.counts, layout.errors, layout.sums, layout.transposed]
            .into_iter()
            .fold(0, usize::saturating_add)
    }

    /// Computes the rows `channels` of the gradient into `out`, `[channels][taps]`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the public operation and the part's share")]
    fn run(
        &self,
        engine: &Engine,
        batch: usize,
        errors: &[i8],
        counts: Counts<'_>,
        channels: Range<usize>,
        store: Store,
        out: &mut [i32],
        scratch: &mut [Line],
    ) {
        let width = channels.len();
        let layout = self.layout(batch, width);
        let (image, scratch) = scratch.split_at_mut(layout.image);
        let (count_lines, scratch) = scratch.split_at_mut(layout.counts);
        let (error_lines, scratch) = scratch.split_at_mut(layout.errors);
        let (sum_lines, scratch) = scratch.split_at_mut(layout.sums);
        let sums = line_integers_mut(sum_lines);
        let transposed = &mut line_integers_mut(&mut scratch[..layout.transposed])[..];
        let source_length = self.placement.source.iter().product::<usize>() * self.placement.channels;
        let error_length = self.output[0] * self.output[1] * self.output_channels;
        let count_length = self.placement.target[0] * self.count_row();
        let packed_length = self.output[0] * self.quads * Self::error_group_step(width);
        let mut first = 0;
        while first < batch {
            let samples = layout.samples.min(batch - first);
            let (image, packed_counts, packed_errors) =
                (line_bytes_mut(image), line_bytes_mut(count_lines), line_bytes_mut(error_lines));
            sums.fill(0);
            for sample in 0..samples {
                let index = first + sample;
                let source = &counts.bytes()[index * source_length..][..source_length];
                self.placement.copy(source, counts.flip(), image);
                self.pack_counts(image, &mut packed_counts[sample * count_length..][..count_length]);
                let rest = &errors[index * error_length..];
                self.pack_errors(rest, &channels, &mut packed_errors[sample * packed_length..][..packed_length]);
                if counts.flip() != 0 {
                    self.add_sums(&rest[..error_length], &channels, sums);
                }
            }
            for sum in sums.iter_mut() {
                *sum = sum.wrapping_mul(-128);
            }
            let correction = (counts.flip() != 0).then_some(&*sums);
            let step = Step { gradient: self, engine, samples, width, packed_counts, packed_errors, correction };
            match self.orientation(width) {
                Orientation::TapsAcross => {
                    let accumulate = store.accumulate || first > 0;
                    step.taps_across(Store { accumulate, ..store }, out);
                }
                Orientation::TapsDown => step.taps_down(Store { accumulate: first > 0, scale: 1 }, transposed),
            }
            first += samples;
        }
        if self.orientation(width) == Orientation::TapsDown {
            let pitch = width.next_multiple_of(BLOCK);
            for (channel, row) in out.chunks_exact_mut(self.taps()).enumerate() {
                for (value, source) in row.iter_mut().zip(transposed.chunks_exact(pitch)) {
                    *value = store.apply(*value, source[channel]);
                }
            }
        }
    }

    /// Interleaves the counts of four adjacent output positions.
    fn pack_counts(&self, image: &[u8], target: &mut [u8]) {
        let channels = self.placement.channels;
        let shift = self.stride[1] * channels;
        let image_row = self.placement.target[1] * channels;
        if target.is_empty() {
            return;
        }
        for (row, target) in target.chunks_exact_mut(self.count_row()).enumerate() {
            let source = &image[row * image_row..][..image_row];
            if self.is_compact() {
                for (quad, target) in target.chunks_exact_mut(self.count_group_step()).enumerate() {
                    interleave_shifted(&source[quad * GROUP * shift..], shift, target);
                }
            } else {
                interleave_shifted(source, shift, target);
            }
        }
    }

    /// Interleaves the errors of four adjacent positions; positions beyond the row hold zero. Lanes beyond the part's
    /// channels hold anything: no output depends on them.
    fn pack_errors(&self, errors: &[i8], channels: &Range<usize>, target: &mut [u8]) {
        let errors = as_unsigned(errors);
        let width = channels.len();
        let padded = width.next_multiple_of(BLOCK);
        let [_, columns] = self.output;
        for (index, target) in target.chunks_exact_mut(padded * GROUP).enumerate() {
            let (row, quad) = (index / self.quads, index % self.quads);
            let start =
                |position: usize| (row * columns + quad * GROUP + position) * self.output_channels + channels.start;
            let present = (columns - quad * GROUP).min(GROUP);
            if present == GROUP {
                let length = if start(GROUP - 1) + padded <= errors.len() { padded } else { width };
                let sources = [0, 1, 2, 3].map(|position| &errors[start(position)..][..length]);
                interleave(sources, &mut target[..length * GROUP]);
            } else {
                target.fill(0);
                for position in 0..present {
                    let source = &errors[start(position)..][..width];
                    for (group, &error) in target.chunks_exact_mut(GROUP).zip(source) {
                        group[position] = error;
                    }
                }
            }
        }
    }

    /// Adds the errors of all positions of a sample.
    fn add_sums(&self, errors: &[i8], channels: &Range<usize>, sums: &mut [i32]) {
        for position in errors.chunks_exact(self.output_channels) {
            for (sum, &error) in sums.iter_mut().zip(&position[channels.clone()]) {
                *sum = sum.wrapping_add(i32::from(error));
            }
        }
    }
}

/// One product over the samples whose packed forms are at hand.
struct Step<'a> {
    gradient: &'a Gradient,
    engine: &'a Engine,
    samples: usize,
    width: usize,
    packed_counts: &'a [u8],
    packed_errors: &'a [u8],
    correction: Option<&'a [i32]>,
}

impl<'a> Step<'a> {
    fn count_operand(&self, kernel_row: usize, lane: usize) -> Operand<'a> {
        let row = self.gradient.count_row();
        let steps =
            [self.gradient.placement.target[0] * row, self.gradient.stride[0] * row, self.gradient.count_group_step()];
        Operand { bytes: &self.packed_counts[kernel_row * row..], lane, steps }
    }

    fn error_operand(&self, lane: usize) -> Operand<'a> {
        let group = Gradient::error_group_step(self.width);
        let row = self.gradient.quads * group;
        Operand { bytes: self.packed_errors, lane, steps: [self.gradient.output[0] * row, row, group] }
    }

    fn product(&self, store: Store) -> Product<'a> {
        let counts = [self.samples, self.gradient.output[0], self.gradient.quads];
        Product {
            row_groups: 1,
            left_group_step: 0,
            rows: self.width,
            columns: self.gradient.run_length(),
            counts,
            left: self.error_operand(GROUP),
            right: self.count_operand(0, LINE),
            unsigned: UnsignedSide::Right,
            column_correction: None,
            row_correction: self.correction,
            store,
        }
    }

    /// Rows are output channels, columns the taps of a kernel row.
    fn taps_across(&self, store: Store, out: &mut [i32]) {
        let run = self.gradient.run_length();
        for kernel_row in 0..self.gradient.kernel[0] {
            let product = Product { right: self.count_operand(kernel_row, LINE), ..self.product(store) };
            let values = &mut out[kernel_row * run..];
            multiply(self.engine.isa(), &product, Output { values, group_step: 0, row_step: self.gradient.taps() });
        }
    }

    /// Rows are the taps of a kernel row, columns output channels.
    fn taps_down(&self, store: Store, transposed: &mut [i32]) {
        let run = self.gradient.run_length();
        let pitch = self.width.next_multiple_of(BLOCK);
        for kernel_row in 0..self.gradient.kernel[0] {
            let product = Product {
                rows: run,
                columns: self.width,
                left: self.count_operand(kernel_row, GROUP),
                right: self.error_operand(LINE),
                unsigned: UnsignedSide::Left,
                column_correction: self.correction,
                row_correction: None,
                ..self.product(store)
            };
            let values = &mut transposed[kernel_row * run * pitch..];
            multiply(self.engine.isa(), &product, Output { values, group_step: 0, row_step: pitch });
        }
    }
}
