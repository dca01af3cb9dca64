//! What can be chosen about the delta rule.

use serde::{Deserialize, Serialize};

use crate::error::CompilerError;

/// What a neuron makes of its total input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// Hyperbolic tangent, as a differential pair of transistors gives it; targets -1 and 1.
    #[default]
    Tanh,
    /// Logistic function; targets 0 and 1.
    Sigmoid,
}

impl Activation {
    /// Output and its derivative at a total input.
    pub fn value(self, total: f32) -> (f32, f32) {
        match self {
            Self::Tanh => {
                let value = total.tanh();
                (value, 1.0 - value * value)
            }
            Self::Sigmoid => {
                let value = 1.0 / (1.0 + (-total).exp());
                (value, value * (1.0 - value))
            }
        }
    }

    /// Target of the class of an example, or of another one.
    pub fn target(self, is_class: bool) -> f32 {
        match (self, is_class) {
            (_, true) => 1.0,
            (Self::Tanh, false) => -1.0,
            (Self::Sigmoid, false) => 0.0,
        }
    }
}

/// Settings of the delta rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PerceptronSettings {
    /// What neurons make of their total inputs.
    pub activation: Activation,
    /// Learning rate of the first epoch.
    pub learning_rate: f64,
    /// Factor on the learning rate from one epoch to the next.
    pub rate_decay: f64,
    /// Times that every example is learned.
    pub epochs: u32,
    /// Seed of the order of examples; the devices have their own.
    pub seed: u64,
}

impl Default for PerceptronSettings {
    fn default() -> Self {
        Self { activation: Activation::Tanh, learning_rate: 0.05, rate_decay: 1.0, epochs: 10, seed: 1 }
    }
}

impl PerceptronSettings {
    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`CompilerError::Device`] naming the field.
    pub fn check(&self) -> Result<(), CompilerError> {
        for (field, value) in [("learning_rate", self.learning_rate), ("rate_decay", self.rate_decay)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(CompilerError::Device {
                    place: "delta rule".to_owned(),
                    field: field.to_owned(),
                    expected: "a finite number above 0".to_owned(),
                    found: value.to_string(),
                    remedy: "change it".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Learning rate of an epoch, counted from 0.
    pub fn rate(&self, epoch: u32) -> f32 {
        (self.learning_rate * self.rate_decay.powi(epoch.min(i32::MAX as u32) as i32)) as f32
    }
}
