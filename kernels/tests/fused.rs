//! Operations that fire equal the totals followed by firing, bit for bit, on every instruction set.

mod common;

use common::*;
use kernels::{
    ConvolutionShape, Counts, Divisor, Engine, FiringRule, FiringStatistics, KernelError, PackedMatrix, Parallelism,
    PoolingShape, Store, Workspace, as_signed,
};
use proptest::prelude::*;

/// A rule with one threshold or one for each channel.
fn rule(seed: u64, channels: usize) -> FiringRule {
    let threshold = |channel: usize| 1 + ((seed >> 5) as i64 + 37 * channel as i64) % 900;
    let divisor = match seed % 3 {
        0 if channels > 0 => Divisor::per_channel(&(0..channels).map(threshold).collect::<Vec<_>>(), 1),
        _ => Divisor::uniform(threshold(0), 1 + (seed >> 60) as i64),
    };
    let rectified = seed & 8 == 0;
    FiringRule { divisor: divisor.unwrap(), low: if rectified { 0 } else { -100 }, high: 120, rectified }
}

fn bias(seed: u64, channels: usize) -> Option<Vec<i32>> {
    (seed & 16 == 0).then(|| old_values(seed, channels).iter().map(|value| value % 5000).collect())
}

/// Samples filled with zeros where the bit of `silent` is set.
fn silence(values: &mut [u8], length: usize, silent: u64) {
    for (sample, values) in values.chunks_mut(length.max(1)).enumerate() {
        if silent >> (sample % 64) & 1 == 1 {
            values.fill(0);
        }
    }
}

/// Counts, gates and statistics after a bias and some totals.
fn fired(
    engine: &Engine,
    rule: &FiringRule,
    bias: Option<&[i32]>,
    length: usize,
    totals: impl FnOnce(Store, &mut [i32]) -> Result<(), KernelError>,
) -> Result<(Vec<u8>, Vec<u8>, FiringStatistics), KernelError> {
    let mut out: Vec<i32> = bias.map_or(vec![0; length], |bias| bias.iter().copied().cycle().take(length).collect());
    totals(Store::ADD, &mut out)?;
    let (mut counts, mut gates) = (vec![0; length], vec![0; length]);
    let statistics = engine.fire(rule, &out, &mut counts, &mut gates)?;
    Ok((counts, gates, statistics))
}

/// Errors and statistics after some totals.
fn fired_errors(
    engine: &Engine,
    divisor: &Divisor,
    gates: &[u8],
    totals: impl FnOnce(Store, &mut [i32]) -> Result<(), KernelError>,
) -> Result<(Vec<i8>, FiringStatistics), KernelError> {
    let mut out = vec![0; gates.len()];
    totals(Store::OVERWRITE, &mut out)?;
    let mut errors = vec![0; gates.len()];
    let statistics = engine.fire_errors(divisor, &out, gates, &mut errors)?;
    Ok((errors, statistics))
}

fn reference() -> Engine {
    Engine::new(kernels::Isa::Scalar, Parallelism::Serial).unwrap()
}

