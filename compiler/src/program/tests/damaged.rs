//! Truncated, corrupted and contradictory files give errors that name file and field.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::compiled;
use crate::hardware::{Granularity, Quantiser, SignedWeights};
use crate::program::{Broadcast, Files, Program, ProjectionKind};
use crate::testing::{any_hardware, ideal};

fn read(files: &Files) -> Result<Program, crate::CompilerError> {
    Program::from_bytes(files, Path::new("out"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn truncated_files(seed in any::<u64>(), hardware in any_hardware(), part in 0.0..1.0f64) {
        let files = compiled(seed, &hardware).to_bytes(Path::new("out")).unwrap();
        let cut = |bytes: &[u8]| bytes[..(part * bytes.len() as f64) as usize].to_vec();
        let message = read(&Files { layout: cut(&files.layout), ..files.clone() }).unwrap_err().to_string();
        prop_assert!(message.contains("crossbar.json"), "{}", message);
        let message = read(&Files { tensors: cut(&files.tensors), ..files.clone() }).unwrap_err().to_string();
        prop_assert!(message.contains("tiles.safetensors"), "{}", message);
    }

    /// A byte of either file changed: an error, or another program that is valid and writes itself
    /// again; never a panic.
    #[test]
    fn one_wrong_byte(seed in any::<u64>(), hardware in any_hardware(), places in proptest::collection::vec((0.0..1.0f64, 1u8..), 24)) {
        let files = compiled(seed, &hardware).to_bytes(Path::new("out")).unwrap();
        for (part, flip) in places {
            for is_layout in [true, false] {
                let mut damaged = files.clone();
                let bytes = if is_layout { &mut damaged.layout } else { &mut damaged.tensors };
                let place = (part * bytes.len() as f64) as usize;
                bytes[place] ^= flip;
                if let Ok(program) = read(&damaged) {
                    let again = program.to_bytes(Path::new("out")).unwrap();
                    prop_assert_eq!(read(&again).unwrap(), program);
                }
            }
        }
    }
}

/// A program with every kind of part in it.
fn sample() -> Program {
    let mut hardware = ideal(6, 24);
    hardware.quantiser = Quantiser::Ternary {};
    hardware.weights.bits = 3;
    hardware.array.cell_bits = 2;
    hardware.scale_factors.granularity = Granularity::Column;
    let all = (0..200).map(|seed| compiled(seed, &hardware));
    let mut full = all.filter(|program| {
        let text = serde_json::to_string(&program.layout).unwrap();
        ["sum-pooling", "identity", "convolution", "dense"]
            .iter()
            .all(|kind| text.contains(&format!("\"kind\":\"{kind}\"")))
    });
    full.next().expect("one of the seeds gives every kind")
}

/// The message after one value of the layout, at a JSON pointer, is replaced.
fn with_value(program: &Program, pointer: &str, value: Value) -> String {
    let mut layout = serde_json::to_value(&program.layout).unwrap();
    *layout.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
    let files = program.to_bytes(Path::new("out")).unwrap();
    read(&Files { layout: serde_json::to_vec(&layout).unwrap(), ..files }).unwrap_err().to_string()
}

#[test]
fn every_wrong_field_of_the_layout_is_named() {
    let program = sample();
    let crossbar =
        program.layout.projections.iter().position(|p| matches!(p.kind, ProjectionKind::Crossbar(_))).unwrap();
    let digital = program.layout.projections.iter().position(|p| matches!(p.kind, ProjectionKind::Digital(_))).unwrap();
    let huge = json!(u64::MAX / 2);
    let mut cases: Vec<(String, Value, &str)> = vec![
        ("/format".into(), json!(2), "format"),
        ("/hardware/array/rows".into(), json!(0), "array.rows"),
        ("/hardware/array/rows".into(), huge.clone(), "array.rows"),
        ("/populations/0/name".into(), json!(""), "populations[0].name"),
        ("/populations/1/name".into(), json!(program.layout.populations[0].name), "populations[1].name"),
        ("/populations/0/shape".into(), json!([0, 1, 1]), "populations[0].shape"),
        ("/populations/0/shape".into(), json!([huge, huge, huge]), "populations[0].shape"),
        ("/populations/0/maximum_count".into(), json!(256), "maximum_count"),
        ("/populations/0/minimum_count".into(), json!(1), "minimum_count"),
        ("/populations/0/neuron".into(), json!("none"), "crossbar.json"),
        ("/populations/1/thresholds".into(), json!([]), "populations[1].thresholds"),
        ("/populations/1/thresholds".into(), json!([0]), "populations[1].thresholds"),
        ("/populations/1/thresholds".into(), json!([i64::MAX]), "populations[1].thresholds"),
        ("/populations/0/bias".into(), json!([1]), "populations[0].bias"),
        (
            "/populations/1/bias".into(),
            json!(vec![i64::MIN; program.layout.populations[1].shape[0]]),
            "populations[1].bias",
        ),
        ("/projections/0/to".into(), json!(99), "projections[0].to"),
        ("/projections/0/from".into(), json!(99), "projections[0].from"),
        ("/projections/0/name".into(), json!(""), "projections[0].name"),
        ("/arrays".into(), json!([]), "arrays"),
        ("/arrays/0/tile".into(), json!(7), "arrays[0]"),
        ("/arrays/0/rows".into(), json!(0), "arrays[0]"),
        ("/routes".into(), json!([]), "routes[0]"),
        ("/routes/0".into(), json!({ "kind": "digital", "projection": 77 }), "routes[0]"),
    ];
    let at = |key: &str| format!("/projections/{crossbar}/kind/{key}");
    for key in ["fan_in", "outputs", "row_tiles", "column_tiles", "outputs_per_array", "first_array", "replicas"] {
        cases.push((at(key), huge.clone(), key));
    }
    cases.push((at("replicas"), json!(0), "replicas"));
    cases.push((at("unit"), json!(0), "unit"));
    cases.push((at("unit"), json!(i64::MAX), "unit"));
    cases.push((at("slices"), json!([]), "slices"));
    cases.push((at("streams"), json!([]), "streams"));
    cases.push((at("reference_weight"), json!(-1), "reference_weight"));
    cases.push((format!("/projections/{digital}/kind/weight"), json!(0), "weight"));
    cases.push((format!("/projections/{digital}/kind/weight"), json!(1i64 << 62), "weight"));
    cases.push((format!("/projections/{digital}/kind/kind"), json!("other"), "crossbar.json"));
    for (pointer, value, field) in cases {
        let message = with_value(&program, &pointer, value.clone());
        assert!(message.contains("crossbar.json") && message.contains(field), "{pointer} {value}: {message}");
    }
}

/// The message after a program is changed before its parts are written without checks.
fn changed(change: impl FnOnce(&mut Program)) -> String {
    let mut program = sample();
    change(&mut program);
    program.to_bytes(Path::new("out")).unwrap_err().to_string()
}

#[test]
fn every_wrong_tensor_is_named() {
    fn first(program: &mut Program) -> &mut crate::program::Crossbar {
        program.crossbars.iter_mut().flatten().next().unwrap()
    }
    let cases: [(String, &str); 9] = [
        (changed(|p| first(p).cells.truncate(1)), ".cells"),
        (changed(|p| first(p).negative_cells.clear()), ".negative_cells"),
        // Rows of the last row tile that are beyond the fan-in hold zeros; the top slice of 3 bits
        // in cells of 2 has one.
        (changed(|p| first(p).cells.fill(0xff)), ".cells[0, 0, 0]"),
        (changed(|p| first(p).scale_factors.values[0] = -1), ".scale_factors"),
        (changed(|p| first(p).scale_factors.values[0] = 256), ".scale_factors"),
        (changed(|p| first(p).scale_factors.shape = [usize::MAX; 4]), ".scale_factors"),
        (changed(|p| first(p).quantiser_levels = Broadcast { shape: [1; 4], values: Vec::new() }), ".quantiser_levels"),
        (changed(|p| first(p).quantiser_levels.values[0] = 0), ".quantiser_levels"),
        (changed(|p| p.crossbars.truncate(1)), "tensors"),
    ];
    for (message, field) in cases {
        assert!(message.contains("tiles.safetensors") && message.contains(field), "{field}: {message}");
    }
}

#[test]
fn reference_columns_hold_ones() {
    let mut hardware = ideal(6, 24);
    hardware.weights.signed = SignedWeights::ReferenceColumn;
    hardware.weights.pair_shares_column = false;
    hardware.weights.bits = 8;
    let program = compiled(3, &hardware);
    let index = program.crossbars.iter().position(Option::is_some).unwrap();
    let (layout, _) = program.crossbar(index).unwrap();
    let bit = layout.columns() - 1;
    let mut damaged = program.clone();
    damaged.crossbars[index].as_mut().unwrap().cells[bit / 8] ^= 1 << (bit % 8);
    let message = damaged.to_bytes(Path::new("out")).unwrap_err().to_string();
    assert!(message.contains("reference column"), "{message}");
    let mut superfluous = program.clone();
    superfluous.crossbars[index].as_mut().unwrap().negative_cells = vec![0];
    assert!(superfluous.to_bytes(Path::new("out")).unwrap_err().to_string().contains("negative_cells"));
}

#[test]
fn tensors_that_do_not_belong() {
    use safetensors::tensor::{Dtype, SafeTensors, TensorView};
    let files = sample().to_bytes(Path::new("out")).unwrap();
    let tensors = SafeTensors::deserialize(&files.tensors).unwrap();
    let written = |views: Vec<(String, TensorView<'_>)>| {
        let tensors = safetensors::serialize(views, None).unwrap();
        read(&Files { layout: files.layout.clone(), tensors }).unwrap_err().to_string()
    };
    let names: Vec<String> = tensors.names().into_iter().map(str::to_owned).collect();
    let all = || -> Vec<(String, TensorView<'_>)> {
        names.iter().map(|name| (name.clone(), tensors.tensor(name).unwrap())).collect()
    };
    for removed in &names {
        let message = written(all().into_iter().filter(|(name, _)| name != removed).collect());
        assert!(message.contains(removed) && message.contains("no such tensor"), "{message}");
        let other = TensorView::new(Dtype::F32, vec![1, 1, 1, 1], &[0; 4]).unwrap();
        let message = written(
            all()
                .into_iter()
                .map(|(name, view)| if name == *removed { (name, other.clone()) } else { (name, view) })
                .collect(),
        );
        assert!(message.contains(removed) && message.contains("F32"), "{message}");
    }
    let mut more = all();
    more.push(("another.cells".to_owned(), TensorView::new(Dtype::U8, vec![1, 1, 1, 1], &[0]).unwrap()));
    assert!(written(more).contains("another.cells"));
}
