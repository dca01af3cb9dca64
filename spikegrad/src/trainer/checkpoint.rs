//! The checkpoint: weights, momentum, position, sums of the epoch, and what they belong to.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use snn::NetworkDescription;

use super::accumulator::Accumulator;
use super::{Position, Trainer};
use crate::error::SpikegradError;
use crate::pass::Statistics;
use crate::settings::TrainingSettings;

/// Version of the checkpoint format.
const FORMAT: u32 = 1;
/// The largest number of epochs that settings allow.
const LARGEST_EPOCH: u64 = 1_000_000;
const METADATA_KEY: &str = "sterna_checkpoint";

/// All of the state that is no tensor.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    network: NetworkDescription,
    settings: TrainingSettings,
    position: Position,
    accumulator: Accumulator,
    /// Bits of the loss sum: JSON text need not keep all of them.
    loss_bits: u64,
    /// What projections run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    substrate: Option<Hardware>,
}

/// A substrate, and the names of its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hardware {
    identity: String,
    values: Vec<String>,
}

/// Before the names of a substrate's values.
const HARDWARE_PREFIX: &str = "substrate.";

fn tensors(trainer: &Trainer) -> Vec<(String, &Vec<f32>)> {
    let mut all = Vec::new();
    for (index, projection) in trainer.network.projections().iter().enumerate() {
        if projection.weights.is_some() {
            all.push((format!("{}.weight", projection.name), &trainer.master.weights[index]));
            all.push((format!("{}.weight.momentum", projection.name), &trainer.master.weight_momentum[index]));
            if trainer.settings.turning_rate > 0.0 {
                let squares = &trainer.master.gradient_squares[index];
                all.push((format!("{}.weight.gradient_squares", projection.name), squares));
            }
        }
    }
    for (index, population) in trainer.network.populations().iter().enumerate() {
        if population.bias.is_some() {
            all.push((format!("{}.bias", population.name), &trainer.master.bias[index]));
            all.push((format!("{}.bias.momentum", population.name), &trainer.master.bias_momentum[index]));
        }
    }
    all
}

pub(super) fn save(trainer: &Trainer, path: &Path) -> Result<(), SpikegradError> {
    let broken = |error: String| wrong(path, "checkpoint", "a state that can be written", error);
    let hardware = trainer.substrate.as_ref().map(|substrate| substrate.state()).unwrap_or_default();
    let header = Header {
        format: FORMAT,
        network: trainer.network.description().clone(),
        settings: trainer.settings.clone(),
        position: trainer.position.clone(),
        accumulator: trainer.accumulator.clone(),
        loss_bits: trainer.accumulator.loss.to_bits(),
        substrate: trainer.substrate.as_ref().map(|substrate| Hardware {
            identity: substrate.identity(),
            values: hardware.iter().map(|(name, _)| name.clone()).collect(),
        }),
    };
    let header = serde_json::to_string(&header).map_err(|error| broken(error.to_string()))?;
    let hardware = hardware.iter().map(|(name, values)| (format!("{HARDWARE_PREFIX}{name}"), values));
    let bytes: Vec<(String, Vec<u8>)> = tensors(trainer)
        .into_iter()
        .chain(hardware)
        .map(|(name, values)| (name, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let mut views = Vec::with_capacity(bytes.len());
    for (name, data) in &bytes {
        let view =
            TensorView::new(Dtype::F32, vec![data.len() / 4], data).map_err(|error| broken(error.to_string()))?;
        views.push((name.clone(), view));
    }
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
    let file = safetensors::serialize(views, Some(metadata)).map_err(|error| broken(error.to_string()))?;
    Ok(snn::model::write_atomically(path, &file)?)
}

pub(super) fn restore(trainer: &mut Trainer, path: &Path) -> Result<(), SpikegradError> {
    let bytes = std::fs::read(path).map_err(|source| snn::SnnError::Io { path: path.to_owned(), source })?;
    let complete =
        |error: safetensors::SafeTensorError| wrong(path, "header", "a complete safetensors file", error.to_string());
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(complete)?;
    let file = SafeTensors::deserialize(&bytes).map_err(complete)?;
    let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get(METADATA_KEY));
    let text = text.ok_or_else(|| wrong(path, "metadata", "a Sterna checkpoint", "another file".to_owned()))?;
    let header: Header = serde_json::from_str(text)
        .map_err(|error| wrong(path, "metadata", "a Sterna checkpoint", error.to_string()))?;
    if header.format != FORMAT {
        return Err(wrong(path, "format", &FORMAT.to_string(), header.format.to_string()));
    }
    if &header.network != trainer.network.description() {
        return Err(wrong(path, "network", "the network of this run", "a different one".to_owned()));
    }
    let epochs_free = |settings: &TrainingSettings| TrainingSettings { epochs: 1, ..settings.clone() };
    if epochs_free(&header.settings) != epochs_free(&trainer.settings) {
        return Err(wrong(path, "settings", "the settings of this run", "different ones".to_owned()));
    }
    let populations = trainer.plan.populations.len();
    if header.accumulator.statistics.len() != populations {
        let found = header.accumulator.statistics.len().to_string();
        return Err(wrong(path, "accumulator", &format!("{populations} populations"), found));
    }
    check_ranges(&header, path)?;
    let names: Vec<(String, usize)> = tensors(trainer).into_iter().map(|(name, v)| (name, v.len())).collect();
    let mut values = HashMap::new();
    for (name, length) in names {
        let numbers = read(&file, path, &name, Some(length))?;
        values.insert(name, numbers);
    }
    restore_substrate(trainer, header.substrate.as_ref(), &file, path)?;
    let mut take = |name: String, target: &mut Vec<f32>| {
        if let Some(numbers) = values.remove(&name) {
            *target = numbers;
        }
    };
    for (index, projection) in trainer.network.projections().iter().enumerate() {
        take(format!("{}.weight", projection.name), &mut trainer.master.weights[index]);
        take(format!("{}.weight.momentum", projection.name), &mut trainer.master.weight_momentum[index]);
        take(format!("{}.weight.gradient_squares", projection.name), &mut trainer.master.gradient_squares[index]);
    }
    for (index, population) in trainer.network.populations().iter().enumerate() {
        take(format!("{}.bias", population.name), &mut trainer.master.bias[index]);
        take(format!("{}.bias.momentum", population.name), &mut trainer.master.bias_momentum[index]);
    }
    trainer.position = header.position;
    trainer.accumulator = header.accumulator;
    trainer.accumulator.loss = f64::from_bits(header.loss_bits);
    Ok(())
}

/// The finite numbers of a tensor, of any length unless one is given.
fn read(file: &SafeTensors<'_>, path: &Path, name: &str, length: Option<usize>) -> Result<Vec<f32>, SpikegradError> {
    let expected = format!("a tensor F32 of shape [{}]", length.map_or("n".to_owned(), |length| length.to_string()));
    let view = file.tensor(name).map_err(|_| wrong(path, name, &expected, "no such tensor".to_owned()))?;
    let fits = matches!(*view.shape(), [found] if length.is_none_or(|length| found == length));
    if view.dtype() != Dtype::F32 || !fits {
        return Err(wrong(path, name, &expected, format!("{:?} of shape {:?}", view.dtype(), view.shape())));
    }
    let numbers = view.data().chunks_exact(4).filter_map(|chunk| chunk.try_into().ok()).map(f32::from_le_bytes);
    let numbers: Vec<f32> = numbers.collect();
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err(wrong(path, name, "finite numbers", "a number that is not finite".to_owned()));
    }
    Ok(numbers)
}

