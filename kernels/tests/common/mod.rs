//! Slow obvious references over 64-bit integers, engines to test, and operands with extreme values.
#![allow(dead_code, reason = "each test file uses a part")]

use kernels::{ConvolutionShape, Counts, Engine, Isa, Parallelism, PoolingShape, Store};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A fixed seed and `cases` cases.
pub fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(0x57e2), ..ProptestConfig::default() }
}

/// Every instruction set of this machine, with and without threads.
pub fn engines() -> Vec<Engine> {
    Isa::available()
        .into_iter()
        .flat_map(|isa| [Parallelism::Serial, Parallelism::Rayon].map(|p| Engine::new(isa, p).unwrap()))
        .collect()
}

/// Bytes: anything, only extremes, mostly zeros, one value throughout, a small range, or the ends of one; drawn from a
/// seed so that shrinking is by shape.
pub fn bytes(kind: u8, seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let range = [8, 16, 17, 32, 40, 64, 100, 128][seed as usize % 8];
    let low = (seed >> 8) as u32 % (256 - range);
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    };
    (0..length)
        .map(|_| {
            let value = next();
            match kind % 6 {
                0 => value as u8,
                1 => [0, 1, 127, 128, 129, 255][value as usize % 6],
                2 if value % 8 != 0 => 0,
                2 => (value >> 8) as u8,
                3 => [127, 128, 255][seed as usize % 3],
                4 => (low + value % (range + 1)) as u8,
                _ => (low + range * (value % 2)) as u8,
            }
        })
        .collect()
}

/// The counts as integers.
pub fn integers(counts: Counts<'_>) -> Vec<i64> {
    match counts {
        Counts::Unsigned(values) => values.iter().map(|&value| value.into()).collect(),
        Counts::Signed(values) => values.iter().map(|&value| value.into()).collect(),
    }
}

/// Signed or unsigned view of bytes.
pub fn view(signed: bool, bytes: &[u8]) -> Counts<'_> {
    if signed { Counts::Signed(kernels::as_signed(bytes)) } else { Counts::Unsigned(bytes) }
}

/// How products are stored.
pub fn store() -> impl Strategy<Value = Store> {
    let scale = prop_oneof![Just(1), Just(256), Just(-3), Just(i32::MAX), Just(1 << 24)];
    (any::<bool>(), scale).prop_map(|(accumulate, scale)| Store { accumulate, scale })
}

/// The stored values, wrapped to 32 bits.
pub fn stored(store: Store, old: &[i32], products: &[i64]) -> Vec<i32> {
    old.iter()
        .zip(products)
        .map(|(&old, &product)| {
            let base = if store.accumulate { i128::from(old) } else { 0 };
            (base + i128::from(store.scale) * i128::from(product)) as i32
        })
        .collect()
}

