//! Checkpoints that are cut off, changed, foreign or of another run are refused by name.

mod common;

use std::path::Path;
use std::sync::OnceLock;

use common::task::{self, Quadrants};
use kernels::Isa;
use proptest::prelude::*;
use safetensors::SafeTensors;
use snn::{Network, WeightFormat};
use spikegrad::{Resources, SpikegradError, Trainer, TrainingSettings};

const RESOURCES: Resources = Resources { threads: 1, isa: Isa::Scalar };

/// Bytes of a checkpoint after two steps.
fn checkpoint() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let samples = Quadrants::new(60, 1);
        let mut trainer = Trainer::new(task::network(WeightFormat::I8), task::settings(), RESOURCES).unwrap();
        trainer.step(&samples).unwrap();
        trainer.step(&samples).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        trainer.save(&path).unwrap();
        std::fs::read(path).unwrap()
    })
}

fn resume_as(bytes: &[u8], network: Network, settings: TrainingSettings) -> Result<Trainer, SpikegradError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    std::fs::write(&path, bytes).unwrap();
    Trainer::resume(network, settings, RESOURCES, &path)
}

fn resume(bytes: &[u8]) -> Result<Trainer, SpikegradError> {
    resume_as(bytes, task::network(WeightFormat::I8), task::settings())
}

fn field(result: Result<Trainer, SpikegradError>) -> String {
    match result {
        Err(SpikegradError::Checkpoint { field, path, expected, found }) => {
            assert!(path.ends_with("checkpoint.safetensors") && !expected.is_empty() && !found.is_empty());
            field
        }
        other => panic!("expected a checkpoint error, found {other:?}"),
    }
}

/// The checkpoint with a text of its header replaced by one of the same length.
fn replaced(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = checkpoint().to_vec();
    let place = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
    bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    bytes
}

#[test]
fn an_intact_checkpoint_resumes() {
    assert_eq!(resume(checkpoint()).unwrap().position().batch, 2);
}

#[test]
fn a_cut_file_is_refused() {
    for length in [0, 7, 8, 100, checkpoint().len() / 2, checkpoint().len() - 1] {
        assert_eq!(field(resume(&checkpoint()[..length])), "header", "cut at {length}");
    }
}

#[test]
fn a_foreign_file_is_refused() {
    assert_eq!(field(resume(b"\x89PNG\r\n\x1a\n and more bytes that are no header")), "header");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    snn::model::save(&task::network(WeightFormat::I8), &path).unwrap();
    assert_eq!(field(resume(&std::fs::read(path).unwrap())), "metadata");
}

#[test]
fn a_missing_file_is_named() {
    let path = Path::new("/nowhere/checkpoint.safetensors");
    let refused = Trainer::resume(task::network(WeightFormat::I8), task::settings(), RESOURCES, path).unwrap_err();
    assert!(refused.to_string().contains("/nowhere/checkpoint.safetensors"), "{refused}");
}

#[test]
fn another_run_is_refused() {
    let other = TrainingSettings { alpha: 51.0, ..task::settings() };
    assert_eq!(field(resume_as(checkpoint(), task::network(WeightFormat::I8), other)), "settings");
    let other = TrainingSettings { seed: 4, ..task::settings() };
    assert_eq!(field(resume_as(checkpoint(), task::network(WeightFormat::I8), other)), "settings");
    assert_eq!(field(resume_as(checkpoint(), task::network(WeightFormat::I16), task::settings())), "network");
    let mut description = task::description(WeightFormat::I8);
    description.populations[3].shape = vec![21];
    let network = Network::build(&description).unwrap();
    assert_eq!(field(resume_as(checkpoint(), network, task::settings())), "network");
    // A run may be prolonged.
    let longer = TrainingSettings { epochs: 9, ..task::settings() };
    resume_as(checkpoint(), task::network(WeightFormat::I8), longer).unwrap();
}

#[test]
fn a_changed_header_is_refused() {
    assert_eq!(field(resume(&replaced("{\\\"format\\\":1", "{\\\"format\\\":7"))), "format");
    let name = "\"projection0.weight\"";
    assert_eq!(field(resume(&replaced(name, "\"projectionX.weight\""))), "projection0.weight");
    assert_eq!(field(resume(&replaced("sterna_checkpoint", "sterna_checkpainT"))), "metadata");
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    let mut bytes = checkpoint().to_vec();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(field(resume(&bytes)).contains('.'), "the field is a tensor");
}

/// The checkpoint with its header text changed, tensors as they are.
fn rewritten(from: &str, to: &str) -> Vec<u8> {
    let (_, metadata) = SafeTensors::read_metadata(checkpoint()).unwrap();
    let mut texts = metadata.metadata().clone().unwrap();
    let text = texts.remove("sterna_checkpoint").unwrap();
    assert!(text.contains(from), "{text}");
    texts.insert("sterna_checkpoint".to_owned(), text.replacen(from, to, 1));
    safetensors::serialize(SafeTensors::deserialize(checkpoint()).unwrap().tensors(), Some(texts)).unwrap()
}

#[test]
fn impossible_positions_and_sums_are_refused() {
    for (expected, from, to) in [
        ("position.batch", "\"batch\":2,\"best\"", "\"batch\":18446744073709551615,\"best\""),
        ("position.epoch", "\"epoch\":0", "\"epoch\":4294967295"),
        ("accumulator.examples", "\"examples\":40", "\"examples\":18446744073709551615"),
        ("accumulator.correct", "\"examples\":40", "\"examples\":0"),
        ("accumulator.statistics", "\"clipped_errors\":0", "\"clipped_errors\":18446744073709551615"),
        ("metadata", "\"epoch\":0", "\"epoch\":-1"),
    ] {
        assert_eq!(field(resume(&rewritten(from, to))), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any change ends in an error that names file and field, or in a trainer that goes on.
    #[test]
    fn random_corruption_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = checkpoint().to_vec();
        // Half of the changes fall into the header, which is the smaller part.
        let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for (place, value, in_header) in changes {
            let limit = if in_header { header } else { bytes.len() };
            bytes[place.index(limit)] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        match resume(&bytes) {
            Ok(mut trainer) => {
                let _ = trainer.step(&Quadrants::new(60, 1));
            }
            Err(error) => {
                let text = error.to_string();
                prop_assert!(!text.is_empty());
                if matches!(error, SpikegradError::Checkpoint { .. }) {
                    prop_assert!(text.contains("checkpoint.safetensors"), "{}", text);
                }
            }
        }
    }
}
