//! Every wrong key is refused by name; every preset is accepted and survives writing and reading.

use proptest::prelude::*;

use crate::hardware::presets::PRESETS;
use crate::hardware::{HardwareSpecification, SignedWeights};
use crate::{CompilerError, hardware};

/// The page that explains the specification.
const GUIDE: &str = include_str!("../../../../docs/hardware.md");
const REFERENCE: (&str, &str) = ("weights.signed", "\"reference-column\"");
const TERNARY: (&str, &str) = ("quantiser", "{ kind = \"ternary\" }");
const DRIFT: &str = "{ time_s = 10.0, reference_time_s = 1.0, exponent = 0.1, exponent_sigma = 0.0 }";

/// The TOML of a preset with values set at key paths.
fn changed(preset: &str, changes: &[(&str, &str)]) -> String {
    let text = HardwareSpecification::named(preset).unwrap().to_toml().unwrap();
    let mut table: toml::Table = toml::from_str(&text).unwrap();
    for (path, value) in changes {
        let value: toml::Table = toml::from_str(&format!("value = {value}")).unwrap();
        let mut keys: Vec<&str> = path.split('.').collect();
        let last = keys.pop().unwrap();
        let inner = keys.into_iter().fold(&mut table, |table, key| {
            table.entry(key).or_insert_with(|| toml::Table::new().into()).as_table_mut().unwrap()
        });
        inner.insert(last.to_owned(), value["value"].clone());
    }
    toml::to_string(&table).unwrap()
}

/// That the changes give an error about `field`, with expectation and remedy.
fn refused(preset: &str, changes: &[(&str, &str)], field: &str) {
    match HardwareSpecification::from_toml(&changed(preset, changes), "mine.toml") {
        Err(CompilerError::Hardware { place, field: named, expected, found, remedy }) => {
            assert_eq!((place.as_str(), named.as_str()), ("mine.toml", field), "{changes:?}");
            assert!(!expected.is_empty() && !found.is_empty() && remedy.len() > 8, "{changes:?}");
        }
        other => panic!("{changes:?} on {preset}: {other:?}"),
    }
}

#[test]
fn every_number_out_of_range_is_named() {
    let cases = [
        ("name", "\"\""),
        ("name", "\"a/b\""),
        ("name", "\"..\""),
        ("description", "\"  \""),
        ("description", "\"two\\nlines\""),
        ("array.rows", "0"),
        ("array.rows", "8193"),
        ("array.columns", "0"),
        ("array.columns", "99999999999"),
        ("array.cell_bits", "0"),
        ("array.cell_bits", "9"),
        ("weights.bits", "0"),
        ("weights.bits", "9"),
        ("weights.largest", "0"),
        ("weights.largest", "-3"),
        ("weights.largest", "16"),
        ("input.bits", "0"),
        ("input.bits", "9"),
        ("input.image_bits", "0"),
        ("input.image_bits", "16"),
        ("scale_factors.bits", "0"),
        ("scale_factors.bits", "17"),
        ("periphery.columns_per_converter", "0"),
        ("periphery.columns_per_converter", "65"),
        ("periphery.accumulator_bits", "7"),
        ("periphery.accumulator_bits", "33"),
        ("periphery.arrays", "0"),
        ("periphery.largest_replication", "0"),
        ("device.cell", "\"\""),
        ("device.technology_nm", "0.0"),
        ("device.technology_nm", "-65.0"),
        ("device.on_resistance_ohm", "0.0"),
        ("device.on_resistance_ohm", "inf"),
        ("device.off_resistance_ohm", "nan"),
        ("device.off_resistance_ohm", "6000.0"),
        ("device.off_resistance_ohm", "5000.0"),
        ("device.read_voltage_v", "0.0"),
        ("device.read_voltage_v", "5000.0"),
        ("device.read_pulse_ns", "-1.0"),
        ("device.wire_resistance_ohm", "-0.1"),
        ("device.wire_resistance_ohm", "nan"),
        ("device.driver_resistance_ohm", "inf"),
        ("device.sense_resistance_ohm", "-1.0"),
        ("non_idealities.conductance_levels", "1"),
        ("non_idealities.sense_offset", "-0.5"),
        ("non_idealities.sense_offset", "65.0"),
        ("cost.technology_nm", "32.0"),
        ("cost.technology_nm", "0.0"),
        ("cost.technology_nm", "nan"),
        ("cost.leakage_nw", "-1.0"),
        ("cost.arrays_per_tile", "65537"),
        ("cost.array.energy_pj", "-1.0"),
        ("cost.row_driver.energy_pj", "nan"),
        ("cost.converter.latency_ns", "inf"),
        ("cost.scale_factor.area_um2", "-1.0"),
        ("cost.accumulator.energy_pj", "1e300"),
        ("cost.buffer_bit.energy_pj", "-1e-9"),
        ("cost.interconnect_bit.latency_ns", "nan"),
        ("cost.neuron.area_um2", "-inf"),
        ("cost.tile.area_um2", "nan"),
        ("cost.converter.source", "\" \""),
    ];
    for (field, value) in cases {
        refused("adcless-rram-64", &[(field, value)], field);
    }
    refused("adcless-rram-64", &[("sources", "[\"one\", \"\"]")], "sources[1]");
    refused("adc5-rram-64", &[("quantiser.bits", "0")], "quantiser.bits");
    refused("adc5-rram-64", &[("quantiser.bits", "17")], "quantiser.bits");
    refused("isaac", &[("weights.bits", "1"), ("array.cell_bits", "1")], "weights.bits");
}

