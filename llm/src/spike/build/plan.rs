//! What is decided of all blocks at once, before the first is made.

use kernels::Engine;
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

use super::block::weights;
use super::{Stop, record, site_saliency, steps_of_all};
use crate::LlmError;
use crate::forward::{Execution as _, FloatExecution, pass_block};
use crate::model::{Linear, Model, Site};
use crate::spike::configuration::{FLOATS, SpikeConfiguration};

/// What needs all blocks at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    /// Steps of the channels of each block and site, where sites compete.
    pub steps: Option<Vec<Vec<u32>>>,
    /// Projections that stay in floating point.
    pub kept: Vec<(usize, Linear)>,
}

impl Plan {
    /// Lets the samples pass the whole model in floats, where something needs it.
    ///
    /// # Errors
    /// [`LlmError::Stopped`], those of the execution.
    pub fn new(
        model: &Model,
        configuration: &SpikeConfiguration,
        hidden: &[Array2<f32>],
        engine: Engine,
        stop: Stop<'_>,
    ) -> Result<Self, LlmError> {
        let (kept, section) = (configuration.kept, &configuration.activations);
        let competes = section.global && section.bits != FLOATS && !section.classes.is_empty();
        let blocks = model.config().blocks;
        if kept.count == 0 && !competes {
            return Ok(Self { steps: None, kept: Vec::new() });
        }
        let mut projections: Vec<(usize, Linear)> =
            (0..blocks).flat_map(|block| Linear::ALL.map(|linear| (block, linear))).collect();
        let mut ratios = vec![[1.0f64; 4]; blocks];
        let mut sites = Vec::new();
        let mut hidden = hidden.to_vec();
        for (index, ratios) in ratios.iter_mut().enumerate() {
            let block = model.of_block(index);
            let statistics = record(&block, engine, &hidden, stop)?;
            for (site, statistics) in Site::ALL.into_iter().zip(&statistics.sites) {
                ratios[site.index()] = statistics.spike_ratio();
                let outputs = site.linears().iter().map(|linear| linear.shape(model.config())[0]).sum();
                let stream = (index * 4 + site.index()) as u64;
                if competes {
                    let saliency = site_saliency(statistics, &weights(&block, site), configuration, stream)?;
                    sites.push((saliency, outputs));
                }
            }
            let float = FloatExecution::new(block, engine);
            for hidden in &mut hidden {
                stop.check()?;
                pass_block(&float, &mut float.new_state(hidden.nrows())?, 0, hidden)?;
            }
        }
        if kept.random {
            let mut generator = ChaCha8Rng::seed_from_u64(configuration.calibration.seed);
            let mut drawn: Vec<(u64, (usize, Linear))> =
                projections.into_iter().map(|projection| (generator.next_u64(), projection)).collect();
            drawn.sort();
            projections = drawn.into_iter().map(|(_, projection)| projection).collect();
        } else {
            let ratio = |(block, linear): &(usize, Linear)| ratios[*block][linear.site().index()];
            projections.sort_by(|a, b| ratio(b).total_cmp(&ratio(a)).then(a.cmp(b)));
        }
        projections.truncate(kept.count);
        Ok(Self { steps: competes.then(|| steps_of_all(&sites, section)), kept: projections })
    }
}
