//! The products of one projection with the engine under test.

use std::hint::black_box;

use kernels::{
    ConvolutionShape, Counts, Divisor, Engine, FiringRule, KernelError, PackedMatrix, Store, Workspace, as_signed,
};

use crate::Options;
use crate::shapes::{Kind, Projection};
use crate::timing::median;
use crate::values::bytes;

/// A measured product.
pub struct Measured {
    /// `forward`, `error` or `update`.
    pub phase: &'static str,
    /// Whether the totals become spike counts or error counts in the same call.
    pub fires: bool,
    /// Median wall-clock seconds.
    pub seconds: f64,
}

impl Measured {
    fn new(phase: &'static str, fires: bool, seconds: f64) -> Self {
        Self { phase, fires, seconds }
    }
}

/// Every phase of a projection; no error product where the input drives it.
///
/// # Errors
/// Those of the engine; none is expected.
pub fn measure(
    engine: &Engine,
    projection: &Projection,
    batch: usize,
    options: &Options,
) -> Result<Vec<Measured>, KernelError> {
    match projection.kind {
        Kind::Convolution(shape) => convolution(engine, &shape, batch, !projection.is_first, options),
        Kind::Dense { inputs, outputs } => dense(engine, inputs, outputs, batch, options),
    }
}

/// A rule with one threshold, as most populations have.
fn rule() -> Result<FiringRule, KernelError> {
    Ok(FiringRule { divisor: Divisor::uniform(1 << 9, 1)?, low: 0, high: 127, rectified: true })
}

fn convolution(
    engine: &Engine,
    shape: &ConvolutionShape,
    batch: usize,
    with_error: bool,
    options: &Options,
) -> Result<Vec<Measured>, KernelError> {
    let budget = options.seconds;
    let input = bytes(batch * shape.input_length(), options.count_density, 7);
    let errors = bytes(batch * shape.output_length(), options.error_density, 127);
    let weights = bytes(shape.weight_length(), 1.0, 127);
    let (input, errors, weights) = (Counts::Unsigned(&input), as_signed(&errors), as_signed(&weights));
    let (rule, mut workspace, mut measured) = (rule()?, Workspace::new(), Vec::new());

    let mut packed = PackedMatrix::new(shape.patch(), shape.output_channels)?;
    packed.pack_convolution(shape, weights)?;
    workspace.reserve(engine.convolution_workspace(shape, batch));
    let mut totals = vec![0; batch * shape.output_length()];
    let seconds = median(budget, || {
        engine.convolution(shape, batch, black_box(input), &packed, Store::OVERWRITE, &mut totals, &mut workspace)
    })?;
    measured.push(Measured::new("forward", false, seconds));
    workspace.reserve(engine.convolution_fire_workspace(shape, batch));
    let (mut counts, mut gates) = (vec![0; totals.len()], vec![0; totals.len()]);
    let seconds = median(budget, || {
        let (input, counts, gates) = (black_box(input), &mut counts, &mut gates);
        engine.convolution_fire(shape, batch, input, &packed, None, &rule, counts, gates, &mut workspace).map(drop)
    })?;
    measured.push(Measured::new("forward", true, seconds));

    if with_error {
        let inner = shape.kernel[0] * shape.kernel[1] * shape.output_channels;
        let mut packed = PackedMatrix::new(inner, shape.input_channels)?;
        packed.pack_convolution_transposed(shape, weights)?;
        workspace.reserve(engine.convolution_transposed_workspace(shape, batch));
        let mut sums = vec![0; batch * shape.input_length()];
        let seconds = median(budget, || {
            let errors = black_box(errors);
            engine.convolution_transposed(shape, batch, errors, &packed, Store::OVERWRITE, &mut sums, &mut workspace)
        })?;
        measured.push(Measured::new("error", false, seconds));
        workspace.reserve(engine.convolution_transposed_fire_errors_workspace(shape, batch));
        let (gates, mut below) = (vec![1; sums.len()], vec![0; sums.len()]);
        let seconds = median(budget, || {
            let (errors, divisor, space) = (black_box(errors), &rule.divisor, &mut workspace);
            engine
                .convolution_transposed_fire_errors(shape, batch, errors, &packed, divisor, &gates, &mut below, space)
                .map(drop)
        })?;
        measured.push(Measured::new("error", true, seconds));
    }

    workspace.reserve(engine.convolution_gradient_workspace(shape, batch));
    let mut gradient = vec![0; shape.weight_length()];
    let seconds = median(budget, || {
        let errors = black_box(errors);
        engine.convolution_gradient(shape, batch, errors, input, Store::OVERWRITE, &mut gradient, &mut workspace)
    })?;
    measured.push(Measured::new("update", false, seconds));
    Ok(measured)
}

