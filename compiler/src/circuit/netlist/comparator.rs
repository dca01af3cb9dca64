//! What decides on the partial sum of a column.

use crate::error::CompilerError;
use crate::hardware::{Quantiser, SignedWeights};
use crate::program::{Broadcast, Program, ProjectionKind};

/// The comparators of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// None: the current goes to a converter, or counts active rows.
    None,
    /// One: 1 if `P >= 0`, else -1.
    Sign,
    /// One, with its lines exchanged and its output inverted: 1 if `P > 0`, else -1.
    Exchanged,
    /// Two: 1 if `P >= t`, -1 if `P <= -t`, else 0.
    Ternary(i32),
}

impl Comparator {
    /// The decision on a partial sum in levels.
    pub fn decide(self, partial_sum: f64) -> Option<i32> {
        match self {
            Self::None => None,
            Self::Sign => Some(if partial_sum >= 0.0 { 1 } else { -1 }),
            Self::Exchanged => Some(if partial_sum > 0.0 { 1 } else { -1 }),
            Self::Ternary(threshold) => {
                let threshold = f64::from(threshold);
                Some(i32::from(partial_sum >= threshold) - i32::from(partial_sum <= -threshold))
            }
        }
    }

    /// Distance in levels of a partial sum from the nearest change of the decision.
    pub fn margin(self, partial_sum: f64) -> f64 {
        match self {
            Self::None => f64::INFINITY,
            Self::Sign | Self::Exchanged => partial_sum.abs(),
            Self::Ternary(threshold) => (partial_sum.abs() - f64::from(threshold)).abs(),
        }
    }
}

/// The comparators of the `columns` columns of an array for one input stream; a column that holds no
/// output of the projection, and the reference column, which is the last, have none.
///
/// # Errors
/// [`CompilerError::Circuit`] where the program has no such array, stream or threshold.
pub fn comparators(
    program: &Program,
    array: usize,
    stream: usize,
    columns: usize,
) -> Result<Vec<Comparator>, CompilerError> {
    let wrong = |what: String, expected: String, found: String| CompilerError::Circuit {
        what,
        expected,
        found,
        remedy: "choose an array and a stream of crossbar.json, or compile the network again".to_owned(),
    };
    let layout = &program.layout;
    let placement = layout.arrays.get(array);
    let index = placement.map_or(usize::MAX, |placement| placement.projection);
    let projection = layout.projections.get(index).map(|projection| &projection.kind);
    let cells = program.crossbars.get(index).and_then(Option::as_ref);
    let (Some(placement), Some(ProjectionKind::Crossbar(crossbar)), Some(cells)) = (placement, projection, cells)
    else {
        return Err(wrong(format!("array {array}"), "a projection in crossbar arrays".to_owned(), "none".to_owned()));
    };
    if stream >= crossbar.streams.len() {
        let expected = format!("one of 0 to {}", crossbar.streams.len().saturating_sub(1));
        return Err(wrong(format!("input stream of array {array}"), expected, stream.to_string()));
    }
    if !is_whole(&cells.quantiser_levels) {
        let shape = format!("{:?}", cells.quantiser_levels.shape);
        return Err(wrong("thresholds".to_owned(), format!("as many as {shape}"), "another number".to_owned()));
    }
    let slices = crossbar.slices.len().max(1);
    let first = placement.column_tile.saturating_mul(crossbar.outputs_per_array);
    let weights = match layout.hardware.weights.signed {
        SignedWeights::DifferentialPair => columns,
        SignedWeights::ReferenceColumn => columns.saturating_sub(1),
    };
    let used = weights.min(crossbar.outputs.saturating_sub(first).saturating_mul(slices));
    let level = |column: usize| {
        let (output, slice) = (first + column / slices, column % slices);
        cells.quantiser_levels.get([placement.row_tile, slice, stream, output])
    };
    let comparator = |column: usize| match layout.hardware.quantiser {
        Quantiser::Ideal {} | Quantiser::Uniform { .. } => Comparator::None,
        Quantiser::Sign {} => match level(column) {
            ..=1 => Comparator::Sign,
            _ => Comparator::Exchanged,
        },
        Quantiser::Ternary {} => Comparator::Ternary(level(column)),
    };
    Ok((0..columns).map(|column| if column < used { comparator(column) } else { Comparator::None }).collect())
}

fn is_whole(levels: &Broadcast) -> bool {
    let size = levels.shape.iter().try_fold(1usize, |size, &part| size.checked_mul(part));
    size.is_some_and(|size| size > 0 && size == levels.values.len())
}
