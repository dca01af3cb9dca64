//! Flags of `sterna llm spike`, and the configuration they make.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use llm::spike::configuration::{Aggregation, ChannelRule, ClassSection, Denominator, KeptFormat, WeightMethod};
use llm::spike::{SpikeConfiguration, TopCodes};

use crate::CommandError;
use crate::command::Context;
use crate::command::llm::loaded::ModelArguments;
use crate::command::llm::texts::TextArguments;

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
    sterna llm spike Llama-2-7b-hf --text train.txt --weights 4 --activations 4 --out w4a4 --resume\n  \
    sterna llm spike stories260K.bin --print-config > mine.toml")]
pub struct SpikeArguments {
    /// The model.
    #[command(flatten)]
    pub model: ModelArguments,
    /// The text.
    #[command(flatten)]
    pub text: TextArguments,
    /// Folder of the spiked model
    #[arg(long, value_name = "DIR", required_unless_present = "print_config")]
    pub out: Option<PathBuf>,
    /// Replace a spiked model in the folder
    #[arg(long)]
    pub overwrite: bool,
    /// Configuration; the defaults and the flags below say the rest
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Bits of weights, 1 to 8; 16 leaves floats
    #[arg(long, value_name = "BITS")]
    pub weights: Option<u32>,
    /// Bits of a spike, 1 to 8; 16 leaves floats
    #[arg(long, value_name = "BITS")]
    pub activations: Option<u32>,
    /// Bits of a spike of keys and values, 1 to 7; 16 leaves floats
    #[arg(long, value_name = "BITS")]
    pub cache: Option<u32>,
    /// Classes of channels with several steps, most salient first: STEPS:SHARE,..; none when empty
    #[arg(long, value_name = "CLASSES")]
    pub steps: Option<String>,
    /// Which channels count as salient
    #[arg(long, value_name = "RULE")]
    pub channels: Option<RuleChoice>,
    /// Codes up to what the steps reach, or all of their bits
    #[arg(long, value_name = "CODES")]
    pub top: Option<TopChoice>,
    /// Let the channels of all sites compete for steps
    #[arg(long)]
    pub global: bool,
    /// How codes of weights are chosen
    #[arg(long, value_name = "METHOD")]
    pub method: Option<MethodChoice>,
    /// Bits of the output head, 1 to 8; its inputs then have 8; 16 leaves floats
    #[arg(long, value_name = "BITS")]
    pub head: Option<u32>,
    /// Columns of a row that share scale and zero point
    #[arg(long, value_name = "COLUMNS")]
    pub group: Option<usize>,
    /// Signed codes of weights, without a zero point
    #[arg(long)]
    pub symmetric: bool,
    /// Weights as ternary spike trains, STEPS:SHARE: this share of the columns has so many steps, others one
    #[arg(long, value_name = "STEPS:SHARE", value_parser = class)]
    pub ternary: Option<ClassSection>,
    /// What squared weights are divided by, for --ternary and --channels weights
    #[arg(long, value_name = "FORM")]
    pub weight_saliency: Option<DenominatorChoice>,
    /// How the saliencies of a column's weights become one
    #[arg(long, value_name = "HOW")]
    pub aggregate: Option<AggregationChoice>,
    /// Exponents of channel equalisation to choose from; none when empty
    #[arg(long, value_name = "ALPHAS")]
    pub equalise: Option<String>,
    /// Keep the N projections whose inputs spike most in floating point
    #[arg(long, value_name = "N")]
    pub keep: Option<usize>,
    /// Keep N projections drawn at random instead
    #[arg(long, value_name = "N", conflicts_with = "keep")]
    pub keep_random: Option<usize>,
    /// Number format of weights and activations of kept projections
    #[arg(long, value_name = "FORMAT")]
    pub keep_format: Option<KeptChoice>,
    /// Sequences that statistics are taken from
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// Tell what a token costs where the linear maps lie on the arrays of a chip
    #[arg(long, value_name = "NAME|FILE")]
    pub hardware: Option<String>,
    /// Print the complete configuration and exit
    #[arg(long)]
    pub print_config: bool,
    /// Draw no plots
    #[arg(long)]
    pub no_plots: bool,
    /// Go on where the same command was interrupted
    #[arg(long)]
    pub resume: bool,
    /// End as if interrupted after N blocks
    #[arg(long, value_name = "N", hide = true)]
    pub stop_after_blocks: Option<usize>,
}

