//! Partial sums against one synapse at a time.

use kernels::{Counts, Engine, Parallelism, as_signed};
use proptest::prelude::*;
use snn::random::{Purpose, Stream};

use super::{ColumnInput, ColumnOperator, ColumnScratch, Slicing, active};
use crate::hardware::{InputCoding, SignedWeights};
use crate::program::Geometry;

/// The count of row `row` of an output position, re-derived from the definition of the geometry.
fn row_count(input: &ColumnInput, width: usize, counts: &[i32], position: usize, row: usize) -> i32 {
    let [channels, height, columns] = input.shape;
    match input.geometry {
        Geometry::Dense {} => counts[row],
        Geometry::Convolution { kernel, stride, padding } => {
            let (y, x, channel) = (row / channels / kernel[1], row / channels % kernel[1], row % channels);
            let y = (position / width * stride[0] + y) as i64 - padding[0] as i64;
            let x = (position % width * stride[1] + x) as i64 - padding[1] as i64;
            let inside = (0..height as i64).contains(&y) && (0..columns as i64).contains(&x);
            if inside { counts[(y as usize * columns + x as usize) * channels + channel] } else { 0 }
        }
    }
}

fn between(stream: &mut Stream, low: i64, high: i64) -> i64 {
    low + i64::from(stream.below((high - low + 1) as u32))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn partial_sums_equal_the_definition(
        seed in any::<u64>(), paired in any::<bool>(), spikes in any::<bool>(), signed in any::<bool>(),
        dense in any::<bool>(), bits in 2u32..=8, cell_bits in 1u32..=8, array_rows in 3usize..20,
    ) {
        let mut random = Stream::new(seed, Purpose::Test, 3);
        let mut size = |low: usize, high: usize| between(&mut random, low as i64, high as i64) as usize;
        let shape = [size(1, 3), size(2, 6), size(2, 6)];
        let kernel = [size(1, shape[1]), size(1, shape[2])];
        let (stride, padding) = ([size(1, 3), size(1, 3)], [size(0, kernel[0] - 1), size(0, kernel[1] - 1)]);
        let (outputs, examples) = (size(1, 5), size(1, 4));
        let geometry = if dense { Geometry::Dense {} } else { Geometry::Convolution { kernel, stride, padding } };
        let width = if dense { 1 } else { (shape[2] + 2 * padding[1] - kernel[1]) / stride[1] + 1 };
        let height = if dense { 1 } else { (shape[1] + 2 * padding[0] - kernel[0]) / stride[0] + 1 };
        let coding = if spikes { InputCoding::Spikes } else { InputCoding::BitSerial };
        let (low, high) = if signed { (-128, 127) } else { (0, if spikes { 20 } else { 255 }) };
        let input = ColumnInput { geometry, shape, minimum_count: low, maximum_count: high, coding };
        let kind = if paired { SignedWeights::DifferentialPair } else { SignedWeights::ReferenceColumn };
        let slicing = Slicing { signed: kind, bits, cell_bits };
        let largest = if paired { ((1i64 << bits) - 1).min(127) } else { (1 << (bits - 1)) - 1 };
        let fan_in = if dense { shape.iter().product() } else { kernel[0] * kernel[1] * shape[0] };
        let weights: Vec<i8> = (0..outputs * fan_in).map(|_| between(&mut random, -largest, largest) as i8).collect();
        let neurons: usize = shape.iter().product();
        // Half of the examples is nearly silent, so that reads without active rows occur.
        let counts: Vec<i32> = (0..examples * neurons).map(|index| {
            let silent = (index / neurons) % 2 == 1 && random.below(10) > 0;
            if silent { 0 } else { between(&mut random, low.into(), high.into()) as i32 }
        }).collect();
        let bytes: Vec<u8> = counts.iter().map(|&count| count as u8).collect();
        let view = if signed { Counts::Signed(as_signed(&bytes)) } else { Counts::Unsigned(&bytes) };
        let engine = Engine::detect(Parallelism::Serial);
        let operator = ColumnOperator::from_multipliers(&weights, input, slicing, array_rows, engine).unwrap();
        let mut seen = vec![0; examples * height * width * operator.row_tiles() * operator.streams().len()];
        let mut total = vec![0i64; examples * height * width * outputs];
        let positions = height * width;
        let mut scratch = ColumnScratch::default();
        let slices = slicing.count();
        let mut sums_of = std::collections::BTreeMap::new();
        operator.for_each_read(view, examples, &mut scratch, |read| {
            for (&place, sums) in read.places.iter().zip(read.sums.chunks_exact(operator.columns())) {
                sums_of.insert((read.position(place), read.row_tile, read.stream), sums.to_vec());
            }
            let stream = operator.streams()[read.stream];
            let mut next = 0;
            for place in 0..read.count {
                let position = read.first + place;
                let counts = &counts[position / positions * neurons..][..neurons];
                let first = read.row_tile * array_rows;
                let rows: Vec<usize> = (first..fan_in.min(first + array_rows))
                    .filter(|&row| active(coding, row_count(&input, width, counts, position % positions, row), stream))
                    .collect();
                seen[(position * operator.row_tiles() + read.row_tile) * operator.streams().len() + read.stream] += 1;
                if rows.is_empty() {
                    assert_ne!(read.places.get(next), Some(&(place as u32)));
                    continue;
                }
                assert_eq!(read.places[next], place as u32);
                assert_eq!(read.active[next] as usize, rows.len());
                let bits = &read.rows[next * read.pitch..][..read.pitch];
                assert!((0..read.pitch).all(|row| (bits[row] == 1) == rows.contains(&(first + row))));
                for output in 0..outputs {
                    for slice in 0..slices {
                        let sum: i32 = rows.iter().map(|row| {
                            let (up, down) = slicing.levels(weights[output * fan_in + row].into(), slice);
                            i32::from(up) - i32::from(down)
                        }).sum();
                        let found = read.sums[(next * slices + slice) * outputs + output];
                        assert_eq!(found, sum);
                        total[position * outputs + output] += i64::from(found) * slicing.weights()[slice] * stream.weight;
                    }
                    total[position * outputs + output] += slicing.reference_weight() * rows.len() as i64 * stream.weight;
                }
                next += 1;
            }
            assert_eq!(next, read.places.len());
        }).unwrap();
        prop_assert!(seen.iter().all(|&times| times == 1));
        // Positions that are read alone have the sums that they have among all.
        let listed: Vec<u32> = (0..(examples * positions) as u32).filter(|_| random.below(3) == 0).collect();
        sums_of.retain(|(position, ..), _| listed.contains(&(*position as u32)));
        let mut of_listed = std::collections::BTreeMap::new();
        operator.for_each_listed_read(view, examples, Some(&listed), &mut scratch, |read| {
            for (&place, sums) in read.places.iter().zip(read.sums.chunks_exact(operator.columns())) {
                of_listed.insert((read.position(place), read.row_tile, read.stream), sums.to_vec());
            }
        }).unwrap();
        prop_assert_eq!(of_listed, sums_of);
        let beyond = [(examples * positions) as u32];
        prop_assert!(operator.for_each_listed_read(view, examples, Some(&beyond), &mut scratch, |_| ()).is_err());
        // Put together again they are the exact product.
        for position in 0..examples * positions {
            let counts = &counts[position / positions * neurons..][..neurons];
            for output in 0..outputs {
                let exact: i64 = (0..fan_in).map(|row| {
                    i64::from(weights[output * fan_in + row]) * i64::from(row_count(&input, width, counts, position % positions, row))
                }).sum();
                prop_assert_eq!(total[position * outputs + output], exact);
            }
        }
    }
}
