//! Dense products equal the obvious sums on every instruction set.

mod common;

use common::*;
use kernels::{
    Counts, Engine, KernelError, PackedMatrix, Parallelism, Store, Workspace, as_signed, digits_needed, split_digits,
};
use proptest::prelude::*;

/// `[rows][inner]` times `[columns][inner]` transposed.
fn reference(rows: usize, inner: usize, columns: usize, left: &[i64], right: &[i64]) -> Vec<i64> {
    let mut out = vec![0; rows * columns];
    for r in 0..rows {
        for c in 0..columns {
            out[r * columns + c] = (0..inner).map(|k| left[r * inner + k] * right[c * inner + k]).sum();
        }
    }
    out
}

fn transpose<T: Copy>(rows: usize, columns: usize, values: &[T]) -> Vec<T> {
    (0..rows * columns).map(|index| values[(index % rows) * columns + index / rows]).collect()
}

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn matmul_equals_the_reference(
        (rows, inner, columns) in (0usize..90, 0usize..70, 0usize..130),
        (signed, kind, seed, store) in (any::<bool>(), any::<u8>(), any::<u64>(), store()),
    ) {
        let left = bytes(kind, seed, rows * inner);
        let weights = bytes(kind / 6, seed ^ 77, columns * inner);
        let weights = as_signed(&weights);
        let left = view(signed, &left);
        let products = reference(rows, inner, columns, &integers(left), &integers(Counts::Signed(weights)));
        let old = old_values(seed, rows * columns);
        let expected = stored(store, &old, &products);
        let (mut packed, mut transposed) = (PackedMatrix::new(inner, columns)?, PackedMatrix::new(inner, columns)?);
        packed.pack(weights)?;
        transposed.pack_transposed(&transpose(columns, inner, weights))?;
        for engine in engines() {
            let mut workspace = Workspace::new();
            workspace.reserve(engine.matmul_workspace(rows, inner, columns));
            for matrix in [&packed, &transposed] {
                let mut out = old.clone();
                engine.matmul(left, rows, matrix, store, &mut out, &mut workspace)?;
                prop_assert_eq!(&out, &expected, "{:?}", engine);
            }
        }
    }

    #[test]
    fn dense_gradient_equals_the_reference(
        (batch, outputs, inputs) in (0usize..150, 0usize..40, 0usize..130),
        (signed, kind, seed, store) in (any::<bool>(), any::<u8>(), any::<u64>(), store()),
    ) {
        let errors = bytes(kind, seed, batch * outputs);
        let errors = as_signed(&errors);
        let counts = bytes(kind / 6, seed ^ 77, batch * inputs);
        let counts = view(signed, &counts);
        let products = reference(
            outputs, batch, inputs,
            &transpose(batch, outputs, &integers(Counts::Signed(errors))),
            &transpose(batch, inputs, &integers(counts)),
        );
        let old = old_values(seed, outputs * inputs);
        for engine in engines() {
            let mut workspace = Workspace::new();
            workspace.reserve(engine.dense_gradient_workspace(batch, outputs, inputs));
            let mut out = old.clone();
            engine.dense_gradient(batch, errors, outputs, counts, inputs, store, &mut out, &mut workspace)?;
            let whole = stored(store, &old, &products);
            prop_assert_eq!(&out, &whole, "{:?}", engine);

            let channels = row_range(seed, outputs);
            let range = channels.start * inputs..channels.end * inputs;
            let mut out = old[range.clone()].to_vec();
            let mut workspace = Workspace::new();
            workspace.reserve(engine.dense_gradient_rows_workspace(batch, inputs, channels.len()));
            engine.dense_gradient_rows(
                batch, errors, outputs, counts, inputs, channels, store, &mut out, &mut workspace,
            )?;
            prop_assert_eq!(&out, &whole[range], "rows {:?}", engine);
        }
    }

    /// Blocks of a gradient with more inputs than are taken at a time, and examples without errors.
    #[test]
    fn blocks_of_a_dense_gradient_equal_the_reference(
        (batch, outputs, inputs, silent) in (1usize..200, 1usize..120, 1usize..5000, any::<u64>()),
        (signed, kind, seed, store) in (any::<bool>(), any::<u8>(), any::<u64>(), store()),
    ) {
        let mut errors = bytes(kind, seed, batch * outputs);
        for (example, errors) in errors.chunks_mut(outputs).enumerate() {
            if silent >> (example % 64) & 1 == 1 {
                errors.fill(0);
            }
        }
        let errors = as_signed(&errors);
        let counts = bytes(kind / 6, seed ^ 77, batch * inputs);
        let counts = view(signed, &counts);
        let channels = row_range(seed, outputs);
        let (e, x) = (integers(Counts::Signed(errors)), integers(counts));
        let mut products = vec![0; channels.len() * inputs];
        for example in 0..batch {
            for (row, channel) in channels.clone().enumerate() {
                let error = e[example * outputs + channel];
                let target = &mut products[row * inputs..][..inputs];
                for (value, count) in target.iter_mut().zip(&x[example * inputs..][..inputs]) {
                    *value += error * count;
                }
            }
        }
        let old = old_values(seed, products.len());
        for engine in engines() {
            let mut workspace = Workspace::new();
            workspace.reserve(engine.dense_gradient_rows_workspace(batch, inputs, channels.len()));
            let mut out = old.clone();
            engine.dense_gradient_rows(
                batch, errors, outputs, counts, inputs, channels.clone(), store, &mut out, &mut workspace,
            )?;
            prop_assert!(out == stored(store, &old, &products), "{:?}", engine);
        }
    }

    #[test]
    fn wide_weights_are_sums_of_planes(
        (rows, inner, columns, planes) in (1usize..9, 1usize..40, 1usize..40, 2usize..4), seed in any::<u64>(),
    ) {
        let limit = if planes == 2 { 127 * 257 } else { 127 * 65_793 };
        let weights: Vec<i32> = old_values(seed, columns * inner).iter().map(|w| w % (limit + 1)).collect();
        prop_assert!(digits_needed(limit.into()) == planes);
        let mut digits = vec![vec![0i8; weights.len()]; planes];
        split_digits(&weights, &mut digits.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>())?;
        let left = bytes(0, seed, rows * inner);
        let wide: Vec<i64> = weights.iter().map(|&w| w.into()).collect();
        let products = reference(rows, inner, columns, &integers(Counts::Unsigned(&left)), &wide);
        for engine in engines() {
            let mut workspace = Workspace::new();
            workspace.reserve(engine.matmul_workspace(rows, inner, columns));
            let mut out = vec![0; rows * columns];
            let mut packed = PackedMatrix::new(inner, columns)?;
            for (plane, digits) in digits.iter().enumerate() {
                packed.pack(digits)?;
                let store = Store { accumulate: plane > 0, scale: 1 << (8 * plane) };
                engine.matmul(Counts::Unsigned(&left), rows, &packed, store, &mut out, &mut workspace)?;
            }
            prop_assert_eq!(out, stored(Store::OVERWRITE, &vec![0; rows * columns], &products));
        }
    }

    #[test]
    fn digits_add_up(values in proptest::collection::vec(any::<i32>(), 0..50), planes in 1usize..6) {
        let mut digits = vec![vec![0i8; values.len()]; planes];
        let result = split_digits(&values, &mut digits.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
        let reach = (256i128.pow(planes as u32) - 1) / 255;
        let fits = |&value: &i32| (-128 * reach..=127 * reach).contains(&i128::from(value));
        prop_assert_eq!(result.is_ok(), values.iter().all(fits));
        if result.is_ok() {
            for (index, &value) in values.iter().enumerate() {
                let sum: i128 = (0..planes).map(|p| i128::from(digits[p][index]) * 256i128.pow(p as u32)).sum();
                prop_assert_eq!(sum, i128::from(value));
            }
        }
    }
}

