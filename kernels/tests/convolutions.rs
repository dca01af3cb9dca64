//! Convolutions, their adjoints and gradients, and pooling equal the obvious sums on every instruction set.

mod common;

use common::*;
use kernels::{
    ConvolutionShape, Counts, Engine, KernelError, PackedMatrix, Parallelism, PoolingShape, Store, Workspace, as_signed,
};
use proptest::prelude::*;

/// Weights packed both ways.
fn pack(shape: &ConvolutionShape, weights: &[i8]) -> Result<[PackedMatrix; 2], KernelError> {
    let mut forward = PackedMatrix::new(shape.patch(), shape.output_channels)?;
    forward.pack_convolution(shape, weights)?;
    let inner = shape.kernel[0] * shape.kernel[1] * shape.output_channels;
    let mut backward = PackedMatrix::new(inner, shape.input_channels)?;
    backward.pack_convolution_transposed(shape, weights)?;
    Ok([forward, backward])
}

fn workspace(engine: &Engine, shape: &ConvolutionShape, batch: usize) -> Workspace {
    let mut workspace = Workspace::new();
    workspace.reserve(engine.convolution_workspace(shape, batch));
    workspace.reserve(engine.convolution_transposed_workspace(shape, batch));
    workspace.reserve(engine.convolution_gradient_workspace(shape, batch));
    workspace
}

