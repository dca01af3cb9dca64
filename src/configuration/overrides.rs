//! Flags of `sterna train` that change single values of a configuration.

use clap::{Args, ValueEnum};
use datasets::Augmentation;
use snn::{ShorthandPadding, WeightFormat};
use spikegrad::{Gradient, LARGEST_ALPHA, Normalisation, Schedule};

use super::Configuration;

/// Single values that replace those of a recipe or a configuration file.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Values of the configuration")]
pub struct Overrides {
    /// Passes over the training samples
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub epochs: Option<u32>,
    /// Examples per update of the weights, 1 to 65536
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub batch: Option<u32>,
    /// Base learning rate, above 0
    #[arg(long, value_name = "RATE", value_parser = above_zero, allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// Momentum, 0 to below 1
    #[arg(long, value_name = "M", value_parser = below_one, allow_negative_numbers = true)]
    pub momentum: Option<f64>,
    /// Factor on the weights that is added to their gradient, 0 to 1
    #[arg(long, value_name = "W", value_parser = share, allow_negative_numbers = true)]
    pub weight_decay: Option<f64>,
    /// Error scale, above 0: factor on the loss gradient before it is rounded to error spikes
    #[arg(long, value_name = "ALPHA", value_parser = alpha, allow_negative_numbers = true)]
    pub alpha: Option<f64>,
    /// What keeps spike counts at a steady size
    #[arg(long, value_name = "KIND")]
    pub normalisation: Option<NormalisationChoice>,
    /// Learning rate of weights under homeostatic normalisation, in units of their root mean square; 0 for the learning rate
    #[arg(long, value_name = "RATE", value_parser = share, allow_negative_numbers = true)]
    pub turning_rate: Option<f64>,
    /// Bounds of the mean spike count of a channel's neurons that spike, under homeostatic normalisation
    #[arg(long, value_name = "LOW:HIGH", value_parser = active_counts)]
    pub active_counts: Option<ActiveCounts>,
    /// Factor on the learning rate of biases, above 0
    #[arg(long, value_name = "FACTOR", value_parser = above_zero, allow_negative_numbers = true)]
    pub bias_rate: Option<f64>,
    /// How errors travel backwards
    #[arg(long, value_name = "KIND")]
    pub gradient: Option<GradientChoice>,
    /// Number format of the weights
    #[arg(long, value_name = "FORMAT")]
    pub weights: Option<WeightsChoice>,
    /// Network in shorthand, such as 28x28-15C5-P2-300-10
    #[arg(long, value_name = "SHORTHAND")]
    pub topology: Option<String>,
    /// Zero padding of convolutions that state none
    #[arg(long, value_name = "KIND")]
    pub padding: Option<PaddingChoice>,
    /// Factor on the inputs, above 0
    #[arg(long, value_name = "GAIN", value_parser = above_zero, allow_negative_numbers = true)]
    pub input_gain: Option<f64>,
    /// Factor on the logits, above 0
    #[arg(long, value_name = "GAIN", value_parser = above_zero, allow_negative_numbers = true)]
    pub output_gain: Option<f64>,
    /// Largest spike count of a neuron, 1 to 127
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=127), allow_negative_numbers = true)]
    pub max_spikes: Option<i32>,
    /// Grid of the weights, 2^-N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=30))]
    pub fraction_bits: Option<u32>,
    /// Share of a population's neurons silenced in training, as NAME=SHARE; repeatable
    #[arg(long, value_name = "NAME=SHARE", value_parser = dropout)]
    pub dropout: Vec<DropoutChoice>,
    /// Learning rate over epochs: constant, step:EVERY:FACTOR, cosine or cosine:FINAL
    #[arg(long, value_name = "SCHEDULE", value_parser = schedule)]
    pub schedule: Option<ScheduleChoice>,
    /// Epochs over which the learning rate rises from zero
    #[arg(long, value_name = "N")]
    pub warm_up_epochs: Option<u32>,
    /// Variation of training images: none, or any of crop:PADDING,flip,cutout:SIDE
    #[arg(long, value_name = "KIND", value_parser = augmentation)]
    pub augment: Option<AugmentationChoice>,
    /// Validation samples
    #[arg(long, value_name = "N")]
    pub validation: Option<usize>,
}