/// 2^17 products of 255 and -128 exceed 32 bits: all paths wrap alike, and the largest sum that fits is exact.
#[test]
fn the_largest_sums() {
    for (inner, left, weight) in [(65_000, 255u8, -128i8), (65_000, 255, 127), (1 << 17, 255, -128)] {
        let bytes = vec![left; inner];
        let expected = (inner as i64 * i64::from(left) * i64::from(weight)) as i32;
        let signed = (inner as i64 * i64::from(left as i8) * i64::from(weight)) as i32;
        let mut packed = PackedMatrix::new(inner, 1).unwrap();
        packed.pack(&vec![weight; inner]).unwrap();
        for engine in engines() {
            let mut workspace = Workspace::new();
            workspace.reserve(engine.matmul_workspace(1, inner, 1));
            let mut out = [0];
            engine.matmul(Counts::Unsigned(&bytes), 1, &packed, Store::OVERWRITE, &mut out, &mut workspace).unwrap();
            assert_eq!(out, [expected]);
            let counts = Counts::Signed(as_signed(&bytes));
            engine.matmul(counts, 1, &packed, Store::OVERWRITE, &mut out, &mut workspace).unwrap();
            assert_eq!(out, [signed]);
        }
    }
}

/// Paths that add several products in 16 bits stay within them at the ends of every range.
#[test]
fn small_ranges_with_the_largest_weights() {
    let inner = 203;
    for range in [15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
        for (low, weight) in [0u8, 1, 70, 126].into_iter().flat_map(|low| [(low, -128i8), (low, 127)]) {
            let mut left = vec![low + range; inner];
            left[inner / 2] = low;
            let products = reference(1, inner, 1, &integers(Counts::Unsigned(&left)), &vec![weight.into(); inner]);
            let mut packed = PackedMatrix::new(inner, 1).unwrap();
            packed.pack(&vec![weight; inner]).unwrap();
            for engine in engines() {
                let mut workspace = Workspace::new();
                workspace.reserve(engine.matmul_workspace(1, inner, 1));
                let mut out = [0];
                engine.matmul(Counts::Unsigned(&left), 1, &packed, Store::OVERWRITE, &mut out, &mut workspace).unwrap();
                assert_eq!(i64::from(out[0]), products[0], "{engine:?} {low} {range} {weight}");
            }
        }
    }
}

