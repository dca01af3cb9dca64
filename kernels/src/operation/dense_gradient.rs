//! Weight gradient of a dense projection.

use super::gradient::Gradient;
use super::store_nothing;
use crate::error::{check_length, checked_size};
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
        check_length(operation, "errors", &[batch, outputs], errors.len())?;
        check_length(operation, "counts", &[batch, inputs], counts.len())?;
        check_length(operation, "out", &[outputs, inputs], out.len())?;
        checked_size(operation, "counts", &[batch.clamp(4, SAMPLES), inputs, 4])?;
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
            gradient(samples, outputs, inputs)
                .share_channels(operation, self, 1, errors, counts, store, out, workspace)?;
            first += samples;
        }
        Ok(())
    }

    /// Bytes of workspace for [`Engine::dense_gradient`] with these sizes.
    pub fn dense_gradient_workspace(&self, batch: usize, outputs: usize, inputs: usize) -> usize {
        if batch == 0 || checked_size("", "", &[SAMPLES, inputs.max(outputs), 4]).is_err() {
            return 0;
        }
        let last = batch % SAMPLES;
        let whole = gradient(batch.min(SAMPLES), outputs, inputs).workspace(self, 1);
        if last == 0 { whole } else { whole.max(gradient(last, outputs, inputs).workspace(self, 1)) }
    }
}