fn check_convolution(
    shape: &ConvolutionShape,
    (batch, signed, kind, seed): (usize, bool, u8, u64),
) -> Result<(), TestCaseError> {
    let mut input = bytes(kind, seed, batch * shape.input_length());
    silence(&mut input, shape.input_length(), seed >> 9);
    silence_rows(&mut input, shape.input_height, shape.input_width * shape.input_channels, seed);
    let input = view(signed, &input);
    let weights = bytes(kind / 6, seed ^ 7, shape.weight_length());
    let mut errors = bytes(kind / 36, seed ^ 9, batch * shape.output_length());
    silence(&mut errors, shape.output_length(), seed >> 13);
    silence_rows(&mut errors, shape.output_height(), shape.output_width() * shape.output_channels, !seed);
    let errors = as_signed(&errors);
    let gates_in: Vec<u8> = bytes(0, seed, batch * shape.input_length()).iter().map(|byte| byte % 2).collect();
    let mut forward = PackedMatrix::new(shape.patch(), shape.output_channels)?;
    forward.pack_convolution(shape, as_signed(&weights))?;
    let inner = shape.kernel[0] * shape.kernel[1] * shape.output_channels;
    let mut backward = PackedMatrix::new(inner, shape.input_channels)?;
    backward.pack_convolution_transposed(shape, as_signed(&weights))?;
    let (rule, bias) = (rule(seed, shape.output_channels), bias(seed, shape.output_channels));
    let divisor = self::rule(seed ^ 1, shape.input_channels).divisor;
    let engine = reference();
    let mut workspace = Workspace::new();
    workspace.reserve(engine.convolution_workspace(shape, batch));
    workspace.reserve(engine.convolution_transposed_workspace(shape, batch));
    let length = batch * shape.output_length();
    let expected = fired(&engine, &rule, bias.as_deref(), length, |store, out| {
        engine.convolution(shape, batch, input, &forward, store, out, &mut workspace)
    })?;
    let expected_errors = fired_errors(&engine, &divisor, &gates_in, |store, out| {
        engine.convolution_transposed(shape, batch, errors, &backward, store, out, &mut workspace)
    })?;
    for engine in engines() {
        let mut workspace = Workspace::new();
        workspace.reserve(engine.convolution_fire_workspace(shape, batch));
        let (mut counts, mut gates) = (vec![9; length], vec![9; length]);
        let statistics = engine.convolution_fire(
            shape,
            batch,
            input,
            &forward,
            bias.as_deref(),
            &rule,
            &mut counts,
            &mut gates,
            &mut workspace,
        )?;
        prop_assert!((counts, gates, statistics) == expected, "forward {:?}", engine);
        let mut workspace = Workspace::new();
        workspace.reserve(engine.convolution_transposed_fire_errors_workspace(shape, batch));
        let mut out = vec![9; gates_in.len()];
        let statistics = engine.convolution_transposed_fire_errors(
            shape,
            batch,
            errors,
            &backward,
            &divisor,
            &gates_in,
            &mut out,
            &mut workspace,
        )?;
        prop_assert!((out, statistics) == expected_errors, "transposed {:?}", engine);
    }
    Ok(())
}

