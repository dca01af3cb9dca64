//! Interrupted and resumed equals uninterrupted.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{configuration, engine, random_model, sequences};
use crate::LlmError;
use crate::spike::build::{Construction, Stop, spike};
use crate::spike::file;
use crate::spike::{SpikeConfiguration, SpikedModel};

/// The file of a model, byte for byte.
fn bytes(model: &SpikedModel) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    file::write(model, &path, Vec::new(), None).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn a_resumed_construction_makes_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    for choice in [0u32, 0b0111_0110, 0b1100_1011, 0b0101_0101] {
        let (model, configuration) = (random_model(choice.into()), configuration(choice));
        let sequences = sequences(&model, 1);
        let mut told = Vec::new();
        let expected = spike(&model, &configuration, &sequences, engine(), |report| told.push(report.clone())).unwrap();
        let mut construction = Construction::new(&model, &configuration, &sequences, engine(), Stop::NEVER).unwrap();
        construction.save(&path, &sequences).unwrap();
        assert!(!path.exists(), "nothing is done before the first block");
        construction.step(Stop::NEVER).unwrap();
        construction.save(&path, &sequences).unwrap();
        let mut resumed = Construction::resume(&model, &configuration, &sequences, engine(), &path).unwrap();
        assert_eq!(resumed.reports(), &told[..1]);
        resumed.step(Stop::NEVER).unwrap();
        assert!(resumed.is_finished() && resumed.step(Stop::NEVER).is_err());
        assert_eq!(resumed.reports(), &told[..]);
        assert!(bytes(&resumed.finish().unwrap()) == bytes(&expected), "{choice:b}");
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn wherever_a_block_is_stopped_it_begins_again() {
    let (model, configuration) = (random_model(5), configuration(0b0101_0101));
    let sequences = sequences(&model, 1);
    let expected = bytes(&spike(&model, &configuration, &sequences, engine(), |_| ()).unwrap());
    let mut stops = 0;
    for after in (0..).step_by(3) {
        let asked = AtomicUsize::new(0);
        let stop = || asked.fetch_add(1, Ordering::Relaxed) == after;
        let mut construction = Construction::new(&model, &configuration, &sequences, engine(), Stop::NEVER).unwrap();
        let Err(error) = construction.step(Stop::when(&stop)) else { break };
        assert!(matches!(error, LlmError::Stopped), "{error}");
        stops += 1;
        while !construction.is_finished() {
            construction.step(Stop::NEVER).unwrap();
        }
        assert!(bytes(&construction.finish().unwrap()) == expected, "stopped at {after}");
    }
    assert!(stops > 3);
    let at_once = Construction::new(&model, &configuration, &sequences, engine(), Stop::when(&|| true));
    assert!(matches!(at_once, Err(LlmError::Stopped)));
}

#[test]
fn checkpoints_of_other_work_and_damaged_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let (model, configuration) = (random_model(2), configuration(0));
    let sequences = sequences(&model, 1);
    let mut construction = Construction::new(&model, &configuration, &sequences, engine(), Stop::NEVER).unwrap();
    construction.step(Stop::NEVER).unwrap();
    construction.save(&path, &sequences).unwrap();
    let refused = |model, configuration, sequences: &[Vec<u32>]| {
        Construction::resume(model, configuration, sequences, engine(), &path).unwrap_err().to_string()
    };
    let (other, other_model) = (SpikeConfiguration::default(), random_model(3));
    for found in [
        refused(&other_model, &configuration, &sequences),
        refused(&model, &other, &sequences),
        refused(&model, &configuration, &sequences[1..]),
    ] {
        assert!(found.contains("begin anew"), "{found}");
    }
    let bytes = std::fs::read(&path).unwrap();
    for cut in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert!(refused(&model, &configuration, &sequences).contains("checkpoint.safetensors"), "{cut} bytes");
    }
    let finished = spike(&model, &configuration, &sequences, engine(), |_| ()).unwrap();
    file::write(&finished, &path, Vec::new(), None).unwrap();
    assert!(refused(&model, &configuration, &sequences).contains("construction"));
}
