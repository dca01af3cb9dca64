//! Weight gradient of a dense projection.

use std::ops::Range;

use super::gradient::Gradient;
use super::store_nothing;
use crate::error::{check_channels, check_length, checked_size};
use crate::{ConvolutionShape, Counts, Engine, KernelError, Store, Workspace};

/// Samples reduced in one step.
const SAMPLES: usize = 64;

/// The dense gradient as that of a convolution whose positions are the samples.
fn gradient(samples: usize, outputs: usize, inputs: usize) -> Gradient {
    Gradient::new(&ConvolutionShape {
        input_height: 1,
        input_width: samples,
        input_channels: inputs,
        output_channels: outputs,
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
    })
}

/// The operands of a dense gradient.
#[derive(Clone, Copy)]
struct Operands<'a> {
    batch: usize,
    errors: &'a [i8],
    outputs: usize,
    counts: Counts<'a>,
    inputs: usize,
}

impl Operands<'_> {
    /// Checks the lengths, the output having `rows` rows.
    fn check(&self, operation: &'static str, rows: usize, out: &[i32]) -> Result<(), KernelError> {
        check_length(operation, "errors", &[self.batch, self.outputs], self.errors.len())?;
        check_length(operation, "counts", &[self.batch, self.inputs], self.counts.len())?;
        check_length(operation, "out", &[rows, self.inputs], out.len())?;
        checked_size(operation, "counts", &[self.batch.clamp(4, SAMPLES), self.inputs, 4])?;
        checked_size(operation, "errors", &[self.batch.clamp(4, SAMPLES), self.outputs, 4])?;
        Ok(())
    }

    /// Calls `run` with every step of samples: the gradient, errors, counts, and how the step joins the output.
    fn steps<Run>(&self, store: Store, out: &mut [i32], mut run: Run) -> Result<(), KernelError>
    where
        Run: FnMut(Gradient, &[i8], Counts<'_>, Store, &mut [i32]) -> Result<(), KernelError>,
    {
        let &Operands { batch, errors, outputs, counts, inputs } = self;
        if batch == 0 || out.is_empty() {
            store_nothing(store, out);
            return Ok(());
        }
        let mut first = 0;
        while first < batch {
            let samples = SAMPLES.min(batch - first);
            let errors = &errors[first * outputs..][..samples * outputs];
            let range = first * inputs..(first + samples) * inputs;
            let counts = match counts {
                Counts::Unsigned(values) => Counts::Unsigned(&values[range]),
                Counts::Signed(values) => Counts::Signed(&values[range]),
            };
            let store = Store { accumulate: store.accumulate || first > 0, ..store };
            run(gradient(samples, outputs, inputs), errors, counts, store, out)?;
            first += samples;
        }
        Ok(())
    }
}

/// The largest workspace of any step.
fn workspace(batch: usize, outputs: usize, inputs: usize, of_step: impl Fn(&Gradient) -> usize) -> usize {
    if batch == 0 || checked_size("", "", &[SAMPLES, inputs.max(outputs), 4]).is_err() {
        return 0;
    }
    let last = batch % SAMPLES;
    let whole = of_step(&gradient(batch.min(SAMPLES), outputs, inputs));
    if last == 0 { whole } else { whole.max(of_step(&gradient(last, outputs, inputs))) }
}

impl Engine {
    /// `out[o][i] = store(sum over n of errors[n][o] * counts[n][i])`.
    ///
    /// `errors` is `[batch][outputs]`, `counts` `[batch][inputs]`, `out` `[outputs][inputs]`.
    ///
    /// # Errors
    /// [`KernelError::Length`], [`KernelError::TooLarge`] or [`KernelError::WorkspaceTooSmall`].
    #[expect(clippy::too_many_arguments, reason = "sizes, operands, output and scratch are all the caller's")]
    pub fn dense_gradient(
        &self,
        batch: usize,
        errors: &[i8],
        outputs: usize,
        counts: Counts<'_>,
        inputs: usize,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "dense_gradient";
        let operands = Operands { batch, errors, outputs, counts, inputs };
        operands.check(operation, outputs, out)?;
        operands.steps(store, out, |gradient, errors, counts, store, out| {
            gradient.share_channels(operation, self, 1, errors, counts, store, out, workspace)
        })
    }

    /// Bytes of workspace for [`Engine::dense_gradient`] with these sizes.
    pub fn dense_gradient_workspace(&self, batch: usize, outputs: usize, inputs: usize) -> usize {
        workspace(batch, outputs, inputs, |gradient| gradient.workspace(self, 1))
    }

    /// The rows `channels` of [`Engine::dense_gradient`], on the calling thread.
    ///
    /// `errors` is `[batch][outputs]`, `counts` `[batch][inputs]`, `out` `[channels.len()][inputs]`. Disjoint ranges
    /// may be computed by different threads, each with its own workspace.
    ///
    /// # Errors
    /// [`KernelError::Channels`] if the range leaves the outputs, and those of [`Engine::dense_gradient`].
    #[expect(clippy::too_many_arguments, reason = "sizes, operands, range, output and scratch are all the caller's")]
    pub fn dense_gradient_rows(
        &self,
        batch: usize,
        errors: &[i8],
        outputs: usize,
        counts: Counts<'_>,
        inputs: usize,
        channels: Range<usize>,
        store: Store,
        out: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), KernelError> {
        let operation = "dense_gradient_rows";
        check_channels(operation, &channels, outputs)?;
        let operands = Operands { batch, errors, outputs, counts, inputs };
        operands.check(operation, channels.len(), out)?;
        operands.steps(store, out, |gradient, errors, counts, store, out| {
            gradient.rows(operation, self, 1, errors, counts, channels.clone(), store, out, workspace)
        })
    }

    /// Bytes of workspace for [`Engine::dense_gradient_rows`] of up to `channels` rows.
    pub fn dense_gradient_rows_workspace(&self, batch: usize, inputs: usize, channels: usize) -> usize {
        workspace(batch, channels, inputs, |gradient| gradient.rows_workspace(1, channels))
    }
}
