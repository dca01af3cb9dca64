//! Linear maps compiled: a program of its own for each class of channels and group of columns of a linear map.

use std::ops::Range;
use std::path::Path;

use anyhow::Context as _;
use compiler::calibration::calibrate;
use compiler::hardware::Quantiser;
use compiler::mapping::{compile_deployment, deploy};
use compiler::{HardwareSpecification, Program};
use kernels::{Engine, Parallelism};
use llm::model::Linear;
use llm::spike::{FewBitWeights, SpikedModel, SpikingExecution};
use rayon::prelude::*;
use snn::{Network, NetworkDescription, Weights};
use spikegrad::{Resources, Samples};

use super::record::{Recorded, record};
use super::{FewBitMap, few_bit};
use crate::CommandError;

/// Linear maps on arrays.
#[derive(Debug)]
pub struct ChipModel {
    /// Per block, in the order of [`Linear::ALL`].
    pub(super) maps: Vec<Vec<Map>>,
}

/// A linear map
///
/// ```text
/// y = bias + sum over parts of s s_w (P + (c - z_w) sum(q) - z rest)
/// ```
///
/// with P what the arrays of a part deliver, `sum of (m - c) q` from exact columns, and s and z scale and zero point of
/// the token. The centre c of each output is the one of both middle codes that loses least where cells hold as many
/// levels upwards as downwards; the sum of the codes is taken beside the arrays, once for all outputs.
#[derive(Debug)]
pub(super) struct Map {
    pub name: String,
    pub bias: Option<Vec<f32>>,
    pub parts: Vec<Part>,
}

/// Columns of one class and one group.
#[derive(Debug)]
pub(super) struct Part {
    pub program: Program,
    pub class: usize,
    /// Their places in the order of the coding.
    pub places: Range<usize>,
    /// Per output: scale of the weights, `c - z_w`, and the sum of `m - z_w` as the cells hold m.
    pub scales: Vec<f32>,
    pub offsets: Vec<i32>,
    pub rests: Vec<i32>,
}

impl ChipModel {
    /// Writes every program into a folder of its own, `DIR/block-0-query-0` and so on.
    ///
    /// # Errors
    /// When a folder or a file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        for map in self.maps.iter().flatten() {
            for (number, part) in map.parts.iter().enumerate() {
                let folder = folder.join(format!("{}-{number}", map.name.replace(' ', "-")));
                std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
                part.program.write(&folder)?;
            }
        }
        Ok(())
    }

    /// Programs in all.
    pub fn programs(&self) -> usize {
        self.maps.iter().flatten().map(|map| map.parts.len()).sum()
    }
}

/// Compiles all linear maps. Steps of converters with calibrated range are chosen on the codes that arise while the
/// model reads `sequences` in exact spikes.
///
/// # Errors
/// [`CommandError::Usage`] for comparators, whose scale factors would have to be trained, for a linear map in floats or
/// with more bits than the chip's weights, and for codes beyond 8 bits; those of compilation.
pub fn compile(
    model: &std::sync::Arc<SpikedModel>,
    hardware: &HardwareSpecification,
    sequences: &[&[u32]],
    resources: Resources,
) -> anyhow::Result<ChipModel> {
    if !matches!(hardware.quantiser, Quantiser::Ideal {} | Quantiser::Uniform { .. }) {
        let expected =
            "a chip with converters; comparators need scale factors from training, which language models have not";
        return Err(CommandError::usage("--hardware", expected, hardware.name.clone()).into());
    }
    let engine = Engine::new(resources.isa, Parallelism::Serial)?;
    let recorded = record(SpikingExecution::new(model.clone(), engine)?, sequences)?;
    let places = (0..model.blocks().len()).flat_map(|block| Linear::ALL.map(|linear| (block, linear)));
    let places: Vec<(usize, Linear)> = places.collect();
    let one = |&(block, linear): &(usize, Linear)| map(model, &recorded, block, linear, hardware, resources);
    let maps = places.par_iter().map(one).collect::<anyhow::Result<Vec<Map>>>()?;
    let mut maps = maps.into_iter();
    let blocks = (0..model.blocks().len()).map(|_| maps.by_ref().take(Linear::ALL.len()).collect());
    Ok(ChipModel { maps: blocks.collect() })
}

