//! Flags of `sterna learn`.

use clap::{Args, ValueEnum};
use compiler::CompilerError;
use compiler::hardware::Spread;
use compiler::learning::array::{
    ArraySettings, ErrorReadSettings, InputConverter, OutputConverter, Pairing, TikiTakaSettings, UpdateRule, Wires,
};
use compiler::learning::device::DeviceSpecification;
use compiler::learning::perceptron::Activation;

use crate::CommandError;
use crate::command::Context;
use crate::command::run_flags::RunFlags;
use crate::configuration::{Sweep, above_zero, alpha};

/// What to learn, and on what.
#[derive(Args, Debug)]
#[command(args_override_self = true)]
pub struct LearnArguments {
    /// What to learn
    #[arg(value_name = "DATA", required_unless_present = "resume")]
    pub target: Option<String>,
    /// The run folder.
    #[command(flatten)]
    pub run: RunFlags,
    /// A device of `sterna learn devices`, or a file DEVICE.toml [default: ideal]
    #[arg(long, value_name = "NAME|FILE")]
    pub device: Option<String>,
    /// Values of the device.
    #[command(flatten)]
    pub changes: DeviceChanges,
    /// Values of the array.
    #[command(flatten)]
    pub array: ArrayFlags,
    /// Values of the training.
    #[command(flatten)]
    pub training: TrainingFlags,
}

/// Values of the device.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Values of the device")]
pub struct DeviceChanges {
    /// Evenly spaced states between the bounds, of which one pulse is one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub levels: Option<u32>,
    /// How much weaker steps downwards are, as a share; below 0 steps upwards
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub asymmetry: Option<f64>,
    /// Spread of steps from device to device, a share of the step
    #[arg(long, value_name = "SHARE")]
    pub device_spread: Option<f64>,
    /// Spread of steps from pulse to pulse, a share of the step
    #[arg(long, value_name = "SHARE")]
    pub cycle_spread: Option<f64>,
    /// Train for each of several values: levels, asymmetry, device-spread or cycle-spread
    #[arg(long, value_name = "WHAT=VALUES", value_parser = Sweep::parse)]
    pub sweep: Option<Sweep>,
}

/// How arrays hold weights and take updates.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Values of the array")]
pub struct ArrayFlags {
    /// How changes become pulses: accumulated, rounded, amplitude, trains or trains:SLOTS
    #[arg(long, value_name = "RULE", value_parser = rule)]
    pub rule: Option<UpdateRule>,
    /// How a signed weight is held [default: reference]
    #[arg(long, value_name = "KIND")]
    pub pairing: Option<PairingChoice>,
    /// Weight of a device in state 1; of spiking networks in units of the largest weight of the grid
    #[arg(long, value_name = "WEIGHT", value_parser = above_zero)]
    pub gain: Option<f64>,
    /// Noise of a read, a share of the current of one device in state 1
    #[arg(long, value_name = "SHARE")]
    pub read_noise: Option<f64>,
    /// Spread of the offsets of sense amplifiers, in the same unit
    #[arg(long, value_name = "SHARE")]
    pub sense_offset: Option<f64>,
    /// Converters of inputs: bits, and the largest input (that of each example when absent)
    #[arg(long, value_name = "BITS[:RANGE]", value_parser = input_converter)]
    pub input_converter: Option<InputConverter>,
    /// Converters of currents: bits, and the largest total input (of spiking networks in thresholds)
    #[arg(long, value_name = "BITS:RANGE", value_parser = output_converter)]
    pub output_converter: Option<OutputConverter>,
    /// Noise of the reads by which errors cross arrays backwards
    #[arg(long, value_name = "SHARE", requires = "topology")]
    pub error_noise: Option<f64>,
    /// Converters of error counts
    #[arg(long, value_name = "BITS[:RANGE]", value_parser = input_converter, requires = "topology")]
    pub error_input_converter: Option<InputConverter>,
    /// Converters of currents backwards, with the largest error count
    #[arg(long, value_name = "BITS:RANGE", value_parser = output_converter, requires = "topology")]
    pub error_output_converter: Option<OutputConverter>,
    /// Resistance of wires from cell to cell, as OHM
    #[arg(long, value_name = "OHM")]
    pub wires: Option<f64>,
    /// Updates go to a second array, of which ROWS rows (1 when absent) are handed on every EVERY updates at a rate RATE
    #[arg(long, value_name = "EVERY:RATE[:ROWS]", value_parser = tiki_taka)]
    pub tiki_taka: Option<TikiTakaSettings>,
}

