//! Model and checkpoint files.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::json;
use snn::{Network, NetworkDescription};
use spikegrad::{Position, TrainingSettings};

use super::{Finding, unknown};
use crate::CommandError;

/// Metadata key of a checkpoint.
const CHECKPOINT_KEY: &str = "sterna_checkpoint";

/// What the metadata of a checkpoint says, without the sums of its epoch.
#[derive(Deserialize)]
struct CheckpointHeader {
    format: u32,
    network: NetworkDescription,
    settings: TrainingSettings,
    position: Position,
}

pub(super) fn tensors(path: &Path) -> anyhow::Result<Finding> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let damaged = |error: safetensors::SafeTensorError| CommandError::File {
        path: path.to_owned(),
        field: "header".to_owned(),
        expected: "a complete safetensors file".to_owned(),
        found: error.to_string(),
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let none = HashMap::new();
    let metadata = header.metadata().as_ref().unwrap_or(&none);
    if metadata.contains_key(snn::model::METADATA_KEY) {
        let network = snn::model::from_bytes(&bytes, path)?;
        return Ok(model(path, &network, bytes.len()));
    }
    match metadata.get(CHECKPOINT_KEY) {
        Some(text) => checkpoint(path, text, bytes.len()),
        None => {
            let keys: Vec<&str> = metadata.keys().map(String::as_str).collect();
            let found = format!("a safetensors file of another program (metadata: {})", keys.join(", "));
            Err(unknown(path, &found).into())
        }
    }
}

fn model(path: &Path, network: &Network, bytes: usize) -> Finding {
    let format = network.description().format;
    let populations: Vec<_> = network
        .populations()
        .iter()
        .map(|population| {
            json!({
                "name": population.name, "shape": population.shape.to_string(), "neuron": population.neuron,
                "neurons": population.shape.neurons(), "thresholds": population.thresholds,
                "fraction_bits": population.fraction_bits, "bias": population.bias.is_some(),
            })
        })
        .collect();
    let projections: Vec<_> = network
        .projections()
        .iter()
        .map(|projection| {
            json!({
                "name": projection.name, "from": network.populations()[projection.from].name,
                "to": network.populations()[projection.to].name, "weights": projection.connection.weight_count(),
                "dense_operations": projection.connection.dense_operations(),
            })
        })
        .collect();
    let object = json!({
        "kind": "model", "file": path.display().to_string(), "bytes": bytes, "format": format,
        "weights": network.weight_format(), "parameters": network.parameter_count(),
        "dense_operations": network.dense_operations(), "populations": populations, "projections": projections,
    });
    let mut text = format!(
        "model, format {format}, weights {}, {} parameters, {} dense operations, {bytes} bytes\n\n",
        network.weight_format(),
        network.parameter_count(),
        network.dense_operations()
    );
    text.push_str(&table(network));
    Finding { object, text }
}

/// Populations and projections in columns.
fn table(network: &Network) -> String {
    // Writing to a string cannot fail.
    let mut text = String::new();
    let _ =
        writeln!(text, "{:<16}{:<16}{:<10}{:>12}{:>15}", "population", "shape", "neuron", "threshold", "fraction bits");
    for population in network.populations() {
        let threshold = match population.thresholds[..] {
            [single] => single.to_string(),
            _ => format!("{} values", population.thresholds.len()),
        };
        let _ = writeln!(
            text,
            "{:<16}{:<16}{:<10}{threshold:>12}{:>15}",
            population.name,
            population.shape.to_string(),
            format!("{:?}", population.neuron).to_lowercase(),
            population.fraction_bits
        );
    }
    let _ = writeln!(text, "\n{:<16}{:<34}{:>10}{:>18}", "projection", "from, to", "weights", "dense operations");
    for projection in network.projections() {
        let name = |index: usize| network.populations()[index].name.as_str();
        let _ = writeln!(
            text,
            "{:<16}{:<34}{:>10}{:>18}",
            projection.name,
            format!("{}, {}", name(projection.from), name(projection.to)),
            projection.connection.weight_count(),
            projection.connection.dense_operations()
        );
    }
    text
}

fn checkpoint(path: &Path, text: &str, bytes: usize) -> anyhow::Result<Finding> {
    let header: CheckpointHeader = serde_json::from_str(text).map_err(|error| CommandError::File {
        path: path.to_owned(),
        field: format!("metadata '{CHECKPOINT_KEY}'"),
        expected: "the header of a Sterna checkpoint".to_owned(),
        found: error.to_string(),
    })?;
    let network = Network::build(&header.network)?;
    let CheckpointHeader { format, settings, position, .. } = header;
    let object = json!({
        "kind": "checkpoint", "file": path.display().to_string(), "bytes": bytes, "format": format,
        "epoch": position.epoch, "batch": position.batch, "best": position.best, "settings": settings,
        "parameters": network.parameter_count(),
    });
    let best = match position.best {
        Some((accuracy, epoch)) => format!("{:.2} % in epoch {epoch}", 100.0 * accuracy),
        None => "none yet".to_owned(),
    };
    let text = format!(
        "checkpoint, format {format}: {} of {} epochs done, {} updates in the next, best validation accuracy {best}, \
         {bytes} bytes\n\n{}",
        position.epoch,
        settings.epochs,
        position.batch,
        table(&network)
    );
    Ok(Finding { object, text })
}
