//! A model with its tokenizer, and what they are computed with.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use kernels::{Engine, Parallelism};
use llm::{Model, Tokenizer};
use rayon::ThreadPool;

use crate::command::Context;

/// Which model, and which tokenizer.
#[derive(Args, Debug)]
pub struct ModelArguments {
    /// Folder of a Hugging Face model, or file *.bin of llama2.c
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Tokenizer: *.json, *.bin of llama2.c or *.vocab of single characters; the one beside the model when absent
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
}

/// A model that fits its tokenizer.
pub struct Loaded {
    /// The model.
    pub model: Model,
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
        let model = Model::open(&arguments.model)?;
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
