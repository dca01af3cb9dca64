//! What a device is like, as its TOML file says.

use serde::{Deserialize, Serialize};

use super::families::{DomainWall, ExponentialStep, LinearStep, Mosfet, Piecewise, PowerStep, SoftBounds};

/// A device that learns. Written as TOML; `docs/on-chip-devices.md` explains each key. Values are
/// checked by [`DeviceSpecification::check`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceSpecification {
    /// Short name, such as `gokmen-vlasov`.
    pub name: String,
    /// One sentence for `sterna learn devices`.
    pub description: String,
    /// Publications and data that the numbers come from.
    pub sources: Vec<String>,
    /// Numbers that no source states.
    #[serde(default)]
    pub assumptions: Vec<String>,
    /// How the step depends on the state.
    pub model: Model,
    /// Size of a step and its spreads.
    #[serde(default)]
    pub step: Step,
    /// Between what the state stays.
    #[serde(default)]
    pub bounds: Bounds,
    /// Number of states between and with the bounds where they are discrete: after every pulse the
    /// state is the nearest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<u32>,
    /// Two devices a weight that move upwards only; one device when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<Pair>,
    /// Devices that never move; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<Stuck>,
    /// Decay without pulses; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Energy and time of pulses, conductances; unknown when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<Energy>,
}

/// How the step depends on the state: `f(w)` of the pulse law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Model {
    /// `f = 1`.
    ConstantStep {},
    /// Steps that shrink linearly towards the bound ahead.
    LinearStep(LinearStep),
    /// Steps that vanish at the bound ahead.
    SoftBounds(SoftBounds),
    /// Steps that shrink exponentially towards the bound ahead.
    ExponentialStep(ExponentialStep),
    /// Steps that follow a power of the distance to the bound ahead.
    PowerStep(PowerStep),
    /// Steps that were measured.
    Piecewise(Piecewise),
    /// The gate charge of one transistor.
    Mosfet(Mosfet),
    /// The position of a magnetic domain wall.
    DomainWall(DomainWall),
}

impl Model {
    /// Its name in TOML.
    pub fn family(&self) -> &'static str {
        match self {
            Self::ConstantStep {} => "constant-step",
            Self::LinearStep(_) => "linear-step",
            Self::SoftBounds(_) => "soft-bounds",
            Self::ExponentialStep(_) => "exponential-step",
            Self::PowerStep(_) => "power-step",
            Self::Piecewise(_) => "piecewise",
            Self::Mosfet(_) => "mosfet",
            Self::DomainWall(_) => "domain-wall",
        }
    }
}

/// How step sizes of devices are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// `1 + spread * normal`; the magnitude where that is negative.
    #[default]
    Normal,
    /// `exp(spread * normal)`.
    LogNormal,
}

/// Size of a step and its spreads. With gain g of each device by its distribution and r normal,
///
/// ```text
/// step_up   = size * |g + min(asymmetry, 0) + asymmetry_spread * r|
/// step_down = size * |g - max(asymmetry, 0) - asymmetry_spread * r|
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Change of the state by one pulse at f = 1. Families of physical constants derive it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<f64>,
    /// Spread of g from device to device, a share of the step.
    #[serde(default)]
    pub device_spread: f64,
    /// Distribution of g.
    #[serde(default)]
    pub device_distribution: Distribution,
    /// Above 0 weakens steps downwards, below 0 steps upwards, by this share.
    #[serde(default)]
    pub asymmetry: f64,
    /// Spread of the asymmetry from device to device.
    #[serde(default)]
    pub asymmetry_spread: f64,
    /// Spread from pulse to pulse, a share of the step.
    #[serde(default)]
    pub cycle_spread: f64,
    /// Standard deviation of the weight around the state, drawn anew when the device is written, in
    /// steps of `size`.
    #[serde(default)]
    pub write_noise: f64,
}

/// Bounds of the state: `lower * |1 + lower_spread * normal|`, `upper * |1 + upper_spread * normal|`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Lower bound, at most 0.
    pub lower: f64,
    /// Upper bound, at least 0.
    pub upper: f64,
    /// Spread from device to device, a share of the bound.
    #[serde(default)]
    pub lower_spread: f64,
    /// Spread from device to device, a share of the bound.
    #[serde(default)]
    pub upper_spread: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { lower: -1.0, upper: 1.0, lower_spread: 0.0, upper_spread: 0.0 }
    }
}

/// Two devices a weight, `weight = w_plus - w_minus`. Pulses upwards raise the first, pulses downwards
/// the second. A pair is refreshed when a pulse leaves the higher one above `refresh_above` and the
/// lower one above `refresh_below` of the nominal upper bound: both are reset, and the higher one gets
/// as many pulses as the weight has steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Share of the upper bound.
    pub refresh_above: f64,
    /// Share of the upper bound.
    pub refresh_below: f64,
    /// State after a reset.
    #[serde(default)]
    pub reset: f64,
    /// Standard deviation of that state, from device to device and anew with every reset.
    #[serde(default)]
    pub reset_spread: f64,
}

/// Devices that never move; their states are uniform over a range, cut to the bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stuck {
    /// Share of all devices.
    pub share: f64,
    /// Lowest state.
    pub lower: f64,
    /// Highest state.
    pub upper: f64,
}

/// Decay of the state: `w(t) = reset + (w - reset) * exp(-t / lifetime)`, t in updates or in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Lifetime in updates; give either this or `lifetime_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_updates: Option<f64>,
    /// Lifetime in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<f64>,
    /// Spread from device to device, a share of the lifetime.
    #[serde(default)]
    pub lifetime_spread: f64,
    /// Where the state decays to.
    #[serde(default)]
    pub reset: f64,
    /// Spread of that from device to device, in the units of the state.
    #[serde(default)]
    pub reset_spread: f64,
}

/// Energy and time of one pulse and one read, and the conductances of the nominal bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Energy {
    /// Energy of one write pulse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_j: Option<f64>,
    /// Length of one write pulse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulse_ns: Option<f64>,
    /// Voltage of a read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_voltage_v: Option<f64>,
    /// Length of a read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_ns: Option<f64>,
    /// Conductance at the lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest_conductance_s: Option<f64>,
    /// Conductance at the upper bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_conductance_s: Option<f64>,
}