#[test]
fn every_wrong_deviation_is_named() {
    let rram = |changes: &[(&str, &str)], field: &str| refused("adcless-rram-64", changes, field);
    for kind in ["absolute", "relative", "log-normal"] {
        let negative = format!("{{ kind = \"{kind}\", sigma = -0.1 }}");
        let percent = format!("{{ kind = \"{kind}\", sigma = 15 }}");
        rram(&[("non_idealities.programming", &negative)], "non_idealities.programming.sigma");
        rram(&[("non_idealities.read", &percent)], "non_idealities.read.sigma");
    }
    let stuck = "non_idealities.stuck";
    rram(&[(stuck, "{ on_share = 1.1, off_share = 0.0 }")], "non_idealities.stuck.on_share");
    rram(&[(stuck, "{ on_share = 0.0, off_share = -0.1 }")], "non_idealities.stuck.off_share");
    rram(&[(stuck, "{ on_share = 0.6, off_share = 0.5 }")], stuck);
    let drift = "non_idealities.drift";
    for (key, value) in [
        ("time_s", "0.5"),
        ("time_s", "inf"),
        ("reference_time_s", "0.0"),
        ("exponent", "-0.1"),
        ("exponent_sigma", "nan"),
    ] {
        let field = format!("{drift}.{key}");
        rram(&[(drift, DRIFT), (&field, value)], &field);
    }
    refused("hcim-a-ternary", &[("non_idealities.wires", "\"exact\"")], "non_idealities.wires");
}

#[test]
fn every_contradiction_is_named() {
    let rram = |changes: &[(&str, &str)], field: &str| refused("adcless-rram-64", changes, field);
    rram(&[("array.cell_bits", "5")], "array.cell_bits");
    rram(&[("array.columns", "3"), ("periphery.columns_per_converter", "1")], "array.columns");
    rram(&[("array.columns", "7"), ("weights.pair_shares_column", "false")], "array.columns");
    refused("isaac", &[("array.columns", "4"), ("periphery.columns_per_converter", "1")], "array.columns");
    refused("isaac", &[("weights.largest", "128")], "weights.largest");
    refused("isaac", &[("weights.pair_shares_column", "true")], "weights.pair_shares_column");
    refused("isaac", &[("quantiser", "{ kind = \"sign\" }")], "quantiser.kind");
    refused("isaac", &[TERNARY], "quantiser.kind");
    rram(&[REFERENCE, ("weights.largest", "7"), ("weights.pair_shares_column", "false")], "quantiser.kind");
    refused("ideal", &[("scale_factors", "{ bits = 8 }")], "scale_factors");
    refused("adc7-a", &[("scale_factors.granularity", "\"layer\"")], "scale_factors");
    refused("hcim-a-binary", &[("scale_factors.bits", "8")], "periphery.accumulator_bits");
    let narrow = [("quantiser.bits", "9"), ("periphery.accumulator_bits", "8")];
    refused("adc7-a", &narrow, "periphery.accumulator_bits");
    let copies = [("periphery.arrays", "3"), ("periphery.largest_replication", "4")];
    rram(&copies, "periphery.largest_replication");
    refused("isaac", &[("cost.arrays_per_tile", "0")], "cost.arrays_per_tile");
    refused("ideal", &[("cost.neuron.energy_pj", "1.0")], "cost.technology_nm");
    let curve = "cost.zero_share_energy";
    rram(&[(curve, "[[0.0, 1.0], [0.5, 0.8], [0.5, 0.7]]")], "cost.zero_share_energy[2]");
    rram(&[(curve, "[[0.5, 1.0], [0.1, 0.8]]")], "cost.zero_share_energy[1]");
    rram(&[(curve, "[[1.5, 1.0]]")], "cost.zero_share_energy[0]");
    rram(&[(curve, "[[0.0, 1.0], [1.0, -0.1]]")], "cost.zero_share_energy[1]");
}

