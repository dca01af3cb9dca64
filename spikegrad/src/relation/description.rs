//! What a relational task consists of, as users write it in TOML.

use serde::{Deserialize, Serialize};

use super::code::Code;
use super::expression::Expression;
use crate::error::SpikegradError;
use crate::settings::TrainingSettings;

/// Variables tied by a relation, and the network that infers those that are missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelationDescription {
    /// The populations that all variables share, and what an example shows.
    #[serde(default)]
    pub relation: RelationSection,
    /// The variables; one that others are computed from stands before them.
    #[serde(rename = "variable")]
    pub variables: Vec<VariableDescription>,
    /// How it is trained.
    #[serde(default = "training")]
    pub training: TrainingSettings,
}

/// Settings of a task that starts from nothing else.
fn training() -> TrainingSettings {
    TrainingSettings { epochs: 20, batch: 32, learning_rate: 0.012, alpha: 200.0, ..TrainingSettings::default() }
}

/// The shared populations and what an example shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RelationSection {
    /// What the task is called in reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Neurons of each of the relation populations, from the variables on.
    pub units: Vec<usize>,
    /// Which variables an example presents.
    pub present: Presentation,
    /// Which variables the loss asks for.
    pub targets: Targets,
    /// Examples of an epoch; every one is drawn anew.
    pub examples: u32,
    /// Examples that the best epoch is chosen by, and as many for each direction of a test.
    pub validation: u32,
    /// Number format of the weights.
    pub weights: snn::WeightFormat,
    /// Largest spike count of the neurons between codes; crossbars of 4-bit inputs take 15. Their thresholds rise
    /// where it is below 40, so that few counts reach it.
    pub max_spikes: u8,
}

impl Default for RelationSection {
    fn default() -> Self {
        Self {
            name: None,
            units: vec![100],
            present: Presentation::AllButOne,
            targets: Targets::Missing,
            examples: 25_600,
            validation: 2_000,
            weights: snn::WeightFormat::I8,
            max_spikes: 127,
        }
    }
}

/// Which variables an example presents, and which it asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presentation {
    /// All but one, which is drawn with equal chances and asked for.
    #[default]
    AllButOne,
    /// Every observation with its own chance, at least one; all variables are asked for, so that what is missing is
    /// inferred and what is noisy is restored.
    Observations,
}

/// Which variables the loss asks for where all but one are presented; with observations it asks for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Targets {
    /// The missing one.
    #[default]
    Missing,
    /// All: those that are presented are restored, so that the relation has to hold what they are.
    All,
}

/// A variable, the code of its populations and where its value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableDescription {
    /// Unique name: letters, digits and underscores.
    pub name: String,
    /// How its populations stand for values.
    pub code: Code,
    /// Spikes of a neuron at the peak of the code; of an output where the image is brightest.
    #[serde(default = "peak")]
    pub peak: u8,
    /// Neurons of its own populations between code and relation, from the code on, and in reverse order on the way
    /// back.
    #[serde(default = "hidden")]
    pub hidden: Vec<usize>,
    /// Expression over the variables before it; drawn uniformly when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it observes, with noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observes: Option<Observation>,
}

/// A noisy look at another variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The variable, which is never presented itself.
    pub variable: String,
    /// Chance that it is missing in an example.
    #[serde(default)]
    pub dropout: f64,
    /// What disturbs it.
    pub noise: Noise,
}

/// What disturbs an observation; its extent is drawn anew for each example, uniformly in its logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Noise {
    /// The value is shifted by a normal number of standard deviation `sigma`. The population tells how reliable it is
    /// by its spikes: they are multiplied with `(smallest / sigma)^2`.
    Shift {
        /// Smallest and largest standard deviation.
        sigma: [f64; 2],
    },
    /// Counts are Poisson numbers of mean `light * peak * y + background`.
    Events {
        /// Smallest and largest light, at most 1.
        light: [f64; 2],
        /// Mean number of events of a neuron without any light.
        #[serde(default)]
        background: f64,
    },
}

fn peak() -> u8 {
    10
}

fn hidden() -> Vec<usize> {
    vec![50]
}

/// The most variables of a task.
const MOST_VARIABLES: usize = 32;
/// The most neurons of one population between codes.
const MOST_UNITS: usize = 1 << 16;

impl RelationDescription {
    /// Reads a task from TOML text.
    ///
    /// # Errors
    /// [`SpikegradError::Setting`] with the line and key that is wrong, and those of
    /// [`RelationDescription::check`].
    pub fn from_toml(text: &str) -> Result<Self, SpikegradError> {
        let mut table: toml::Table = toml::from_str(text).map_err(|error| invalid(&error))?;
        // Keys of [training] that are absent are those of a relational task.
        let defaults = toml::Table::try_from(training());
        if let (Ok(mut settings), Some(toml::Value::Table(given))) = (defaults, table.get_mut("training")) {
            settings.extend(std::mem::take(given));
            *given = settings;
        }
        let description: Self = match toml::from_str::<Self>(text) {
            // Only this reading knows lines.
            Err(error) => return Err(invalid(&error)),
            Ok(_) => table.try_into().map_err(|error| invalid(&error))?,
        };
        description.check()?;
        Ok(description)
    }

    /// The task as TOML text.
    ///
    /// # Errors
    /// [`SpikegradError::Setting`] for numbers that TOML cannot hold.
    pub fn to_toml(&self) -> Result<String, SpikegradError> {
        toml::to_string(self).map_err(|error| SpikegradError::Setting {
            field: "relation".to_owned(),
            expected: "values that TOML can hold".to_owned(),
            found: error.to_string(),
        })
    }