/// Values of the training.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Values of the training")]
pub struct TrainingFlags {
    /// Passes over the training samples
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub epochs: Option<u32>,
    /// Learning rate at the start, above 0
    #[arg(long, value_name = "RATE", value_parser = above_zero)]
    pub learning_rate: Option<f64>,
    /// Factor on the learning rate from epoch to epoch, of the delta rule
    #[arg(long, value_name = "FACTOR", value_parser = above_zero, conflicts_with = "topology")]
    pub rate_decay: Option<f64>,
    /// What neurons make of their total inputs, of the delta rule
    #[arg(long, value_name = "KIND", conflicts_with = "topology")]
    pub activation: Option<ActivationChoice>,
    /// Train with N seeds, the first one that of --seed; each has devices of its own, tables are divided anew
    /// [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with = "topology")]
    pub seeds: Option<u32>,
    /// Spiking network in shorthand, such as 28x28-300-10
    #[arg(long, value_name = "SHORTHAND")]
    pub topology: Option<String>,
    /// Projections on the chip; all of them when absent
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "topology")]
    pub on_chip: Vec<String>,
    /// Examples per update of the weights
    #[arg(long, value_name = "N", requires = "topology", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub batch: Option<u32>,
    /// Momentum of the digital part of the update, 0 to below 1
    #[arg(long, value_name = "M", requires = "topology")]
    pub momentum: Option<f64>,
    /// Error scale, above 0
    #[arg(long, value_name = "ALPHA", value_parser = alpha, requires = "topology")]
    pub alpha: Option<f64>,
    /// Largest spike count of a neuron
    #[arg(long, value_name = "N", requires = "topology", value_parser = clap::value_parser!(i32).range(1..=127))]
    pub max_spikes: Option<i32>,
}

/// [`Pairing`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PairingChoice {
    /// One device beside a reference column
    Reference,
    /// Two devices that share every pulse
    Pair,
}

/// [`Activation`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ActivationChoice {
    /// Hyperbolic tangent, targets -1 and 1
    Tanh,
    /// Logistic function, targets 0 and 1
    Sigmoid,
}

impl From<ActivationChoice> for Activation {
    fn from(choice: ActivationChoice) -> Self {
        match choice {
            ActivationChoice::Tanh => Self::Tanh,
            ActivationChoice::Sigmoid => Self::Sigmoid,
        }
    }
}

