//! Linear maps equal the obvious sums on every instruction set, with and without threads.

use kernels::{Engine, Isa, Parallelism};
use ndarray::Array2;

use super::coding::{SiteCoding, TopCodes};
use super::{Codes, FewBitWeights, SpikingLinear};

fn weights(bits: u32, rows: usize, columns: usize, group: Option<usize>) -> FewBitWeights {
    let most = (1usize << bits) - 1;
    let codes: Vec<u8> = (0..rows * columns).map(|index| ((index * 2_654_435_761) >> 7 & most) as u8).collect();
    let groups = rows * group.map_or(1, |group| columns.div_ceil(group));
    FewBitWeights {
        bits,
        rows,
        columns,
        group,
        packed: FewBitWeights::pack(bits, columns, &codes),
        scales: (0..groups).map(|index| 0.01 + (index % 13) as f32 / 77.0).collect(),
        is_symmetric: false,
        zeros: (0..groups).map(|index| (index * 5 % (most + 1)) as u8).collect(),
    }
}

/// The sums of classes and groups one after the other, each an exact integer.
fn expected(weights: &FewBitWeights, bias: Option<&[f32]>, coding: &SiteCoding, codes: &Codes) -> Array2<f32> {
    let group = weights.group.unwrap_or(weights.columns);
    Array2::from_shape_fn((codes.tokens(), weights.rows), |(token, row)| {
        let of_token = codes.token(token);
        let mut output = bias.map_or(0.0, |bias| bias[row]);
        for (number, class) in coding.classes.iter().enumerate() {
            let scale = codes.scale(token, number);
            for place in 0..weights.groups() {
                let columns = class.places.clone().filter(|column| column / group == place);
                let zero = i32::from(weights.zeros[row * weights.groups() + place]);
                let products = columns.clone().map(|column| {
                    (i32::from(weights.code(row, column)) - zero) * (i32::from(of_token[column]) - scale.zero)
                });
                if columns.count() > 0 {
                    let sum: i32 = products.sum();
                    output += scale.scale * weights.scales[row * weights.groups() + place] * sum as f32;
                }
            }
        }
        output
    })
}

#[test]
fn outputs_are_the_obvious_sums() {
    let cases = [
        (4u32, 4u32, vec![1, 2], None, 9usize),
        (4, 4, vec![1, 2], Some(32), 70),
        (3, 2, vec![1, 1, 3], Some(7), 8),
        (4, 8, vec![1, 4], None, 60),
        (8, 8, vec![1], None, 1),
        (8, 4, vec![1, 2], Some(50), 13),
        (4, 4, vec![1, 2], None, 300),
        (4, 8, vec![2, 5], Some(20), 3),
    ];
    for (bits, activation_bits, steps, group, tokens) in cases {
        let (rows, columns) = (if tokens > 100 { 40 } else { 141 }, 75);
        let weights = weights(bits, rows, columns, group);
        let steps: Vec<u32> = (0..columns).map(|channel| steps[channel * 7 % steps.len()]).collect();
        let coding = SiteCoding::new(activation_bits, &steps, TopCodes::Reachable, 1.0).unwrap();
        let activations =
            Array2::from_shape_fn((tokens, columns), |(t, c)| ((t * 31 + c * 17) % 101) as f32 / 9.0 - 4.0);
        let bias: Option<Vec<f32>> = (tokens % 2 == 0).then(|| (0..rows).map(|row| row as f32 / 3.0).collect());
        let linear = SpikingLinear::new(&weights, bias.clone(), &coding).unwrap();
        for isa in Isa::available() {
            for parallelism in [Parallelism::Serial, Parallelism::Rayon] {
                let engine = Engine::new(isa, parallelism).unwrap();
                let codes = Codes::new(engine, &coding, activations.view());
                let mut outputs = Array2::from_elem((tokens, rows), f32::NAN);
                linear.multiply(engine, &codes, &mut outputs).unwrap();
                let expected = expected(&weights, bias.as_deref(), &coding, &codes);
                assert_eq!(outputs, expected, "{bits} bits, {tokens} tokens, {group:?}, {engine:?}");
            }
        }
    }
}
