//! The float twin equals the integers exactly while sums stay below 2^24.

mod common;

use common::*;
use kernels::{ConvolutionShape, Counts, as_signed, float};
use proptest::prelude::*;

fn floats(values: &[i64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

fn sums(start: f32, products: &[i64]) -> Vec<f32> {
    products.iter().map(|&product| start + product as f32).collect()
}

fn signed(seed: u64, length: usize) -> Vec<i64> {
    integers(Counts::Signed(as_signed(&bytes(0, seed, length))))
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn convolutions_equal_the_integers(
        (shape, batch, accumulate, seed) in (convolution_shape(), 0usize..3, any::<bool>(), any::<u64>()),
    ) {
        let x = signed(seed, batch * shape.input_length());
        let w = signed(seed ^ 1, shape.weight_length());
        let e = signed(seed ^ 2, batch * shape.output_length());
        let start = if accumulate { 5.0 } else { 0.0 };
        let mut workspace = vec![f32::NAN; float::convolution_workspace(&shape)];
        let expected = convolve(&shape, batch, [&w, &x], 0);
        let mut out = vec![5.0; expected.len()];
        float::convolution(&shape, batch, &floats(&x), &floats(&w), accumulate, &mut out, &mut workspace)?;
        prop_assert_eq!(out, sums(start, &expected));
        let expected = convolve(&shape, batch, [&e, &x], 1);
        let mut out = vec![5.0; expected.len()];
        float::convolution_gradient(&shape, batch, &floats(&e), &floats(&x), accumulate, &mut out, &mut workspace)?;
        prop_assert_eq!(out, sums(start, &expected));
        let expected = convolve(&shape, batch, [&e, &w], 2);
        let mut out = vec![5.0; expected.len()];
        float::convolution_transposed(&shape, batch, &floats(&e), &floats(&w), accumulate, &mut out, &mut workspace)?;
        prop_assert_eq!(out, sums(start, &expected));
    }

    #[test]
    fn dense_products_equal_the_integers(
        (batch, inputs, outputs) in (0usize..20, 0usize..50, 0usize..30),
        (accumulate, seed) in (any::<bool>(), any::<u64>()),
    ) {
        // A dense projection is a convolution of maps of one cell.
        let shape = ConvolutionShape::new([1, 1, inputs], outputs, [1, 1], [1, 1], [0, 0])?;
        let (x, w, e) = (signed(seed, batch * inputs), signed(seed ^ 1, outputs * inputs), signed(seed ^ 2, batch * outputs));
        let start = if accumulate { 5.0 } else { 0.0 };
        let mut out = vec![5.0; batch * outputs];
        float::matmul(batch, inputs, outputs, &floats(&x), &floats(&w), accumulate, &mut out)?;
        prop_assert_eq!(out, sums(start, &convolve(&shape, batch, [&w, &x], 0)));
        let mut out = vec![5.0; outputs * inputs];
        float::dense_gradient(batch, outputs, inputs, &floats(&e), &floats(&x), accumulate, &mut out)?;
        prop_assert_eq!(out, sums(start, &convolve(&shape, batch, [&e, &x], 1)));
        let mut out = vec![5.0; batch * inputs];
        float::matmul_transposed(batch, outputs, inputs, &floats(&e), &floats(&w), accumulate, &mut out)?;
        prop_assert_eq!(out, sums(start, &convolve(&shape, batch, [&e, &w], 2)));
    }

    #[test]
    fn pooling_equals_the_integers(
        (shape, batch, accumulate, seed) in (pooling_shape(), 0usize..3, any::<bool>(), any::<u64>()),
    ) {
        let (x, e) = (signed(seed, batch * shape.input_length()), signed(seed ^ 1, batch * shape.output_length()));
        let (mut pooled, mut spread) = (vec![0i64; e.len()], vec![0i64; x.len()]);
        for sample in 0..batch {
            for_window_cells(&shape, |output, cell| {
                let (output, cell) = (sample * shape.output_length() + output, sample * shape.input_length() + cell);
                pooled[output] += x[cell];
                spread[cell] += e[output];
            });
        }
        let start = if accumulate { 5.0 } else { 0.0 };
        let mut out = vec![5.0; pooled.len()];
        float::sum_pooling(&shape, batch, &floats(&x), accumulate, &mut out)?;
        prop_assert_eq!(out, sums(start, &pooled));
        let mut out = vec![5.0; spread.len()];
        float::sum_pooling_transposed(&shape, batch, &floats(&e), accumulate, &mut out)?;
        prop_assert_eq!(out, sums(start, &spread));
    }
}

#[test]
fn wrong_lengths_are_refused() {
    let shape = ConvolutionShape::new([4, 4, 1], 1, [3, 3], [1, 1], [0, 0]).unwrap();
    let mut out = [0.0; 4];
    assert!(float::convolution(&shape, 1, &[0.0; 16], &[0.0; 9], false, &mut out, &mut []).is_err());
    assert!(float::convolution(&shape, 1, &[0.0; 15], &[0.0; 9], false, &mut out, &mut [0.0; 100]).is_err());
    assert!(float::matmul(2, 2, 2, &[0.0; 4], &[0.0; 3], false, &mut out).is_err());
}