#[test]
fn values_at_the_bounds_are_accepted() {
    let accepted = |preset: &str, changes: &[(&str, &str)]| {
        let text = changed(preset, changes);
        HardwareSpecification::from_toml(&text, "mine.toml").unwrap_or_else(|error| panic!("{changes:?}: {error}"));
    };
    accepted("adcless-rram-64", &[("array.columns", "4"), ("array.rows", "8192")]);
    accepted("adcless-rram-64", &[("array.columns", "8"), ("weights.pair_shares_column", "false")]);
    accepted("isaac", &[("array.columns", "5"), ("periphery.columns_per_converter", "5")]);
    accepted("isaac", &[("weights.bits", "2"), ("weights.largest", "1")]);
    accepted("adcless-rram-64", &[("weights.largest", "15"), ("array.cell_bits", "4")]);
    accepted("adcless-rram-64", &[("non_idealities.drift", DRIFT), ("non_idealities.wires", "\"approximate\"")]);
    accepted("adcless-rram-64", &[("non_idealities.stuck", "{ on_share = 0.25, off_share = 0.75 }")]);
    accepted("adcless-rram-64", &[("device.read_voltage_v", "1"), ("cost.zero_share_energy", "[]")]);
    accepted("ideal", &[("cost.technology_nm", "65")]);
}

#[test]
fn keys_that_do_not_exist_are_named_with_their_line() {
    let text = HardwareSpecification::named("ideal").unwrap().to_toml().unwrap();
    let cases = [
        ("[array]\nrows = 256", "[array]\nrowz = 256", "rowz"),
        ("[array]\nrows = 256", "[array]\nrows = -1", "array.rows"),
        ("[array]\nrows = 256", "[array]\nrows = 2.5", "array.rows"),
        ("[array]\nrows = 256", "[array]\nrows = \"many\"", "array.rows"),
        ("[array]\nrows = 256\n", "[array]\n", "missing field `rows`"),
        ("coding = \"bit-serial\"", "coding = \"analog\"", "bit-serial"),
        ("kind = \"ideal\"", "kind = \"flash\"", "flash"),
        ("kind = \"ideal\"", "kind = \"ideal\"\nbits = 3", "bits"),
        ("kind = \"ideal\"", "kind = \"uniform\"\nbits = 3", "range"),
        ("[array]", "[array\n", "array"),
    ];
    for (old, new, part) in cases {
        assert!(text.contains(old), "{old} is not in {text}");
        match HardwareSpecification::from_toml(&text.replacen(old, new, 1), "mine.toml") {
            Err(error @ CompilerError::Syntax { line: Some(_), .. }) => {
                let message = error.to_string();
                assert!(message.starts_with("hardware mine.toml, line ") && message.contains(part), "{message}");
            }
            other => panic!("{new}: {other:?}"),
        }
    }
}

#[test]
fn every_preset_survives_writing_and_reading() {
    for preset in PRESETS {
        let read = preset.specification().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.name, preset.name);
        assert!(!read.sources.is_empty());
        let text = read.to_toml().unwrap();
        assert_eq!(HardwareSpecification::from_toml(&text, "again").unwrap(), read, "{text}");
        assert_eq!(text.contains("[scale_factors]"), read.quantiser.has_scale_factors());
        let json = serde_json::to_string(&read.written()).unwrap();
        assert_eq!(serde_json::from_str::<HardwareSpecification>(&json).unwrap(), read, "{json}");
        let cost = &read.cost;
        let components = [&cost.array, &cost.row_driver, &cost.converter, &cost.scale_factor, &cost.accumulator];
        let others = [&cost.buffer_bit, &cost.interconnect_bit, &cost.neuron, &cost.tile];
        assert!(components.into_iter().chain(others).all(|component| !component.source.is_empty()), "{}", preset.name);
    }
}

/// Key paths of a table, those of tables in it included.
fn keys(prefix: &str, table: &toml::Table) -> Vec<String> {
    table
        .iter()
        .flat_map(|(key, value)| {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            let inner = value.as_table().map_or(Vec::new(), |table| keys(&path, table));
            inner.into_iter().chain([path])
        })
        .collect()
}

