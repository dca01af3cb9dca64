//! The weight gradient of a convolution: a reduction over positions, four horizontally adjacent ones at a time.
//!
//! Wide inputs are taken a slice of channels at a time, so that the interleaved counts of several samples stay in a
//! near cache and every output value is loaded and stored once for a long reduction. Samples without errors are left
//! out.

mod packing;
mod step;

use std::ops::Range;

use super::{share, store_nothing};
use crate::panel::is_zero;
use crate::product::{BLOCK, GROUP};
use crate::workspace::{LINE, Line, line_bytes_mut, line_integers_mut, lines_for};
use crate::{ConvolutionShape, Counts, Engine, KernelError, Store, Workspace, as_unsigned};
use packing::Slice;
use step::Step;

/// Bytes of interleaved counts in one step when all channels are taken together: half of the nearest cache.
const COUNT_BUDGET: usize = 24 * 1024;
/// The same for a slice of channels: a share of the second cache.
const SLICE_BUDGET: usize = 224 * 1024;
/// Channels in a slice: four blocks of columns.
const SLICE: usize = 4 * BLOCK;
/// Inputs of up to this many channels are not sliced.
const WIDEST_WHOLE: usize = 128;
/// Output channels whose errors are interleaved together, a multiple of the rows of a register tile.
const ROWS: usize = 96;
/// The most samples in one step.
const MOST_SAMPLES: usize = 64;

/// `out[o][i][j][c] = store(sum over n, y, x of errors[n][y][x][o] * counts[n][y*s+i-p][x*s+j-p][c])`.
pub(super) struct Gradient {
    shape: ConvolutionShape,
    output: [usize; 2],
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

/// The scratch of one part, in lines, and how much is taken at a time.
struct Layout {
    orientation: Orientation,
    samples: usize,
    rows: usize,
    image: usize,
    counts: usize,
    errors: usize,
    sums: usize,
    transposed: usize,
}

/// The operands of a gradient.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) batch: usize,
    pub(super) errors: &'a [i8],
    pub(super) counts: Counts<'a>,
}

impl Gradient {
    /// The gradient of a shape that validates.
    pub(super) fn new(shape: &ConvolutionShape) -> Gradient {
        let output = [shape.output_height(), shape.output_width()];
        Gradient { shape: *shape, output, quads: output[1].div_ceil(GROUP) }
    }

    /// The widest slice of input channels.
    fn slice_width(&self) -> usize {
        let channels = self.shape.input_channels;
        if channels <= WIDEST_WHOLE { channels } else { SLICE }
    }

