//! Operations of engines, with and without threads.

use std::fmt::Debug;

use proptest::prelude::*;

use super::{bytes, config, emulator, integers, prepare, store};
use crate::{
    ConvolutionShape, Counts, Divisor, Engine, FiringRule, Isa, KernelError, PackedMatrix, Parallelism, Store,
    Workspace, as_signed,
};

/// Runs `operation` on one and several threads, with tiles and without, and compares.
fn compare<T: PartialEq + Debug + Send>(
    operation: impl Fn(&Engine) -> Result<T, KernelError> + Sync,
) -> Result<(), TestCaseError> {
    let expected = operation(&Engine::new(Isa::Scalar, Parallelism::Serial)?)?;
    prop_assert_eq!(&operation(&Engine::emulated(Isa::AmxInt8, Parallelism::Serial))?, &expected);
    for threads in [2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let shared = pool.install(|| operation(&Engine::emulated(Isa::AmxInt8, Parallelism::Rayon)))?;
        prop_assert_eq!(&shared, &expected, "{} threads", threads);
    }
    Ok(())
}

fn counts(signed: bool, bytes: &[u8]) -> Counts<'_> {
    if signed { Counts::Signed(as_signed(bytes)) } else { Counts::Unsigned(bytes) }
}

fn workspace(bytes: usize) -> Workspace {
    let mut workspace = Workspace::new();
    workspace.reserve(bytes);
    workspace
}

/// A rule with a divisor per channel or one for all.
fn rule(seed: u64, channels: usize, rectified: bool) -> Result<FiringRule, KernelError> {
    let thresholds: Vec<i64> = bytes(seed, channels).iter().map(|&byte| 700 + 30 * i64::from(byte)).collect();
    let divisor = if seed.is_multiple_of(2) {
        Divisor::uniform(thresholds[0], 1)?
    } else {
        Divisor::per_channel(&thresholds, 1)?
    };
    Ok(FiringRule { divisor, low: if rectified { 0 } else { -127 }, high: 127, rectified })
}

