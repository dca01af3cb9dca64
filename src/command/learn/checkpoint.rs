//! A network of the delta rule in the middle of its training, as a file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use anyhow::Context as _;
use compiler::learning::perceptron::Perceptron;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, View};
use serde::{Deserialize, Serialize};
use snn::model::write_atomically;

use super::results::Trained;
use crate::CommandError;
use crate::run_folder::RunFolder;

/// Largest checkpoint that is read.
const LARGEST: u64 = 1 << 32;

/// What a checkpoint holds beside the numbers of the network.
#[derive(Serialize, Deserialize)]
struct Progressed {
    /// Networks of the run before this one.
    before: usize,
    trained: Trained,
}

/// Writes the network that `before` others came before, and what it came to so far.
pub(super) fn save(
    folder: &RunFolder,
    before: usize,
    perceptron: &Perceptron,
    trained: &Trained,
) -> anyhow::Result<()> {
    let progressed = Progressed { before, trained: trained.clone() };
    let metadata = [("progress".to_owned(), serde_json::to_string(&progressed)?)].into();
    let record = perceptron.record();
    let tensors = record.iter().map(|(name, values)| (name, Numbers { values, shape: [values.len()] }));
    let bytes = safetensors::serialize(tensors, Some(metadata)).context("cannot express a checkpoint")?;
    Ok(write_atomically(&folder.checkpoint(), &bytes)?)
}

/// Continues the network that `before` others came before; `None` where the checkpoint is not of it.
pub(super) fn restore(
    folder: &RunFolder,
    before: usize,
    perceptron: &mut Perceptron,
) -> anyhow::Result<Option<Trained>> {
    let path = folder.checkpoint();
    let Ok(found) = std::fs::metadata(&path) else { return Ok(None) };
    let wrong = |found: String| CommandError::File {
        path: path.clone(),
        field: "checkpoint".to_owned(),
        expected: "that of `sterna learn`; remove it to train the present network from its start".to_owned(),
        found,
    };
    if found.len() > LARGEST {
        return Err(wrong(format!("{} bytes", found.len())).into());
    }
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| wrong(error.to_string()))?;
    let progress = metadata.metadata().as_ref().and_then(|map| map.get("progress"));
    let progress = progress.ok_or_else(|| wrong("no progress".to_owned()))?;
    let progressed: Progressed = serde_json::from_str(progress).map_err(|error| wrong(error.to_string()))?;
    if progressed.before != before {
        return Ok(None);
    }
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| wrong(error.to_string()))?;
    let mut record = BTreeMap::new();
    for (name, tensor) in tensors.tensors() {
        if tensor.dtype() != Dtype::F32 {
            return Err(wrong(format!("{name} of {:?}", tensor.dtype())).into());
        }
        let (numbers, _) = tensor.data().as_chunks::<4>();
        record.insert(name, numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect());
    }
    perceptron.restore(record).with_context(|| path.display().to_string())?;
    Ok(Some(progressed.trained))
}

/// Numbers as a tensor of one dimension.
struct Numbers<'a> {
    values: &'a [f32],
    shape: [usize; 1],
}

impl View for Numbers<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        4 * self.values.len()
    }
}