fn map(
    model: &SpikedModel,
    recorded: &Recorded,
    block: usize,
    linear: Linear,
    hardware: &HardwareSpecification,
    resources: Resources,
) -> anyhow::Result<Map> {
    let FewBitMap { name, coding, weights, bias } = few_bit(model, block, linear, hardware)?;
    if coding.largest_code() > u8::MAX.into() {
        let found = format!("codes up to {} at {name}", coding.largest_code());
        return Err(CommandError::usage("--hardware", "activations of at most 8 bits", found).into());
    }
    let of_sequences = recorded[block][linear.site().index()].iter();
    let codes = of_sequences.flat_map(|codes| (0..codes.tokens()).map(|token| codes.token(token)));
    let codes: Vec<Vec<u16>> = codes.collect();
    let parts = weights.parts(coding).into_iter().map(|(class, places)| {
        let place = |row: usize| row * weights.groups() + weights.group_of(places.start);
        let (multipliers, centres) = centred(weights, &places, hardware.weights.largest());
        let network = network(multipliers, weights.rows, coding.classes[class].largest)?;
        let samples = TokenCodes { codes: &codes, places: places.clone(), outputs: weights.rows };
        // Parts are compiled side by side.
        let calibration = calibrate(&network, hardware, &samples, Resources { threads: 1, ..resources })?.calibration;
        let deployment = deploy(&network, hardware)?;
        let program = compile_deployment(&deployment, hardware, &calibration).with_context(|| name.clone())?;
        let offsets = centres.iter().enumerate().map(|(row, centre)| centre - i32::from(weights.zeros[place(row)]));
        let offsets: Vec<i32> = offsets.collect();
        let Some(Weights::I8(deployed)) = &deployment.network.projections()[0].weights else {
            return Err(CommandError::usage("--hardware", "weights of 8 bits", "others").into());
        };
        let rest = |(row, offset): (&[i8], &i32)| row.iter().map(|&weight| i32::from(weight) + offset).sum::<i32>();
        let rests = deployed.chunks_exact(places.len()).zip(&offsets).map(rest).collect();
        let scales = (0..weights.rows).map(|row| weights.scales[place(row)]).collect();
        Ok(Part { program, class, places, scales, offsets, rests })
    });
    let parts = parts.collect::<anyhow::Result<_>>()?;
    Ok(Map { name, bias: bias.map(<[f32]>::to_vec), parts })
}

/// `m - c`, `[outputs][places]`, and the centre c of every output: the upper middle code, or the lower one where less of the
/// weights leaves `-largest..=largest` with it.
fn centred(weights: &FewBitWeights, places: &Range<usize>, largest: i32) -> (Vec<i8>, Vec<i32>) {
    let middle = 1i32 << (weights.bits - 1);
    let mut multipliers = Vec::with_capacity(weights.rows * places.len());
    let mut centres = Vec::with_capacity(weights.rows);
    for row in 0..weights.rows {
        let codes = || places.clone().map(|column| i32::from(weights.code(row, column)));
        let lost = |centre: i32| codes().map(|code| ((code - centre).abs() - largest).max(0)).sum::<i32>();
        let centre = if lost(middle - 1) < lost(middle) { middle - 1 } else { middle };
        // Codes of at most 8 bits less their lower middle leave a byte by one at most.
        multipliers.extend(codes().map(|code| (code - centre).min(127) as i8));
        centres.push(centre);
    }
    (multipliers, centres)
}

/// A network of one dense projection, whose readout is its total input.
fn network(multipliers: Vec<i8>, outputs: usize, largest: u16) -> anyhow::Result<Network> {
    let inputs = multipliers.len() / outputs.max(1);
    let description = format!(
        "[[population]]\nname = \"codes\"\nshape = [{inputs}]\nneuron = \"input\"\nmaximum_count = {largest}\n\
         [[population]]\nname = \"sums\"\nshape = [{outputs}]\nneuron = \"readout\"\nthreshold = 1\n\
         [[projection]]\nname = \"linear\"\nfrom = \"codes\"\nto = \"sums\"\nkind = \"dense\"\n"
    );
    let mut network = Network::build(&NetworkDescription::from_toml(&description)?)?;
    network.set_weights(0, Weights::I8(multipliers))?;
    Ok(network)
}

/// Recorded codes of a part as the examples that calibration asks for.
struct TokenCodes<'a> {
    codes: &'a [Vec<u16>],
    places: Range<usize>,
    outputs: usize,
}

impl Samples for TokenCodes<'_> {
    fn len(&self) -> usize {
        self.codes.len()
    }

    fn input_length(&self) -> usize {
        self.places.len()
    }

    fn classes(&self) -> usize {
        self.outputs
    }

    fn fill(&self, _: Option<u32>, index: usize, out: &mut [u8]) {
        // No code has more than 8 bits.
        out.iter_mut().zip(&self.codes[index][self.places.clone()]).for_each(|(byte, &code)| *byte = code as u8);
    }

    fn label(&self, _: usize) -> usize {
        0
    }

    fn order(&self, _: u32) -> Vec<u32> {
        (0..self.codes.len() as u32).collect()
    }
}
