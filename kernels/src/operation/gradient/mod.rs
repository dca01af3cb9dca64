//! The weight gradient of a convolution: a reduction over positions, four horizontally adjacent ones at a time.
//!
//! Wide inputs are taken a slice of channels at a time, so that the interleaved counts of several samples stay in a
//! near cache and every output value is loaded and stored once for a long reduction. Samples without errors are left
//! out.

mod counts;
mod errors;
mod step;

use std::ops::Range;

use super::{share, store_nothing};
use crate::panel::is_zero;
use crate::product::{BLOCK, GROUP};
use crate::workspace::{LINE, Line, line_bytes_mut, line_integers_mut, lines_for};
use crate::{ConvolutionShape, Counts, Engine, Isa, KernelError, Store, Workspace, as_unsigned};
use counts::{Orientation, Slice};
use errors::{CHANNELS, ErrorOrder, ErrorPanel};
use step::Step;

/// Bytes of interleaved counts in one step when all channels are taken together: half of the nearest cache.
const COUNT_BUDGET: usize = 24 * 1024;
/// The same for a slice of channels: a share of the second cache.
const SLICE_BUDGET: usize = 224 * 1024;
/// Bytes of interleaved errors that are kept while the slices pass: a share of the second cache.
const ERROR_BUDGET: usize = 512 * 1024;
/// Channels in a slice: four blocks of columns.
const SLICE: usize = 4 * BLOCK;
/// Inputs of up to this many channels are not sliced.
const WIDEST_WHOLE: usize = 128;
/// The most samples in one step.
const MOST_SAMPLES: usize = 64;

/// `out[o][i][j][c] = store(sum over n, y, x of errors[n][y][x][o] * counts[n][y*s+i-p][x*s+j-p][c])`.
pub(super) struct Gradient {
    shape: ConvolutionShape,
    output: [usize; 2],
    /// Groups of four output positions in an output row.
    quads: usize,
}

