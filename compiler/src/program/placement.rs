//! Which array holds what, and what moves to and from it.

use super::{ArrayPlacement, ProjectionKind, ProjectionLayout, Route};
use crate::hardware::{HardwareSpecification, SignedWeights};

/// Every array in the order of its index. The sizes in the projections must have been checked.
pub(crate) fn arrays(hardware: &HardwareSpecification, projections: &[ProjectionLayout]) -> Vec<ArrayPlacement> {
    let per_tile = hardware.arrays_per_tile();
    let reference = usize::from(hardware.weights.signed == SignedWeights::ReferenceColumn);
    let mut arrays = Vec::new();
    for (index, projection) in projections.iter().enumerate() {
        let ProjectionKind::Crossbar(layout) = &projection.kind else { continue };
        let columns_per_output = layout.slices.len() * hardware.weights.columns_per_slice();
        for replica in 0..layout.replicas {
            for array in 0..layout.arrays() {
                let (row_tile, column_tile) = (array / layout.column_tiles, array % layout.column_tiles);
                arrays.push(ArrayPlacement {
                    projection: index,
                    replica,
                    row_tile,
                    column_tile,
                    tile: arrays.len() / per_tile,
                    rows: layout.rows_in(row_tile, hardware.array.rows),
                    columns: layout.outputs_in(column_tile) * columns_per_output + reference,
                });
            }
        }
    }
    arrays
}

/// Counts to and sums from every array, and one route for each digital projection, in the order of
/// the projections.
pub(crate) fn routes(
    hardware: &HardwareSpecification,
    projections: &[ProjectionLayout],
    arrays: &[ArrayPlacement],
) -> Vec<Route> {
    let mut routes = Vec::new();
    let mut placed = arrays.iter().enumerate().peekable();
    for (index, projection) in projections.iter().enumerate() {
        let ProjectionKind::Crossbar(layout) = &projection.kind else {
            routes.push(Route::Digital { projection: index });
            continue;
        };
        while let Some((array, placement)) = placed.next_if(|(_, placement)| placement.projection == index) {
            let first_row = placement.row_tile * hardware.array.rows;
            routes.push(Route::Counts { population: projection.from, array, first_row });
            let first_output = placement.column_tile * layout.outputs_per_array;
            routes.push(Route::Sums { array, population: projection.to, first_output });
        }
    }
    routes
}
