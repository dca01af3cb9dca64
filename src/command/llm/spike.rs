//! `sterna llm spike`: a model whose linear maps take spikes.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use llm::spike::build::BlockReport;
use llm::spike::configuration::{ChannelRule, ClassSection, KeptSection, WeightMethod};
use llm::spike::{SpikeConfiguration, SpikeReport, TopCodes, spike};
use serde::Serialize;
use snn::model::write_atomically;

use super::chip::{self, ChipFigures};
use super::draw;
use super::loaded::{AnyModel, ExecutionChoice, Loaded, ModelArguments};
use super::measure::measure;
use super::texts::TextArguments;
use crate::CommandError;
use crate::command::Context;
use crate::command::hardware::specification;
use crate::output::Progress;

/// A configuration is text written by hand; nothing near this size is one.
const LARGEST: u64 = 1 << 20;

/// Make a model whose linear maps and caches take spikes
///
/// Activations become the codes of generalised integrate-and-fire neurons, salient channels fire in more steps, weights
/// become codes of few bits. Statistics are taken from the text. The folder then holds spiked.safetensors, the
/// tokenizer, config.toml (complete), report.json and plots/; `ppl`, `generate` and `compare` take it as a model.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna llm spike stories260K.bin --text tinystories_1000.json --ascii --documents --out spiked/w4a4\n  \
    sterna llm spike Llama-2-7b-hf --text train.txt --weights 4 --activations 4 --cache 4 --steps 2:0.1 --out w4a4\n  \
    sterna llm spike model5000.bin --tokenizer tok105.vocab --collapse-white-space --text t.json --ternary 4:0.1 --out t\n  \
    sterna llm spike stories260K.bin --text tinystories_1000.json --documents --hardware adc7-a --out spiked/chip\n  \
    sterna llm spike stories260K.bin --print-config > mine.toml")]
pub struct SpikeArguments {
    /// The model.
    #[command(flatten)]
    model: ModelArguments,
    /// The text.
    #[command(flatten)]
    text: TextArguments,
    /// Folder of the spiked model
    #[arg(long, value_name = "DIR", required_unless_present = "print_config")]
    out: Option<PathBuf>,
    /// Replace a spiked model in the folder
    #[arg(long)]
    overwrite: bool,
    /// Configuration; the defaults and the flags below say the rest
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Bits of weights, 1 to 8; 16 leaves floats
    #[arg(long, value_name = "BITS")]
    weights: Option<u32>,
    /// Bits of a spike, 1 to 8; 16 leaves floats
    #[arg(long, value_name = "BITS")]
    activations: Option<u32>,
    /// Bits of a spike of keys and values, 1 to 7; 16 leaves floats
    #[arg(long, value_name = "BITS")]
    cache: Option<u32>,
    /// Classes of channels with several steps, most salient first: STEPS:SHARE,..; none when empty
    #[arg(long, value_name = "CLASSES")]
    steps: Option<String>,
    /// Which channels count as salient
    #[arg(long, value_name = "RULE")]
    channels: Option<RuleChoice>,
    /// Codes up to what the steps reach, or all of their bits
    #[arg(long, value_name = "CODES")]
    top: Option<TopChoice>,
    /// Let the channels of all sites compete for steps
    #[arg(long)]
    global: bool,
    /// How codes of weights are chosen
    #[arg(long, value_name = "METHOD")]
    method: Option<MethodChoice>,
    /// Bits of the output head, 1 to 8; its inputs then have 8; 16 leaves floats
    #[arg(long, value_name = "BITS")]
    head: Option<u32>,
    /// Columns of a row that share scale and zero point
    #[arg(long, value_name = "COLUMNS")]
    group: Option<usize>,
    /// Weights as ternary spike trains, STEPS:SHARE: this share of the columns has so many steps, others one
    #[arg(long, value_name = "STEPS:SHARE", value_parser = class)]
    ternary: Option<ClassSection>,
    /// Exponents of channel equalisation to choose from; none when empty
    #[arg(long, value_name = "ALPHAS")]
    equalise: Option<String>,
    /// Keep the N projections whose inputs spike most as floats
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Keep N projections drawn at random instead
    #[arg(long, value_name = "N", conflicts_with = "keep")]
    keep_random: Option<usize>,
    /// Sequences that statistics are taken from
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Tell what a token costs where the linear maps lie on the arrays of a chip
    #[arg(long, value_name = "NAME|FILE")]
    hardware: Option<String>,
    /// Print the complete configuration and exit
    #[arg(long)]
    print_config: bool,
    /// Draw no plots
    #[arg(long)]
    no_plots: bool,
}

/// [`ChannelRule`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RuleChoice {
    /// Mean of x (x W^T W), with its sign
    Signed,
    /// Mean of its magnitude
    Absolute,
    /// Largest magnitude
    Range,
    /// Drawn at random by --seed
    Random,
}

/// [`TopCodes`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TopChoice {
    /// Up to T (L - 1)
    Reachable,
    /// Up to T L - 1, the last spike carrying what is left
    Full,
}

