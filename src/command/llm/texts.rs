//! The texts that a model is evaluated on, and how they are cut.

use std::path::PathBuf;

use clap::Args;
use llm::text::{TextOptions, read_documents};
use llm::{ModelConfig, Tokenizer, perplexity};

use crate::CommandError;

/// Window of the papers, where the model's context allows it.
const WINDOW: usize = 2048;

/// Which text, and how it is cut into sequences.
#[derive(Args, Debug)]
pub struct TextArguments {
    /// Text file, or *.json with a list of texts
    #[arg(long, value_name = "FILE")]
    pub text: PathBuf,
    /// Join the texts and predict inside windows of N tokens; 2048, or the model's context if smaller, when absent
    #[arg(long, value_name = "N", conflicts_with = "documents")]
    pub window: Option<usize>,
    /// Predict every text for itself, cut to the model's context
    #[arg(long)]
    pub documents: bool,
    /// Take every line of a text file as a text of its own, as the `datasets` library does with WikiText
    #[arg(long)]
    pub rows: bool,
    /// Leave out texts with characters outside ASCII
    #[arg(long)]
    pub ascii: bool,
    /// Replace every run of white space by one space; models of single characters need it
    #[arg(long)]
    pub collapse_white_space: bool,
    /// Take the first N texts only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
}

/// Sequences of tokens to predict.
pub struct Sequences {
    /// Tokens of each.
    pub tokens: Vec<Vec<u32>>,
    /// Tokens of a window; absent where every text stands for itself.
    pub window: Option<usize>,
}

impl TextArguments {
    /// Reads the text and cuts it.
    ///
    /// # Errors
    /// [`CommandError::Usage`] for a window that the model does not have; [`llm::LlmError`] when the text cannot be
    /// read or is too short.
    pub fn sequences(&self, tokenizer: &Tokenizer, config: &ModelConfig) -> anyhow::Result<Sequences> {
        let window = self.window.unwrap_or(WINDOW.min(config.context));
        if !(2..=config.context).contains(&window) {
            let expected = format!("2 to {} tokens, the model's context", config.context);
            return Err(CommandError::usage("--window", expected, window.to_string()).into());
        }
        let options = TextOptions {
            rows: self.rows,
            only_ascii: self.ascii,
            collapse_white_space: self.collapse_white_space,
            limit: self.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        };
        let texts = read_documents(&self.text, options)?;
        Ok(if self.documents {
            Sequences { tokens: perplexity::documents(tokenizer, config, &texts)?, window: None }
        } else {
            Sequences { tokens: perplexity::windows(tokenizer, config, &texts, window)?, window: Some(window) }
        })
    }
}
