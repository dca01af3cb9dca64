//! The linear maps of a spiked model on crossbar arrays: what a token costs there.

use std::path::Path;

use anyhow::Context as _;
use compiler::HardwareSpecification;
use compiler::cost::{LinearMap, LinearPart, Workload, evaluate, write};
use compiler::hardware::InputCoding;
use llm::model::Linear;
use llm::spike::{SpikeCounts, SpikedModel};
use serde::Serialize;

use super::{FewBitMap, few_bit};
use crate::CommandError;

/// A token on a chip.
#[derive(Clone, Debug, Serialize)]
pub struct ChipFigures {
    hardware: String,
    arrays: usize,
    /// All components, for one token.
    energy_pj: f64,
    accumulate_only_pj: f64,
    lossless_converters_pj: f64,
    single_token_ns: f64,
    area_um2: f64,
    folder: String,
}

impl ChipFigures {
    /// One line.
    pub fn text(&self) -> String {
        format!(
            "on {}: {} arrays, {:.1} nJ and {:.2} us a token, {:.3} mm2, linear maps alone ({}/report.md)",
            self.hardware,
            self.arrays,
            self.energy_pj / 1e3,
            self.single_token_ns / 1e3,
            self.area_um2 / 1e6,
            self.folder
        )
    }
}

/// The cost of a token, from spikes counted per block and site; writes the report into a folder.
///
/// # Errors
/// [`CommandError::Usage`] where a linear map is in floats or its weights have more bits than the chip's; when the
/// folder cannot be written.
pub fn cost(
    model: &SpikedModel,
    counts: &[[SpikeCounts; 4]],
    hardware: &HardwareSpecification,
    folder: &Path,
) -> anyhow::Result<ChipFigures> {
    let maps = maps(model, counts, hardware)?;
    let tokens = counts.iter().flatten().map(|counts| counts.tokens).max().unwrap_or(0);
    let mut report = evaluate(hardware, &Workload::of_linear_maps(hardware, &maps, tokens)?);
    report
        .not_counted
        .push("attention, normalisations, embedding and output head, which are not on the arrays".to_owned());
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    write(&report, folder)?;
    Ok(ChipFigures {
        hardware: hardware.name.clone(),
        arrays: report.arrays,
        energy_pj: report.energy_pj.total(),
        accumulate_only_pj: report.comparison.accumulate_only_pj,
        lossless_converters_pj: report.comparison.lossless_converters.energy_pj,
        single_token_ns: report.latency.single_example_ns,
        area_um2: report.area_um2.total(),
        folder: folder.display().to_string(),
    })
}

/// All linear maps in the order in which they are computed.
fn maps(
    model: &SpikedModel,
    counts: &[[SpikeCounts; 4]],
    hardware: &HardwareSpecification,
) -> anyhow::Result<Vec<LinearMap>> {
    if hardware.input.coding != InputCoding::BitSerial {
        let expected = "a chip that takes codes bit by bit";
        return Err(CommandError::usage("--hardware", expected, hardware.name.clone()).into());
    }
    let mut maps: Vec<LinearMap> = Vec::new();
    for index in 0..model.blocks().len() {
        let first = maps.len();
        for linear in Linear::ALL {
            let FewBitMap { name, coding, weights, .. } = few_bit(model, index, linear, hardware)?;
            let counted = counts.get(index).map_or(SpikeCounts::default(), |sites| sites[linear.site().index()]);
            let parts = coding.classes.iter().zip(counted.bits).map(|(class, bits)| LinearPart {
                inputs: class.places.len(),
                bits: (u16::BITS - class.largest.leading_zeros()) as usize,
                active_bits: bits as f64 / counted.tokens.max(1) as f64,
            });
            let sources = match linear {
                Linear::Query | Linear::Key | Linear::Value => first.checked_sub(1).into_iter().collect(),
                Linear::Output => vec![first, first + 1, first + 2],
                Linear::Gate | Linear::Up => vec![first + 3],
                Linear::Down => vec![first + 4, first + 5],
            };
            maps.push(LinearMap { name, outputs: weights.rows, parts: parts.collect(), sources });
        }
    }
    Ok(maps)
}
