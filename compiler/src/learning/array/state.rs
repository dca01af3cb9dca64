//! Arrays as named numbers, for checkpoints.

use super::{LearningArray, SynapseArray};
use crate::error::CompilerError;
use crate::learning::record::{Record, take, whole, wide};

impl SynapseArray {
    fn record(&self, name: &str, record: &mut Record) {
        for (number, devices) in self.devices().enumerate() {
            record.extend(devices.record(&format!("{name}.devices{number}")));
        }
    }

    fn restore(&mut self, name: &str, record: &mut Record) -> Result<(), CompilerError> {
        for (number, devices) in self.devices_mut().enumerate() {
            devices.restore(&format!("{name}.devices{number}"), record)?;
        }
        Ok(())
    }
}

impl LearningArray {
    /// What updates have changed, by name.
    pub fn record(&self, name: &str) -> Record {
        let mut record = Record::new();
        self.array.record(name, &mut record);
        record.insert(format!("{name}.stamp"), wide(self.stamp).to_vec());
        record.insert(format!("{name}.remainder"), self.remainder.clone());
        if let Some(tiki_taka) = &self.tiki_taka {
            tiki_taka.fast.record(&format!("{name}.fast"), &mut record);
            record.insert(format!("{name}.buffer"), tiki_taka.buffer.clone());
            let progress = [wide(tiki_taka.waited.into()), wide(tiki_taka.row as u64)].concat();
            record.insert(format!("{name}.progress"), progress);
        }
        record
    }

    /// Takes over what [`LearningArray::record`] gave, of an array with the same settings and devices.
    ///
    /// # Errors
    /// [`CompilerError::Record`] naming what does not fit.
    pub fn restore(&mut self, name: &str, record: &mut Record) -> Result<(), CompilerError> {
        self.array.restore(name, record)?;
        self.stamp = whole(&take(record, &format!("{name}.stamp"), 4)?);
        self.remainder = take(record, &format!("{name}.remainder"), self.remainder.len())?;
        let inputs = self.array.inputs();
        if let Some(tiki_taka) = &mut self.tiki_taka {
            tiki_taka.fast.restore(&format!("{name}.fast"), record)?;
            tiki_taka.buffer = take(record, &format!("{name}.buffer"), tiki_taka.buffer.len())?;
            let progress = take(record, &format!("{name}.progress"), 8)?;
            tiki_taka.waited = u32::try_from(whole(&progress[..4])).unwrap_or(u32::MAX);
            tiki_taka.row = whole(&progress[4..]) as usize % inputs.max(1);
        }
        Ok(())
    }
}