/// [`WeightMethod`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MethodChoice {
    /// Each weight to its nearest code
    Rtn,
    /// Column by column, errors made up for
    Gptq,
}

fn class(text: &str) -> Result<ClassSection, String> {
    let fail = || format!("expected STEPS:SHARE, such as 2:0.1, found {text}");
    let (steps, share) = text.split_once(':').ok_or_else(fail)?;
    Ok(ClassSection { steps: steps.parse().map_err(|_| fail())?, share: share.parse().map_err(|_| fail())? })
}

fn list<T>(flag: &str, text: &str, one: impl Fn(&str) -> Result<T, String>) -> anyhow::Result<Vec<T>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let read = |part| one(part).map_err(|problem| CommandError::usage(flag, "a list", problem).into());
    parts.map(read).collect()
}

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

impl SpikeArguments {
    fn configuration(&self, context: &Context) -> anyhow::Result<SpikeConfiguration> {
        let mut configuration = match &self.config {
            Some(path) => read(path)?,
            None => SpikeConfiguration::default(),
        };
        let weights = &mut configuration.weights;
        weights.bits = self.weights.unwrap_or(weights.bits);
        weights.head = self.head.unwrap_or(weights.head);
        weights.group = self.group.or(weights.group);
        if let Some(method) = self.method {
            weights.method = match method {
                MethodChoice::Rtn => WeightMethod::RoundToNearest,
                MethodChoice::Gptq => WeightMethod::Gptq,
            };
        }
        if let Some(ClassSection { share, steps }) = self.ternary {
            weights.ternary = Some(llm::spike::configuration::TernarySection { share, steps });
        }
        let activations = &mut configuration.activations;
        activations.bits = self.activations.unwrap_or(activations.bits);
        activations.global |= self.global;
        if let Some(classes) = &self.steps {
            activations.classes = list("--steps", classes, class)?;
        }
        if let Some(rule) = self.channels {
            activations.rule = match rule {
                RuleChoice::Signed => ChannelRule::Signed,
                RuleChoice::Absolute => ChannelRule::Absolute,
                RuleChoice::Range => ChannelRule::Range,
                RuleChoice::Random => ChannelRule::Random,
            };
        }
        if let Some(top) = self.top {
            activations.top = match top {
                TopChoice::Reachable => TopCodes::Reachable,
                TopChoice::Full => TopCodes::Full,
            };
        }
        configuration.cache.bits = self.cache.unwrap_or(configuration.cache.bits);
        if let Some(alphas) = &self.equalise {
            let number = |text: &str| text.parse().map_err(|_| format!("found {text}, no number"));
            configuration.equalisation.alphas = list("--equalise", alphas, number)?;
        }
        if let Some(count) = self.keep.or(self.keep_random) {
            configuration.kept = KeptSection { count, random: self.keep_random.is_some() };
        }
        configuration.calibration.sequences = self.samples.unwrap_or(configuration.calibration.sequences);
        configuration.calibration.seed = context.seed.unwrap_or(configuration.calibration.seed);
        configuration
            .check()
            .map_err(|error| CommandError::usage("configuration", "numbers in range", error.to_string()))?;
        Ok(configuration)
    }
}

fn read(path: &Path) -> anyhow::Result<SpikeConfiguration> {
    let place = path.display().to_string();
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {place}"))?.len();
    if size > LARGEST {
        let problem = format!("expected a TOML file of at most {LARGEST} bytes, found {size} bytes");
        return Err(CommandError::Configuration { place, line: None, problem }.into());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
    toml::from_str(&text)
        .map_err(|error| CommandError::Configuration { place, line: None, problem: error.to_string() }.into())
}

/// Makes the model as the arguments say.
///
/// # Errors
/// When model, tokenizer or text cannot be read or do not fit, the configuration is wrong, or the folder cannot be
/// written.
pub fn run(arguments: &SpikeArguments, context: &Context) -> anyhow::Result<()> {
    let configuration = arguments.configuration(context)?;
    let Some(out) = arguments.out.as_ref().filter(|_| !arguments.print_config) else {
        return context.output.result(toml::to_string(&configuration)?);
    };
    if llm::spike::file::is_spiked(out) && !arguments.overwrite {
        let found = format!("one in {}", out.display());
        return Err(CommandError::usage("--out", "a folder without a spiked model, or --overwrite", found).into());
    }
    let hardware = arguments.hardware.as_deref().map(specification).transpose()?;
    let Loaded { model, tokenizer, engine, pool } = Loaded::read(&arguments.model, context)?;
    let model = model.float()?;
    let sequences = arguments.text.sequences(&tokenizer, model.config())?;
    let bar = context.output.progress(model.config().blocks as u64, Progress::Steps);
    bar.set_prefix("blocks");
    let start = Instant::now();
    let mut blocks: Vec<BlockReport> = Vec::new();
    let spiked = pool.install(|| {
        spike(&model, &configuration, &sequences.tokens, engine, |block| {
            bar.inc(1);
            bar.set_message(format!("output error {:.4}", block.error));
            blocks.push(block.clone());
        })
    })?;
    bar.finish_and_clear();
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