/// The scratch of one part, in lines, and how much is taken at a time.
struct Layout<'a> {
    orientation: Orientation,
    /// Samples of which the interleaved counts fit.
    samples: usize,
    errors: ErrorPanel<'a>,
    /// Lines of each buffer, in the order in which [`Gradient::run`] splits the scratch.
    lines: [usize; 6],
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
    fn slices(&self, orientation: Orientation) -> impl Iterator<Item = Slice<'_>> {
        let (all, width) = (self.shape.input_channels, self.slice_width());
        (0..all).step_by(width.max(1)).map(move |first| Slice::new(self, orientation, first, width.min(all - first)))
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
    fn layout(&self, isa: Isa, batch: usize, width: usize) -> Layout<'_> {
        let orientation = self.orientation(width);
        let slice = Slice::new(self, orientation, 0, self.slice_width());
        let is_whole = slice.channels == self.shape.input_channels;
        let budget = if is_whole { COUNT_BUDGET } else { SLICE_BUDGET };
        let most = batch.clamp(1, MOST_SAMPLES);
        let samples = (budget / slice.length().max(1)).clamp(1, most);
        let positions = (self.output[0] * self.quads).saturating_mul(width.next_multiple_of(BLOCK) * GROUP);
        let kept = if is_whole { samples } else { (ERROR_BUDGET / positions.max(1)).clamp(samples, most) };
        let order = match (orientation, isa) {
            (Orientation::TapsDown, _) => ErrorOrder::ByGroup(width.max(1)),
            (Orientation::TapsAcross, Isa::AmxInt8) => ErrorOrder::ByChannel,
            (Orientation::TapsAcross, _) => ErrorOrder::ByGroup(width.clamp(1, CHANNELS)),
        };
        let errors = ErrorPanel { gradient: self, width, samples: kept, order };
        let transposed = self.shape.patch().saturating_mul(width.next_multiple_of(BLOCK)).saturating_mul(4);
        let lines = [
            lines_for(slice.placement.length()),
            lines_for(samples.saturating_mul(slice.length())).saturating_add(1),
            errors.lines(),
            errors.scratch_lines(),
            lines_for(width.next_multiple_of(BLOCK).saturating_mul(4)),
            if orientation == Orientation::TapsDown { lines_for(transposed) } else { 0 },
        ];
        Layout { orientation, samples, errors, lines }
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

    /// Lines that each of the parts of `width` output channels needs, the last of which may be narrower.
    fn shared_lines(&self, isa: Isa, batch: usize, width: usize) -> usize {
        let last = self.shape.output_channels % width.max(1);
        [width, last].into_iter().map(|width| self.part_lines(isa, batch, width)).fold(0, usize::max)
    }

    /// Bytes of workspace for [`Gradient::share_channels`].
    pub(super) fn workspace(&self, engine: &Engine, batch: usize) -> usize {
        let (parts, width) = self.split(engine, batch);
        let shared = self.shared_lines(engine.isa(), batch, width).saturating_mul(parts);
        shared.max(self.part_lines(engine.isa(), batch, self.shape.output_channels)).saturating_mul(LINE)
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
        let mut lines = self.shared_lines(engine.isa(), batch, width);
        if lines.saturating_mul(parts).saturating_mul(LINE) > workspace.capacity() {
            (parts, width) = (1, self.shape.output_channels);
            lines = self.part_lines(engine.isa(), batch, width);
        }
        let (_, scratch) = workspace.split(operation, parts, lines)?;
        let taps = self.shape.patch();
        share(parts, out, width * taps, scratch, lines, |part, out, scratch| {
            let channels = part * width..part * width + out.len() / taps;
            self.run(engine, operands, channels, store, out, scratch);
        });
        Ok(())
    }

    /// Bytes of workspace for [`Gradient::rows`] with up to `width` output channels.
    pub(super) fn rows_workspace(&self, engine: &Engine, batch: usize, width: usize) -> usize {
        let lines = (1..=width).map(|width| self.part_lines(engine.isa(), batch, width));
        lines.fold(0, usize::max).saturating_mul(LINE)
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
        let (_, scratch) =
            workspace.split(operation, 1, self.part_lines(engine.isa(), operands.batch, channels.len()))?;
        self.run(engine, operands, channels, store, out, scratch);
        Ok(())
    }

    /// Lines that a part of `width` output channels needs.
    fn part_lines(&self, isa: Isa, batch: usize, width: usize) -> usize {
        self.layout(isa, batch, width).lines.into_iter().fold(0, usize::saturating_add)
    }

    /// The samples that have errors.
    fn active<'a>(&'a self, operands: &'a Operands<'_>) -> impl Iterator<Item = usize> + 'a {
        let length = self.shape.output_length();
        (0..operands.batch).filter(move |sample| !is_zero(as_unsigned(&operands.errors[sample * length..][..length])))
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
        let isa = engine.isa();
        let layout = self.layout(isa, operands.batch, channels.len());
        let [image, counts, errors, interleaved, sums, transposed] = split(scratch, layout.lines);
        let (image, packed_counts) = (line_bytes_mut(image), line_bytes_mut(counts));
        let (packed_errors, interleaved) = (line_bytes_mut(errors), line_bytes_mut(interleaved));
        let (sums, transposed) = (line_integers_mut(sums), line_integers_mut(transposed));
        let mut active = self.active(&operands);
        let mut is_first = true;
        loop {
            let (mut samples, mut count) = ([0; MOST_SAMPLES], 0);
            for (slot, sample) in samples[..layout.errors.samples].iter_mut().zip(&mut active) {
                *slot = sample;
                count += 1;
            }
            if count == 0 {
                break;
            }
            let samples = &samples[..count];
            let is_corrected = layout.errors.pack(isa, &operands, samples, &channels, packed_errors, interleaved, sums);
            for slice in self.slices(layout.orientation) {
                for (index, samples) in samples.chunks(layout.samples).enumerate() {
                    let count_steps = slice.steps(samples.len());
                    for (index, &sample) in samples.iter().enumerate() {
                        slice.pack(isa, operands.counts, sample, image, index, count_steps, packed_counts);
                    }
                    let step = Step {
                        slice: &slice,
                        isa,
                        first_sample: index * layout.samples,
                        samples: samples.len(),
                        panel: layout.errors,
                        packed_counts,
                        count_steps,
                        packed_errors,
                        correction: (is_corrected && index == 0).then_some(&*sums),
                    };
                    let is_first = is_first && index == 0;
                    match layout.orientation {
                        Orientation::TapsAcross => {
                            step.taps_across(Store { accumulate: store.accumulate || !is_first, ..store }, out);
                        }
                        Orientation::TapsDown => {
                            step.taps_down(Store { accumulate: !is_first, scale: 1 }, transposed);
                        }
                    }
                }
            }
            is_first = false;
        }
        if is_first {
            store_nothing(store, out);
        } else if layout.orientation == Orientation::TapsDown {
            let pitch = channels.len().next_multiple_of(BLOCK);
            for (channel, row) in out.chunks_exact_mut(self.shape.patch()).enumerate() {
                for (value, source) in row.iter_mut().zip(transposed.chunks_exact(pitch)) {
                    *value = store.apply(*value, source[channel]);
                }
            }
        }
    }
}

/// The first lines of each length.
fn split<const PARTS: usize>(scratch: &mut [Line], lengths: [usize; PARTS]) -> [&mut [Line]; PARTS] {
    let mut rest = scratch;
    lengths.map(|length| {
        let (part, others) = std::mem::take(&mut rest).split_at_mut(length);
        rest = others;
        part
    })
}
