//! Spiking networks that learn by SpikeGrad with weights in arrays of devices.
//!
//! Forward and backward passes are those of [`spikegrad::Trainer`]: a spike count is a number of read pulses on a row,
//! an error count a number of error spikes on a column. The mantissa of a weight is what a read of its devices gives,
//!
//! ```text
//! m = clamp( round_half_away( W * 2^f ), -127, 127 )
//! ```
//!
//! with W the real weight that the array holds, wires included, which are taken as they are at the first update of an epoch.
//! How an update reaches the devices is the array's [`UpdateRule`]:
//!
//! - `accumulated`: the trainer's float weights are a digital memory. They ask for `round_half_away(weight / step)` pulses
//!   from state 0, the devices get the difference to what was asked before. On ideal devices with a step of one grid unit
//!   this is the integer SpikeGrad update, bit for bit.
//! - `rounded`, `amplitude`: the change that the update wants becomes pulses at once; the trainer then goes on from the
//!   weights that the devices hold. Beside momentum there is no digital memory.
//! - `trains`: every example's error counts meet its spike counts as stochastic pulse trains, in the order of the batch.
//!   Momentum and weight decay take no part.

mod carrier;
mod site;
#[cfg(test)]
mod tests;

use kernels::{Engine, Isa, Parallelism};
use snn::{Network, Weights};
use spikegrad::{
    Carried, GradientSums, Group, Histogram, Position, SpikegradError, StateMismatch, Substrate, SubstrateRates,
    SubstrateScratch,
};

use self::carrier::Scratch;
use self::site::Site;
use super::array::{ArraySettings, LearningArray, UpdateRule, Verification};
use super::device::DeviceSpecification;
use super::record::{Record, end};
use crate::error::CompilerError;
use crate::substrate::scratch_of;

/// Bits after the point of total inputs that carry noise.
const NOISE_BITS: u32 = 8;

/// Which projections learn on the chip, and how their weights get there.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Placement {
    /// Names of the projections on the chip; all with trained weights when empty. The others learn digitally.
    pub projections: Vec<String>,
    /// How initial weights are written; ideally when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// Projections whose weights are states of devices.
#[derive(Debug)]
pub struct LearningSubstrate {
    specification: DeviceSpecification,
    settings: ArraySettings,
    placement: Placement,
    seed: u64,
    engine: Engine,
    /// Per projection of the network.
    sites: Vec<Option<Site>>,
    grid_bits: Vec<u32>,
    /// Tells the reads of one update from those of another.
    update: u64,
}

impl LearningSubstrate {
    /// Draws the devices and writes the weights of `network` into them. `settings.gain` is in units of 128 grid
    /// units of each projection: with 1 a device in state 1 stands for a mantissa of 128.
    ///
    /// # Errors
    /// [`CompilerError::Mapping`] for a projection that is not there, whose weights are no trained mantissas of 8
    /// bits, or whose name is that of another one with a dot and more behind it, and those of [`LearningArray::draw`] and [`Verification::check`].
    pub fn new(
        network: &Network,
        specification: &DeviceSpecification,
        settings: &ArraySettings,
        placement: &Placement,
        seed: u64,
        isa: Isa,
    ) -> Result<Self, CompilerError> {
        let engine = Engine::new(isa, Parallelism::Serial)?;
        placement.verification.map_or(Ok(()), |verification| verification.check(&specification.name))?;
        let mapping = |name: &str, problem: String| CompilerError::Mapping {
            part: "projection",
            name: name.to_owned(),
            hardware: specification.name.clone(),
            problem,
            remedy: "name projections with trained weights of 8 bits, or none for all of them".to_owned(),
        };
        for name in &placement.projections {
            if !network.projections().iter().any(|projection| &projection.name == name) {
                return Err(mapping(name, "there is none of this name".to_owned()));
            }
        }
        let mut sites = Vec::new();
        for (index, projection) in network.projections().iter().enumerate() {
            let is_wanted = placement.projections.is_empty() || placement.projections.contains(&projection.name);
            let site = match &projection.weights {
                Some(Weights::I8(mantissas)) if is_wanted => {
                    let mut site = Site::new(network, index, specification, settings, seed)?;
                    site.write(mantissas, placement.verification)?;
                    Some(site)
                }
                Some(_) | None if is_wanted && !placement.projections.is_empty() => {
                    return Err(mapping(&projection.name, "its weights are fixed or have no 8 bits".to_owned()));
                }
                _ => None,
            };
            sites.push(site);
        }
        check_names(sites.iter().flatten(), specification)?;
        let is_disturbed = sites.iter().flatten().any(|site| !site.is_exact());
        let bits = |population: &snn::Population| {
            let is_driven = population.incoming.iter().any(|&incoming| sites[incoming].is_some());
            if is_disturbed && is_driven { NOISE_BITS } else { 0 }
        };
        let grid_bits = network.populations().iter().map(bits).collect();
        let (specification, settings) = (specification.clone(), settings.clone());
        let placement = placement.clone();
        Ok(Self { specification, settings, placement, seed, engine, sites, grid_bits, update: 0 })
    }

