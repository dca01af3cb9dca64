//! Speed of every operation at the shapes of the MNIST network, as JSON lines.
//!
//! `cargo bench -p sterna-kernels` prints, for each operation, shape and instruction set, the median over runs (the
//! first ones dropped) in microseconds a sample and, for products, in 10^9 operations a second (a multiply-accumulate
//! counts as two; padding is not counted as work saved). One thread. `-- scalar` limits it to one instruction set,
//! `-- conv2` to the shapes whose name holds that text.

#[path = "common/timing.rs"]
mod timing;
#[path = "common/values.rs"]
mod values;

use std::hint::black_box;

use kernels::{
    ConvolutionShape, Counts, Divisor, Engine, FiringRule, Isa, KernelError, PackedMatrix, Parallelism, PoolingShape,
    Store, Workspace, as_signed,
};

use timing::median;
use values::bytes;

const BATCH: usize = 16;
/// Seconds of each measurement.
const BUDGET: f64 = 0.1;

/// Prints one line; `work` is multiply-accumulates in a batch, 0 where that says nothing.
fn report(operation: &str, shape: &str, isa: Isa, work: usize, seconds: f64) {
    let micros = seconds * 1e6 / BATCH as f64;
    let gops = 2.0 * work as f64 / seconds / 1e9;
    println!(
        r#"{{"operation":"{operation}","shape":"{shape}","isa":"{isa}","batch":{BATCH},"us_per_sample":{micros:.3},"gops":{gops:.1}}}"#
    );
}

fn convolution(engine: Engine, name: &str, shape: &ConvolutionShape) -> Result<(), KernelError> {
    let input = bytes(BATCH * shape.input_length(), 0.33, 6);
    let errors = bytes(BATCH * shape.output_length(), 0.13, 6);
    let weights = bytes(shape.weight_length(), 1.0, 6);
    let (input, errors, weights) = (Counts::Unsigned(&input), as_signed(&errors), as_signed(&weights));
    let mut forward = PackedMatrix::new(shape.patch(), shape.output_channels)?;
    let inner = shape.kernel[0] * shape.kernel[1] * shape.output_channels;
    let mut backward = PackedMatrix::new(inner, shape.input_channels)?;
    let mut workspace = Workspace::new();
    workspace.reserve(engine.convolution_workspace(shape, BATCH));
    workspace.reserve(engine.convolution_transposed_workspace(shape, BATCH));
    workspace.reserve(engine.convolution_gradient_workspace(shape, BATCH));
    let mut totals = vec![0; BATCH * shape.output_length()];
    let mut inputs = vec![0; BATCH * shape.input_length()];
    let mut gradient = vec![0; shape.weight_length()];
    let work = BATCH * shape.output_length() * shape.patch();
    let isa = engine.isa();

    let seconds = median(BUDGET, || {
        forward.pack_convolution(shape, black_box(weights))?;
        backward.pack_convolution_transposed(shape, black_box(weights))
    })?;
    report("pack", name, isa, 0, seconds);
    let seconds = median(BUDGET, || {
        engine.convolution(shape, BATCH, black_box(input), &forward, Store::OVERWRITE, &mut totals, &mut workspace)
    })?;
    report("convolution", name, isa, work, seconds);
    let seconds = median(BUDGET, || {
        let errors = black_box(errors);
        engine.convolution_transposed(shape, BATCH, errors, &backward, Store::OVERWRITE, &mut inputs, &mut workspace)
    })?;
    report("convolution_transposed", name, isa, work, seconds);
    let seconds = median(BUDGET, || {
        let errors = black_box(errors);
        engine.convolution_gradient(shape, BATCH, errors, input, Store::ADD, &mut gradient, &mut workspace)
    })?;
    report("convolution_gradient", name, isa, work, seconds);
    Ok(())
}

fn dense(engine: Engine, name: &str, inputs: usize, outputs: usize) -> Result<(), KernelError> {
    let counts = bytes(BATCH * inputs, 0.33, 6);
    let errors = bytes(BATCH * outputs, 0.13, 6);
    let weights = bytes(inputs * outputs, 1.0, 6);
    let (counts, errors, weights) = (Counts::Unsigned(&counts), as_signed(&errors), as_signed(&weights));
    let (mut forward, mut backward) = (PackedMatrix::new(inputs, outputs)?, PackedMatrix::new(outputs, inputs)?);
    let mut workspace = Workspace::new();
    workspace.reserve(engine.matmul_workspace(BATCH, inputs, outputs));
    workspace.reserve(engine.matmul_workspace(BATCH, outputs, inputs));
    workspace.reserve(engine.dense_gradient_workspace(BATCH, outputs, inputs));
    let (mut totals, mut back) = (vec![0; BATCH * outputs], vec![0; BATCH * inputs]);
    let mut gradient = vec![0; inputs * outputs];
    let (work, isa) = (BATCH * inputs * outputs, engine.isa());

    let seconds = median(BUDGET, || {
        forward.pack(black_box(weights))?;
        backward.pack_transposed(black_box(weights))
    })?;
    report("pack", name, isa, 0, seconds);
    let seconds = median(BUDGET, || {
        engine.matmul(black_box(counts), BATCH, &forward, Store::OVERWRITE, &mut totals, &mut workspace)
    })?;
    report("matmul", name, isa, work, seconds);
    let signed = Counts::Signed(errors);
    let seconds = median(BUDGET, || {
        engine.matmul(black_box(signed), BATCH, &backward, Store::OVERWRITE, &mut back, &mut workspace)
    })?;
    report("matmul_transposed", name, isa, work, seconds);
    let seconds = median(BUDGET, || {
        let errors = black_box(errors);
        engine.dense_gradient(BATCH, errors, outputs, counts, inputs, Store::ADD, &mut gradient, &mut workspace)
    })?;
    report("dense_gradient", name, isa, work, seconds);
    Ok(())
}