/// [`ChannelRule`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RuleChoice {
    /// Mean of x (x W^T W), with its sign
    Signed,
    /// Mean of its magnitude
    Absolute,
    /// Mean of its square
    Squared,
    /// Saliency of the channel's weights, by --weight-saliency and --aggregate
    Weights,
    /// Largest magnitude
    Range,
    /// Drawn at random by --seed
    Random,
}

/// [`Denominator`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DenominatorChoice {
    /// The diagonal of the inverse Hessian
    Inverse,
    /// The squared diagonal of its Cholesky factor, as PB-LLM
    Factor,
}

/// [`Aggregation`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AggregationChoice {
    /// Their sum
    Sum,
    /// The largest
    Largest,
}

/// [`TopCodes`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TopChoice {
    /// Up to T (L - 1)
    Reachable,
    /// Up to T L - 1, the last spike carrying what is left
    Full,
}

/// [`WeightMethod`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MethodChoice {
    /// Each weight to its nearest code
    Rtn,
    /// Column by column, errors made up for
    Gptq,
}

/// [`KeptFormat`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeptChoice {
    /// Weights as they are stored, activations in single precision
    F32,
    /// Half precision
    F16,
    /// FP8, E4M3, one scale a tensor
    /// FP8, E4M3, one scale a tensor
    #[value(name = "f8-e4m3")]
    F8E4m3,
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

impl SpikeArguments {
    /// The configuration of file, flags and defaults.
    ///
    /// # Errors
    /// When the file cannot be read, or a number is out of range.
    pub fn configuration(&self, context: &Context) -> anyhow::Result<SpikeConfiguration> {
        let mut configuration = match &self.config {
            Some(path) => read(path)?,
            None => SpikeConfiguration::default(),
        };
        let weights = &mut configuration.weights;
        weights.bits = self.weights.unwrap_or(weights.bits);
        weights.head = self.head.unwrap_or(weights.head);
        weights.group = self.group.or(weights.group);
        weights.symmetric |= self.symmetric;
        if let Some(method) = self.method {
            weights.method = match method {
                MethodChoice::Rtn => WeightMethod::RoundToNearest,
                MethodChoice::Gptq => WeightMethod::Gptq,
            };
        }
        if let Some(ClassSection { share, steps }) = self.ternary {
            weights.ternary = Some(llm::spike::configuration::TernarySection { share, steps });
        }
        if let Some(denominator) = self.weight_saliency {
            weights.saliency.denominator = match denominator {
                DenominatorChoice::Inverse => Denominator::Inverse,
                DenominatorChoice::Factor => Denominator::Factor,
            };
        }
        if let Some(aggregation) = self.aggregate {
            weights.saliency.aggregation = match aggregation {
                AggregationChoice::Sum => Aggregation::Sum,
                AggregationChoice::Largest => Aggregation::Largest,
            };
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
                RuleChoice::Squared => ChannelRule::Squared,
                RuleChoice::Weights => ChannelRule::Weights,
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
            (configuration.kept.count, configuration.kept.random) = (count, self.keep_random.is_some());
        }
        if let Some(format) = self.keep_format {
            configuration.kept.format = match format {
                KeptChoice::F32 => KeptFormat::F32,
                KeptChoice::F16 => KeptFormat::F16,
                KeptChoice::F8E4m3 => KeptFormat::F8E4m3,
            };
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
