//! `sterna llm ppl`: how well a model predicts a text.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use llm::perplexity::Likelihood;
use llm::spike::{SpikeReport, SpikingExecution};
use serde::Serialize;

use super::chip::{self, ChipExecution};
use super::loaded::{AnyModel, ExecutionChoice, Loaded, ModelArguments};
use super::measure::{Measured, counted, measure};
use super::texts::TextArguments;
use crate::CommandError;
use crate::command::Context;
use crate::command::hardware::specification;
use crate::output::Progress;

/// Measure the perplexity of a model on a text
///
/// The protocol of the papers, without --documents: all texts are joined by two line ends, tokenised at once and cut
/// into windows that do not overlap; in each, every token but the first is predicted from those before it. Perplexity
/// is exp of the mean negative log-likelihood of a token.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna llm ppl Llama-2-7b-hf --text wikitext-2/test.txt --rows\n  \
    sterna llm ppl stories260K.bin --text tinystories_1000.json --ascii --limit 50 --documents\n  \
    sterna llm ppl spiked/w4a4 --text tinystories_1000.json --ascii --limit 50 --documents --hardware adc7-a\n  \
    sterna llm ppl model5000.bin --tokenizer tok105.vocab --text tinystories_1000.json --collapse-white-space --json")]
pub struct PplArguments {
    /// The model.
    #[command(flatten)]
    model: ModelArguments,
    /// The text.
    #[command(flatten)]
    text: TextArguments,
    /// How a model of `sterna llm spike` is computed
    #[arg(long, value_name = "HOW", default_value = "spikes")]
    execution: ExecutionChoice,
    /// Compute the linear maps of a model of `sterna llm spike` on the arrays of this chip, a preset or a TOML file
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "execution")]
    hardware: Option<String>,
    /// Tokens, the first ones of the text, that the ranges of converters are chosen on
    #[arg(long, value_name = "N", default_value_t = 512, requires = "hardware", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    calibrate_on: u32,
    /// Write the compiled linear maps into this folder
    #[arg(long, value_name = "DIR", requires = "hardware")]
    programs: Option<PathBuf>,
}

/// The JSON object of `sterna llm ppl`.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    parameters: usize,
    tokenizer: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<usize>,
    sequences: usize,
    predictions: u64,
    negative_log_likelihood: f64,
    perplexity: f64,
    seconds: f64,
    tokens_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    spikes: Option<SpikeReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hardware: Option<String>,
}

/// Measures as the arguments say.
///
/// # Errors
/// When model, tokenizer or text cannot be read or do not fit.
pub fn run(arguments: &PplArguments, context: &Context) -> anyhow::Result<()> {
    let Loaded { model, tokenizer, engine, pool } = Loaded::read(&arguments.model, context)?;
    let sequences = arguments.text.sequences(&tokenizer, model.config())?;
    let bar = context.output.progress(sequences.tokens.len() as u64, Progress::Steps);
    bar.set_prefix(if sequences.window.is_some() { "windows" } else { "documents" });
    let start = Instant::now();
    let progress = |done: usize, so_far: &Likelihood| {
        bar.set_position(done as u64);
        bar.set_message(format!("perplexity {:.4}", so_far.perplexity()));
    };
    let hardware = arguments.hardware.as_deref().map(specification).transpose()?;
    let Measured { likelihood: result, spikes, .. } = pool.install(|| match &hardware {
        None => Ok(measure(&model, arguments.execution, engine, &sequences.tokens, progress)?),
        Some(hardware) => {
            let AnyModel::Spiked(model) = &model else {
                return Err(
                    CommandError::usage("--hardware", "a folder of `sterna llm spike`", "a model in floats").into()
                );
            };
            let compiled =
                chip::compile(model, hardware, &first(&sequences.tokens, arguments.calibrate_on), context.resources)?;
            context.output.note(format!("{} programs for {}", compiled.programs(), hardware.name))?;
            arguments.programs.as_deref().map_or(Ok(()), |folder| compiled.write(folder))?;
            let execution = ChipExecution::new(SpikingExecution::new(model.clone(), engine)?, &compiled)?;
            counted(&execution, model, &sequences.tokens, progress).map_err(anyhow::Error::from)
        }
    })?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let tokens: usize = sequences.tokens.iter().map(Vec::len).sum();
    let report = Report {
        model: arguments.model.model.display().to_string(),
        parameters: model.parameters(),
        tokenizer: tokenizer.path().display().to_string(),
        text: arguments.text.text.display().to_string(),
        window: sequences.window,
        sequences: sequences.tokens.len(),
        predictions: result.predictions,
        negative_log_likelihood: result.mean(),
        perplexity: result.perplexity(),
        seconds,
        tokens_per_second: tokens as f64 / seconds,
        spikes,
        hardware: hardware.map(|hardware| hardware.name),
    };
    context.output.object(&report)?;
    context.output.result(text(&report))
}

/// The first `count` tokens of the sequences.
fn first(sequences: &[Vec<u32>], count: u32) -> Vec<&[u32]> {
    let mut left = count as usize;
    let taken = sequences.iter().map(|tokens| {
        let taken = &tokens[..tokens.len().min(left)];
        left -= taken.len();
        taken
    });
    taken.filter(|tokens| !tokens.is_empty()).collect()
}

fn text(report: &Report) -> String {
    let kind = match report.window {
        Some(window) => format!("windows of {window} tokens"),
        None => "texts".to_owned(),
    };
    let spikes = report.spikes.as_ref().map_or(String::new(), |spikes| {
        format!(
            "\n{:.3} steps a channel; a token takes {:.0} spikes and {:.0} additions for {} multiply-accumulates; linear \
             maps {} bytes",
            spikes.steps, spikes.spikes, spikes.additions, spikes.multiply_accumulates, spikes.bytes
        )
    });
    let chip =
        report.hardware.as_ref().map_or(String::new(), |hardware| format!(" with its linear maps on {hardware},"));
    format!(
        "{}{chip} on {}: perplexity {:.4}, {:.5} nats a token\n{} predictions in {} {kind}, {:.1} s, {:.0} tokens/s{spikes}",
        report.model,
        report.text,
        report.perplexity,
        report.negative_log_likelihood,
        report.predictions,
        report.sequences,
        report.seconds,
        report.tokens_per_second,
    )
}