    /// Puts the weights of `network`, one of the same projections, in place of what the devices hold: reads then give
    /// these, with the noise and offsets of the arrays, until the next update. For networks that were learned on the chip
    /// and kept as a model.
    ///
    /// # Errors
    /// [`CompilerError::Mapping`] for a projection with other weights.
    pub fn hold(&mut self, network: &Network) -> Result<(), CompilerError> {
        for (index, site) in self.sites.iter_mut().enumerate() {
            let Some(site) = site else { continue };
            let weights = network.projections().get(index).and_then(|projection| projection.weights.as_ref());
            match weights {
                Some(Weights::I8(mantissas)) if mantissas.len() == site.mantissas().len() => site.hold(mantissas),
                other => {
                    let found = other.map_or(0, Weights::len);
                    return Err(CompilerError::Mapping {
                        part: "projection",
                        name: site.name.clone(),
                        hardware: self.specification.name.clone(),
                        problem: format!("expected {} weights of 8 bits, found {found}", site.mantissas().len()),
                        remedy: "take the model of the network that learned on this chip".to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The arrays of projections on the chip, by the index of the projection.
    pub fn arrays(&self) -> impl Iterator<Item = (usize, &LearningArray)> {
        self.sites.iter().enumerate().filter_map(|(index, site)| Some((index, site.as_ref()?.array())))
    }

    fn site(&self, projection: usize) -> Result<&Site, SpikegradError> {
        self.sites.get(projection).and_then(Option::as_ref).ok_or_else(|| SpikegradError::Network {
            problem: format!("projection {projection} is not on the chip"),
            remedy: "train it as an exact product".to_owned(),
        })
    }
}

/// Refuses a name that is another one with a dot and more behind it: parts of arrays are called so in records and figures.
fn check_names<'a>(
    sites: impl Iterator<Item = &'a Site> + Clone,
    specification: &DeviceSpecification,
) -> Result<(), CompilerError> {
    for site in sites.clone() {
        let is_part = |name: &str| name.strip_prefix(&site.name).is_some_and(|rest| rest.starts_with('.'));
        if let Some(part) = sites.clone().find(|other| is_part(&other.name)) {
            return Err(CompilerError::Mapping {
                part: "projection",
                name: part.name.clone(),
                hardware: specification.name.clone(),
                problem: format!(
                    "its name is that of projection '{}' with a dot, as parts of its array are called",
                    site.name
                ),
                remedy: "give one of them another name, or leave one off the chip".to_owned(),
            });
        }
    }
    Ok(())
}

impl Substrate for LearningSubstrate {
    fn identity(&self) -> String {
        let parts = (&self.specification, &self.settings, &self.placement, self.seed);
        serde_json::to_string(&parts).unwrap_or_else(|_| format!("{parts:?}"))
    }

    fn refresh(&mut self, _network: &Network, position: &Position) -> Result<(), SpikegradError> {
        self.update = u64::from(position.epoch) << 32 | (position.batch & u64::from(u32::MAX));
        self.sites.iter_mut().flatten().for_each(|site| site.takes_wires = position.batch == 0);
        self.sites.iter_mut().flatten().try_for_each(Site::pack).map_err(Into::into)
    }

    fn constrain(&self, projection: usize, mantissas: &mut [i8]) {
        if let Some(Some(site)) = self.sites.get(projection) {
            mantissas.copy_from_slice(site.mantissas());
        }
    }

    fn store(&mut self, projection: usize, weights: &mut [f32], mantissas: &mut [i8]) -> Result<(), SpikegradError> {
        let Some(Some(site)) = self.sites.get_mut(projection) else { return Ok(()) };
        site.store(weights)?;
        mantissas.copy_from_slice(site.mantissas());
        Ok(())
    }

    fn carries(&self, projection: usize) -> Option<Carried> {
        let site = self.sites.get(projection)?.as_ref()?;
        let takes_examples = matches!(self.settings.rule, UpdateRule::Trains { .. });
        let denominator = site.disturbs_errors().then_some(carrier::ERROR_UNITS);
        let is_carried = takes_examples || self.grid_bits[site.to] > 0 || denominator.is_some();
        is_carried.then_some(Carried { parameters: 0, denominator })
    }

    fn grid_bits(&self, population: usize) -> u32 {
        self.grid_bits[population]
    }

    fn scratch(&self) -> SubstrateScratch {
        Box::new(Scratch::default())
    }

    fn add_currents(
        &self,
        projection: usize,
        group: &Group<'_>,
        totals: &mut [i64],
        scratch: &mut SubstrateScratch,
    ) -> Result<(), SpikegradError> {
        let site = self.site(projection)?;
        let bits = self.grid_bits[site.to];
        let scratch = scratch_of::<Scratch>(scratch);
        carrier::add_currents(site, self.engine, group, self.update, bits, totals, scratch).map_err(Into::into)
    }

    fn add_gradients(
        &self,
        projection: usize,
        group: &Group<'_>,
        errors: &[i32],
        sums: &mut GradientSums,
        scratch: &mut SubstrateScratch,
    ) -> Result<(), SpikegradError> {
        let site = self.site(projection)?;
        if site.disturbs_errors() {
            carrier::add_gradients(site, group, errors, self.update, sums, scratch_of::<Scratch>(scratch));
        }
        if matches!(self.settings.rule, UpdateRule::Trains { .. }) {
            carrier::add_factors(site, group, errors, &mut sums.factors);
        }
        Ok(())
    }

    fn update(&mut self, sums: &[GradientSums], rates: &SubstrateRates) -> Result<(), SpikegradError> {
        self.sites.iter_mut().flatten().for_each(|site| site.set_learning_rate(rates.learning_rate));
        let UpdateRule::Trains { .. } = self.settings.rule else { return Ok(()) };
        for (site, sums) in self.sites.iter_mut().zip(sums) {
            if let Some(site) = site {
                site.learn(&sums.factors, rates)?;
            }
        }
        Ok(())
    }

    fn figures(&self) -> Vec<(String, f64)> {
        self.sites.iter().flatten().flat_map(Site::figures).collect()
    }

    fn histograms(&self) -> Vec<(String, Histogram)> {
        self.sites.iter().flatten().flat_map(Site::histograms).collect()
    }

    fn state(&self) -> Vec<(String, Vec<f32>)> {
        self.sites.iter().flatten().flat_map(Site::record).collect()
    }

    fn restore(&mut self, state: Vec<(String, Vec<f32>)>) -> Result<(), StateMismatch> {
        let mut record: Record = state.into_iter().collect();
        let mismatch = |name: &str, error: CompilerError| match error {
            CompilerError::Record { name, expected, found } => StateMismatch { name, expected, found },
            error => StateMismatch {
                name: name.to_owned(),
                expected: "an array of the same devices".to_owned(),
                found: error.to_string(),
            },
        };
        for site in self.sites.iter_mut().flatten() {
            site.restore(&mut record).map_err(|error| mismatch(&site.name, error))?;
        }
        end(&record).map_err(|error| mismatch("state", error))
    }
}