/// Values to start an output with.
pub fn old_values(seed: u64, length: usize) -> Vec<i32> {
    bytes(0, seed ^ 0x9e37, length * 4).chunks(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Convolution shapes: strides 1 to 3, padding up to the kernel, empty channels.
pub fn convolution_shape() -> impl Strategy<Value = ConvolutionShape> {
    let axis = || (1usize..=5, 1usize..=3).prop_flat_map(|(kernel, stride)| (0..=kernel, Just(kernel), Just(stride)));
    (axis(), axis(), 1usize..12, 1usize..20, 0usize..20, 0usize..36).prop_map(|(vertical, horizontal, h, w, ci, co)| {
        let (padding, kernel, stride) =
            ([vertical.0, horizontal.0], [vertical.1, horizontal.1], [vertical.2, horizontal.2]);
        let input = [h.max(kernel[0]), w.max(kernel[1]), ci];
        ConvolutionShape::new(input, co, kernel, stride, padding).unwrap()
    })
}

/// Pooling shapes: overlapping, with gaps, or windows side by side that cover the map.
pub fn pooling_shape() -> impl Strategy<Value = PoolingShape> {
    let channels = prop_oneof![0usize..18, 30usize..34];
    let any = (1usize..4, 1usize..4, 1usize..4, 1usize..4, 0usize..7, 0usize..7, channels.clone())
        .prop_map(|(wh, ww, sh, sw, h, w, c)| PoolingShape::new([wh + h, ww + w, c], [wh, ww], [sh, sw]).unwrap());
    let covering = (2usize..4, 2usize..4, 1usize..5, 1usize..5, channels)
        .prop_map(|(wh, ww, h, w, c)| PoolingShape::new([wh * h, ww * w, c], [wh, ww], [wh, ww]).unwrap());
    prop_oneof![any, covering]
}

/// Calls `visit(output index, weight index, input index)` for every product of one sample's convolution.
pub fn for_products(shape: &ConvolutionShape, mut visit: impl FnMut(usize, usize, usize)) {
    let [kernel_height, kernel_width] = shape.kernel;
    for y in 0..shape.output_height() {
        for x in 0..shape.output_width() {
            for o in 0..shape.output_channels {
                for i in 0..kernel_height {
                    for j in 0..kernel_width {
                        let row = (y * shape.stride[0] + i) as i64 - shape.padding[0] as i64;
                        let column = (x * shape.stride[1] + j) as i64 - shape.padding[1] as i64;
                        let inside = (0..shape.input_height as i64).contains(&row)
                            && (0..shape.input_width as i64).contains(&column);
                        for c in 0..if inside { shape.input_channels } else { 0 } {
                            visit(
                                (y * shape.output_width() + x) * shape.output_channels + o,
                                ((o * kernel_height + i) * kernel_width + j) * shape.input_channels + c,
                                (row as usize * shape.input_width + column as usize) * shape.input_channels + c,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The products of a batch: output `[which]` of (outputs, weights, inputs) receives the product of the other two.
pub fn convolve(shape: &ConvolutionShape, batch: usize, operands: [&[i64]; 2], which: usize) -> Vec<i64> {
    let per_sample = [shape.output_length(), 0, shape.input_length()];
    let lengths = [batch * shape.output_length(), shape.weight_length(), batch * shape.input_length()];
    let mut result = vec![0; lengths[which]];
    let others: Vec<usize> = (0..3).filter(|&index| index != which).collect();
    for sample in 0..batch {
        for_products(shape, |output, weight, input| {
            let index = [output, weight, input];
            let at = |axis: usize| sample * per_sample[axis] + index[axis];
            result[at(which)] += operands[0][at(others[0])] * operands[1][at(others[1])];
        });
    }
    result
}

/// Calls `visit(output index, input index)` for every cell of every pooling window.
pub fn for_window_cells(shape: &PoolingShape, mut visit: impl FnMut(usize, usize)) {
    for y in 0..shape.output_height() {
        for x in 0..shape.output_width() {
            for i in 0..shape.window[0] {
                for j in 0..shape.window[1] {
                    for c in 0..shape.channels {
                        let cell = (y * shape.stride[0] + i) * shape.input_width + x * shape.stride[1] + j;
                        visit((y * shape.output_width() + x) * shape.channels + c, cell * shape.channels + c);
                    }
                }
            }
        }
    }
}

/// A range of rows drawn from a seed, possibly empty.
pub fn row_range(seed: u64, rows: usize) -> std::ops::Range<usize> {
    let start = seed as usize % (rows + 1);
    start..start + (seed >> 32) as usize % (rows - start + 1)
}

/// Sets some first and last rows of some samples to zero, in maps of `height` rows.
pub fn silence_rows(values: &mut [u8], height: usize, row: usize, seed: u64) {
    for (sample, values) in values.chunks_mut((height * row).max(1)).enumerate() {
        let bits = seed.rotate_right(11 * sample as u32) as usize;
        let (first, last) = (bits % (height + 2), (bits >> 5) % (height + 2));
        if bits >> 10 & 1 == 1 {
            values[..first.min(height) * row].fill(0);
            values[(height - last.min(height)) * row..].fill(0);
        }
    }
}