fn restore_substrate(
    trainer: &mut Trainer,
    saved: Option<&Hardware>,
    file: &SafeTensors<'_>,
    path: &Path,
) -> Result<(), SpikegradError> {
    let identity = trainer.substrate.as_ref().map(|substrate| substrate.identity());
    let (Some(substrate), Some(saved)) = (&mut trainer.substrate, saved) else {
        if identity.is_some() != saved.is_some() {
            let say = |is_there| if is_there { "a chip" } else { "no chip" };
            let (expected, found) = (say(identity.is_some()), say(saved.is_some()));
            return Err(wrong(path, "substrate", expected, found.to_owned()));
        }
        return Ok(());
    };
    if identity.as_ref() != Some(&saved.identity) {
        return Err(wrong(
            path,
            "substrate",
            "the chip, the options and the number of samples of this run",
            "different ones".to_owned(),
        ));
    }
    let mut state = Vec::with_capacity(saved.values.len());
    for name in &saved.values {
        state.push((name.clone(), read(file, path, &format!("{HARDWARE_PREFIX}{name}"), None)?));
    }
    substrate.restore(state).map_err(|mismatch| {
        wrong(path, &format!("{HARDWARE_PREFIX}{}", mismatch.name), &mismatch.expected, mismatch.found)
    })
}

/// Refuses positions and sums that no run reaches, so that counting on from them cannot overflow.
fn check_ranges(header: &Header, path: &Path) -> Result<(), SpikegradError> {
    let sums = &header.accumulator;
    let totals = sums.statistics.iter().flat_map(Statistics::counts);
    let fields = [
        ("position.epoch", u64::from(header.position.epoch), LARGEST_EPOCH),
        ("position.batch", header.position.batch, u64::from(u32::MAX)),
        ("accumulator.examples", sums.examples, u64::from(u32::MAX)),
        ("accumulator.correct", sums.correct, sums.examples),
        ("accumulator.statistics", totals.max().unwrap_or(0), u64::MAX / 4),
    ];
    for (field, found, largest) in fields {
        if found > largest {
            return Err(wrong(path, field, &format!("at most {largest}"), found.to_string()));
        }
    }
    let loss = f64::from_bits(header.loss_bits);
    if !loss.is_finite() {
        return Err(wrong(path, "loss_bits", "the bits of a finite number", loss.to_string()));
    }
    Ok(())
}

fn wrong(path: &Path, field: &str, expected: &str, found: String) -> SpikegradError {
    SpikegradError::Checkpoint { path: path.to_owned(), field: field.to_owned(), expected: expected.to_owned(), found }
}