/// Work that is large enough to be shared among threads gives the same bits.
#[test]
fn threads_change_nothing() {
    let (rows, inner, columns) = (300, 320, 150);
    let (left, weights) = (bytes(0, 1, rows * inner), bytes(0, 2, columns * inner));
    let errors = bytes(0, 3, rows * columns);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let run = |parallelism| {
        let engine = Engine::detect(parallelism);
        let mut workspace = Workspace::new();
        workspace.reserve(engine.matmul_workspace(rows, inner, columns));
        workspace.reserve(engine.dense_gradient_workspace(rows, columns, inner));
        let mut packed = PackedMatrix::new(inner, columns).unwrap();
        packed.pack(as_signed(&weights)).unwrap();
        let counts = Counts::Signed(as_signed(&left));
        let mut out = vec![0; rows * columns];
        engine.matmul(counts, rows, &packed, Store::OVERWRITE, &mut out, &mut workspace).unwrap();
        let mut gradient = vec![0; columns * inner];
        let errors = as_signed(&errors);
        engine
            .dense_gradient(rows, errors, columns, counts, inner, Store::OVERWRITE, &mut gradient, &mut workspace)
            .unwrap();
        (out, gradient)
    };
    assert_eq!(run(Parallelism::Serial), pool.install(|| run(Parallelism::Rayon)));
}

#[test]
fn wrong_lengths_and_workspaces_are_refused() {
    let engine = Engine::detect(Parallelism::Serial);
    let mut packed = PackedMatrix::new(3, 2).unwrap();
    assert!(matches!(packed.pack(&[0; 5]), Err(KernelError::Length { expected: 6, found: 5, .. })));
    packed.pack(&[1; 6]).unwrap();
    let mut workspace = Workspace::new();
    let mut out = [0; 2];
    let left = Counts::Unsigned(&[1, 2, 3]);
    let result = engine.matmul(left, 1, &packed, Store::ADD, &mut out, &mut workspace);
    assert!(matches!(result, Err(KernelError::WorkspaceTooSmall { found: 0, .. })));
    workspace.reserve(engine.matmul_workspace(1, 3, 2));
    let result = engine.matmul(left, 2, &packed, Store::ADD, &mut out, &mut workspace);
    assert!(matches!(result, Err(KernelError::Length { what: "left", expected: 6, found: 3, .. })));
    let result = engine.matmul(left, 1, &packed, Store::ADD, &mut out[..1], &mut workspace);
    assert!(matches!(result, Err(KernelError::Length { what: "out", .. })));
    let result = engine.matmul(left, usize::MAX, &packed, Store::ADD, &mut out, &mut workspace);
    assert!(matches!(result, Err(KernelError::TooLarge { .. })));
    for channels in [1..4, 4..4, std::ops::Range { start: 2, end: 1 }] {
        let mut out = vec![0; channels.len()];
        let result = engine.dense_gradient_rows(
            1,
            &[0; 3],
            3,
            Counts::Unsigned(&[1]),
            1,
            channels,
            Store::ADD,
            &mut out,
            &mut workspace,
        );
        assert!(matches!(result, Err(KernelError::Channels { channels: 3, .. })));
    }
    assert!(PackedMatrix::new(usize::MAX / 2, 64).is_err());
    assert_eq!(digits_needed(127), 1);
    assert_eq!(digits_needed(128), 2);
    assert_eq!(digits_needed(i64::MAX), 9);
    assert!("avx".parse::<kernels::Isa>().unwrap_err().to_string().contains("scalar"));
    for isa in kernels::Isa::available() {
        assert_eq!(isa.name().parse(), Ok(isa));
    }
}