fn dense(
    engine: &Engine,
    inputs: usize,
    outputs: usize,
    batch: usize,
    options: &Options,
) -> Result<Vec<Measured>, KernelError> {
    let budget = options.seconds;
    let counts = bytes(batch * inputs, options.count_density, 7);
    let errors = bytes(batch * outputs, options.error_density, 127);
    let weights = bytes(inputs * outputs, 1.0, 127);
    let (counts, errors, weights) = (Counts::Unsigned(&counts), as_signed(&errors), as_signed(&weights));
    let (rule, mut workspace, mut measured) = (rule()?, Workspace::new(), Vec::new());
    workspace.reserve(engine.matmul_workspace(batch, inputs, outputs));
    workspace.reserve(engine.matmul_workspace(batch, outputs, inputs));
    workspace.reserve(engine.matmul_fire_workspace(batch, inputs, outputs));
    workspace.reserve(engine.matmul_fire_workspace(batch, outputs, inputs));
    workspace.reserve(engine.dense_gradient_workspace(batch, outputs, inputs));

    let mut packed = PackedMatrix::new(inputs, outputs)?;
    packed.pack(weights)?;
    let mut totals = vec![0; batch * outputs];
    let seconds = median(budget, || {
        engine.matmul(black_box(counts), batch, &packed, Store::OVERWRITE, &mut totals, &mut workspace)
    })?;
    measured.push(Measured::new("forward", false, seconds));
    let (mut fired, mut gates) = (vec![0; totals.len()], vec![0; totals.len()]);
    let seconds = median(budget, || {
        let (counts, fired, gates) = (black_box(counts), &mut fired, &mut gates);
        engine.matmul_fire(counts, batch, &packed, None, &rule, fired, gates, &mut workspace).map(drop)
    })?;
    measured.push(Measured::new("forward", true, seconds));

    let mut packed = PackedMatrix::new(outputs, inputs)?;
    packed.pack_transposed(weights)?;
    let mut sums = vec![0; batch * inputs];
    let seconds = median(budget, || {
        let errors = Counts::Signed(black_box(errors));
        engine.matmul(errors, batch, &packed, Store::OVERWRITE, &mut sums, &mut workspace)
    })?;
    measured.push(Measured::new("error", false, seconds));
    let (gates, mut below) = (vec![1; sums.len()], vec![0; sums.len()]);
    let seconds = median(budget, || {
        let (errors, divisor) = (black_box(errors), &rule.divisor);
        engine.matmul_fire_errors(errors, batch, &packed, divisor, &gates, &mut below, &mut workspace).map(drop)
    })?;
    measured.push(Measured::new("error", true, seconds));

    let mut gradient = vec![0; inputs * outputs];
    let seconds = median(budget, || {
        let (errors, store) = (black_box(errors), Store::OVERWRITE);
        engine.dense_gradient(batch, errors, outputs, counts, inputs, store, &mut gradient, &mut workspace)
    })?;
    measured.push(Measured::new("update", false, seconds));
    Ok(measured)
}