#[test]
fn the_guide_explains_every_key_and_preset() {
    let all = [
        ("weights.largest", "7"),
        ("input.image_bits", "8"),
        ("periphery.arrays", "64"),
        ("non_idealities.programming", "{ kind = \"relative\", sigma = 0.1 }"),
        ("non_idealities.read", "{ kind = \"absolute\", sigma = 0.1 }"),
        ("non_idealities.conductance_levels", "16"),
        ("non_idealities.stuck", "{ on_share = 0.1, off_share = 0.1 }"),
        ("non_idealities.drift", DRIFT),
        ("non_idealities.wires", "\"exact\""),
        ("non_idealities.sense_offset", "0.5"),
    ];
    for preset in ["adcless-rram-64", "adc5-rram-64"] {
        let text = changed(preset, &all);
        HardwareSpecification::from_toml(&text, "all keys").unwrap();
        for key in keys("", &toml::from_str(&text).unwrap()) {
            let component = key.strip_prefix("cost.").filter(|rest| rest.contains('.'));
            let shown = component.and_then(|rest| rest.split('.').nth(1)).unwrap_or(&key);
            assert!(GUIDE.contains(&format!("`{shown}`")), "`{shown}` is not in the guide");
        }
    }
    for preset in PRESETS {
        assert!(GUIDE.contains(&format!("`{}`", preset.name)), "{} is not in the guide", preset.name);
    }
}

#[test]
fn the_example_of_the_guide_is_sound() {
    let example = GUIDE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let specification = HardwareSpecification::from_toml(example, "guide").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((specification.array.rows, specification.array.columns), (256, 128));
}

#[test]
fn files_are_bounded_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chip.toml");
    let text = HardwareSpecification::named("isaac").unwrap().to_toml().unwrap();
    std::fs::write(&path, &text).unwrap();
    assert_eq!(HardwareSpecification::from_file(&path).unwrap().name, "isaac");
    let refusal = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        HardwareSpecification::from_file(&path).unwrap_err().to_string()
    };
    assert!(refusal(&vec![b'#'; hardware::LARGEST_FILE as usize + 1]).contains("at most 1048576 bytes"));
    let message = refusal(b"name = \"a\"\n\xff\xfe");
    assert!(message.contains("chip.toml, line 2") && message.contains("UTF-8"), "{message}");
    assert!(matches!(HardwareSpecification::from_file(folder.path()), Err(CompilerError::Io { .. })));
    assert!(matches!(HardwareSpecification::from_file(&folder.path().join("none")), Err(CompilerError::Io { .. })));
    let unknown = HardwareSpecification::named("hcim-c").unwrap_err().to_string();
    assert!(unknown.contains("hcim-c") && unknown.contains("hcim-a-ternary"), "{unknown}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_array_is_accepted_if_and_only_if_an_output_fits(
        rows in 0usize..40, columns in 0usize..40, cell_bits in 0u32..10, bits in 0u32..10,
        is_reference in any::<bool>(), shares in any::<bool>(),
    ) {
        let mut specification = HardwareSpecification::named("ideal").unwrap();
        specification.array.rows = rows;
        specification.array.columns = columns;
        specification.array.cell_bits = cell_bits;
        specification.weights.bits = bits;
        specification.weights.pair_shares_column = shares;
        if is_reference {
            specification.weights.signed = SignedWeights::ReferenceColumn;
        }
        let mut slices = 0;
        while cell_bits > 0 && slices * cell_bits < bits {
            slices += 1;
        }
        let needed = match (is_reference, shares) {
            (true, _) => slices + 1,
            (false, true) => slices,
            (false, false) => 2 * slices,
        };
        let bits_fit = bits <= 8 && bits > u32::from(is_reference) && (1..=bits).contains(&cell_bits);
        let is_sound = rows > 0 && bits_fit && needed as usize <= columns && !(is_reference && shares);
        prop_assert_eq!(specification.check("test").is_ok(), is_sound);
    }

    #[test]
    fn damaged_text_is_an_error_or_a_sound_specification(
        preset in 0..PRESETS.len(), place in 0.0..1.0f64, length in 0usize..40, patch in "[ -~\n]{0,12}",
    ) {
        let text = PRESETS[preset].specification().unwrap().to_toml().unwrap();
        let boundary = |offset: usize| (0..=offset.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap();
        let start = boundary((place * text.len() as f64) as usize);
        let damaged = format!("{}{patch}{}", &text[..start], &text[boundary(start + length).max(start)..]);
        if let Ok(specification) = HardwareSpecification::from_toml(&damaged, "damaged") {
            prop_assert!(specification.check("damaged").is_ok());
            let again = specification.to_toml().unwrap();
            prop_assert_eq!(HardwareSpecification::from_toml(&again, "again").unwrap(), specification);
        }
    }
}
