//! `sterna llm compare`: several models on one text.

use std::path::PathBuf;

use clap::Args;
use llm::Tokenizer;
use serde::Serialize;

use super::draw;
use super::loaded::{AnyModel, ExecutionChoice, Loaded, ModelArguments};
use super::measure::{Measured, measure};
use super::texts::TextArguments;
use crate::command::Context;
use crate::output::Progress;

/// Compare models on the same text: perplexity, steps, additions, bytes
///
/// The first model's tokenizer is used for all. Of a spiked model the integer execution is compared with its
/// fake-quantised twin too.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna llm compare stories260K.bin spiked/w4a4 spiked/w4a4-random --text tinystories_1000.json --ascii --documents\n  \
    sterna llm compare Llama-2-7b-hf w4a4 w2a8 --text wikitext-2/test.txt --rows --plot steps.png --json")]
pub struct CompareArguments {
    /// The first model.
    #[command(flatten)]
    model: ModelArguments,
    /// Further models
    #[arg(value_name = "MODELS", required = true)]
    others: Vec<PathBuf>,
    /// The text.
    #[command(flatten)]
    text: TextArguments,
    /// Draw perplexity against mean steps
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// One model.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its path.
    pub model: String,
    /// Perplexity of the integer execution.
    pub perplexity: f64,
    /// Perplexity of the fake-quantised twin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perplexity_of_floats: Option<f64>,
    /// Mean steps of a channel.
    pub steps: f64,
    /// Arithmetic computation effort of a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<f64>,
    /// Additions of a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additions: Option<f64>,
    /// Bytes of the linear maps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linear_bytes: Option<usize>,
}

/// Compares as the arguments say.
///
/// # Errors
/// When a model, the tokenizer or the text cannot be read or do not fit.
pub fn run(arguments: &CompareArguments, context: &Context) -> anyhow::Result<()> {
    let Loaded { model, tokenizer, engine, pool } = Loaded::read(&arguments.model, context)?;
    let sequences = arguments.text.sequences(&tokenizer, model.config())?;
    let paths: Vec<&PathBuf> = std::iter::once(&arguments.model.model).chain(&arguments.others).collect();
    let bar = context.output.progress((paths.len() * sequences.tokens.len()) as u64, Progress::Steps);
    let mut rows = Vec::new();
    for path in paths {
        bar.set_prefix(path.display().to_string());
        let model = fitting(path, &tokenizer)?;
        let all = |how| pool.install(|| measure(&model, how, engine, &sequences.tokens, |_, _| bar.inc(1)));
        let Measured { likelihood, spikes, .. } = all(ExecutionChoice::Spikes)?;
        let floats = spikes.as_ref().map(|_| all(ExecutionChoice::Floats)).transpose()?;
        let row = Row {
            model: path.display().to_string(),
            perplexity: likelihood.perplexity(),
            perplexity_of_floats: floats.map(|floats| floats.likelihood.perplexity()),
            steps: spikes.as_ref().map_or(1.0, |spikes| spikes.steps),
            effort: spikes.as_ref().map(|spikes| spikes.effort),
            additions: spikes.as_ref().map(|spikes| spikes.additions),
            linear_bytes: spikes.as_ref().map(|spikes| spikes.bytes),
        };
        context.output.object(&row)?;
        rows.push(row);
    }
    bar.finish_and_clear();
    if let Some(path) = &arguments.plot {
        draw::compared(&rows, path)?;
    }
    let number = |number: Option<f64>| number.map_or("–".to_owned(), |number| format!("{number:.0}"));
    let mut table = String::from("perplexity  twin        steps   additions    bytes        model");
    for row in &rows {
        let twin = row.perplexity_of_floats.map_or("–".to_owned(), |twin| format!("{twin:.4}"));
        table += &format!(
            "\n{:<11.4} {:<11} {:<7.3} {:<12} {:<12} {}",
            row.perplexity,
            twin,
            row.steps,
            number(row.additions),
            number(row.linear_bytes.map(|bytes| bytes as f64)),
            row.model,
        );
    }
    context.output.result(table)
}

fn fitting(path: &std::path::Path, tokenizer: &Tokenizer) -> anyhow::Result<AnyModel> {
    let model = AnyModel::open(path)?;
    tokenizer.check(model.config())?;
    Ok(model)
}
