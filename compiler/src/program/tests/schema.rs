//! `docs/crossbar.schema.json` and what is written agree.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::compiled;
use crate::hardware::*;
use crate::testing::ideal;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../../docs/crossbar.schema.json")).unwrap()
}

/// Follows a reference within the schema.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolved(root, root.pointer(reference.trim_start_matches('#')).unwrap()),
        None => schema,
    }
}

/// The first place where a value breaks the schema; the keywords the schema uses and no others.
/// `seen` collects the property definitions that were used.
fn broken(root: &Value, schema: &Value, value: &Value, place: &str, seen: &mut BTreeSet<usize>) -> Option<String> {
    let schema = resolved(root, schema);
    let keywords = schema.as_object().unwrap();
    for key in keywords.keys() {
        let known = [
            "$schema",
            "$id",
            "$defs",
            "title",
            "description",
            "type",
            "properties",
            "required",
            "additionalProperties",
            "items",
            "minItems",
            "maxItems",
            "minimum",
            "maximum",
            "enum",
            "const",
            "oneOf",
        ];
        assert!(known.contains(&key.as_str()), "keyword {key} at {place}");
    }
    if let Some(choices) = keywords.get("oneOf") {
        let choices = choices.as_array().unwrap();
        let right = choices.iter().filter(|choice| broken(root, choice, value, place, &mut BTreeSet::new()).is_none());
        let right: Vec<&Value> = right.collect();
        return match right[..] {
            [one] => broken(root, one, value, place, seen),
            _ => Some(format!("{place}: {} of {} alternatives", right.len(), choices.len())),
        };
    }
    let is_type = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("type {other}"),
    };
    if keywords.get("type").is_some_and(|name| !is_type(name.as_str().unwrap())) {
        return Some(format!("{place}: type"));
    }
    if keywords.get("const").is_some_and(|constant| constant != value)
        || keywords.get("enum").is_some_and(|all| !all.as_array().unwrap().contains(value))
        || keywords.get("minimum").is_some_and(|low| value.as_f64() < low.as_f64())
        || keywords.get("maximum").is_some_and(|high| value.as_f64() > high.as_f64())
    {
        return Some(format!("{place}: value {value}"));
    }
    if let Some(items) = value.as_array() {
        let count = |key: &str| keywords.get(key).and_then(Value::as_u64);
        let length = items.len() as u64;
        if count("minItems").is_some_and(|least| length < least) || count("maxItems").is_some_and(|most| length > most)
        {
            return Some(format!("{place}: {length} items"));
        }
        let schema = keywords.get("items").unwrap_or_else(|| panic!("{place}: no schema of its items"));
        return items
            .iter()
            .enumerate()
            .find_map(|(index, item)| broken(root, schema, item, &format!("{place}[{index}]"), seen));
    }
    let object = value.as_object()?;
    let none = Map::new();
    let properties = keywords.get("properties").and_then(Value::as_object).unwrap_or(&none);
    assert_eq!(keywords.get("additionalProperties"), Some(&json!(false)), "{place}");
    for required in keywords.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !object.contains_key(required.as_str().unwrap()) {
            return Some(format!("{place}: no {required}"));
        }
    }
    object.iter().find_map(|(key, value)| {
        let Some(property) = properties.get(key) else { return Some(format!("{place}.{key}: not in the schema")) };
        seen.insert(std::ptr::from_ref(property) as usize);
        broken(root, property, value, &format!("{place}.{key}"), seen)
    })
}

/// All property definitions of a schema, with their keys.
fn properties(schema: &Value, all: &mut Vec<(String, usize)>) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                if key == "properties" {
                    let fields = value.as_object().into_iter().flatten();
                    all.extend(fields.map(|(name, field)| (name.clone(), std::ptr::from_ref(field) as usize)));
                }
                properties(value, all);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, all)),
        _ => {}
    }
}

/// Chips that between them use every key.
fn chips() -> Vec<HardwareSpecification> {
    let mut pairs = ideal(6, 24);
    pairs.weights.largest = Some(99);
    pairs.periphery.arrays = Some(100_000);
    pairs.non_idealities = NonIdealities {
        programming: Some(Spread::Absolute { sigma: 0.1 }),
        conductance_levels: Some(16),
        read: Some(Spread::Relative { sigma: 0.1 }),
        stuck: Some(StuckCells { on_share: 0.01, off_share: 0.02 }),
        drift: Some(Drift { time_s: 9.0, reference_time_s: 1.0, exponent: 0.1, exponent_sigma: 0.01 }),
        wires: Some(WireResistance::Exact),
        sense_offset: Some(0.5),
    };
    pairs.cost.zero_share_energy = Curve { points: vec![[0.0, 1.0], [1.0, 0.5]] };
    let mut others = vec![pairs.clone()];
    pairs.weights.largest = None;
    pairs.non_idealities.programming = Some(Spread::LogNormal { sigma: 0.1 });
    pairs.input.coding = InputCoding::Spikes;
    pairs.quantiser = Quantiser::Ternary {};
    others.push(pairs.clone());
    pairs.quantiser = Quantiser::Sign {};
    others.push(pairs.clone());
    pairs.weights.pair_shares_column = false;
    pairs.weights.signed = SignedWeights::ReferenceColumn;
    pairs.weights.bits = 8;
    pairs.quantiser = Quantiser::Uniform { bits: 5, range: Range::Calibrated };
    others.push(pairs);
    others
}

#[test]
fn what_is_written_obeys_the_schema_and_uses_all_of_it() {
    let schema = schema();
    let mut seen = BTreeSet::new();
    for hardware in chips() {
        for seed in 0..40 {
            let layout = serde_json::to_value(&compiled(seed, &hardware).layout).unwrap();
            assert_eq!(broken(&schema, &schema, &layout, "layout", &mut seen), None);
        }
    }
    let mut all = Vec::new();
    properties(&schema, &mut all);
    let unused: Vec<&str> =
        all.iter().filter(|(_, place)| !seen.contains(place)).map(|(name, _)| name.as_str()).collect();
    assert!(unused.is_empty(), "in the schema but never written: {unused:?}");
}

#[test]
fn the_schema_refuses_other_content() {
    let schema = schema();
    let layout = serde_json::to_value(&compiled(0, &chips()[0]).layout).unwrap();
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut layout = layout.clone();
        change(&mut layout);
        broken(&schema, &schema, &layout, "layout", &mut BTreeSet::new()).expect("an error")
    };
    assert!(refused(&|layout| layout["format"] = json!(2)).contains("format"));
    assert!(refused(&|layout| layout["more"] = json!(1)).contains("more"));
    assert!(refused(&|layout| drop(layout.as_object_mut().unwrap().remove("routes"))).contains("routes"));
    assert!(refused(&|layout| layout["populations"][0]["neuron"] = json!("other")).contains("neuron"));
    assert!(refused(&|layout| layout["projections"][0]["kind"]["on"] = json!("air")).contains("alternatives"));
    assert!(refused(&|layout| layout["hardware"]["array"]["rows"] = json!(0)).contains("rows"));
    assert!(refused(&|layout| layout["arrays"][0]["tile"] = json!(-1)).contains("tile"));
}