/// Values of `--gradient`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GradientChoice {
    /// As integer error spikes
    Spike,
    /// As unrounded floats
    Float,
}

impl From<GradientChoice> for Gradient {
    fn from(choice: GradientChoice) -> Self {
        match choice {
            GradientChoice::Spike => Self::Spike,
            GradientChoice::Float => Self::Float,
        }
    }
}

/// Values of `--normalisation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NormalisationChoice {
    /// Nothing
    None,
    /// Weights and biases that hold the activity of every channel within bounds
    Homeostatic,
}

/// Values of `--weights`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WeightsChoice {
    /// 8-bit integers, exact
    I8,
    /// 16-bit integers, exact
    I16,
    /// Floats
    F32,
}

impl From<WeightsChoice> for WeightFormat {
    fn from(choice: WeightsChoice) -> Self {
        match choice {
            WeightsChoice::I8 => Self::I8,
            WeightsChoice::I16 => Self::I16,
            WeightsChoice::F32 => Self::F32,
        }
    }
}

/// Values of `--padding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PaddingChoice {
    /// None
    Valid,
    /// Keeps height and width
    Same,
}

/// A value of `--active-counts`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActiveCounts(pub [f64; 2]);

/// A value of `--dropout`.
#[derive(Clone, Debug, PartialEq)]
pub struct DropoutChoice {
    /// Name of the population.
    pub population: String,
    /// Share of silenced neurons.
    pub share: f64,
}

/// A value of `--schedule`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduleChoice(pub Schedule);

/// A value of `--augment`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AugmentationChoice(pub Augmentation);

impl Overrides {
    /// Puts the given values into a configuration.
    pub fn apply(&self, seed: Option<u64>, configuration: &mut Configuration) {
        let Configuration { data, network, training, chip: _ } = configuration;
        set(&mut training.epochs, self.epochs);
        set(&mut training.batch, self.batch.map(|batch| batch as usize));
        set(&mut training.learning_rate, self.learning_rate);
        set(&mut training.momentum, self.momentum);
        set(&mut training.weight_decay, self.weight_decay);
        set(&mut training.alpha, self.alpha);
        set(&mut training.gradient, self.gradient.map(Into::into));
        set(
            &mut training.normalisation,
            self.normalisation.map(|choice| match choice {
                NormalisationChoice::None => Normalisation::None,
                NormalisationChoice::Homeostatic => Normalisation::Homeostatic,
            }),
        );
        set(&mut training.turning_rate, self.turning_rate);
        set(&mut training.active_counts, self.active_counts.map(|counts| counts.0));
        set(&mut training.bias_rate, self.bias_rate);
        set(&mut training.schedule, self.schedule.map(|choice| choice.0));
        // A run made shorter than the warm-up of its recipe rises over all of its epochs.
        let warm_up = self.epochs.map(|epochs| training.warm_up_epochs.min(epochs));
        set(&mut training.warm_up_epochs, self.warm_up_epochs.or(warm_up));
        set(&mut training.seed, seed);
        for choice in &self.dropout {
            training.dropout.insert(choice.population.clone(), choice.share);
        }
        set(&mut network.weights, self.weights.map(Into::into));
        if let Some(topology) = &self.topology {
            if network.topology.as_ref() != Some(topology) {
                // Dropout names populations of the old topology.
                training.dropout.retain(|name, _| self.dropout.iter().any(|choice| &choice.population == name));
            }
            network.topology = Some(topology.clone());
            network.populations.clear();
            network.projections.clear();
        }
        let padding = self.padding.map(|choice| match choice {
            PaddingChoice::Valid => ShorthandPadding::Valid,
            PaddingChoice::Same => ShorthandPadding::Same,
        });
        network.padding = padding.or(network.padding);
        network.input_gain = self.input_gain.or(network.input_gain);
        network.output_gain = self.output_gain.or(network.output_gain);
        network.max_spikes = self.max_spikes.or(network.max_spikes);
        network.fraction_bits = self.fraction_bits.or(network.fraction_bits);
        set(&mut data.augmentation, self.augment.map(|choice| choice.0));
        data.validation = self.validation.or(data.validation);
    }
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

fn within(text: &str, expected: &str, accepts: impl Fn(f64) -> bool) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && accepts(value) => Ok(value),
        _ => Err(format!("expected {expected}, found {text}")),
    }
}