    /// Checks every range and name.
    ///
    /// # Errors
    /// [`SpikegradError::Setting`] naming the first key that is wrong.
    pub fn check(&self) -> Result<(), SpikegradError> {
        let wrong = |field: String, expected: &str, found: String| {
            Err(SpikegradError::Setting { field, expected: expected.to_owned(), found })
        };
        self.training.check()?;
        let section = &self.relation;
        if section.units.is_empty() || !section.units.iter().all(|units| (1..=MOST_UNITS).contains(units)) {
            let expected = "at least one population of 1 to 65536 neurons";
            return wrong("relation.units".to_owned(), expected, format!("{:?}", section.units));
        }
        for (field, count) in [("examples", section.examples), ("validation", section.validation)] {
            if !(1..=10_000_000).contains(&count) {
                return wrong(format!("relation.{field}"), "1 to 10000000", count.to_string());
            }
        }
        if !(1..=127).contains(&section.max_spikes) {
            return wrong("relation.max_spikes".to_owned(), "1 to 127", section.max_spikes.to_string());
        }
        if !(2..=MOST_VARIABLES).contains(&self.variables.len()) {
            return wrong("variable".to_owned(), "2 to 32 variables", self.variables.len().to_string());
        }
        for (place, variable) in self.variables.iter().enumerate() {
            variable.check()?;
            let name = &variable.name;
            if self.variables[..place].iter().any(|other| other.name == *name) {
                return wrong(format!("variable.{name}"), "a name that is used once", "two of that name".to_owned());
            }
            if let Some(observed) = &variable.observes {
                let target = self.variables[..place].iter().find(|other| other.name == observed.variable);
                let is_fine = target.is_some_and(|other| other.observes.is_none() && other.code.range().is_some());
                if !is_fine || variable.code.range() != target.and_then(|other| other.code.range()) {
                    let expected = "a continuous variable before it, of the same range, that observes none itself";
                    return wrong(format!("variable.{name}.observes"), expected, observed.variable.clone());
                }
            }
        }
        let is_observing = section.present == Presentation::Observations;
        if is_observing != self.variables.iter().any(|variable| variable.observes.is_some()) {
            let expected = "\"observations\" where variables observe others, \"all-but-one\" where none does";
            return wrong("relation.present".to_owned(), expected, format!("{:?}", section.present));
        }
        self.expressions().map(drop)
    }

    /// The expression of each variable that has one.
    pub(super) fn expressions(&self) -> Result<Vec<Option<Expression>>, SpikegradError> {
        let names: Vec<&str> = self.variables.iter().map(|variable| &*variable.name).collect();
        let parse = |(place, variable): (usize, &VariableDescription)| {
            let parsed = variable.value.as_ref().map(|text| Expression::parse(&variable.name, text, &names[..place]));
            parsed.transpose()
        };
        self.variables.iter().enumerate().map(parse).collect()
    }

    /// Whether a variable has a population of inputs: no other one observes it.
    pub fn is_presented(&self, variable: usize) -> bool {
        let name = &self.variables[variable].name;
        !self.variables.iter().any(|other| other.observes.as_ref().is_some_and(|observed| observed.variable == *name))
    }

    /// Number of a variable.
    pub fn variable(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|variable| variable.name == name)
    }
}

impl VariableDescription {
    fn check(&self) -> Result<(), SpikegradError> {
        let name = &self.name;
        let wrong = |field: &str, expected: &str, found: String| {
            let field = format!("variable.{name}.{field}");
            Err(SpikegradError::Setting { field, expected: expected.to_owned(), found })
        };
        let is_letter = |character: char| character.is_ascii_alphanumeric() || character == '_';
        if name.is_empty() || name.len() > 40 || !name.chars().all(is_letter) || name.starts_with(char::is_numeric) {
            return wrong("name", "up to 40 letters, digits and underscores, a letter first", format!("{name:?}"));
        }
        self.code.check(name)?;
        if !(1..=127).contains(&self.peak) {
            return wrong("peak", "1 to 127 spikes", self.peak.to_string());
        }
        if !self.hidden.iter().all(|units| (1..=MOST_UNITS).contains(units)) {
            return wrong("hidden", "populations of 1 to 65536 neurons", format!("{:?}", self.hidden));
        }
        let Some(observation) = &self.observes else { return Ok(()) };
        if self.value.is_some() || self.code.range().is_none() {
            return wrong("observes", "a continuous variable without a value of its own", name.clone());
        }
        if !(0.0..1.0).contains(&observation.dropout) {
            return wrong("observes.dropout", "0 to below 1", observation.dropout.to_string());
        }
        let is_positive = |[low, high]: [f64; 2]| low > 0.0 && low <= high && high.is_finite();
        match observation.noise {
            Noise::Shift { sigma } if !is_positive(sigma) => {
                wrong("observes.noise.sigma", "two numbers above 0, the smaller first", format!("{sigma:?}"))
            }
            Noise::Events { light, .. } if !is_positive(light) || light[1] > 1.0 => {
                wrong("observes.noise.light", "two numbers above 0, at most 1, the smaller first", format!("{light:?}"))
            }
            Noise::Events { background, .. } if !(0.0..=100.0).contains(&background) => {
                wrong("observes.noise.background", "0 to 100 events", background.to_string())
            }
            _ => Ok(()),
        }
    }
}

fn invalid(error: &toml::de::Error) -> SpikegradError {
    SpikegradError::Setting {
        field: "task".to_owned(),
        expected: "TOML with [relation] and [[variable]] tables".to_owned(),
        found: error.to_string(),
    }
}