fn pooling(engine: Engine, name: &str, input: [usize; 3]) -> Result<(), KernelError> {
    let shape = PoolingShape::new(input, [2, 2], [2, 2])?;
    let counts = bytes(BATCH * shape.input_length(), 0.33, 6);
    let errors = bytes(BATCH * shape.output_length(), 0.13, 6);
    let mut pooled = vec![0; BATCH * shape.output_length()];
    let mut spread = vec![0; BATCH * shape.input_length()];
    let isa = engine.isa();
    let seconds = median(BUDGET, || {
        engine.sum_pooling(&shape, BATCH, Counts::Unsigned(black_box(&counts)), Store::OVERWRITE, &mut pooled)
    })?;
    report("sum_pooling", name, isa, 0, seconds);
    let seconds = median(BUDGET, || {
        engine.sum_pooling_transposed(&shape, BATCH, as_signed(black_box(&errors)), Store::OVERWRITE, &mut spread)
    })?;
    report("sum_pooling_transposed", name, isa, 0, seconds);
    Ok(())
}

fn firing(engine: Engine, name: &str, neurons: usize, thresholds: &[i64]) -> Result<(), KernelError> {
    let divisor = match thresholds {
        &[threshold] => Divisor::uniform(threshold, 1)?,
        _ => Divisor::per_channel(thresholds, 1)?,
    };
    let totals: Vec<i32> = bytes(BATCH * neurons, 0.5, 6).iter().map(|&b| (i32::from(b) - 3) * 97).collect();
    let (mut counts, mut gate) = (vec![0; totals.len()], vec![0; totals.len()]);
    let mut errors = vec![0; totals.len()];
    let rule = FiringRule { divisor, low: 0, high: 127, rectified: true };
    let seconds = median(BUDGET, || engine.fire(&rule, black_box(&totals), &mut counts, &mut gate).map(drop))?;
    report("fire", name, engine.isa(), 0, seconds);
    let seconds =
        median(BUDGET, || engine.fire_errors(&rule.divisor, black_box(&totals), &gate, &mut errors).map(drop))?;
    report("fire_errors", name, engine.isa(), 0, seconds);
    Ok(())
}

fn main() -> Result<(), KernelError> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let chosen: Vec<Isa> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let names: Vec<&String> = arguments.iter().filter(|argument| argument.parse::<Isa>().is_err()).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part.as_str()));
    for isa in Isa::available() {
        if !chosen.is_empty() && !chosen.contains(&isa) {
            continue;
        }
        let engine = Engine::new(isa, Parallelism::Serial)?;
        let valid = [0, 0];
        let same = [2, 2];
        let convolutions = [
            ("conv1", [28, 28, 1], 15, valid),
            ("conv2", [12, 12, 15], 40, valid),
            ("conv1-same", [28, 28, 1], 15, same),
            ("conv2-same", [14, 14, 15], 40, same),
        ];
        for (name, input, channels, padding) in convolutions {
            if wanted(name) {
                convolution(engine, name, &ConvolutionShape::new(input, channels, [5, 5], [1, 1], padding)?)?;
            }
        }
        for (name, inputs, outputs) in [("dense1", 640, 300), ("dense2", 300, 10)] {
            if wanted(name) {
                dense(engine, name, inputs, outputs)?;
            }
        }
        for (name, input) in [("pool1", [24, 24, 15]), ("pool2", [8, 8, 40])] {
            if wanted(name) {
                pooling(engine, name, input)?;
            }
        }
        let thresholds: Vec<i64> = (0..15).map(|channel| 200 + channel).collect();
        for (name, thresholds) in [("fire", &thresholds[..1]), ("fire-per-channel", &thresholds[..])] {
            if wanted(name) {
                firing(engine, name, 24 * 24 * 15, thresholds)?;
            }
        }
    }
    Ok(())
}
