//! Speed of the float transformer on a random model of 110 million parameters, as JSON lines.
//!
//! `cargo bench -p sterna-llm --bench forward -- --seconds 5 --threads 2`; one line for each number format and pass.
//! Decoding reads every weight once for each token, so its rate is also one of bytes; prefill is a product of matrices,
//! so its rate is also one of multiply-adds, counted as two operations.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use half::bf16;
use kernels::{Engine, Parallelism};
use lexopt::prelude::*;
use llm::forward::{FloatExecution, Session, forward, next_logits};
use llm::model::Linear;
use llm::{FloatFormat, LlmError, Model, ModelConfig};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;

/// Tokens of a prompt.
const PROMPT: usize = 256;

/// Writes a random model in the given number format.
fn write(folder: &Path, format: FloatFormat) -> Result<(), Box<dyn Error>> {
    let [hidden, feed_forward, blocks, heads, key_value_heads, vocabulary] = [768, 2048, 12, 12, 4, 32_000];
    let config = json!({
        "model_type": "llama", "hidden_size": hidden, "intermediate_size": feed_forward, "num_hidden_layers": blocks,
        "num_attention_heads": heads, "num_key_value_heads": key_value_heads, "vocab_size": vocabulary,
        "max_position_embeddings": 2048, "tie_word_embeddings": true,
    });
    std::fs::write(folder.join("config.json"), config.to_string())?;
    let width = hidden / heads * key_value_heads;
    let mut shapes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    shapes.insert("model.embed_tokens.weight".to_owned(), vec![vocabulary, hidden]);
    shapes.insert("model.norm.weight".to_owned(), vec![hidden]);
    for block in 0..blocks {
        for (name, shape) in [
            ("input_layernorm", vec![hidden]),
            ("post_attention_layernorm", vec![hidden]),
            ("self_attn.q_proj", vec![hidden, hidden]),
            ("self_attn.k_proj", vec![width, hidden]),
            ("self_attn.v_proj", vec![width, hidden]),
            ("self_attn.o_proj", vec![hidden, hidden]),
            ("mlp.gate_proj", vec![feed_forward, hidden]),
            ("mlp.up_proj", vec![feed_forward, hidden]),
            ("mlp.down_proj", vec![hidden, feed_forward]),
        ] {
            shapes.insert(format!("model.layers.{block}.{name}.weight"), shape);
        }
    }
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut tensors = BTreeMap::new();
    for (name, shape) in shapes {
        let scale = 1.0 / (*shape.last().unwrap_or(&1) as f32).sqrt();
        let mut bytes = Vec::new();
        for _ in 0..shape.iter().product() {
            let value = ((random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0) * scale;
            match format {
                FloatFormat::Bf16 => bytes.extend(bf16::from_f32(value).to_le_bytes()),
                _ => bytes.extend(value.to_le_bytes()),
            }
        }
        tensors.insert(name, (shape, bytes));
    }
    let dtype = if format == FloatFormat::Bf16 { Dtype::BF16 } else { Dtype::F32 };
    let views = tensors.iter().map(|(name, (shape, bytes))| Ok((name, TensorView::new(dtype, shape.clone(), bytes)?)));
    let views: Result<Vec<_>, safetensors::SafeTensorError> = views.collect();
    safetensors::serialize_to_file(views?, None, &folder.join("model.safetensors"))?;
    Ok(())
}

/// Multiply-adds of the linear maps of the blocks for one token.
fn multiply_adds(config: &ModelConfig) -> usize {
    let linears = Linear::ALL.into_iter().map(|linear| linear.shape(config).into_iter().product::<usize>());
    config.blocks * linears.sum::<usize>()
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut seconds, mut threads) = (5.0f64, std::thread::available_parallelism().map_or(1, usize::from));
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => seconds = parser.value()?.parse()?,
            Long("threads") => threads = parser.value()?.parse()?,
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    for format in [FloatFormat::F32, FloatFormat::Bf16] {
        let folder = tempfile::tempdir()?;
        write(folder.path(), format)?;
        let execution = FloatExecution::new(Model::open(folder.path())?, Engine::detect(Parallelism::Rayon));
        let config = execution.model().config().clone();
        let bytes = execution.model().parameters() * format.bytes();
        pool.install(|| -> Result<(), LlmError> {
            let prompt: Vec<u32> = (0..PROMPT as u32).map(|index| index * 97 % 32_000).collect();
            let limit = Duration::from_secs_f64(seconds);
            let mut best = f64::INFINITY;
            let begin = Instant::now();
            while best.is_infinite() || begin.elapsed() < limit {
                let mut session = Session::new(&execution, PROMPT)?;
                let start = Instant::now();
                forward(&execution, &mut session, &prompt)?;
                best = best.min(start.elapsed().as_secs_f64());
            }
            let operations = 2.0 * (multiply_adds(&config) * PROMPT) as f64;
            println!(
                "{}",
                json!({ "pass": "prefill", "format": format.name(), "threads": threads, "tokens": PROMPT,
                    "tokens_per_second": PROMPT as f64 / best, "gigaoperations_per_second": operations / best / 1e9 })
            );
            let mut session = Session::new(&execution, usize::MAX)?;
            forward(&execution, &mut session, &prompt)?;
            let (mut best, begin) = (f64::INFINITY, Instant::now());
            while (best.is_infinite() || begin.elapsed() < limit) && session.position() < session.capacity() {
                let start = Instant::now();
                next_logits(&execution, &mut session, &[7])?;
                best = best.min(start.elapsed().as_secs_f64());
            }
            println!(
                "{}",
                json!({ "pass": "decode", "format": format.name(), "threads": threads,
                    "tokens_per_second": 1.0 / best, "gigabytes_per_second": bytes as f64 / best / 1e9 })
            );
            Ok(())
        })?;
    }
    Ok(())
}
