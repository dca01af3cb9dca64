//! Levels of one array among those of a projection.

use proptest::prelude::*;

use super::hardware;
use crate::circuit::ArrayLevels;
use crate::hardware::SignedWeights;
use crate::program::{
    ArrayPlacement, Broadcast, Crossbar, CrossbarLayout, FORMAT, Geometry, Layout, Program, ProjectionKind,
    ProjectionLayout, StreamLayout,
};

/// Slices of a weight.
const SLICES: usize = 2;

/// A projection of `tiles[0] * tiles[1]` arrays of 5 rows for `outputs` outputs each, one less in the
/// last column tile; the level of the cell (tile, row, column) is a function of these numbers.
fn program(bits: u32, tiles: [usize; 2], outputs: usize, paired: bool) -> Program {
    let mut hardware = hardware(bits);
    hardware.array.rows = 5;
    if !paired {
        hardware.weights.signed = SignedWeights::ReferenceColumn;
    }
    let columns = outputs * SLICES + usize::from(!paired);
    let row_bytes = (columns * bits as usize).div_ceil(8);
    let pack = |sign: usize| {
        let mut bytes = vec![0u8; tiles[0] * tiles[1] * 5 * row_bytes];
        for tile in 0..tiles[0] * tiles[1] {
            for (row, column) in (0..5).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                let level = level(bits, tile, row, column, sign);
                for bit in 0..bits as usize {
                    let place = column * bits as usize + bit;
                    let byte = (tile * 5 + row) * row_bytes + place / 8;
                    bytes[byte] |= ((level >> bit) & 1) << (place % 8);
                }
            }
        }
        bytes
    };
    let place = |tile: usize| ArrayPlacement {
        projection: 0,
        replica: 0,
        row_tile: tile / tiles[1],
        column_tile: tile % tiles[1],
        tile: 0,
        rows: 5 - tile % 2,
        columns: 1,
    };
    let crossbar = CrossbarLayout {
        geometry: Geometry::Dense {},
        fan_in: 5 * tiles[0],
        outputs: outputs * tiles[1] - 1,
        row_tiles: tiles[0],
        column_tiles: tiles[1],
        outputs_per_array: outputs,
        slices: vec![1; SLICES],
        streams: vec![StreamLayout { weight: 1, index: 0 }],
        unit: 1,
        reference_weight: if paired { 0 } else { -1 },
        replicas: 1,
        first_array: 0,
    };
    let kind = ProjectionKind::Crossbar(crossbar);
    let layout = Layout {
        format: FORMAT,
        hardware,
        populations: vec![],
        projections: vec![ProjectionLayout { name: "dense".to_owned(), from: 0, to: 1, kind }],
        arrays: (0..tiles[0] * tiles[1]).map(place).collect(),
        routes: vec![],
    };
    let cells = Crossbar {
        cells: pack(0),
        negative_cells: if paired { pack(1) } else { vec![] },
        scale_factors: Broadcast::uniform(1),
        quantiser_levels: Broadcast::uniform(1),
    };
    Program { layout, crossbars: vec![Some(cells)] }
}

fn level(bits: u32, tile: usize, row: usize, column: usize, sign: usize) -> u8 {
    ((tile * 31 + row * 17 + column * 7 + sign * 3 + row * column) % (1 << bits)) as u8
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn levels_are_found(
        bits in 1u32..=8, row_tiles in 1usize..4, column_tiles in 1usize..4, outputs in 2usize..20,
        paired in any::<bool>(), pick in 0usize..100,
    ) {
        let program = program(bits, [row_tiles, column_tiles], outputs, paired);
        let array = pick % (row_tiles * column_tiles);
        let found = ArrayLevels::of(&program, array).unwrap();
        let columns = outputs * SLICES + usize::from(!paired);
        prop_assert_eq!((found.rows, found.columns), (5 - array % 2, columns));
        let expected = |sign: usize| -> Vec<u8> {
            (0..found.rows)
                .flat_map(|row| (0..columns).map(move |column| level(bits, array, row, column, sign)))
                .collect()
        };
        prop_assert_eq!(&found.positive, &expected(0));
        prop_assert_eq!(&found.negative, &paired.then(|| expected(1)));
    }
}

#[test]
fn missing_cells_are_an_error() {
    let whole = program(2, [2, 2], 4, true);
    assert!(ArrayLevels::of(&whole, 4).is_err());
    let broken = |change: &dyn Fn(&mut Program)| {
        let mut program = whole.clone();
        change(&mut program);
        let error = ArrayLevels::of(&program, 3).unwrap_err().to_string();
        assert!(error.contains("array 3"), "{error}");
    };
    broken(&|program| program.crossbars[0] = None);
    broken(&|program| program.crossbars.clear());
    broken(&|program| program.layout.projections.clear());
    broken(&|program| program.layout.arrays[3].rows = 6);
    broken(&|program| program.layout.arrays[3].rows = usize::MAX);
    broken(&|program| program.layout.hardware.array.cell_bits = 3);
    broken(&|program| program.layout.arrays[3].row_tile = 2);
    broken(&|program| program.layout.arrays[3].column_tile = 2);
    broken(&|program| {
        let cells = program.crossbars[0].as_mut().unwrap();
        cells.negative_cells.clear();
    });
    broken(&|program| {
        let cells = program.crossbars[0].as_mut().unwrap();
        cells.cells.pop();
        cells.negative_cells.pop();
    });
    broken(&|program| program.layout.hardware.array.rows = 0);
}