fn dot(left: &[i32], right: &[i64]) -> i64 {
    left.iter().zip(right).map(|(&left, &right)| i64::from(left) * right).sum()
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn convolutions_equal_the_reference(
        (shape, batch, signed) in (convolution_shape(), 0usize..4, any::<bool>()),
        (kind, seed, store) in (any::<u8>(), any::<u64>(), store()),
    ) {
        let mut input = bytes(kind, seed, batch * shape.input_length());
        silence_rows(&mut input, shape.input_height, shape.input_width * shape.input_channels, seed);
        let input = view(signed, &input);
        let weights = bytes(kind / 6, seed ^ 7, shape.weight_length());
        let weights = as_signed(&weights);
        let mut errors = bytes(kind / 36, seed ^ 9, batch * shape.output_length());
        silence_rows(&mut errors, shape.output_height(), shape.output_width() * shape.output_channels, !seed);
        let errors = as_signed(&errors);
        let [x, w, e] = [integers(input), integers(Counts::Signed(weights)), integers(Counts::Signed(errors))];
        let outputs = convolve(&shape, batch, [&w, &x], 0);
        let gradients = convolve(&shape, batch, [&e, &x], 1);
        let inputs = convolve(&shape, batch, [&e, &w], 2);
        let [forward, backward] = pack(&shape, weights)?;
        for engine in engines() {
            let mut workspace = workspace(&engine, &shape, batch);
            let old = old_values(seed, outputs.len());
            let mut out = old.clone();
            engine.convolution(&shape, batch, input, &forward, store, &mut out, &mut workspace)?;
            prop_assert_eq!(out, stored(store, &old, &outputs), "forward {:?}", engine);

            let old = old_values(seed, inputs.len());
            let mut out = old.clone();
            engine.convolution_transposed(&shape, batch, errors, &backward, store, &mut out, &mut workspace)?;
            prop_assert_eq!(out, stored(store, &old, &inputs), "transposed {:?}", engine);

            let old = old_values(seed, gradients.len());
            let mut out = old.clone();
            engine.convolution_gradient(&shape, batch, errors, input, store, &mut out, &mut workspace)?;
            let whole = stored(store, &old, &gradients);
            prop_assert_eq!(&out, &whole, "gradient {:?}", engine);

            let (patch, channels) = (shape.patch(), row_range(seed, shape.output_channels));
            let range = channels.start * patch..channels.end * patch;
            let mut out = old[range.clone()].to_vec();
            let mut workspace = Workspace::new();
            workspace.reserve(engine.convolution_gradient_rows_workspace(&shape, batch, channels.len()));
            engine.convolution_gradient_rows(
                &shape, batch, errors, input, channels, store, &mut out, &mut workspace,
            )?;
            prop_assert_eq!(&out, &whole[range], "gradient rows {:?}", engine);
        }
    }

    /// Many channels, which the gradient takes in slices and blocks, and samples without errors, which it leaves out.
    #[test]
    fn wide_gradients_equal_the_reference(
        (inputs, outputs, kernel, stride, padding) in (90usize..200, 1usize..130, 1usize..4, 1usize..3, 0usize..2),
        (side, batch, signed, silent) in (3usize..7, 1usize..5, any::<bool>(), any::<u8>()),
        (kind, seed, store) in (any::<u8>(), any::<u64>(), store()),
    ) {
        let shape = ConvolutionShape::new(
            [side, side + 1, inputs], outputs, [kernel, kernel], [stride, stride], [padding, padding],
        )?;
        let input = bytes(kind, seed, batch * shape.input_length());
        let input = view(signed, &input);
        let mut errors = bytes(kind / 36, seed ^ 9, batch * shape.output_length());
        for (sample, errors) in errors.chunks_mut(shape.output_length()).enumerate() {
            if silent >> sample & 1 == 1 {
                errors.fill(0);
            }
        }
        let errors = as_signed(&errors);
        let [x, e] = [integers(input), integers(Counts::Signed(errors))];
        let gradients = convolve(&shape, batch, [&e, &x], 1);
        let old = old_values(seed, gradients.len());
        let whole = stored(store, &old, &gradients);
        for engine in engines() {
            let mut workspace = workspace(&engine, &shape, batch);
            let mut out = old.clone();
            engine.convolution_gradient(&shape, batch, errors, input, store, &mut out, &mut workspace)?;
            prop_assert!(out == whole, "gradient {:?}", engine);
        }
    }

    /// `<conv(x), e> = <x, conv_transposed(e)> = <w, gradient(e, x)>`.
    #[test]
    fn the_three_products_are_adjoint(shape in convolution_shape(), batch in 1usize..3, seed in any::<u64>()) {
        let [input, weights, errors] =
            [batch * shape.input_length(), shape.weight_length(), batch * shape.output_length()]
                .map(|length| bytes(0, seed ^ length as u64, length));
        let [x, w, e] = [&input, &weights, &errors].map(|values| integers(Counts::Signed(as_signed(values))));
        let [forward, backward] = pack(&shape, as_signed(&weights))?;
        let engine = Engine::detect(Parallelism::Serial);
        let mut workspace = workspace(&engine, &shape, batch);
        let (mut a, mut g, mut d) = (vec![0; errors.len()], vec![0; input.len()], vec![0; weights.len()]);
        let counts = Counts::Signed(as_signed(&input));
        let errors = as_signed(&errors);
        engine.convolution(&shape, batch, counts, &forward, Store::OVERWRITE, &mut a, &mut workspace)?;
        engine.convolution_transposed(&shape, batch, errors, &backward, Store::OVERWRITE, &mut g, &mut workspace)?;
        engine.convolution_gradient(&shape, batch, errors, counts, Store::OVERWRITE, &mut d, &mut workspace)?;
        prop_assert_eq!(dot(&a, &e), dot(&g, &x));
        prop_assert_eq!(dot(&a, &e), dot(&d, &w));
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn pooling_equals_the_reference(
        (shape, batch, signed) in (pooling_shape(), 0usize..4, any::<bool>()),
        (kind, seed, store) in (any::<u8>(), any::<u64>(), store()),
    ) {
        let input = bytes(kind, seed, batch * shape.input_length());
        let input = view(signed, &input);
        let errors = bytes(kind / 6, seed ^ 9, batch * shape.output_length());
        let errors = as_signed(&errors);
        let (x, e) = (integers(input), integers(Counts::Signed(errors)));
        let (mut sums, mut spread) = (vec![0i64; errors.len()], vec![0i64; x.len()]);
        for sample in 0..batch {
            for_window_cells(&shape, |output, cell| {
                let (output, cell) = (sample * shape.output_length() + output, sample * shape.input_length() + cell);
                sums[output] += x[cell];
                spread[cell] += e[output];
            });
        }
        for engine in engines() {
            let old = old_values(seed, sums.len());
            let mut out = old.clone();
            engine.sum_pooling(&shape, batch, input, store, &mut out)?;
            prop_assert_eq!(out, stored(store, &old, &sums));
            let old = old_values(seed, spread.len());
            let mut out = old.clone();
            engine.sum_pooling_transposed(&shape, batch, errors, store, &mut out)?;
            prop_assert_eq!(out, stored(store, &old, &spread));
        }
    }
}

/// Batches larger than one cache step, and enough work for several threads.
#[test]
fn large_batches_and_threads_change_nothing() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for (input, channels, padding) in [([28, 28, 1], 15, [2, 2]), ([12, 12, 15], 40, [0, 0]), ([9, 9, 33], 20, [2, 1])]
    {
        let shape = ConvolutionShape::new(input, channels, [5, 5], [1, 1], padding).unwrap();
        let batch = 19;
        let counts = bytes(0, 1, batch * shape.input_length());
        let (weights, errors) = (bytes(0, 2, shape.weight_length()), bytes(0, 3, batch * shape.output_length()));
        let [forward, backward] = pack(&shape, as_signed(&weights)).unwrap();
        let run = |engine: Engine| {
            let mut workspace = workspace(&engine, &shape, batch);
            let (counts, errors) = (Counts::Signed(as_signed(&counts)), as_signed(&errors));
            let mut a = vec![0; errors.len()];
            let mut g = vec![0; batch * shape.input_length()];
            let mut d = vec![0; weights.len()];
            engine.convolution(&shape, batch, counts, &forward, Store::OVERWRITE, &mut a, &mut workspace).unwrap();
            engine
                .convolution_transposed(&shape, batch, errors, &backward, Store::OVERWRITE, &mut g, &mut workspace)
                .unwrap();
            engine
                .convolution_gradient(&shape, batch, errors, counts, Store::OVERWRITE, &mut d, &mut workspace)
                .unwrap();
            (a, g, d)
        };
        let expected = run(Engine::new(kernels::Isa::Scalar, Parallelism::Serial).unwrap());
        for engine in engines() {
            assert!(pool.install(|| run(engine)) == expected, "{engine:?}");
        }
    }
}

