//! Counts of a spiked language model: its linear maps on arrays, token after token.

use super::shapes::Tiling;
use super::workload::{Basis, CrossbarWork, Stage, Workload, mismatch};
use crate::CompilerError;
use crate::hardware::HardwareSpecification;

/// Columns of a linear map whose codes have the same number of bits: they share arrays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearPart {
    /// Inputs.
    pub inputs: usize,
    /// Bits of their codes: reads of an array for a token.
    pub bits: usize,
    /// Ones among the bits of their codes, mean over tokens.
    pub active_bits: f64,
}

/// A linear map of a spiked language model.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearMap {
    /// Name, unique in the model.
    pub name: String,
    /// Outputs.
    pub outputs: usize,
    /// Its inputs by the bits of their codes.
    pub parts: Vec<LinearPart>,
    /// Linear maps whose outputs lead to its inputs, by their place in the list; all come before it.
    pub sources: Vec<usize>,
}

impl Workload {
    /// Counts of one token on a chip: codes enter the rows bit by bit, as measured over `tokens` tokens; parts of a linear
    /// map lie in arrays of their own, and their sums are added where they leave them. Weights fill the slices of
    /// the specification. Attention, normalisations and output head are not on the arrays and not counted; nothing is
    /// said of the accuracy with converters that lose bits.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] for sizes of zero, more active bits than there are, and sources that do not come
    /// before; [`CompilerError::Mapping`] if the slices of one output do not fit an array.
    pub fn of_linear_maps(
        hardware: &HardwareSpecification,
        maps: &[LinearMap],
        tokens: u64,
    ) -> Result<Self, CompilerError> {
        let tiling = Tiling::of(hardware, maps.first().map_or("", |map| &map.name))?;
        let mut stages = Vec::with_capacity(maps.len());
        for (index, map) in maps.iter().enumerate() {
            let wrong = |what: &str, expected: &str, found: f64| {
                Err(mismatch(&format!("{what} of linear map '{}'", map.name), expected, found))
            };
            if map.outputs == 0 || map.parts.is_empty() || map.parts.iter().any(|part| part.inputs * part.bits == 0) {
                return wrong("sizes", "at least 1 each", 0.0);
            }
            let most = |part: &LinearPart| (part.inputs * part.bits) as f64;
            if let Some(part) = map.parts.iter().find(|part| !(0.0..=most(part)).contains(&part.active_bits)) {
                return wrong("active bits", "at most inputs times bits", part.active_bits);
            }
            if let Some(&source) = map.sources.iter().find(|&&source| source >= index) {
                return wrong("sources", "earlier ones", source as f64);
            }
            let work = |part: &LinearPart| -> CrossbarWork {
                tiling.work(&map.name, [part.inputs, map.outputs, 1, part.bits], part.active_bits)
            };
            stages.push(Stage {
                name: map.name.clone(),
                neurons: map.outputs,
                channels: map.outputs,
                count_bits: map.parts.iter().map(|part| part.bits).max().unwrap_or(1) as u32,
                updates: map.outputs as f64,
                sources: map.sources.clone(),
                crossbars: map.parts.iter().map(work).collect(),
                digital: Vec::new(),
            });
        }
        Ok(Self { basis: Basis::Simulated { examples: tokens }, stages })
    }
}
