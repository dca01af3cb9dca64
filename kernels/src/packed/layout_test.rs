//! Packed bytes and corrections equal the obvious ones on every instruction set, with and without threads.

use super::{PackedMatrix, Packing};
use crate::product::{BLOCK, GROUP};
use crate::{ConvolutionShape, Engine, Isa, Parallelism};

/// The packed bytes, and the column sums `[runs][columns]`, padded to whole blocks.
fn reference([runs, run, columns]: [usize; 3], weight: impl Fn(usize, usize, usize) -> i8) -> (Vec<i8>, Vec<i32>) {
    let (groups, width) = (run.div_ceil(GROUP), columns.next_multiple_of(BLOCK));
    let mut bytes = vec![0; runs * groups * width * GROUP];
    let mut sums = vec![0; runs * width];
    for column in 0..columns {
        for index in 0..runs {
            for step in 0..run {
                let line = (column / BLOCK * runs + index) * groups + step / GROUP;
                let place = (line * BLOCK + column % BLOCK) * GROUP + step % GROUP;
                bytes[place] = weight(column, index, step);
                sums[index * width + column] += i32::from(bytes[place]);
            }
        }
    }
    (bytes, sums)
}

fn check(packed: &PackedMatrix, sizes: [usize; 3], weight: impl Fn(usize, usize, usize) -> i8) {
    let (bytes, sums) = reference(sizes, weight);
    let context = format!("{:?} {:?} {sizes:?}", packed.engine, packed.packing);
    assert!(packed.bytes() == crate::as_unsigned(&bytes), "bytes of {context}");
    let runs = sizes[0];
    for range in (1..=runs).map(|end| 0..end).chain((1..runs).map(|start| start..runs)) {
        let width = packed.columns.next_multiple_of(BLOCK);
        let expected: Vec<i32> =
            (0..width).map(|column| range.clone().map(|run| -128 * sums[run * width + column]).sum()).collect();
        assert_eq!(packed.correction(0x80, range.clone()), Some(&expected[..]), "{range:?} of {context}");
    }
}

fn engines() -> Vec<Engine> {
    let both = |isa| [Parallelism::Serial, Parallelism::Rayon].map(|way| Engine::new(isa, way).unwrap());
    Isa::available().into_iter().flat_map(both).collect()
}

fn weights(length: usize) -> Vec<i8> {
    (0..length as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as i8).collect()
}

#[test]
fn dense_weights_of_every_size() {
    let small =
        (0..20).chain([31, 64, 67]).flat_map(|inner| [0, 1, 15, 16, 17, 40, 80].map(|columns| [inner, columns]));
    for [inner, columns] in small.chain([[63, 333], [130, 300], [515, 530], [301, 1100]]) {
        let weights = weights(inner * columns);
        for engine in engines() {
            let mut packed = PackedMatrix::new(inner, columns).unwrap().with_engine(engine);
            for _ in 0..2 {
                packed.pack(&weights).unwrap();
                check(&packed, [1, inner, columns], |column, _, step| weights[column * inner + step]);
                packed.pack_transposed(&weights).unwrap();
                check(&packed, [1, inner, columns], |column, _, step| weights[step * columns + column]);
            }
        }
    }
}

#[test]
fn convolution_weights_of_every_size() {
    let sizes =
        [(1, 1, [1, 1]), (3, 5, [3, 3]), (17, 33, [2, 5]), (64, 48, [3, 1]), (70, 66, [5, 3]), (260, 130, [3, 3])];
    for (inputs, outputs, kernel) in sizes {
        let shape = ConvolutionShape {
            input_height: 7,
            input_width: 6,
            input_channels: inputs,
            output_channels: outputs,
            kernel,
            stride: [1, 1],
            padding: [0, 0],
        };
        let [height, width] = kernel;
        let weights = weights(shape.weight_length());
        for engine in engines() {
            let mut forward = PackedMatrix::new(shape.patch(), outputs).unwrap().with_engine(engine);
            forward.pack_convolution(&shape, &weights).unwrap();
            assert_eq!(forward.packing, Packing::Convolution(kernel));
            let run = width * inputs;
            check(&forward, [height, run, outputs], |output, row, step| weights[(output * height + row) * run + step]);
            let mut backward = PackedMatrix::new(height * width * outputs, inputs).unwrap().with_engine(engine);
            backward.pack_convolution_transposed(&shape, &weights).unwrap();
            check(&backward, [height, width * outputs, inputs], |input, row, step| {
                let (column, output) = (step / outputs, step % outputs);
                let row = output * height + height - 1 - row;
                weights[(row * width + width - 1 - column) * inputs + input]
            });
        }
    }
}
