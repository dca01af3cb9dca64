//! Labelled inputs.

use crate::error::CompilerError;

/// Labelled examples: inputs and the index of their class. Inputs are scaled to about 0..1 or -1..1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examples {
    inputs: Vec<f32>,
    width: usize,
    labels: Vec<usize>,
    classes: usize,
}

impl Examples {
    /// No examples yet, of `width` inputs and `classes` classes; an input that is always 1 is added to each example.
    pub fn new(width: usize, classes: usize) -> Self {
        Self { inputs: Vec::new(), width: width + 1, labels: Vec::new(), classes }
    }

    /// Adds an example.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] for another number of inputs, one that is no finite number, or no such class; nothing is
    /// added then.
    pub fn push(&mut self, inputs: impl Iterator<Item = f32>, label: usize) -> Result<(), CompilerError> {
        let before = self.inputs.len();
        self.inputs.extend(inputs);
        let checked = self.check(&self.inputs[before..], label);
        if checked.is_err() {
            self.inputs.truncate(before);
            return checked;
        }
        self.inputs.push(1.0);
        self.labels.push(label);
        Ok(())
    }

    fn check(&self, inputs: &[f32], label: usize) -> Result<(), CompilerError> {
        let wrong = |what: &str, expected: String, found: String| {
            Err(CompilerError::Samples { what: what.to_owned(), expected, found })
        };
        if inputs.len() + 1 != self.width {
            return wrong("inputs of an example", (self.width - 1).to_string(), inputs.len().to_string());
        }
        if let Some(value) = inputs.iter().find(|value| !value.is_finite()) {
            return wrong("an input", "a finite number".to_owned(), value.to_string());
        }
        if label >= self.classes {
            return wrong("class of an example", format!("below {}", self.classes), label.to_string());
        }
        Ok(())
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Inputs of each example, the constant one included.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Inputs of an example; the last one is 1.
    pub fn inputs(&self, index: usize) -> &[f32] {
        &self.inputs[index * self.width..][..self.width]
    }

    /// Class of an example.
    pub fn label(&self, index: usize) -> usize {
        self.labels[index]
    }
}
