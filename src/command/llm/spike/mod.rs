//! `sterna llm spike`: a model whose linear maps take spikes.

mod arguments;
mod making;

use std::time::Instant;

use anyhow::Context as _;
use llm::spike::{SpikeConfiguration, SpikeReport};
use serde::Serialize;
use snn::model::write_atomically;

pub use self::arguments::SpikeArguments;
use self::making::Making;
use super::chip::{self, ChipFigures};
use super::draw;
use super::loaded::{AnyModel, ExecutionChoice, Loaded};
use super::measure::measure;
use crate::CommandError;
use crate::command::Context;
use crate::command::hardware::specification;

/// The JSON object of `sterna llm spike`.
#[derive(Serialize)]
struct Report<'a> {
    model: String,
    out: String,
    seconds: f64,
    block_errors: Vec<f64>,
    spikes: &'a SpikeReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    chip: Option<ChipFigures>,
    configuration: &'a SpikeConfiguration,
}

/// Makes the model as the arguments say.
///
/// # Errors
/// When model, tokenizer or text cannot be read or do not fit, the configuration is wrong, or the folder cannot be
/// written; [`CommandError::Interrupted`] after a signal.
pub fn run(arguments: &SpikeArguments, context: &Context) -> anyhow::Result<()> {
    let configuration = arguments.configuration(context)?;
    let Some(out) = arguments.out.as_ref().filter(|_| !arguments.print_config) else {
        return context.output.result(toml::to_string(&configuration)?);
    };
    let checkpoint = making::checkpoint(out);
    let goes_on = arguments.resume && checkpoint.is_file();
    if llm::spike::file::is_spiked(out) && !arguments.overwrite && !goes_on {
        let found = format!("one in {}", out.display());
        return Err(CommandError::usage("--out", "a folder without a spiked model, or --overwrite", found).into());
    }
    let hardware = arguments.hardware.as_deref().map(specification).transpose()?;
    let Loaded { model, tokenizer, engine, pool } = Loaded::read(&arguments.model, context)?;
    let model = model.float()?;
    let sequences = arguments.text.sequences(&tokenizer, model.config())?;
    let start = Instant::now();
    let making = Making {
        model: &model,
        configuration: &configuration,
        sequences: &sequences.tokens,
        engine,
        pool: &pool,
        checkpoint: checkpoint.clone(),
        remaining: arguments.stop_after_blocks,
    };
    let (spiked, blocks) = making.run(arguments.resume, context)?;
    let seconds = start.elapsed().as_secs_f64();
    spiked.save(out, &tokenizer)?;
    write_atomically(&out.join("config.toml"), toml::to_string(&configuration)?.as_bytes())?;
    let spiked = std::sync::Arc::new(spiked);
    let sample = &sequences.tokens[..sequences.tokens.len().min(8)];
    let any = AnyModel::Spiked(spiked.clone());
    let measured = pool.install(|| measure(&any, ExecutionChoice::Spikes, engine, sample, |_, _| ()))?;
    let spikes = measured.spikes.clone().unwrap_or_else(|| spiked.report(&[]));
    let chip = hardware
        .as_ref()
        .map(|hardware| chip::cost(&spiked, &measured.counts, hardware, &out.join(format!("chip-{}", hardware.name))));
    let report = Report {
        model: arguments.model.model.display().to_string(),
        out: out.display().to_string(),
        seconds,
        block_errors: blocks.iter().map(|block| block.error).collect(),
        spikes: &spikes,
        chip: chip.transpose()?,
        configuration: &configuration,
    };
    write_atomically(&out.join("report.json"), format!("{}\n", serde_json::to_string_pretty(&report)?).as_bytes())?;
    if !arguments.no_plots {
        draw::spiked(&out.join("plots"), &spiked, &blocks, &spikes, engine, &sample[0])?;
    }
    if checkpoint.is_file() {
        std::fs::remove_file(&checkpoint).with_context(|| format!("cannot remove {}", checkpoint.display()))?;
    }
    context.output.object(&report)?;
    context.output.result(format!(
        "{}: {} blocks in {seconds:.1} s, {:.3} steps a channel; a token takes {:.0} spikes and {:.0} additions for {} \
         multiply-accumulates; linear maps {} bytes",
        out.display(),
        blocks.len(),
        spikes.steps,
        spikes.spikes,
        spikes.additions,
        spikes.multiply_accumulates,
        spikes.bytes,
    ))?;
    report.chip.as_ref().map_or(Ok(()), |chip| context.output.result(chip.text()))
}
