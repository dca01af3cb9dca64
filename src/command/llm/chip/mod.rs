//! The linear maps of a spiked model on crossbar arrays: compiled, run through their converters, costed.

mod arrays;
mod cost;
mod execution;
mod record;

use compiler::HardwareSpecification;
use llm::model::Linear;
use llm::spike::{FewBitWeights, SiteCoding, SpikedLinear, SpikedModel};

use crate::CommandError;

pub use self::arrays::compile;
pub use self::cost::{ChipFigures, cost};
pub use self::execution::ChipExecution;
pub use self::record::record;

/// A linear map that arrays can hold.
struct FewBitMap<'a> {
    name: String,
    coding: &'a SiteCoding,
    weights: &'a FewBitWeights,
    bias: Option<&'a [f32]>,
}

/// Finds a linear map.
///
/// # Errors
/// [`CommandError::Usage`] where it is in floats or its weights have more bits than the chip's.
fn few_bit<'a>(
    model: &'a SpikedModel,
    block: usize,
    linear: Linear,
    hardware: &HardwareSpecification,
) -> Result<FewBitMap<'a>, CommandError> {
    let refused = |expected: String, found: String| CommandError::usage("--hardware", expected, found);
    let site = model.site(block, linear.site());
    let place = linear.site().linears().iter().position(|&other| other == linear).unwrap_or(0);
    let name = format!("block {block} {linear}");
    let (Some(coding), Some((SpikedLinear::FewBit(weights), bias))) = (&site.coding, site.linears.get(place)) else {
        return Err(refused("weights and activations in codes".to_owned(), format!("{name} in floats")));
    };
    if weights.bits > hardware.weights.bits {
        let expected = format!("weights of at most {} bits", hardware.weights.bits);
        return Err(refused(expected, format!("{name} with {} bits", weights.bits)));
    }
    Ok(FewBitMap { name, coding, weights, bias: bias.as_deref() })
}