fn check_pooling(
    shape: &PoolingShape,
    (batch, signed, kind, seed): (usize, bool, u8, u64),
) -> Result<(), TestCaseError> {
    let input = bytes(kind, seed, batch * shape.input_length());
    let input = view(signed, &input);
    let errors = bytes(kind / 6, seed ^ 9, batch * shape.output_length());
    let errors = as_signed(&errors);
    let gates_in: Vec<u8> = bytes(0, seed, batch * shape.input_length()).iter().map(|byte| byte % 2).collect();
    let (rule, engine) = (rule(seed, shape.channels), reference());
    let length = batch * shape.output_length();
    let expected =
        fired(&engine, &rule, None, length, |store, out| engine.sum_pooling(shape, batch, input, store, out))?;
    let expected_errors = fired_errors(&engine, &rule.divisor, &gates_in, |store, out| {
        engine.sum_pooling_transposed(shape, batch, errors, store, out)
    })?;
    for engine in engines() {
        let mut workspace = Workspace::new();
        workspace.reserve(engine.sum_pooling_fire_workspace(shape, batch));
        let (mut counts, mut gates) = (vec![9; length], vec![9; length]);
        let statistics =
            engine.sum_pooling_fire(shape, batch, input, &rule, &mut counts, &mut gates, &mut workspace)?;
        prop_assert!((counts, gates, statistics) == expected, "forward {:?}", engine);
        let mut workspace = Workspace::new();
        workspace.reserve(engine.sum_pooling_transposed_fire_errors_workspace(shape, batch));
        let mut out = vec![9; gates_in.len()];
        let statistics = engine.sum_pooling_transposed_fire_errors(
            shape,
            batch,
            errors,
            &rule.divisor,
            &gates_in,
            &mut out,
            &mut workspace,
        )?;
        prop_assert!((out, statistics) == expected_errors, "transposed {:?}", engine);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn convolutions_fire_alike(
        shape in convolution_shape(), operands in (0usize..4, any::<bool>(), any::<u8>(), any::<u64>()),
    ) {
        check_convolution(&shape, operands)?;
    }

    #[test]
    fn poolings_fire_alike(
        shape in pooling_shape(), operands in (0usize..4, any::<bool>(), any::<u8>(), any::<u64>()),
    ) {
        check_pooling(&shape, operands)?;
    }

    #[test]
    fn products_fire_alike(
        (rows, inner) in (0usize..150, 0usize..70),
        columns in prop_oneof![3 => 0usize..130, 1 => 1000usize..2100],
        (signed, kind, seed) in (any::<bool>(), any::<u8>(), any::<u64>()),
    ) {
        let mut left = bytes(kind, seed, rows * inner);
        silence(&mut left, inner, if seed & 32 == 0 { seed >> 9 } else { 1 });
        let left = view(signed, &left);
        let weights = bytes(kind / 6, seed ^ 77, columns * inner);
        let mut packed = PackedMatrix::new(inner, columns)?;
        packed.pack(as_signed(&weights))?;
        let (rule, bias) = (rule(seed, columns), bias(seed, columns));
        let length = rows * columns;
        let engine = reference();
        let mut workspace = Workspace::new();
        workspace.reserve(engine.matmul_workspace(rows, inner, columns));
        let expected = fired(&engine, &rule, bias.as_deref(), length, |store, out| {
            engine.matmul(left, rows, &packed, store, out, &mut workspace)
        })?;
        let gates_in: Vec<u8> = bytes(0, seed, length).iter().map(|byte| byte % 2).collect();
        let errors = as_signed(left.bytes());
        let expected_errors = fired_errors(&engine, &rule.divisor, &gates_in, |store, out| {
            engine.matmul(Counts::Signed(errors), rows, &packed, store, out, &mut workspace)
        })?;
        for engine in engines() {
            let mut workspace = Workspace::new();
            workspace.reserve(engine.matmul_fire_workspace(rows, inner, columns));
            let (mut counts, mut gates) = (vec![9; length], vec![9; length]);
            let statistics = engine.matmul_fire(
                left, rows, &packed, bias.as_deref(), &rule, &mut counts, &mut gates, &mut workspace,
            )?;
            prop_assert!((counts, gates, statistics) == expected, "forward {:?}", engine);
            let mut out = vec![9; length];
            let statistics = engine.matmul_fire_errors(
                errors, rows, &packed, &rule.divisor, &gates_in, &mut out, &mut workspace,
            )?;
            prop_assert!((out, statistics) == expected_errors, "backward {:?}", engine);
        }
    }
}

/// Maps of several panels, and enough work for several threads.
#[test]
fn panels_and_threads_change_nothing() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for seed in [0, 3, 8 + 16, 1 << 5 | 2] {
        let shape = ConvolutionShape::new([33, 30, 40], 70, [3, 3], [1, 1], [1, 1]).unwrap();
        let pooling = PoolingShape::new([40, 64, 64], [2, 2], [2, 2]).unwrap();
        pool.install(|| {
            check_convolution(&shape, (5, seed & 1 == 1, 0, seed)).unwrap();
            check_pooling(&pooling, (5, seed & 1 == 1, 0, seed)).unwrap();
        });
    }
}

#[test]
fn wrong_operands_are_refused() {
    let engine = Engine::detect(Parallelism::Serial);
    let shape = ConvolutionShape::new([4, 4, 1], 2, [3, 3], [1, 1], [0, 0]).unwrap();
    let mut packed = PackedMatrix::new(9, 2).unwrap();
    packed.pack_convolution(&shape, &[1; 18]).unwrap();
    let mut workspace = Workspace::new();
    let good = FiringRule { divisor: Divisor::uniform(3, 1).unwrap(), low: 0, high: 127, rectified: true };
    let mut run = |rule: &FiringRule, bias: Option<&[i32]>, length: usize| {
        let (mut counts, mut gates) = (vec![0; length], vec![0; length]);
        let input = Counts::Unsigned(&[1; 16]);
        engine.convolution_fire(&shape, 1, input, &packed, bias, rule, &mut counts, &mut gates, &mut workspace)
    };
    assert!(matches!(run(&good, None, 8), Err(KernelError::WorkspaceTooSmall { .. })));
    assert!(matches!(run(&good, None, 7), Err(KernelError::Length { what: "counts", .. })));
    assert!(matches!(run(&good, Some(&[1]), 8), Err(KernelError::Length { what: "bias", .. })));
    let bad = FiringRule { divisor: Divisor::per_channel(&[1, 2, 3], 1).unwrap(), ..good.clone() };
    assert!(matches!(run(&bad, None, 8), Err(KernelError::Length { what: "channels of the divisor", .. })));
    let bad = FiringRule { low: -1, ..good };
    assert!(matches!(run(&bad, None, 8), Err(KernelError::FiringRange { low: -1, .. })));
}
