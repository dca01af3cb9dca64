//! Products of every layout.

use proptest::prelude::*;

use super::{bytes, config, integers, prepare, store};
use crate::product::amx::multiply_tiles;
use crate::product::{BLOCK, GROUP, Operand, Output, Product, UnsignedSide, scalar};

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
