//! Cells, scale factors and quantiser levels.

use super::Wrong;
use crate::columns::Slicing;
use crate::hardware::{HardwareSpecification, Quantiser, SignedWeights};
use crate::program::{Broadcast, Crossbar, CrossbarLayout};

/// Sizes of the cell tensors of a checked layout; `None` beyond the address space.
pub(crate) fn cell_shape(layout: &CrossbarLayout, hardware: &HardwareSpecification) -> Option<[usize; 4]> {
    let row_bytes = layout.row_bytes(hardware.array.cell_bits);
    let shape = [layout.row_tiles, layout.column_tiles, hardware.array.rows, row_bytes];
    shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size)).map(|_| shape)
}

/// Checks the tensors of one projection against its checked layout.
pub(crate) fn check_tensors(
    name: &str,
    crossbar: &Crossbar,
    layout: &CrossbarLayout,
    hardware: &HardwareSpecification,
) -> Result<(), Wrong> {
    let bytes = cell_shape(layout, hardware).map(|shape| shape.iter().product::<usize>());
    let cells = format!("{name}.cells");
    check_cells(&cells, &crossbar.cells, layout, hardware, bytes, true)?;
    let negative = format!("{name}.negative_cells");
    match hardware.weights.signed {
        SignedWeights::DifferentialPair => {
            check_cells(&negative, &crossbar.negative_cells, layout, hardware, bytes, false)?;
        }
        SignedWeights::ReferenceColumn if crossbar.negative_cells.is_empty() => {}
        SignedWeights::ReferenceColumn => {
            return Err(Wrong::new(negative, "none with a reference column", crossbar.negative_cells.len()));
        }
    }
    let (scales, levels) = (format!("{name}.scale_factors"), format!("{name}.quantiser_levels"));
    let sizes = layout.sizes();
    let granularity = hardware.scale_factors.granularity.shape(sizes);
    let (shape, smallest, largest) = match hardware.quantiser {
        Quantiser::Ideal {} | Quantiser::Uniform { .. } => ([1; 4], 1, 1),
        Quantiser::Sign {} | Quantiser::Ternary {} => (granularity, 0, (1i32 << hardware.scale_factors.bits) - 1),
    };
    check_broadcast(&scales, &crossbar.scale_factors, shape, smallest, largest)?;
    match hardware.quantiser {
        Quantiser::Ideal {} => check_broadcast(&levels, &crossbar.quantiser_levels, [1; 4], 1, 1),
        Quantiser::Sign {} => check_broadcast(&levels, &crossbar.quantiser_levels, sizes, 1, 2),
        Quantiser::Uniform { .. } | Quantiser::Ternary {} => {
            check_broadcast(&levels, &crossbar.quantiser_levels, sizes, 1, i32::MAX)
        }
    }
}

fn check_broadcast(
    field: &str,
    tensor: &Broadcast,
    full: [usize; 4],
    smallest: i32,
    largest: i32,
) -> Result<(), Wrong> {
    let fits = tensor.shape.iter().zip(full).all(|(&size, full)| size == 1 || size == full);
    if !fits {
        let expected = format!("sizes of 1 or {full:?}");
        return Err(Wrong::new(field, expected, format!("{:?}", tensor.shape)));
    }
    let count = tensor.shape.iter().product::<usize>();
    if tensor.values.len() != count {
        return Err(Wrong::new(field, format!("{count} values"), tensor.values.len()));
    }
    match tensor.values.iter().find(|&value| !(smallest..=largest).contains(value)) {
        Some(wrong) => Err(Wrong::new(field, format!("{smallest} to {largest}"), wrong)),
        None => Ok(()),
    }
}

/// Which bits of a packed row may be set, and which must be.
struct Masks {
    allowed: Vec<u8>,
    required: Vec<u8>,
}

impl Masks {
    fn new(layout: &CrossbarLayout, slicing: Slicing, outputs: usize, has_reference: bool) -> Self {
        let row_bytes = layout.row_bytes(slicing.cell_bits);
        let mut masks = Self { allowed: vec![0; row_bytes], required: vec![0; row_bytes] };
        let slices = layout.slices.len();
        for column in 0..outputs * slices {
            // The most significant slice holds the bits that the others leave.
            let bits = (slicing.bits - (column % slices) as u32 * slicing.cell_bits).min(slicing.cell_bits);
            let first = column * slicing.cell_bits as usize;
            (first..first + bits as usize).for_each(|bit| masks.allowed[bit / 8] |= 1 << (bit % 8));
        }
        if has_reference && layout.reference_weight != 0 {
            let bit = (layout.columns() - 1) * slicing.cell_bits as usize;
            masks.allowed[bit / 8] |= 1 << (bit % 8);
            masks.required[bit / 8] |= 1 << (bit % 8);
        }
        masks
    }

    fn hold(&self, row: &[u8]) -> bool {
        let mut bytes = row.iter().zip(&self.allowed).zip(&self.required);
        bytes.all(|((&byte, &allowed), &required)| byte & !allowed == 0 && byte & required == required)
    }
}

fn check_cells(
    field: &str,
    cells: &[u8],
    layout: &CrossbarLayout,
    hardware: &HardwareSpecification,
    bytes: Option<usize>,
    has_reference: bool,
) -> Result<(), Wrong> {
    if bytes != Some(cells.len()) {
        let expected = bytes.map_or("a size within the address space".to_owned(), |bytes| format!("{bytes} bytes"));
        return Err(Wrong::new(field, expected, cells.len()));
    }
    let slicing = Slicing::of(hardware);
    let (rows, row_bytes) = (hardware.array.rows, layout.row_bytes(slicing.cell_bits));
    let masks_of = |column_tile: usize| Masks::new(layout, slicing, layout.outputs_in(column_tile), has_reference);
    let masks: Vec<Masks> = (0..layout.column_tiles.min(1)).map(masks_of).collect();
    let last = masks_of(layout.column_tiles.saturating_sub(1));
    for (array, cells) in cells.chunks_exact(rows * row_bytes).enumerate() {
        let (row_tile, column_tile) = (array / layout.column_tiles, array % layout.column_tiles);
        let masks = masks.first().filter(|_| column_tile + 1 < layout.column_tiles).unwrap_or(&last);
        let rows = layout.rows_in(row_tile, rows);
        for (row, packed) in cells.chunks_exact(row_bytes).enumerate() {
            let is_right = if row < rows { masks.hold(packed) } else { packed.iter().all(|&byte| byte == 0) };
            if !is_right {
                let place = format!("{field}[{row_tile}, {column_tile}, {row}]");
                let expected = "levels within the weight's bits, 0 where unused, 1 in the reference column";
                return Err(Wrong::new(place, expected, format!("{packed:02x?}")));
            }
        }
    }
    Ok(())
}
