//! Products by tiles equal the scalar twin, on the processor's tiles or on emulated ones.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{emulator, multiply_tiles};
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, scalar};
use crate::{
    ConvolutionShape, Counts, Engine, Isa, KernelError, PackedMatrix, Parallelism, Store, Workspace, as_signed,
};

/// Makes tiles usable. Without AVX-512 VNNI the path cannot run at all; the test says so and passes.
fn prepare() -> bool {
    if !Isa::Avx512Vnni.is_available() {
        eprintln!("skipped: amx-int8 needs AVX-512, which is {}", Isa::Avx512Vnni.availability());
        return false;
    }
    if !Isa::AmxInt8.is_available() {
        emulator::install();
    }
    true
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(0x57e2), ..ProptestConfig::default() }
}

/// Bytes drawn from a seed: anything, or extremes only.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let value = (state >> 32) as u8;
            if seed.is_multiple_of(3) { [0, 127, 128, 255][usize::from(value) % 4] } else { value }
        })
        .collect()
}

fn integers(seed: u64, length: usize) -> Vec<i32> {
    bytes(seed, 4 * length).chunks(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Distances along nested counts: from tight to spread, the innermost one `unit` or more.
fn steps(counts: [usize; 3], unit: usize, gaps: [usize; 3]) -> [usize; 3] {
    let group = unit + gaps[2];
    let segment = group * counts[2] + gaps[1];
    [segment * counts[1] + gaps[0], segment, group]
}

/// Either no gap, or one of any size.
fn gap() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0usize), 1 => 1usize..80]
}

fn store() -> impl Strategy<Value = Store> {
    (any::<bool>(), prop_oneof![3 => Just(1), 1 => Just(256), 1 => any::<i32>()])
        .prop_map(|(accumulate, scale)| Store { accumulate, scale })
}

proptest! {
    #![proptest_config(config(400))]

    /// Operands of every layout: rows adjacent or apart, groups adjacent, transposed or apart, all kinds of runs.
    #[test]
    fn tiles_equal_the_scalar_twin(
        (row_groups, rows, columns) in (1usize..4, 1usize..70, 1usize..70),
        counts in prop_oneof![
            (1usize..600).prop_map(|groups| [1, 1, groups]),
            (1usize..5, 1usize..5).prop_map(|(segments, tiles)| [1, segments, 16 * tiles]),
            [1usize..4, 1usize..9, 1usize..30],
        ],
        (left_kind, left_gaps, right_gaps, out_gaps) in (0u8..4, [gap(), gap(), gap()], [gap(), gap(), gap()], [gap(), gap()]),
        (unsigned, corrections, store, seed) in (any::<bool>(), any::<[bool; 2]>(), store(), any::<u64>()),
    ) {
        if !prepare() {
            return Ok(());
        }
        let extent = |counts: [usize; 3], steps: [usize; 3]| -> usize {
            counts.iter().zip(steps).map(|(count, step)| (count - 1) * step).sum()
        };
        // Rows outside the reduction, or (transposed) four bytes apart inside every group, or anywhere.
        let (left_lane, left_steps) = match left_kind {
            0 => (GROUP, steps(counts, rows * GROUP, left_gaps)),
            1 => (GROUP + left_gaps[0], steps(counts, rows * (GROUP + left_gaps[0]), left_gaps)),
            _ => {
                let steps = steps(counts, GROUP, if left_kind == 2 { [0; 3] } else { left_gaps });
                (extent(counts, steps) + GROUP, steps)
            }
        };
        let reach = extent(counts, left_steps) + (rows - 1) * left_lane + GROUP;
        let left_group_step = if left_gaps[1] == 0 && left_kind > 1 { rows * left_lane } else { reach };
        let left = bytes(seed, (row_groups - 1) * left_group_step + reach);
        let right_steps = steps(counts, BLOCK * GROUP, right_gaps);
        let right_lane = extent(counts, right_steps) + BLOCK * GROUP;
        let blocks = columns.div_ceil(BLOCK);
        let right = bytes(seed ^ 1, blocks * right_lane);
        let row_step = columns + out_gaps[0];
        let group_step = rows * row_step + out_gaps[1];
        let old = integers(seed ^ 2, row_groups * group_step);
        let (column_correction, row_correction) = (integers(seed ^ 3, blocks * BLOCK), integers(seed ^ 4, rows));
        let product = Product {
            row_groups,
            left_group_step,
            rows,
            columns,
            counts,
            left: Operand { bytes: &left, lane: left_lane, steps: left_steps },
            right: Operand { bytes: &right, lane: right_lane, steps: right_steps },
            unsigned: if unsigned { UnsignedSide::Left } else { UnsignedSide::Right },
            column_correction: corrections[0].then_some(&column_correction[..]),
            row_correction: corrections[1].then_some(&row_correction[..]),
            store,
        };
        let (mut expected, mut found) = (old.clone(), old);
        product.check(&Output { values: &mut expected, group_step, row_step });
        scalar::multiply(&product, Output { values: &mut expected, group_step, row_step });
        // SAFETY: the extents were checked, and `prepare` made the instructions usable.
        unsafe { multiply_tiles(&product, Output { values: &mut found, group_step, row_step }) };
        prop_assert_eq!(found, expected);
    }
}

/// Runs `operation` on one and several threads, with tiles and without, and compares.
fn compare(operation: impl Fn(&Engine) -> Result<Vec<i32>, KernelError> + Sync) -> Result<(), TestCaseError> {
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
