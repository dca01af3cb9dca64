//! Products of rows in place, with weights of a byte and of half a byte, equal the obvious sums on every instruction set.

mod common;

use common::*;
use kernels::{CountRows, Counts, KernelError, PackedMatrix, PackedNibbles, Store, Workspace, as_signed};
use proptest::prelude::*;

/// Rows of counts times `[columns][inner]` transposed.
fn reference(left: CountRows<'_>, inner: usize, weights: &[i64]) -> Vec<i64> {
    let rows = (0..left.count).map(|row| &left.bytes[row * left.pitch..][..inner]);
    let product = |row: &[u8], column: &[i64]| row.iter().zip(column).map(|(&l, &r)| i64::from(l) * r).sum::<i64>();
    rows.flat_map(|row| weights.chunks_exact(inner.max(1)).map(move |column| product(row, column))).collect()
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn rows_in_place_equal_the_reference(
        (rows, inner, columns, gap) in (0usize..40, 1usize..90, 1usize..150, 0usize..9),
        (kind, seed, store) in (any::<u8>(), any::<u64>(), store()),
    ) {
        let pitch = inner + gap;
        let left = bytes(kind, seed, rows * pitch + 3);
        let left = CountRows { bytes: &left, pitch, count: rows };
        let weights = bytes(kind / 6, seed ^ 77, columns * inner);
        let codes: Vec<u8> = weights.iter().map(|&code| code & 15).collect();
        let old = old_values(seed, rows * columns);
        let signed = stored(store, &old, &reference(left, inner, &integers(Counts::Signed(as_signed(&weights)))));
        let halves = stored(store, &old, &reference(left, inner, &integers(Counts::Unsigned(&codes))));
        let nibbles = PackedNibbles::new(inner, columns, &weights)?;
        for engine in engines() {
            let mut matrix = PackedMatrix::new(inner, columns)?.with_engine(engine);
            matrix.pack(as_signed(&weights))?;
            let mut out = old.clone();
            engine.matmul_rows(left, &matrix, store, &mut out)?;
            prop_assert_eq!(&out, &signed, "{:?}", engine);

            let first = [inner / 2 / 4 * 4, columns / 3];
            let part = CountRows { bytes: left.bytes, ..left };
            let begins: Vec<u8> =
                weights.chunks_exact(inner).take(first[1]).flat_map(|column| &column[..first[0]]).copied().collect();
            let mut out = old[..rows * first[1]].to_vec();
            let products = reference(part, first[0], &integers(Counts::Signed(as_signed(&begins))));
            if first[0] > 0 {
                let expected = stored(store, &out, &products);
                engine.matmul_first(part, &matrix, first, store, &mut out)?;
                prop_assert_eq!(&out, &expected, "{:?}", engine);
            }
            prop_assert!(engine.matmul_first(part, &matrix, [inner + 1, 1], store, &mut vec![0; rows]).is_err());

            let mut unpacked = PackedMatrix::new(7, 40)?.with_engine(engine);
            unpacked.unpack(&nibbles);
            let mut out = old.clone();
            engine.matmul_rows(left, &unpacked, store, &mut out)?;
            prop_assert_eq!(&out, &halves, "{:?}", engine);

            let mut workspace = Workspace::new();
            workspace.reserve(engine.matmul_nibbles_workspace(inner));
            let mut out = old.clone();
            engine.matmul_nibbles(left, &nibbles, store, &mut out, &mut workspace)?;
            prop_assert_eq!(&out, &halves, "{:?}", engine);
        }
    }

    #[test]
    fn what_is_unpacked_is_what_would_be_packed(
        (rows, inner, columns) in (1usize..10, 0usize..40, 0usize..70),
        (kind, seed) in (any::<u8>(), any::<u64>()),
    ) {
        let codes: Vec<u8> = bytes(kind, seed, columns * inner).iter().map(|&code| code & 15).collect();
        let left = bytes(kind / 6, seed ^ 77, rows * inner);
        for engine in engines() {
            let mut packed = PackedMatrix::new(inner, columns)?;
            packed.pack(as_signed(&codes))?;
            let mut unpacked = PackedMatrix::new(1, 1)?.with_engine(engine);
            unpacked.unpack(&PackedNibbles::new(inner, columns, &codes)?);
            let mut workspace = Workspace::new();
            workspace.reserve(engine.matmul_workspace(rows, inner, columns));
            // Signed counts need the sums of the columns too.
            for left in [view(false, &left), view(true, &left)] {
                let [mut expected, mut found] = [vec![-1; rows * columns], vec![-2; rows * columns]];
                engine.matmul(left, rows, &packed, Store::OVERWRITE, &mut expected, &mut workspace)?;
                engine.matmul(left, rows, &unpacked, Store::OVERWRITE, &mut found, &mut workspace)?;
                prop_assert_eq!(expected, found, "{:?}", engine);
            }
        }
    }
}

#[test]
fn an_empty_inner_dimension_sums_to_nothing() {
    let nibbles = PackedNibbles::new(0, 3, &[]).unwrap();
    let mut matrix = PackedMatrix::new(0, 3).unwrap();
    matrix.unpack(&nibbles);
    let left = CountRows { bytes: &[], pitch: 0, count: 2 };
    for engine in engines() {
        let mut out = [7; 6];
        engine.matmul_nibbles(left, &nibbles, Store::ADD, &mut out, &mut Workspace::new()).unwrap();
        assert_eq!(out, [7; 6]);
        engine.matmul_rows(left, &matrix, Store::OVERWRITE, &mut out).unwrap();
        assert_eq!(out, [0; 6]);
    }
}

#[test]
fn wrong_lengths_are_refused() {
    assert!(matches!(PackedNibbles::new(3, 2, &[0; 5]), Err(KernelError::Length { what: "codes", .. })));
    let nibbles = PackedNibbles::new(3, 2, &[1; 6]).unwrap();
    let mut matrix = PackedMatrix::new(3, 2).unwrap();
    matrix.pack(&[1; 6]).unwrap();
    for engine in engines() {
        let mut workspace = Workspace::new();
        let short = CountRows { bytes: &[0; 7], pitch: 4, count: 2 };
        let refused = engine.matmul_rows(short, &matrix, Store::ADD, &mut [0; 4]);
        assert!(matches!(refused, Err(KernelError::Length { what: "left", expected: 8, found: 7, .. })));
        let refused = engine.matmul_nibbles(short, &nibbles, Store::ADD, &mut [0; 4], &mut workspace);
        assert!(matches!(refused, Err(KernelError::Length { what: "left", expected: 8, found: 7, .. })));
        let rows = CountRows { bytes: &[0; 8], ..short };
        assert!(matches!(
            engine.matmul_rows(rows, &matrix, Store::ADD, &mut [0; 3]),
            Err(KernelError::Length { what: "out", .. })
        ));
        engine.matmul_rows(rows, &matrix, Store::ADD, &mut [0; 4]).unwrap();
    }
}
