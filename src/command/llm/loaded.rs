//! A model with its tokenizer, and what they are computed with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use kernels::{Engine, Parallelism};
use llm::spike::SpikedModel;
use llm::spike::file::is_spiked;
use llm::{Model, ModelConfig, Tokenizer};
use rayon::ThreadPool;

use crate::CommandError;
use crate::command::Context;

/// Which model, and which tokenizer.
#[derive(Args, Debug)]
pub struct ModelArguments {
    /// Folder of a Hugging Face model, file *.bin of llama2.c, or folder of `sterna llm spike`
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Tokenizer: *.json, *.bin of llama2.c or *.vocab of single characters; the one beside the model when absent
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
}

/// How a spiked model is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExecutionChoice {
    /// In integer spikes
    #[default]
    Spikes,
    /// In floats that are what the spikes stand for
    Floats,
}

/// A model of either kind.
#[derive(Debug)]
pub enum AnyModel {
    /// As it was trained.
    Float(Box<Model>),
    /// Made by `sterna llm spike`.
    Spiked(Arc<SpikedModel>),
}

impl AnyModel {
    /// Reads a model.
    ///
    /// # Errors
    /// [`llm::LlmError`] when a file is missing, damaged or asks for what is not implemented.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Ok(if is_spiked(path) {
            Self::Spiked(Arc::new(SpikedModel::open(path)?))
        } else {
            Self::Float(Box::new(Model::open(path)?))
        })
    }

    /// The numbers that describe it.
    pub fn config(&self) -> &ModelConfig {
        match self {
            Self::Float(model) => model.config(),
            Self::Spiked(model) => model.frame().config(),
        }
    }

    /// Numbers of all weights.
    pub fn parameters(&self) -> usize {
        match self {
            Self::Float(model) => model.parameters(),
            Self::Spiked(model) => model.parameters(),
        }
    }

    /// The model as it was trained.
    ///
    /// # Errors
    /// [`CommandError::Usage`] for one that is spiked already.
    pub fn float(self) -> anyhow::Result<Model> {
        match self {
            Self::Float(model) => Ok(*model),
            Self::Spiked(_) => {
                Err(CommandError::usage("MODEL", "a model as it was trained", "a folder of `sterna llm spike`").into())
            }
        }
    }
}

/// A model that fits its tokenizer.
pub struct Loaded {
    /// The model.
    pub model: AnyModel,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// Instruction set of the arithmetic; uses the pool it is called in.
    pub engine: Engine,
    /// Threads to compute with.
    pub pool: ThreadPool,
}

impl Loaded {
    /// Reads both.
    ///
    /// # Errors
    /// [`llm::LlmError`] when a file is missing, damaged or asks for what is not implemented.
    pub fn read(arguments: &ModelArguments, context: &Context) -> anyhow::Result<Self> {
        let model = AnyModel::open(&arguments.model)?;
        let tokenizer = match &arguments.tokenizer {
            Some(path) => Tokenizer::open(path)?,
            None => Tokenizer::beside(&arguments.model).context("no --tokenizer is given")?,
        };
        tokenizer.check(model.config())?;
        let resources = context.resources;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(resources.threads).build();
        let pool = pool.with_context(|| format!("cannot start {} threads", resources.threads))?;
        Ok(Self { model, tokenizer, engine: Engine::new(resources.isa, Parallelism::Rayon)?, pool })
    }
}
