//! The products of one projection with the engine under test.

use std::hint::black_box;

use kernels::{ConvolutionShape, Counts, Engine, KernelError, PackedMatrix, Store, Workspace, as_signed};

use crate::Options;
use crate::shapes::{Kind, Projection};
use crate::timing::median;
use crate::values::bytes;

/// Median seconds of each phase of a projection; no error product where the input drives it.
///
/// # Errors
/// Those of the engine; none is expected.
pub fn measure(
    engine: &Engine,
    projection: &Projection,
    batch: usize,
    options: &Options,
) -> Result<Vec<(&'static str, f64)>, KernelError> {
    match projection.kind {
        Kind::Convolution(shape) => convolution(engine, &shape, batch, !projection.is_first, options),
        Kind::Dense { inputs, outputs } => dense(engine, inputs, outputs, batch, options),
    }
}

fn convolution(
    engine: &Engine,
    shape: &ConvolutionShape,
    batch: usize,
    with_error: bool,
    options: &Options,
) -> Result<Vec<(&'static str, f64)>, KernelError> {
    let budget = options.seconds;
    let input = bytes(batch * shape.input_length(), options.count_density, 7);
    let errors = bytes(batch * shape.output_length(), options.error_density, 127);
    let weights = bytes(shape.weight_length(), 1.0, 127);
    let (input, errors, weights) = (Counts::Unsigned(&input), as_signed(&errors), as_signed(&weights));
    let mut workspace = Workspace::new();
    let mut measured = Vec::new();

    let mut forward = PackedMatrix::new(shape.patch(), shape.output_channels)?;
    forward.pack_convolution(shape, weights)?;
    workspace.reserve(engine.convolution_workspace(shape, batch));
    let mut totals = vec![0; batch * shape.output_length()];
    let seconds = median(budget, || {
        engine.convolution(shape, batch, black_box(input), &forward, Store::OVERWRITE, &mut totals, &mut workspace)
    })?;
    measured.push(("forward", seconds));

    if with_error {
        let inner = shape.kernel[0] * shape.kernel[1] * shape.output_channels;
        let mut backward = PackedMatrix::new(inner, shape.input_channels)?;
        backward.pack_convolution_transposed(shape, weights)?;
        workspace.reserve(engine.convolution_transposed_workspace(shape, batch));
        let mut sums = vec![0; batch * shape.input_length()];
        let seconds = median(budget, || {
            let errors = black_box(errors);
            engine.convolution_transposed(shape, batch, errors, &backward, Store::OVERWRITE, &mut sums, &mut workspace)
        })?;
        measured.push(("error", seconds));
    }

    workspace.reserve(engine.convolution_gradient_workspace(shape, batch));
    let mut gradient = vec![0; shape.weight_length()];
    let seconds = median(budget, || {
        let errors = black_box(errors);
        engine.convolution_gradient(shape, batch, errors, input, Store::OVERWRITE, &mut gradient, &mut workspace)
    })?;
    measured.push(("update", seconds));
    Ok(measured)
}

fn dense(
    engine: &Engine,
    inputs: usize,
    outputs: usize,
    batch: usize,
    options: &Options,
) -> Result<Vec<(&'static str, f64)>, KernelError> {
    let budget = options.seconds;
    let counts = bytes(batch * inputs, options.count_density, 7);
    let errors = bytes(batch * outputs, options.error_density, 127);
    let weights = bytes(inputs * outputs, 1.0, 127);
    let (counts, errors, weights) = (Counts::Unsigned(&counts), as_signed(&errors), as_signed(&weights));
    let mut workspace = Workspace::new();
    workspace.reserve(engine.matmul_workspace(batch, inputs, outputs));
    workspace.reserve(engine.matmul_workspace(batch, outputs, inputs));
    workspace.reserve(engine.dense_gradient_workspace(batch, outputs, inputs));

    let mut packed = PackedMatrix::new(inputs, outputs)?;
    packed.pack(weights)?;
    let mut totals = vec![0; batch * outputs];
    let forward = median(budget, || {
        engine.matmul(black_box(counts), batch, &packed, Store::OVERWRITE, &mut totals, &mut workspace)
    })?;

    let mut packed = PackedMatrix::new(outputs, inputs)?;
    packed.pack_transposed(weights)?;
    let mut sums = vec![0; batch * inputs];
    let error = median(budget, || {
        let errors = Counts::Signed(black_box(errors));
        engine.matmul(errors, batch, &packed, Store::OVERWRITE, &mut sums, &mut workspace)
    })?;

    let mut gradient = vec![0; inputs * outputs];
    let update = median(budget, || {
        let errors = black_box(errors);
        let store = Store::OVERWRITE;
        engine.dense_gradient(batch, errors, outputs, counts, inputs, store, &mut gradient, &mut workspace)
    })?;
    Ok(vec![("forward", forward), ("error", error), ("update", update)])
}
