//! Model files that are truncated, changed, oversized or ask for what is not implemented: an error that says where,
//! never a panic.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{data, fixture};
use llm::{LlmError, Model};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

/// A copy of a fixture that may be changed.
struct Copy(tempfile::TempDir);

impl Copy {
    fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(fixture(name)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Self(folder)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn open(&self) -> Result<Model, LlmError> {
        Model::open(self.0.path())
    }

    /// The message with which the model is refused after its description was changed.
    fn refused(name: &str, change: impl FnOnce(&mut Value)) -> String {
        let copy = Self::of(name);
        let path = copy.path("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut config);
        fs::write(&path, config.to_string()).unwrap();
        copy.open().map(|_| ()).unwrap_err().to_string()
    }
}

fn holds(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "'{part}' is not in: {message}");
    }
}

#[test]
fn what_is_not_implemented_is_refused_by_name() {
    let unsupported: [(&str, &str, Value); 12] = [
        ("llama", "model_type", json!("gemma")),
        ("llama", "model_type", json!(null)),
        ("llama", "hidden_act", json!("gelu")),
        ("llama", "mlp_bias", json!(true)),
        ("llama", "quantization_config", json!({"bits": 4})),
        ("llama", "partial_rotary_factor", json!(0.5)),
        ("llama", "rope_scaling", json!({"rope_type": "yarn", "factor": 4.0})),
        ("llama", "rope_scaling", json!({"type": "dynamic", "factor": 4.0})),
        ("llama", "sliding_window", json!(8)),
        ("llama", "layer_types", json!(["full_attention", "sliding_attention"])),
        ("mistral", "layer_types", json!(["full_attention", "full_attention"])),
        ("qwen2", "attention_bias", json!(true)),
    ];
    for (name, field, value) in unsupported {
        let message = Copy::refused(name, |config| config[field] = value);
        holds(&message, &["config.json", field, "supported"]);
    }
    let message = Copy::refused("qwen2", |config| {
        config.as_object_mut().unwrap().remove("layer_types");
        config["use_sliding_window"] = json!(true);
        config["sliding_window"] = json!(8);
        config["max_window_layers"] = json!(1);
    });
    holds(&message, &["max_window_layers", "supported"]);
}

#[test]
fn wrong_numbers_are_refused_by_name() {
    let wrong: [(&str, Value, &str); 15] = [
        ("hidden_size", json!("16"), "hidden_size"),
        ("hidden_size", json!(null), "hidden_size"),
        ("hidden_size", json!(-16), "hidden_size"),
        ("hidden_size", json!(0), "hidden"),
        ("intermediate_size", json!(u64::MAX), "feed_forward"),
        ("num_hidden_layers", json!(1_000_000_000), "blocks"),
        ("num_attention_heads", json!(0), "heads"),
        ("num_key_value_heads", json!(3), "key_value_heads"),
        ("head_dim", json!(3), "head"),
        ("vocab_size", json!(usize::MAX / 2), "vocabulary"),
        ("max_position_embeddings", json!(0), "context"),
        ("rms_norm_eps", json!(0.0), "norm_epsilon"),
        ("rope_theta", json!(-1.0), "theta"),
        ("rope_scaling", json!({"type": "linear"}), "rope_scaling.factor"),
        ("eos_token_id", json!([1, 320]), "320"),
    ];
    for (field, value, part) in wrong {
        let message = Copy::refused("llama", |config| config[field] = value);
        holds(&message, &["config.json", part]);
    }
    holds(
        &Copy::refused("mistral", |config| drop(config.as_object_mut().unwrap().remove("num_key_value_heads"))),
        &["num_key_value_heads"],
    );
}

#[test]
fn tensors_that_do_not_fit_are_named_with_both_shapes() {
    let message = Copy::refused("llama", |config| config["intermediate_size"] = json!(25));
    holds(&message, &["model.safetensors", "model.layers.0.mlp.gate_proj.weight", "[25, 16]", "[24, 16]"]);
    let message = Copy::refused("llama", |config| config["num_hidden_layers"] = json!(3));
    holds(&message, &["model.safetensors", "model.layers.2.self_attn.q_proj.weight", "no such tensor"]);
    let message = Copy::refused("llama", |config| config["num_hidden_layers"] = json!(1));
    holds(&message, &["model.layers.1.", "no tensor beside"]);
    let message = Copy::refused("qwen2", |config| config["tie_word_embeddings"] = json!(false));
    holds(&message, &["lm_head.weight", "[320, 16]", "no such tensor"]);
    let message = Copy::refused("llama", |config| config["attention_bias"] = json!(true));
    holds(&message, &["model.layers.0.self_attn.q_proj.bias", "[16]"]);
}