/// A number above zero, as the flags for rates and gains take it.
pub fn above_zero(text: &str) -> Result<f64, String> {
    within(text, "a number above 0 and at most 1000000", |value| value > 0.0 && value <= 1e6)
}

fn below_one(text: &str) -> Result<f64, String> {
    within(text, "a number of at least 0 and below 1", |value| (0.0..=0.999_999).contains(&value))
}

fn share(text: &str) -> Result<f64, String> {
    within(text, "a number of 0 to 1", |value| (0.0..=1.0).contains(&value))
}

/// An error scale, as the flag `--alpha` takes it.
///
/// # Errors
/// What was expected and found.
pub fn alpha(text: &str) -> Result<f64, String> {
    let expected = format!("a number above 0 and at most {LARGEST_ALPHA}");
    within(text, &expected, |value| value > 0.0 && value <= LARGEST_ALPHA)
}

fn active_counts(text: &str) -> Result<ActiveCounts, String> {
    let expected = "LOW:HIGH with 0 <= LOW <= HIGH <= 127 and HIGH at least 1, such as 6:16";
    let (low, high) = text.split_once(':').ok_or_else(|| format!("expected {expected}, found {text}"))?;
    let low = within(low, expected, |value| (0.0..=127.0).contains(&value))?;
    let high = within(high, expected, |value| value >= low && (1.0..=127.0).contains(&value))?;
    Ok(ActiveCounts([low, high]))
}

fn dropout(text: &str) -> Result<DropoutChoice, String> {
    let expected = "NAME=SHARE with a share of 0 to 0.95, such as dense1=0.5";
    let (population, value) = text.split_once('=').ok_or_else(|| format!("expected {expected}, found {text}"))?;
    let share = within(value, expected, |value| (0.0..=0.95).contains(&value))?;
    Ok(DropoutChoice { population: population.to_owned(), share })
}

fn schedule(text: &str) -> Result<ScheduleChoice, String> {
    let fail = || {
        format!(
            "expected constant, step:EVERY:FACTOR (such as step:20:0.1) or cosine[:FINAL] (such as cosine:0.01), found {text}"
        )
    };
    let parts: Vec<&str> = text.split(':').collect();
    let factor = |part: &str| share(part).map_err(|_| fail());
    let schedule = match parts[..] {
        ["constant"] => Schedule::Constant {},
        ["cosine"] => Schedule::Cosine { final_factor: 0.0 },
        ["cosine", last] => Schedule::Cosine { final_factor: factor(last)? },
        ["step", every, by] => {
            let every = every.parse::<u32>().ok().filter(|&every| every > 0).ok_or_else(fail)?;
            Schedule::Step { every, factor: Some(factor(by)?).filter(|&factor| factor > 0.0).ok_or_else(fail)? }
        }
        _ => return Err(fail()),
    };
    Ok(ScheduleChoice(schedule))
}

/// An augmentation, as the flag `--augment` takes it.
///
/// # Errors
/// What was expected and found.
pub fn augmentation(text: &str) -> Result<AugmentationChoice, String> {
    let fail = || format!("expected none, or any of crop:PADDING, flip, cutout:SIDE joined by commas, found {text}");
    let mut augmentation = Augmentation::default();
    if text == "none" {
        return Ok(AugmentationChoice(augmentation));
    }
    for part in text.split(',') {
        match part.split_once(':') {
            Some(("crop", padding)) => augmentation.padding = padding.parse().map_err(|_| fail())?,
            Some(("cutout", side)) => augmentation.cutout = side.parse().map_err(|_| fail())?,
            None if part == "flip" => augmentation.flip = true,
            _ => return Err(fail()),
        }
    }
    Ok(AugmentationChoice(augmentation))
}
