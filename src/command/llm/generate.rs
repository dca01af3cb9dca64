//! `sterna llm generate`: the text that follows a prompt.

use std::time::Instant;

use clap::Args;
use llm::forward::{Execution, FloatExecution};
use llm::generate::{Generation, Sampling};
use llm::spike::{QuantisedExecution, SpikingExecution};
use llm::{LlmError, Tokenizer};
use serde::Serialize;

use super::loaded::{AnyModel, ExecutionChoice, Loaded, ModelArguments};
use crate::CommandError;
use crate::command::Context;

/// Generate the text that follows a prompt
///
/// The text appears token by token, the prompt first. Without --temperature the most probable token is taken each time;
/// with it tokens are drawn, by --seed. Generation ends at the model's end token, after --tokens, or when the model's
/// context is full.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna llm generate stories260K.bin --prompt \"Once upon a time\"\n  \
    sterna llm generate Qwen2-0.5B --prompt \"Terns are\" --temperature 0.8 --top-p 0.95 --seed 3\n  \
    sterna llm generate model5000.bin --tokenizer tok105.vocab --tokens 100 --json")]
pub struct GenerateArguments {
    /// The model.
    #[command(flatten)]
    model: ModelArguments,
    /// Text to begin with; only the model's beginning token when absent
    #[arg(long, value_name = "TEXT", default_value = "")]
    prompt: String,
    /// Tokens to generate, at most
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    tokens: u32,
    /// Divides the logits before tokens are drawn; 0 takes the most probable token
    #[arg(long, value_name = "T", default_value_t = 0.0, value_parser = temperature, allow_negative_numbers = true)]
    temperature: f32,
    /// Draw from the K most probable tokens only
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    top_k: Option<u32>,
    /// Draw from the fewest most probable tokens whose probabilities sum to P
    #[arg(long, value_name = "P", default_value_t = 1.0, value_parser = share, allow_negative_numbers = true)]
    top_p: f64,
    /// How a model of `sterna llm spike` is computed
    #[arg(long, value_name = "HOW", default_value = "spikes")]
    execution: ExecutionChoice,
}

fn temperature(text: &str) -> Result<f32, String> {
    let fail = || format!("expected a number of at least 0, found {text}");
    text.parse().ok().filter(|number: &f32| *number >= 0.0 && number.is_finite()).ok_or_else(fail)
}

fn share(text: &str) -> Result<f64, String> {
    let fail = || format!("expected a number above 0, at most 1, found {text}");
    text.parse().ok().filter(|number| *number > 0.0 && *number <= 1.0).ok_or_else(fail)
}

/// The JSON object of `sterna llm generate`.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    prompt: String,
    prompt_tokens: Vec<u32>,
    tokens: Vec<u32>,
    text: String,
    ended_by: &'static str,
    seconds: f64,
    tokens_per_second: f64,
}

/// Generates as the arguments say.
///
/// # Errors
/// [`CommandError::Usage`] for a prompt that fills the context; when model or tokenizer cannot be read or do not fit.
pub fn run(arguments: &GenerateArguments, context: &Context) -> anyhow::Result<()> {
    let Loaded { model, tokenizer, engine, pool } = Loaded::read(&arguments.model, context)?;
    let config = model.config().clone();
    let mut prompt = tokenizer.encode(&arguments.prompt)?;
    if prompt.is_empty() {
        prompt.extend(config.beginning);
    }
    if prompt.is_empty() || prompt.len() >= config.context {
        let expected = format!("1 to {} tokens", config.context - 1);
        return Err(CommandError::usage("--prompt", expected, format!("{} tokens", prompt.len())).into());
    }
    let sampling = Sampling {
        temperature: arguments.temperature,
        top_k: arguments.top_k.map(|tokens| tokens as usize),
        top_p: arguments.top_p,
        seed: context.seed.unwrap_or(0),
    };
    let start = Instant::now();
    let (tokens, text) = pool.install(|| {
        let most = arguments.tokens as usize;
        match (model, arguments.execution) {
            (AnyModel::Float(model), _) => {
                let execution = FloatExecution::new(*model, engine);
                stream(Generation::new(&execution, &prompt, sampling)?, &tokenizer, &prompt, most, context)
            }
            (AnyModel::Spiked(model), ExecutionChoice::Spikes) => {
                let execution = SpikingExecution::new(model, engine)?;
                stream(Generation::new(&execution, &prompt, sampling)?, &tokenizer, &prompt, most, context)
            }
            (AnyModel::Spiked(model), ExecutionChoice::Floats) => {
                let execution = QuantisedExecution::new(model, engine)?;
                stream(Generation::new(&execution, &prompt, sampling)?, &tokenizer, &prompt, most, context)
            }
        }
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let ended_by = if tokens.len() == arguments.tokens as usize {
        "length"
    } else if prompt.len() + tokens.len() > config.context {
        "context"
    } else {
        "end token"
    };
    context.output.object(&Report {
        model: arguments.model.model.display().to_string(),
        prompt: arguments.prompt.clone(),
        prompt_tokens: prompt,
        tokens_per_second: tokens.len() as f64 / seconds,
        tokens,
        text,
        ended_by,
        seconds,
    })
}

/// Writes prompt and tokens as they come; returns the tokens and the text after the prompt.
fn stream<E: Execution>(
    generation: Generation<'_, E>,
    tokenizer: &Tokenizer,
    prompt: &[u32],
    most: usize,
    context: &Context,
) -> anyhow::Result<(Vec<u32>, String)> {
    let mut decoder = tokenizer.stream();
    let begun = prompt.iter().map(|&token| decoder.push(token)).collect::<Result<String, LlmError>>()?;
    context.output.fragment(begun)?;
    let (mut tokens, mut text) = (Vec::new(), String::new());
    for token in generation.take(most) {
        let token = token?;
        let part = decoder.push(token)?;
        context.output.fragment(&part)?;
        tokens.push(token);
        text += &part;
    }
    let rest = decoder.finish();
    context.output.fragment(format!("{rest}\n"))?;
    Ok((tokens, text + &rest))
}
