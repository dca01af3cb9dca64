//! A trained model and the samples it is run on.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use datasets::{Augmentation, Source};
use snn::{EventOrder, Network};

use super::Context;
use crate::CommandError;
use crate::configuration::{Configuration, DataSection};
use crate::run_folder::RunFolder;
use crate::samples::{ImageFormat, ImageSamples};

/// Which model runs on which samples.
#[derive(Args, Debug)]
pub struct TrainedArguments {
    /// Model file, or a run folder that holds one
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// digits, mnist, fashion-mnist, cifar10 or a folder of images; that of the run when absent
    #[arg(long, value_name = "SOURCE")]
    pub data: Option<String>,
    /// Part of the data set; a model in its run folder gets the parts of that run
    #[arg(long, value_name = "PART", default_value = "test")]
    pub split: Split,
}

/// Parts of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Split {
    /// Samples the model learned from
    Train,
    /// Samples the model was chosen on
    Validation,
    /// Samples it has not seen
    Test,
}

impl Split {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Orders of events on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrderChoice {
    /// The spike that was emitted first
    Fifo,
    /// Any pending spike, by the seed
    Random,
    /// All consequences of an input spike before the next one
    InputTime,
}

impl OrderChoice {
    /// The order of the simulator, with the seed of a random one.
    pub fn order(self, seed: u64) -> EventOrder {
        match self {
            Self::Fifo => EventOrder::FirstInFirstOut,
            Self::Random => EventOrder::Random { seed },
            Self::InputTime => EventOrder::InputTime,
        }
    }
}

/// A model with samples that fit it.
#[derive(Debug)]
pub struct Trained {
    /// The model file.
    pub path: PathBuf,
    /// The network.
    pub network: Network,
    /// Which data set.
    pub data: DataSection,
    /// Its images.
    pub format: ImageFormat,
    /// The chosen part.
    pub samples: ImageSamples,
    /// The configuration of the run that the model lies in; none outside one.
    pub run: Option<Configuration>,
}

impl Trained {
    /// Reads model and samples.
    ///
    /// # Errors
    /// When a file is missing or wrong, no data set is named, or model and data set do not fit.
    pub fn load(arguments: &TrainedArguments, context: &Context) -> anyhow::Result<Self> {
        let path = model_path(&arguments.model);
        let network = snn::model::load(&path)?;
        let source: Option<Source> = arguments.data.as_deref().map(parse_source).transpose()?;
        let run = run_configuration(&path)?;
        let of_run = run.as_ref().map(|run| run.data.clone());
        let data = match (source, of_run) {
            (None, Some(data)) => data,
            (Some(source), Some(data)) if data.source == source => data,
            (Some(source), _) => DataSection::new(source),
            (None, None) => {
                let expected = "a data set for a model outside its run folder";
                return Err(CommandError::usage("--data", expected, "nothing").into());
            }
        };
        let dataset = context.load(&data.source)?;
        let format = ImageFormat::of(&dataset);
        let splits = dataset.split(&data.split_options())?;
        let images = match arguments.split {
            Split::Train => splits.train,
            Split::Validation => splits.validation,
            Split::Test => splits.test,
        };
        let samples = ImageSamples::new(images, &format, &network, Augmentation::default(), 0)?;
        Ok(Self { path, network, data, format, samples, run })
    }
}

/// The model of a run folder, or the path itself.
pub fn model_path(path: &Path) -> PathBuf {
    if path.is_dir() { RunFolder::new(path).model() } else { path.to_owned() }
}

/// Reads the name of a data set from the command line.
///
/// # Errors
/// [`CommandError::Usage`] with the names there are.
pub fn parse_source(text: &str) -> Result<Source, CommandError> {
    let expected = "digits, mnist, fashion-mnist, cifar10 or a folder of images (with a path separator)";
    text.parse().map_err(|_| CommandError::usage("name of the data set", expected, format!("'{text}'")))
}

/// The configuration of the run that a model lies in.
///
/// # Errors
/// When there is one that cannot be read.
pub fn run_configuration(model: &Path) -> anyhow::Result<Option<Configuration>> {
    let folder = RunFolder::new(model.parent().unwrap_or(Path::new("")));
    if folder.model() != model || !folder.configuration().is_file() {
        return Ok(None);
    }
    Ok(Some(Configuration::load(&folder.configuration()).context("configuration beside the model")?))
}