    /// All slices of input channels.
    fn slices(&self) -> impl Iterator<Item = Slice<'_>> {
        let (all, width) = (self.shape.input_channels, self.slice_width());
        (0..all).step_by(width.max(1)).map(move |first| Slice::new(self, first, width.min(all - first)))
    }

    /// Bytes of the interleaved errors of one sample for some output channels.
    fn error_length(&self, channels: usize) -> usize {
        (self.output[0] * self.quads).saturating_mul(channels.next_multiple_of(BLOCK) * GROUP)
    }

    fn orientation(&self, width: usize) -> Orientation {
        let run = self.shape.kernel[1] * self.slice_width();
        let across = width.saturating_mul(run.div_ceil(BLOCK));
        let down = run.saturating_mul(width.div_ceil(BLOCK));
        let is_whole = self.slice_width() == self.shape.input_channels;
        if is_whole && down.saturating_mul(5) <= across.saturating_mul(4) {
            Orientation::TapsDown
        } else {
            Orientation::TapsAcross
        }
    }

    /// The scratch of a part of `width` output channels.
    fn layout(&self, batch: usize, width: usize) -> Layout {
        let slice = Slice::new(self, 0, self.slice_width());
        let orientation = self.orientation(width);
        let is_whole = slice.channels == self.shape.input_channels;
        let budget = if is_whole { COUNT_BUDGET } else { SLICE_BUDGET };
        let samples = (budget / slice.length().max(1)).clamp(1, batch.clamp(1, MOST_SAMPLES));
        let rows = if orientation == Orientation::TapsDown { width } else { width.min(ROWS) };
        let transposed = self.shape.patch().saturating_mul(width.next_multiple_of(BLOCK)).saturating_mul(4);
        Layout {
            orientation,
            samples,
            rows,
            image: lines_for(slice.placement.length()),
            counts: lines_for(samples.saturating_mul(slice.length())).saturating_add(1),
            errors: lines_for(samples.saturating_mul(self.error_length(rows))),
            sums: lines_for(rows.next_multiple_of(BLOCK).saturating_mul(4)),
            transposed: if orientation == Orientation::TapsDown { lines_for(transposed) } else { 0 },
        }
    }

    /// Multiply-accumulates of one sample.
    fn work(&self) -> usize {
        self.shape.output_length().saturating_mul(self.shape.patch())
    }

    /// Into how many parts the output channels are split, and how many channels a part has.
    fn split(&self, engine: &Engine, batch: usize) -> (usize, usize) {
        let channels = self.shape.output_channels;
        let parts = engine.parts(channels, batch.saturating_mul(self.work()));
        let width = channels.div_ceil(parts);
        (channels.div_ceil(width.max(1)), width)
    }

    /// Bytes of workspace for [`Gradient::share_channels`].
    pub(super) fn workspace(&self, engine: &Engine, batch: usize) -> usize {
        let (parts, width) = self.split(engine, batch);
        let shared = self.part_lines(batch, width).saturating_mul(parts);
        shared.max(self.part_lines(batch, self.shape.output_channels)).saturating_mul(LINE)
    }

    /// Computes the gradient, its output channels shared among threads.
    pub(super) fn share_channels(
        &self,
        operation: &'static str,
        engine: &Engine,
        operands: Operands<'_>,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        if out.is_empty() {
            return Ok(());
        }
        let batch = operands.batch;
        let (mut parts, mut width) = self.split(engine, batch);
        let mut lines = self.part_lines(batch, width);
        if lines.saturating_mul(parts).saturating_mul(LINE) > workspace.capacity() {
            (parts, width) = (1, self.shape.output_channels);
            lines = self.part_lines(batch, width);
        }
        let (_, scratch) = workspace.split(operation, parts, lines)?;
        let taps = self.shape.patch();
        share(parts, out, width * taps, scratch, lines, |part, out, scratch| {
            let channels = part * width..part * width + out.len() / taps;
            self.run(engine, operands, channels, store, out, scratch);
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
        operands: Operands<'_>,
        channels: Range<usize>,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        if out.is_empty() {
            return Ok(());
        }
        let (_, scratch) = workspace.split(operation, 1, self.part_lines(operands.batch, channels.len()))?;
        self.run(engine, operands, channels, store, out, scratch);
        Ok(())
    }

    /// Lines that a part of `width` output channels needs.
    fn part_lines(&self, batch: usize, width: usize) -> usize {
        let layout = self.layout(batch, width);
        [layout.image, layout.counts, layout.errors, layout.sums, layout.transposed]
            .into_iter()
            .fold(0, usize::saturating_add)
    }

    /// The first sample from `from` on that has errors.
    fn next_active(&self, operands: &Operands<'_>, from: usize) -> Option<usize> {
        let length = self.shape.output_length();
        (from..operands.batch).find(|sample| !is_zero(as_unsigned(&operands.errors[sample * length..][..length])))
    }

    /// Computes the rows `channels` of the gradient into `out`, `[channels][taps]`.
    fn run(
        &self,
        engine: &Engine,
        operands: Operands<'_>,
        channels: Range<usize>,
        store: Store,
        out: &mut [i32],
        scratch: &mut [Line],
    ) {
        let Some(start) = self.next_active(&operands, 0) else {
            store_nothing(store, out);
            return;
        };
        let layout = self.layout(operands.batch, channels.len());
        let (image, scratch) = scratch.split_at_mut(layout.image);
        let (count_lines, scratch) = scratch.split_at_mut(layout.counts);
        let (error_lines, scratch) = scratch.split_at_mut(layout.errors);
        let (sum_lines, scratch) = scratch.split_at_mut(layout.sums);
        let (image, packed_counts) = (line_bytes_mut(image), line_bytes_mut(count_lines));
        let (packed_errors, sums) = (line_bytes_mut(error_lines), line_integers_mut(sum_lines));
        let transposed = &mut line_integers_mut(&mut scratch[..layout.transposed])[..];
        for slice in self.slices() {
            let (mut next, mut is_first) = (Some(start), true);
            while let Some(first) = next {
                let mut samples = [first; MOST_SAMPLES];
                let mut count = 0;
                while let (Some(sample), true) = (next, count < layout.samples) {
                    samples[count] = sample;
                    let target = &mut packed_counts[count * slice.length()..];
                    slice.pack_counts(engine.isa(), operands.counts, sample, image, target);
                    count += 1;
                    next = self.next_active(&operands, sample + 1);
                }
                let samples = &samples[..count];
                for first in channels.clone().step_by(layout.rows) {
                    let block = first..channels.end.min(first + layout.rows);
                    let correction = self.pack_errors(engine.isa(), &operands, samples, &block, packed_errors, sums);
                    let step = Step {
                        slice: &slice,
                        isa: engine.isa(),
                        samples: count,
                        width: block.len(),
                        packed_counts,
                        packed_errors,
                        correction: correction.then_some(&*sums),
                    };
                    match layout.orientation {
                        Orientation::TapsAcross => {
                            let store = Store { accumulate: store.accumulate || !is_first, ..store };
                            step.taps_across(store, &mut out[(first - channels.start) * self.shape.patch()..]);
                        }
                        Orientation::TapsDown => {
                            step.taps_down(Store { accumulate: !is_first, scale: 1 }, transposed);
                        }
                    }
                }
                is_first = false;
            }
        }
        if layout.orientation == Orientation::TapsDown {
            let pitch = channels.len().next_multiple_of(BLOCK);
            for (channel, row) in out.chunks_exact_mut(self.shape.patch()).enumerate() {
                for (value, source) in row.iter_mut().zip(transposed.chunks_exact(pitch)) {
                    *value = store.apply(*value, source[channel]);
                }
            }
        }
    }
}
