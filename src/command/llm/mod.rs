//! `sterna llm`: language models of the LLaMA family.

mod chip;
mod compare;
mod draw;
mod generate;
mod loaded;
mod measure;
mod ppl;
mod spike;
mod texts;

use clap::{Args, Subcommand};

use super::Context;

/// Language models of the LLaMA family: perplexity, generation, spikes
///
/// MODEL is a folder as Hugging Face writes it (config.json, model.safetensors in one file or several, tokenizer.json)
/// with a LLaMA, Mistral or Qwen2 model, or a file *.bin of llama2.c with its tokenizer beside it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sterna llm ppl Llama-2-7b-hf --text wikitext-2/test.txt --rows\n  \
    sterna llm ppl stories260K.bin --text tinystories_1000.json --documents --limit 50\n  \
    sterna llm spike stories260K.bin --text tinystories_1000.json --documents --out spiked/stories260K\n  \
    sterna llm generate stories260K.bin --prompt \"Once upon a time\"")]
pub struct LlmArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    Ppl(ppl::PplArguments),
    Spike(Box<spike::SpikeArguments>),
    Generate(generate::GenerateArguments),
    Compare(compare::CompareArguments),
}

/// Does as the arguments say.
///
/// # Errors
/// Those of the action.
pub fn run(arguments: &LlmArguments, context: &Context) -> anyhow::Result<()> {
    match &arguments.action {
        Action::Ppl(arguments) => ppl::run(arguments, context),
        Action::Spike(arguments) => spike::run(arguments, context),
        Action::Generate(arguments) => generate::run(arguments, context),
        Action::Compare(arguments) => compare::run(arguments, context),
    }
}
