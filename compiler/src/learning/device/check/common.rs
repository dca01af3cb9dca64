//! Checks of what all families share.

use super::Checker;
use crate::CompilerError;
use crate::learning::device::{Bounds, DeviceSpecification, Model};

/// Largest spread of devices or pulses, in steps or shares; a larger one is a slip.
const LARGEST_SPREAD: f64 = 100.0;
/// Largest bound of the state and largest step.
const LARGEST_STATE: f64 = 1000.0;
/// Largest write noise in steps.
const LARGEST_NOISE: f64 = 1e4;
const LARGEST_LIFETIME: f64 = 1e18;
const MOST_LEVELS: u32 = 1 << 20;
const SPREAD: &str = "give a standard deviation as a share, or 0 for none";

impl Checker<'_> {
    pub(super) fn names(&self, specification: &DeviceSpecification) -> Result<(), CompilerError> {
        let name = &specification.name;
        let is_plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
        let holds = is_plain && (1..=64).contains(&name.len()) && !name.starts_with(['.', '-']);
        let expected = "1 to 64 letters, digits, '-', '_' and '.', the first a letter, digit or '_'";
        self.that(holds, "name", expected, format_args!("{name:?}"), "choose a name that can be part of a file name")?;
        let text = |field: String, text: &str, most: usize| {
            let holds = !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
            let found = format!("{} characters", text.chars().count());
            self.that(holds, &field, format_args!("one line of 1 to {most} characters"), found, "rewrite it")
        };
        text("description".to_owned(), &specification.description, 400)?;
        for (index, source) in specification.sources.iter().enumerate() {
            text(format!("sources[{index}]"), source, 2000)?;
        }
        for (index, assumption) in specification.assumptions.iter().enumerate() {
            text(format!("assumptions[{index}]"), assumption, 2000)?;
        }
        Ok(())
    }

    pub(super) fn bounds(&self, specification: &DeviceSpecification) -> Result<(), CompilerError> {
        let bounds = &specification.bounds;
        self.within("bounds.lower", bounds.lower, -LARGEST_STATE, 0.0, "the state 0 must lie within the bounds")?;
        self.within("bounds.upper", bounds.upper, 0.0, LARGEST_STATE, "the state 0 must lie within the bounds")?;
        let expected = format!("above bounds.lower = {}", bounds.lower);
        self.that(bounds.upper > bounds.lower, "bounds.upper", expected, bounds.upper, "leave a range between them")?;
        self.within("bounds.lower_spread", bounds.lower_spread, 0.0, LARGEST_SPREAD, SPREAD)?;
        self.within("bounds.upper_spread", bounds.upper_spread, 0.0, LARGEST_SPREAD, SPREAD)
    }

    /// What physical constants determine must not be given a second time.
    pub(super) fn given_once(&self, specification: &DeviceSpecification) -> Result<(), CompilerError> {
        let is_physical = matches!(specification.model, Model::Mosfet(_) | Model::DomainWall(_));
        let is_derived = is_physical || matches!(specification.model, Model::Piecewise(_));
        let (family, step) = (specification.model.family(), &specification.step);
        let found = |value: Option<f64>| value.map_or("nothing".to_owned(), |value| value.to_string());
        let nothing = format!("nothing beside the family '{family}', which determines it");
        let twice = "leave it out";
        if is_derived {
            self.that(step.size.is_none(), "step.size", &nothing, found(step.size), twice)?;
        } else {
            let size = step.size.unwrap_or(0.0);
            let holds = size > 0.0 && size <= LARGEST_STATE;
            let expected = format!("a number above 0, at most {LARGEST_STATE}");
            self.that(holds, "step.size", expected, found(step.size), "give the change of the state by one pulse")?;
        }
        if is_physical {
            let holds = specification.bounds == Bounds::default();
            self.that(holds, "bounds", &nothing, "a section of other values than -1 and 1", twice)?;
            self.that(specification.energy.is_none(), "energy", &nothing, "a section", twice)?;
        }
        if let Model::Mosfet(_) = specification.model {
            let remedy = "give model.leakage_a instead";
            self.that(specification.retention.is_none(), "retention", &nothing, "a section", remedy)?;
        }
        if let Model::DomainWall(_) = specification.model {
            let holds = step.cycle_spread == 0.0;
            let remedy = "give model.position_spread_nm instead";
            self.that(holds, "step.cycle_spread", &nothing, step.cycle_spread, remedy)?;
        }
        Ok(())
    }

    pub(super) fn step(&self, specification: &DeviceSpecification) -> Result<(), CompilerError> {
        let step = &specification.step;
        for (field, value) in [
            ("step.device_spread", step.device_spread),
            ("step.asymmetry_spread", step.asymmetry_spread),
            ("step.cycle_spread", step.cycle_spread),
        ] {
            self.within(field, value, 0.0, LARGEST_SPREAD, SPREAD)?;
        }
        let remedy = "give a share: 0.1 weakens steps downwards by a tenth, -0.1 steps upwards";
        self.that(
            step.asymmetry > -1.0 && step.asymmetry < 1.0,
            "step.asymmetry",
            "a number between -1 and 1",
            step.asymmetry,
            remedy,
        )?;
        let remedy = "give a standard deviation in steps, or 0 for none";
        self.within("step.write_noise", step.write_noise, 0.0, LARGEST_NOISE, remedy)
    }

    pub(super) fn levels(&self, specification: &DeviceSpecification) -> Result<(), CompilerError> {
        let Some(levels) = specification.levels else { return Ok(()) };
        let holds = (2..=MOST_LEVELS).contains(&levels);
        let remedy = "give the number of states, or leave it out for states without steps";
        self.that(holds, "levels", format_args!("2 to {MOST_LEVELS}"), levels, remedy)?;
        let bounds = &specification.bounds;
        let half = (bounds.upper - bounds.lower) / f64::from(levels - 1) / 2.0;
        let smallest = specification.nominal_steps().into_iter().fold(f64::INFINITY, f64::min);
        self.that(
            smallest > half,
            "levels",
            format_args!(
                "levels that one pulse of {smallest} can leave, so at most half of it apart from their middle"
            ),
            format_args!("{levels}, which are {} apart", 2.0 * half),
            "lower levels, or make pulses longer or stronger",
        )
    }

    pub(super) fn pair(&self, specification: &DeviceSpecification) -> Result<(), CompilerError> {
        let Some(pair) = &specification.pair else { return Ok(()) };
        let family = specification.model.family();
        let holds = specification.bounds.lower == 0.0;
        let remedy = "devices of a pair start at 0 and move upwards: set bounds.lower to 0";
        self.that(holds, "bounds.lower", "0 for pairs", specification.bounds.lower, remedy)?;
        let is_plain = !matches!(specification.model, Model::Mosfet(_) | Model::DomainWall(_) | Model::SoftBounds(_));
        let expected = "nothing beside this family, whose reads subtract a reference";
        self.that(is_plain, "pair", expected, format_args!("a section beside '{family}'"), "remove [pair]")?;
        let is_single = specification.retention.is_none();
        self.that(is_single, "retention", "nothing beside [pair]", "a section", "remove one of both")?;
        let remedy = "give a share of the upper bound";
        self.within("pair.refresh_above", pair.refresh_above, 0.0, 1.0, remedy)?;
        self.within("pair.refresh_below", pair.refresh_below, 0.0, pair.refresh_above, remedy)?;
        let remedy = "give a state between the bounds";
        self.within("pair.reset", pair.reset, 0.0, specification.bounds.upper, remedy)?;
        self.within("pair.reset_spread", pair.reset_spread, 0.0, LARGEST_STATE, remedy)
    }

    pub(super) fn stuck(&self, specification: &DeviceSpecification) -> Result<(), CompilerError> {
        let Some(stuck) = &specification.stuck else { return Ok(()) };
        self.within("stuck.share", stuck.share, 0.0, 1.0, "give the share of devices that never move")?;
        self.within("stuck.lower", stuck.lower, -LARGEST_STATE, LARGEST_STATE, "give the lowest stuck state")?;
        let remedy = "give the highest stuck state, at least stuck.lower";
        self.within("stuck.upper", stuck.upper, stuck.lower, LARGEST_STATE, remedy)
    }

    pub(super) fn retention(&self, specification: &DeviceSpecification) -> Result<(), CompilerError> {
        let Some(retention) = &specification.retention else { return Ok(()) };
        let (field, lifetime) = match (retention.lifetime_updates, retention.lifetime_s) {
            (Some(updates), None) => ("retention.lifetime_updates", updates),
            (None, Some(seconds)) => ("retention.lifetime_s", seconds),
            (given, _) => {
                let found = if given.is_some() { "both" } else { "none" };
                let expected = "one of lifetime_updates and lifetime_s";
                return self.that(false, "retention", expected, found, "give the lifetime in one unit");
            }
        };
        self.above_zero(field, lifetime, LARGEST_LIFETIME, "give the time in which the state falls to 1/e")?;
        self.within("retention.lifetime_spread", retention.lifetime_spread, 0.0, LARGEST_SPREAD, SPREAD)?;
        let remedy = "give a state that devices decay to";
        self.within("retention.reset", retention.reset, -LARGEST_STATE, LARGEST_STATE, remedy)?;
        self.within("retention.reset_spread", retention.reset_spread, 0.0, LARGEST_STATE, SPREAD)
    }

    pub(super) fn energy(&self, specification: &DeviceSpecification) -> Result<(), CompilerError> {
        let Some(energy) = &specification.energy else { return Ok(()) };
        for (field, value, most) in [
            ("energy.write_j", energy.write_j, 1.0),
            ("energy.pulse_ns", energy.pulse_ns, 1e12),
            ("energy.read_voltage_v", energy.read_voltage_v, 100.0),
            ("energy.read_ns", energy.read_ns, 1e12),
            ("energy.highest_conductance_s", energy.highest_conductance_s, 1e3),
        ] {
            let remedy = "give it in the unit of its name, or leave it out where it is unknown";
            value.map_or(Ok(()), |value| self.above_zero(field, value, most, remedy))?;
        }
        if let Some(lowest) = energy.lowest_conductance_s {
            let highest = energy.highest_conductance_s.unwrap_or(1e3);
            let remedy = "give the conductance at the lower bound, below that at the upper one";
            self.within("energy.lowest_conductance_s", lowest, 0.0, highest, remedy)?;
        }
        let both = energy.lowest_conductance_s.is_some() == energy.highest_conductance_s.is_some();
        self.that(both, "energy", "both conductances or none", "one of them", "add the other one")
    }
}
