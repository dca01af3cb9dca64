//! Presets survive writing and reading; what is wrong is refused by name.

use crate::CompilerError;
use crate::learning::device::{DeviceSpecification, PRESETS};

/// The page that explains the specification.
const GUIDE: &str = include_str!("../../../../../docs/on-chip-devices.md");

#[test]
fn presets_survive_writing_and_reading() {
    for preset in PRESETS {
        let specification = preset.specification().unwrap();
        assert_eq!(specification.name, preset.name);
        assert!(!specification.sources.is_empty() || !specification.assumptions.is_empty(), "{}", preset.name);
        let text = specification.to_toml().unwrap();
        assert_eq!(DeviceSpecification::parse(&text, "again").unwrap(), specification, "{text}");
        assert!(specification.figures().step_up > 0.0);
    }
    let error = DeviceSpecification::preset("none").unwrap_err().to_string();
    assert!(error.contains("gokmen-vlasov") && error.contains("none"), "{error}");
}

/// That a value at a key of a preset gives an error about `field`, with expectation and remedy.
fn refused(preset: &str, key: &str, value: &str, field: &str) {
    let text = DeviceSpecification::preset(preset).unwrap().to_toml().unwrap();
    let mut table: toml::Table = text.parse().unwrap();
    let value: toml::Table = format!("value = {value}").parse().unwrap();
    let mut keys: Vec<&str> = key.split('.').collect();
    let last = keys.pop().unwrap();
    let inner = keys.into_iter().fold(&mut table, |table, key| {
        table.entry(key).or_insert_with(|| toml::Table::new().into()).as_table_mut().unwrap()
    });
    inner.insert(last.to_owned(), value["value"].clone());
    match DeviceSpecification::parse(&toml::to_string(&table).unwrap(), "mine.toml") {
        Err(CompilerError::Device { place, field: named, expected, found, remedy }) => {
            assert_eq!((place.as_str(), named.as_str()), ("mine.toml", field), "{key}");
            assert!(!expected.is_empty() && !found.is_empty() && remedy.len() > 4, "{key}");
        }
        other => panic!("{key} = {value} on {preset}: {other:?}"),
    }
}

#[test]
fn wrong_values_are_named() {
    for (preset, key, value) in [
        ("ideal", "name", "\"a/b\""),
        ("ideal", "name", "\"\""),
        ("ideal", "description", "\" \""),
        ("ideal", "step.size", "0.0"),
        ("ideal", "step.size", "-1.0"),
        ("ideal", "step.size", "nan"),
        ("ideal", "step.size", "inf"),
        ("ideal", "step.device_spread", "-0.1"),
        ("ideal", "step.asymmetry", "1.0"),
        ("ideal", "step.asymmetry_spread", "nan"),
        ("ideal", "step.cycle_spread", "1e9"),
        ("ideal", "step.write_noise", "-1.0"),
        ("ideal", "bounds.lower", "0.5"),
        ("ideal", "bounds.upper", "-0.5"),
        ("ideal", "bounds.upper_spread", "-1.0"),
        ("ideal", "levels", "1"),
        ("ideal", "levels", "100"),
        ("capacitor", "model.slope_up", "nan"),
        ("capacitor", "retention.lifetime_updates", "0.0"),
        ("capacitor", "retention.lifetime_spread", "-1.0"),
        ("reram-array-om", "model.reference_spread", "-1.0"),
        ("reram-es", "model.rate_up", "1e3"),
        ("reram-es", "model.amplitude_down", "inf"),
        ("pcm", "pair.refresh_above", "2.0"),
        ("pcm", "pair.refresh_below", "0.9"),
        ("pcm", "pair.reset", "-1.0"),
        ("pcm", "bounds.lower", "-1.0"),
        ("mosfet", "model.beta_a_per_v2", "0.0"),
        ("mosfet", "model.lowest_gate_v", "0.4"),
        ("mosfet", "model.highest_gate_v", "0.5"),
        ("mosfet", "model.pulse_ns", "1e6"),
        ("mosfet", "model.leakage_a", "-1.0"),
        ("mosfet", "step.size", "0.1"),
        ("domain-wall", "step.cycle_spread", "0.1"),
        ("domain-wall", "model.critical_density_a_per_m2", "1e12"),
        ("domain-wall", "model.antiparallel_s", "1.0"),
        ("domain-wall", "model.position_spread_nm", "-1.0"),
        ("domain-wall", "model.pulse_ns", "1e5"),
        ("domain-wall", "levels", "10"),
    ] {
        refused(preset, key, value, key);
    }
    refused("ideal", "stuck", "{ share = 2.0, lower = 0.0, upper = 0.0 }", "stuck.share");
    refused("ideal", "stuck", "{ share = 0.1, lower = 0.2, upper = 0.1 }", "stuck.upper");
    refused("ideal", "retention", "{ reset = 0.0 }", "retention");
    refused("ideal", "retention", "{ lifetime_s = 1.0, lifetime_updates = 1.0 }", "retention");
    refused("mosfet", "retention", "{ lifetime_s = 1.0 }", "retention");
    refused("mosfet", "energy", "{ write_j = 1e-15 }", "energy");
    refused("mosfet", "bounds", "{ lower = -2.0, upper = 1.0 }", "bounds");
    refused("mosfet", "pair", "{ refresh_above = 0.7, refresh_below = 0.2 }", "bounds.lower");
    refused("ideal", "energy", "{ write_j = -1e-15 }", "energy.write_j");
    refused("ideal", "energy", "{ lowest_conductance_s = 1e-6 }", "energy");
    refused("ideal", "model", "{ family = \"piecewise\", file = \"a.csv\" }", "model.file");
    refused("ideal", "model", "{ family = \"piecewise\", pulses = [0, 1], conductance_s = [1e-6] }", "model.pulses");
    let only_up = "{ family = \"piecewise\", pulses = [0, 1], conductance_s = [1e-6, 2e-6] }";
    refused("ideal", "model", only_up, "model.conductance_s");
}

#[test]
fn wrong_text_is_named_with_its_line() {
    let wrong = |text: &str, parts: &[&str]| {
        let error = DeviceSpecification::parse(text, "mine.toml").unwrap_err();
        assert!(matches!(error, CompilerError::DeviceSyntax { .. }));
        let message = error.to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    wrong("name = \"a\"\nname = \"b\"", &["mine.toml", "line 2"]);
    wrong("nonsense = 1", &["nonsense"]);
    let text = DeviceSpecification::preset("ideal").unwrap().to_toml().unwrap();
    wrong(&text.replace("constant-step", "perfect-step"), &["perfect-step"]);
    wrong(&text.replace("[bounds]", "[bounds]\nmiddle = 1.0"), &["middle"]);
    wrong(&text.replace("size = 0.001", "size = \"small\""), &["step.size"]);
}

/// Every key of a TOML table, without the names of tables.
fn keys(table: &toml::Table, found: &mut Vec<String>) {
    for (key, value) in table {
        match value.as_table() {
            Some(inner) => keys(inner, found),
            None => found.push(key.clone()),
        }
    }
}

#[test]
fn the_guide_has_every_preset_and_key() {
    for preset in PRESETS {
        assert!(GUIDE.contains(&format!("\n| `{}` |", preset.name)), "{}", preset.name);
        let table: toml::Table = preset.specification().unwrap().to_toml().unwrap().parse().unwrap();
        let mut found = Vec::new();
        keys(&table, &mut found);
        for key in found {
            assert!(GUIDE.contains(&format!("`{key}`")) || GUIDE.contains(&format!(".{key}`")), "{key}");
        }
    }
}