impl LearnArguments {
    /// Refuses flags of a new run beside `--resume`: the run to continue says all of them.
    ///
    /// # Errors
    /// [`CommandError::Usage`] naming the first of them.
    pub fn check_resume(&self, context: &Context) -> Result<(), CommandError> {
        let Self { target, device, changes, array, training, .. } = self;
        let given = [
            ("argument DATA", target.is_some()),
            ("--seed", context.seed.is_some()),
            ("--device", device.is_some()),
            ("--levels", changes.levels.is_some()),
            ("--asymmetry", changes.asymmetry.is_some()),
            ("--device-spread", changes.device_spread.is_some()),
            ("--cycle-spread", changes.cycle_spread.is_some()),
            ("--sweep", changes.sweep.is_some()),
            ("--rule", array.rule.is_some()),
            ("--pairing", array.pairing.is_some()),
            ("--gain", array.gain.is_some()),
            ("--read-noise", array.read_noise.is_some()),
            ("--sense-offset", array.sense_offset.is_some()),
            ("--input-converter", array.input_converter.is_some()),
            ("--output-converter", array.output_converter.is_some()),
            ("--wires", array.wires.is_some()),
            ("--tiki-taka", array.tiki_taka.is_some()),
            ("--epochs", training.epochs.is_some()),
            ("--learning-rate", training.learning_rate.is_some()),
            ("--rate-decay", training.rate_decay.is_some()),
            ("--activation", training.activation.is_some()),
            ("--seeds", training.seeds.is_some()),
            ("--topology", training.topology.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((flag, _)) => {
                let expected = "nothing beside --resume, for the run to continue says it";
                Err(CommandError::usage(flag, expected, "a value; leave it out"))
            }
        }
    }

    /// The device with its changes.
    ///
    /// # Errors
    /// Those of [`super::device_specification`], and [`CommandError::Usage`] for changes that do not fit.
    pub fn specification(&self) -> anyhow::Result<DeviceSpecification> {
        let name = self.device.as_deref().unwrap_or("ideal");
        let mut device = super::device_specification(name)?;
        let changes = &self.changes;
        let wrong =
            |error: CompilerError| CommandError::usage("flags", "values that fit the device", error.to_string());
        if let Some(levels) = changes.levels {
            device = device.with_levels(levels).map_err(wrong)?;
        }
        device.step.asymmetry = changes.asymmetry.unwrap_or(device.step.asymmetry);
        device.step.device_spread = changes.device_spread.unwrap_or(device.step.device_spread);
        device.step.cycle_spread = changes.cycle_spread.unwrap_or(device.step.cycle_spread);
        device.check(name).map_err(wrong)?;
        Ok(device)
    }

    /// The array; `gain` where none is asked for.
    ///
    /// # Errors
    /// [`CommandError::Usage`] for numbers out of range.
    pub fn array_settings(&self, gain: f64) -> anyhow::Result<ArraySettings> {
        let flags = &self.array;
        let mut settings = ArraySettings {
            gain: flags.gain.unwrap_or(gain),
            pairing: match flags.pairing {
                None | Some(PairingChoice::Reference) => Pairing::Reference,
                Some(PairingChoice::Pair) => Pairing::Pair,
            },
            tiki_taka: flags.tiki_taka,
            ..ArraySettings::default()
        };
        settings.rule = flags.rule.unwrap_or(settings.rule);
        settings.read.noise = flags.read_noise.map(|sigma| Spread::Absolute { sigma });
        settings.read.sense_offset = flags.sense_offset;
        settings.read.input_converter = flags.input_converter;
        settings.read.output_converter = flags.output_converter;
        let error = ErrorReadSettings {
            noise: flags.error_noise.map(|sigma| Spread::Absolute { sigma }),
            sense_offset: None,
            input_converter: flags.error_input_converter,
            output_converter: flags.error_output_converter,
        };
        settings.read.error = Some(error).filter(|error| *error != ErrorReadSettings::default());
        settings.read.wires = flags.wires.map(|wire_resistance_ohm| Wires {
            wire_resistance_ohm,
            driver_resistance_ohm: 0.0,
            sense_resistance_ohm: 0.0,
        });
        settings
            .check("flags")
            .map_err(|error| CommandError::usage("flags", "values of an array", error.to_string()))?;
        Ok(settings)
    }
}

fn rule(text: &str) -> Result<UpdateRule, String> {
    let (kind, length) = text.split_once(':').map_or((text, None), |(kind, length)| (kind, Some(length)));
    match (kind, length) {
        ("accumulated", None) => Ok(UpdateRule::Accumulated {}),
        ("rounded", None) => Ok(UpdateRule::Rounded {}),
        ("amplitude", None) => Ok(UpdateRule::Amplitude {}),
        ("trains", None) => Ok(UpdateRule::Trains { length: 31 }),
        ("trains", Some(length)) => match length.parse() {
            Ok(length @ 1..=63) => Ok(UpdateRule::Trains { length }),
            _ => Err(format!("expected trains of 1 to 63 slots, found {length}")),
        },
        _ => Err(format!("expected accumulated, rounded, amplitude, trains or trains:SLOTS, found {text}")),
    }
}

fn input_converter(text: &str) -> Result<InputConverter, String> {
    let (bits, range) = converter(text).ok_or_else(|| format!("expected BITS or BITS:RANGE, as 7:1, found {text}"))?;
    Ok(InputConverter { bits, range })
}

fn output_converter(text: &str) -> Result<OutputConverter, String> {
    match converter(text) {
        Some((bits, Some(range))) => Ok(OutputConverter { bits, range }),
        _ => Err(format!("expected BITS:RANGE, as 9:12, found {text}")),
    }
}

/// `BITS` or `BITS:RANGE`.
fn converter(text: &str) -> Option<(u32, Option<f64>)> {
    match text.split_once(':') {
        None => Some((text.trim().parse().ok()?, None)),
        Some((bits, range)) => Some((bits.trim().parse().ok()?, Some(range.trim().parse().ok()?))),
    }
}

fn tiki_taka(text: &str) -> Result<TikiTakaSettings, String> {
    let fail = || format!("expected EVERY:RATE or EVERY:RATE:ROWS, such as 1:1, found {text}");
    let mut parts = text.split(':');
    let mut next = || parts.next().map(str::trim);
    let count = |text: &str| text.parse().ok().filter(|&count: &u32| count > 0);
    let transfer_every = next().and_then(count).ok_or_else(fail)?;
    let rate = next().and_then(|text| text.parse().ok()).filter(|rate: &f64| rate.is_finite() && *rate >= 0.0);
    let transfer_rate = rate.ok_or_else(fail)?;
    let transfer_rows = next().map_or(Some(1), count).ok_or_else(fail)?;
    match next() {
        Some(_) => Err(fail()),
        None => Ok(TikiTakaSettings { transfer_every, transfer_rate, transfer_rows, ..TikiTakaSettings::default() }),
    }
}
