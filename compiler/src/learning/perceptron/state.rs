//! A network in training as named numbers, for checkpoints.

use super::train::Position;
use super::{Perceptron, Synapses};
use crate::error::CompilerError;
use crate::learning::record::{Record, end, take, whole, wide};

impl Perceptron {
    /// Everything that training has changed, by name.
    pub fn record(&self) -> Record {
        let Position { epoch, example, right, loss } = self.position;
        let mut record = Record::new();
        record.insert(
            "position".to_owned(),
            [wide(epoch.into()), wide(example), wide(right), wide(loss.to_bits())].concat(),
        );
        match &self.synapses {
            Synapses::Float { weights } => {
                record.insert("weights".to_owned(), weights.clone());
            }
            Synapses::Array { array, reader, reads, .. } => {
                record.insert("wires".to_owned(), reader.wires());
                record.insert("reads".to_owned(), wide(*reads).to_vec());
                record.extend(array.record("array"));
            }
        }
        record
    }

    /// Takes over what [`Perceptron::record`] gave, of a network with the same settings and devices.
    ///
    /// # Errors
    /// [`CompilerError::Record`] naming what does not fit.
    pub fn restore(&mut self, mut record: Record) -> Result<(), CompilerError> {
        let numbers = take(&mut record, "position", 16)?;
        let number = |index: usize| whole(&numbers[4 * index..4 * index + 4]);
        let wrong = |expected: String, found: String| {
            Err(CompilerError::Record { name: "position".to_owned(), expected, found })
        };
        let position = Position {
            epoch: u32::try_from(number(0)).unwrap_or(u32::MAX),
            example: number(1),
            right: number(2),
            loss: f64::from_bits(number(3)),
        };
        if position.epoch > self.settings.epochs {
            return wrong(format!("at most {} epochs", self.settings.epochs), position.epoch.to_string());
        }
        if position.right > position.example || !(position.loss.is_finite() && position.loss >= 0.0) {
            let found = format!("{} right of {} examples, loss {}", position.right, position.example, position.loss);
            return wrong("sums over the examples of an epoch".to_owned(), found);
        }
        match &mut self.synapses {
            Synapses::Float { weights } => *weights = take(&mut record, "weights", weights.len())?,
            Synapses::Array { array, reader, reads, .. } => {
                *reads = whole(&take(&mut record, "reads", 4)?);
                reader.set_wires(take(&mut record, "wires", reader.wires().len())?);
                array.restore("array", &mut record)?;
            }
        }
        self.position = position;
        end(&record)
    }
}
