//! Products and conversions against sums in double precision.

use std::sync::Arc;

use half::{bf16, f16};
use kernels::{Engine, FileMapping, Parallelism};
use ndarray::Array2;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{FloatFormat, Matrix, e4m3};

fn numbers(random: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
}

/// A matrix of a mapped file that begins `skipped` bytes into it, and its numbers.
fn mapped(values: &[f32], format: FloatFormat, shape: [usize; 2], skipped: usize) -> (Matrix, Array2<f32>) {
    let mut bytes = vec![7u8; skipped];
    let mut held = Vec::new();
    for &value in values {
        match format {
            FloatFormat::F32 => bytes.extend(value.to_le_bytes()),
            FloatFormat::F16 => bytes.extend(f16::from_f32(value).to_le_bytes()),
            FloatFormat::Bf16 => bytes.extend(bf16::from_f32(value).to_le_bytes()),
            FloatFormat::F8E4m3 => bytes.push(e4m3::code(value)),
        }
        held.push(match format {
            FloatFormat::F32 => value,
            FloatFormat::F16 => f16::from_f32(value).to_f32(),
            FloatFormat::Bf16 => bf16::from_f32(value).to_f32(),
            FloatFormat::F8E4m3 => e4m3::value(e4m3::code(value)),
        });
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("matrix");
    std::fs::write(&path, &bytes).unwrap();
    let file = Arc::new(FileMapping::open(&path).unwrap());
    let matrix = Matrix::mapped(&file, skipped..bytes.len(), format, shape).unwrap();
    (matrix, Array2::from_shape_vec(shape, held).unwrap())
}

fn format() -> impl Strategy<Value = FloatFormat> {
    prop_oneof![Just(FloatFormat::F32), Just(FloatFormat::F16), Just(FloatFormat::Bf16), Just(FloatFormat::F8E4m3)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn products_equal_sums_in_double_precision(
        format in format(), seed in any::<u64>(), tokens in 1usize..6, rows in 1usize..300, columns in 1usize..200,
        skipped in 0usize..5,
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (matrix, values) = mapped(&numbers(&mut random, rows * columns), format, [rows, columns], skipped);
        prop_assert_eq!(matrix.to_array(), values.view());
        let inputs = Array2::from_shape_vec((tokens, columns), numbers(&mut random, tokens * columns)).unwrap();
        let mut outputs = Array2::from_elem((tokens, rows), f32::NAN);
        matrix.multiply(Engine::detect(Parallelism::Rayon), inputs.view(), &mut outputs).unwrap();
        for ((token, row), &output) in outputs.indexed_iter() {
            let products = (0..columns).map(|c| f64::from(inputs[[token, c]]) * f64::from(values[[row, c]]));
            prop_assert!((products.sum::<f64>() - f64::from(output)).abs() < 2e-5);
        }
    }
}

#[test]
fn products_do_not_depend_on_threads_or_instruction_set() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for (tokens, format) in
        [(1, FloatFormat::F32), (1, FloatFormat::Bf16), (1, FloatFormat::F16), (70, FloatFormat::Bf16)]
    {
        let shape = [700, 520];
        let (matrix, _) = mapped(&numbers(&mut random, shape[0] * shape[1]), format, shape, 0);
        let inputs = Array2::from_shape_vec((tokens, 520), numbers(&mut random, tokens * 520)).unwrap();
        let product = |engine: Engine, threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut outputs = Array2::zeros((tokens, 700));
            pool.install(|| matrix.multiply(engine, inputs.view(), &mut outputs)).unwrap();
            outputs
        };
        let expected = product(Engine::detect(Parallelism::Serial), 1);
        for threads in [1, 2, 5] {
            assert_eq!(product(Engine::detect(Parallelism::Rayon), threads), expected);
        }
        for isa in kernels::Isa::available() {
            assert_eq!(product(Engine::new(isa, Parallelism::Rayon).unwrap(), 2), expected);
        }
    }
}

#[test]
fn every_half_precision_number_is_converted_exactly() {
    for format in [FloatFormat::F16, FloatFormat::Bf16] {
        let all: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        let folder = tempfile::tempdir().unwrap();
        for skipped in [0, 1] {
            let path = folder.path().join(format!("all-{}-{skipped}", format.name()));
            std::fs::write(&path, [&vec![0; skipped][..], &all].concat()).unwrap();
            let file = Arc::new(FileMapping::open(&path).unwrap());
            let matrix = Matrix::mapped(&file, skipped..skipped + all.len(), format, [256, 256]).unwrap();
            for (bits, &value) in matrix.to_array().iter().enumerate() {
                let expected = match format {
                    FloatFormat::F16 => f16::from_bits(bits as u16).to_f32(),
                    _ => bf16::from_bits(bits as u16).to_f32(),
                };
                assert!(value == expected || value.is_nan() && expected.is_nan(), "{bits:#x}");
            }
        }
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let matrix = Matrix::from(Array2::zeros((3, 4)));
    let engine = Engine::detect(Parallelism::Serial);
    assert!(matrix.multiply(engine, Array2::zeros((2, 5)).view(), &mut Array2::zeros((2, 3))).is_err());
    assert!(matrix.multiply(engine, Array2::zeros((2, 4)).view(), &mut Array2::zeros((2, 4))).is_err());
    assert!(matrix.copy_rows(1..4, &mut [0.0; 12]).is_err());
    assert!(matrix.copy_rows(1..3, &mut [0.0; 7]).is_err());
    assert!(matrix.copy_rows(1..3, &mut [0.0; 8]).is_ok());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short");
    std::fs::write(&path, [0; 40]).unwrap();
    let file = Arc::new(FileMapping::open(&path).unwrap());
    for (range, shape) in [(0..48, [3, 4]), (0..40, [3, 4]), (0..40, [usize::MAX, 2])] {
        assert!(Matrix::mapped(&file, range, FloatFormat::F32, shape).is_err());
    }
}

#[test]
fn numbers_rounded_in_memory_are_those_of_a_file() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let values = numbers(&mut random, 7 * 33);
    let matrix = Matrix::from(Array2::from_shape_vec((7, 33), values.clone()).unwrap());
    for (rounded, format) in [(matrix.to_f16(), FloatFormat::F16), (matrix.to_e4m3(1.0), FloatFormat::F8E4m3)] {
        let (mapped, expected) = mapped(&values, format, [7, 33], 0);
        assert_eq!((rounded.format(), mapped.format()), (format, format));
        assert_eq!((rounded.to_array(), mapped.to_array()), (expected.clone(), expected));
    }
    let large = Matrix::from(Array2::from_shape_vec((1, 3), vec![1e6, -1e6, 2049.0]).unwrap());
    assert_eq!(large.to_f16().to_array().as_slice().unwrap(), [65504.0, -65504.0, 2048.0]);
}
