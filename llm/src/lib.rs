//! LLaMA-family language models: reading, tokenisation, forward pass, perplexity, generation, and models in spikes.
//!
//! A [`Model`] is read from a Hugging Face folder or a file of llama2.c, a [`Tokenizer`] turns texts into tokens. The
//! transformer, [`forward::forward`], leaves its linear maps and its key-value cache to an [`forward::Execution`]:
//! [`forward::FloatExecution`] computes in f32, those of [`spike`] in integer spikes. [`perplexity`] and [`generate`] take any
//! execution.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use kernels::{Engine, Parallelism};
//! use llm::forward::FloatExecution;
//! use llm::generate::{Generation, Sampling};
//! use llm::{Model, Tokenizer};
//!
//! let path = Path::new("stories260K.bin");
//! let (model, tokenizer) = (Model::open(path)?, Tokenizer::beside(path)?);
//! let execution = FloatExecution::new(model, Engine::detect(Parallelism::Rayon));
//! let prompt = tokenizer.encode("Once upon a time")?;
//! let tokens = Generation::new(&execution, &prompt, Sampling::GREEDY)?.take(50).collect::<Result<Vec<_>, _>>()?;
//! println!("{}", tokenizer.decode(&tokens)?);
//! # Ok::<(), llm::LlmError>(())
//! ```
#![forbid(unsafe_code)]

pub mod error;
mod file;
pub mod forward;
pub mod generate;
pub mod matrix;
pub mod model;
pub mod perplexity;
pub mod spike;
pub mod text;
pub mod tokenizer;

pub use error::LlmError;
pub use matrix::{FloatFormat, Matrix};
pub use model::{Model, ModelConfig};
pub use tokenizer::Tokenizer;