#[test]
fn missing_and_foreign_files_are_named() {
    let copy = Copy::of("llama");
    fs::remove_file(copy.path("model.safetensors")).unwrap();
    holds(&copy.open().unwrap_err().to_string(), &["model.safetensors", "index.json", "convert"]);
    fs::remove_file(copy.path("config.json")).unwrap();
    holds(&copy.open().unwrap_err().to_string(), &["config.json", "cannot read"]);

    let shard = "model-00002-of-00004.safetensors";
    let copy = Copy::of("llama-scaled-sharded");
    fs::remove_file(copy.path(shard)).unwrap();
    holds(&copy.open().unwrap_err().to_string(), &[shard, "cannot read"]);
    let copy = Copy::of("llama-scaled-sharded");
    fs::copy(copy.path("model-00001-of-00004.safetensors"), copy.path(shard)).unwrap();
    holds(&copy.open().unwrap_err().to_string(), &["index"]);
    for name in ["../model.safetensors", "/etc/passwd", "..", "", "a/b"] {
        let copy = Copy::of("llama-scaled-sharded");
        fs::write(copy.path("model.safetensors.index.json"), json!({"weight_map": {"a": name}}).to_string()).unwrap();
        holds(&copy.open().unwrap_err().to_string(), &["index.json", "a file in the same folder"]);
    }
    for content in ["", "{}", "[]", "{\"weight_map\": 3}", "{\"weight_map\": {}}"] {
        let copy = Copy::of("llama-scaled-sharded");
        fs::write(copy.path("model.safetensors.index.json"), content).unwrap();
        holds(&copy.open().unwrap_err().to_string(), &["index.json"]);
    }
    assert!(Model::open(Path::new("no such model")).is_err());
}

#[test]
fn truncated_and_overlong_files_are_refused() {
    for (name, file) in [
        ("llama", "model.safetensors"),
        ("llama", "config.json"),
        ("llama-scaled-sharded", "model-00003-of-00004.safetensors"),
        ("llama-scaled-sharded", "model.safetensors.index.json"),
    ] {
        let copy = Copy::of(name);
        let whole = fs::read(copy.path(file)).unwrap();
        let end = whole.len() - usize::from(file.ends_with("json"));
        for length in (0..end).step_by(whole.len() / 97).chain([end - 1]) {
            fs::write(copy.path(file), &whole[..length]).unwrap();
            holds(&copy.open().unwrap_err().to_string(), &[file]);
        }
        fs::write(copy.path(file), [&whole[..], b"more"].concat()).unwrap();
        holds(&copy.open().unwrap_err().to_string(), &[file]);
    }
}

#[test]
fn changed_headers_do_not_panic() {
    let copy = Copy::of("llama");
    let whole = fs::read(copy.path("model.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut refused = 0;
    for _ in 0..400 {
        let mut damaged = whole.clone();
        for _ in 0..1 + random.next_u32() % 3 {
            damaged[random.next_u64() as usize % header] = random.next_u32() as u8;
        }
        fs::write(copy.path("model.safetensors"), &damaged).unwrap();
        refused += usize::from(copy.open().is_err());
    }
    assert!(refused > 300, "{refused}");
    for length in [0, 1, 7, 1 << 40, u64::MAX] {
        let mut damaged = whole.clone();
        damaged[..8].copy_from_slice(&u64::to_le_bytes(length));
        fs::write(copy.path("model.safetensors"), &damaged).unwrap();
        holds(&copy.open().unwrap_err().to_string(), &["model.safetensors", "header"]);
    }
}

/// A file of llama2.c with one block, everything 1.
fn llama2c(header: [i32; 7], numbers: usize) -> Vec<u8> {
    let numbers = std::iter::repeat_n(1f32.to_le_bytes(), numbers).flatten();
    header.into_iter().flat_map(i32::to_le_bytes).chain(numbers).collect()
}

#[test]
fn files_of_llama2c_are_exactly_as_long_as_their_header_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    let header = [8, 12, 1, 4, 2, 5, 6];
    // Embedding, two norms, queries and outputs, keys and values, feed-forward, last norm, two tables.
    let tied = 5 * 8 + 2 * 8 + 2 * 8 * 8 + 2 * 4 * 8 + 3 * 12 * 8 + 8 + 6 * 2;
    let open = |header, numbers| {
        fs::write(&path, llama2c(header, numbers)).unwrap();
        Model::open(&path)
    };
    let model = open(header, tied).unwrap();
    assert_eq!((model.config().head, model.config().vocabulary, model.parameters()), (2, 5, tied - 6 * 2));
    let untied = [8, 12, 1, 4, 2, -5, 6];
    assert!(!open(untied, tied + 5 * 8).unwrap().config().tied_embeddings);
    for (header, numbers) in [(header, tied - 1), (header, tied + 1), (untied, tied), (header, 0)] {
        holds(&open(header, numbers).unwrap_err().to_string(), &["model.bin", "length", "bytes"]);
    }
    for (place, value, part) in [
        (0, 0, "hidden state"),
        (0, -8, "hidden state"),
        (0, 0x616b_3432, "later version"),
        (0, i32::MAX, "query heads"),
        (1, 0, "feed-forward"),
        (2, -1, "blocks"),
        (2, i32::MAX, "blocks"),
        (3, 3, "query heads"),
        (4, 3, "key_value_heads"),
        (5, 0, "vocabulary"),
        (5, i32::MIN, "vocabulary"),
        (6, 0, "context"),
        (6, i32::MAX, "context"),
    ] {
        let mut header = header;
        header[place] = value;
        holds(&open(header, tied).unwrap_err().to_string(), &["model.bin", part]);
    }
    for length in 0..28 {
        fs::write(&path, &llama2c(header, tied)[..length]).unwrap();
        holds(&Model::open(&path).unwrap_err().to_string(), &["model.bin", "header"]);
    }
}

#[test]
fn real_files_of_llama2c_cut_short_are_refused() {
    let Some(data) = data() else { return };
    let whole = fs::read(data.join("stories260K/stories260K.bin")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.bin");
    for length in [whole.len() - 1, whole.len() / 2, 29, 28] {
        fs::write(&path, &whole[..length]).unwrap();
        holds(&Model::open(&path).unwrap_err().to_string(), &["cut.bin", "1056540 bytes"]);
    }
}