proptest! {
    #![proptest_config(config(30))]

    #[test]
    fn dense_operations_equal_the_scalar_twin(
        (rows, inner, columns) in (8usize..200, 60usize..400, 8usize..150),
        (signed, store, seed) in (any::<bool>(), store(), any::<u64>()),
    ) {
        if !prepare() {
            return Ok(());
        }
        let (left, weights, errors) =
            (bytes(seed, rows * inner), bytes(seed ^ 1, columns * inner), bytes(seed ^ 2, rows * columns));
        let left = counts(signed, &left);
        compare(|engine| {
            let mut packed = PackedMatrix::new(inner, columns)?;
            packed.pack(as_signed(&weights))?;
            let mut workspace = workspace(engine.matmul_workspace(rows, inner, columns));
            let mut out = integers(seed ^ 3, rows * columns);
            engine.matmul(left, rows, &packed, store, &mut out, &mut workspace)?;
            Ok(out)
        })?;
        compare(|engine| {
            let mut workspace = workspace(engine.dense_gradient_workspace(rows, columns, inner));
            let mut out = integers(seed ^ 4, columns * inner);
            engine.dense_gradient(rows, as_signed(&errors), columns, left, inner, store, &mut out, &mut workspace)?;
            Ok(out)
        })?;
        let (rule, bias) = (rule(seed, columns, signed)?, integers(seed ^ 5, columns));
        let bias: Vec<i32> = bias.iter().map(|value| value >> 12).collect();
        compare(|engine| {
            let mut packed = PackedMatrix::new(inner, columns)?;
            packed.pack(as_signed(&weights))?;
            let mut workspace = workspace(engine.matmul_fire_workspace(rows, inner, columns));
            let (mut counts, mut gates) = (vec![0; rows * columns], vec![0; rows * columns]);
            let fired = (&mut counts[..], &mut gates[..]);
            engine.matmul_fire(left, rows, &packed, Some(&bias), &rule, fired.0, fired.1, &mut workspace)?;
            Ok([counts, gates])
        })?;
    }

    #[test]
    fn convolutions_equal_the_scalar_twin(
        (batch, height, width) in (1usize..4, 3usize..12, 3usize..20),
        (input_channels, output_channels) in (
            prop_oneof![1usize..70, Just(64usize), Just(32)], prop_oneof![1usize..40, Just(64usize), Just(32)],
        ),
        (kernel, stride, padding) in ([1usize..4, 1usize..4], [1usize..3, 1usize..3], [0usize..2, 0usize..2]),
        (signed, store, seed) in (any::<bool>(), store(), any::<u64>()),
    ) {
        if !prepare() {
            return Ok(());
        }
        let shape = ConvolutionShape::new([height, width, input_channels], output_channels, kernel, stride, padding)?;
        let weights = bytes(seed, shape.weight_length());
        let (input, errors) =
            (bytes(seed ^ 1, batch * shape.input_length()), bytes(seed ^ 2, batch * shape.output_length()));
        let (weights, errors, input) = (as_signed(&weights), as_signed(&errors), counts(signed, &input));
        compare(|engine| {
            let mut packed = PackedMatrix::new(shape.patch(), output_channels)?;
            packed.pack_convolution(&shape, weights)?;
            let mut workspace = workspace(engine.convolution_workspace(&shape, batch));
            let mut out = integers(seed ^ 3, batch * shape.output_length());
            engine.convolution(&shape, batch, input, &packed, store, &mut out, &mut workspace)?;
            Ok(out)
        })?;
        compare(|engine| {
            let mut packed = PackedMatrix::new(kernel[0] * kernel[1] * output_channels, input_channels)?;
            packed.pack_convolution_transposed(&shape, weights)?;
            let mut workspace = workspace(engine.convolution_transposed_workspace(&shape, batch));
            let mut out = integers(seed ^ 4, batch * shape.input_length());
            engine.convolution_transposed(&shape, batch, errors, &packed, store, &mut out, &mut workspace)?;
            Ok(out)
        })?;
        compare(|engine| {
            let mut workspace = workspace(engine.convolution_gradient_workspace(&shape, batch));
            let mut out = integers(seed ^ 5, shape.weight_length());
            engine.convolution_gradient(&shape, batch, errors, input, store, &mut out, &mut workspace)?;
            Ok(out)
        })?;
        let rule = rule(seed, output_channels, signed)?;
        compare(|engine| {
            let mut packed = PackedMatrix::new(shape.patch(), output_channels)?;
            packed.pack_convolution(&shape, weights)?;
            let mut workspace = workspace(engine.convolution_fire_workspace(&shape, batch));
            let length = batch * shape.output_length();
            let (mut counts, mut gates) = (vec![0; length], vec![0; length]);
            let fired = (&mut counts[..], &mut gates[..]);
            engine.convolution_fire(&shape, batch, input, &packed, None, &rule, fired.0, fired.1, &mut workspace)?;
            Ok([counts, gates])
        })?;
        let (divisor, gates) = (Divisor::uniform(300, 1)?, bytes(seed ^ 6, batch * shape.input_length()));
        let gates: Vec<u8> = gates.iter().map(|gate| gate & 1).collect();
        compare(|engine| {
            let mut packed = PackedMatrix::new(kernel[0] * kernel[1] * output_channels, input_channels)?;
            packed.pack_convolution_transposed(&shape, weights)?;
            let mut workspace = workspace(engine.convolution_transposed_fire_errors_workspace(&shape, batch));
            let mut out = vec![0; batch * shape.input_length()];
            engine.convolution_transposed_fire_errors(
                &shape, batch, errors, &packed, &divisor, &gates, &mut out, &mut workspace,
            )?;
            Ok(out)
        })?;
    }
}

/// Large products of an engine go through tiles: emulated ones where the processor has none, which are counted.
#[test]
fn engines_use_tiles() -> Result<(), KernelError> {
    eprintln!("amx-int8: {}", Isa::AmxInt8.availability());
    if !prepare() {
        return Ok(());
    }
    let before = emulator::products();
    let mut packed = PackedMatrix::new(128, 32)?;
    packed.pack(&[1; 128 * 32])?;
    let mut out = [0; 32 * 32];
    let engine = Engine::emulated(Isa::AmxInt8, Parallelism::Serial);
    let mut workspace = workspace(engine.matmul_workspace(32, 128, 32));
    engine.matmul(Counts::Unsigned(&[2; 32 * 128]), 32, &packed, Store::OVERWRITE, &mut out, &mut workspace)?;
    assert_eq!(out, [256; 32 * 32]);
    assert!(Isa::AmxInt8.is_available() || emulator::products() >= before + 8);
    Ok(())
}