#[test]
fn impossible_shapes_and_foreign_packings_are_refused() {
    let new = |input, kernel, stride, padding| ConvolutionShape::new(input, 1, kernel, stride, padding);
    assert!(matches!(new([4, 4, 1], [0, 1], [1, 1], [0, 0]), Err(KernelError::Shape { field: "kernel", .. })));
    assert!(matches!(new([4, 4, 1], [1, 1], [1, 0], [0, 0]), Err(KernelError::Shape { field: "stride", .. })));
    assert!(matches!(new([4, 4, 1], [5, 1], [1, 1], [0, 0]), Err(KernelError::Shape { field: "input_height", .. })));
    assert!(new([4, 4, 1], [1, 1], [1, 1], [usize::MAX, 0]).is_err());
    assert!(new([usize::MAX / 2, 4, 1], [1, 1], [1, 1], [0, 0]).is_err());
    assert!(new([4, 4, usize::MAX / 8], [1, 1], [1, 1], [0, 0]).is_err());
    assert!(PoolingShape::new([4, 4, 1], [5, 1], [1, 1]).is_err());
    assert!(PoolingShape::new([4, 4, 1], [1, 1], [0, 1]).is_err());

    let shape = new([4, 4, 1], [3, 3], [1, 1], [0, 0]).unwrap();
    let engine = Engine::detect(Parallelism::Serial);
    let mut packed = PackedMatrix::new(9, 1).unwrap();
    packed.pack(&[1; 9]).unwrap();
    let mut workspace = Workspace::new();
    let mut out = [0; 4];
    let input = Counts::Unsigned(&[1; 16]);
    let result = engine.convolution(&shape, 1, input, &packed, Store::OVERWRITE, &mut out, &mut workspace);
    assert!(matches!(result, Err(KernelError::Packing { expected: "pack_convolution", found: "pack", .. })));
    packed.pack_convolution(&shape, &[1; 9]).unwrap();
    let result = engine.convolution(&shape, 1, input, &packed, Store::OVERWRITE, &mut out, &mut workspace);
    assert!(matches!(result, Err(KernelError::WorkspaceTooSmall { .. })));
    let other = new([5, 5, 2], [3, 3], [1, 1], [0, 0]).unwrap();
    assert!(matches!(packed.pack_convolution(&other, &[1; 18]), Err(KernelError::MatrixSize { .. })));
}
