//! How texts are cut into the sequences that are evaluated.

use crate::LlmError;
use crate::model::ModelConfig;
use crate::text::join;
use crate::tokenizer::Tokenizer;

/// The protocol of GPTQ, OmniQuant and SpikeLLM: the documents are joined by two line ends and tokenised as one text,
/// which is cut into windows of `window` tokens that do not overlap; what is left at the end is not used.
///
/// # Errors
/// [`LlmError::Configuration`] for a window below 2 or beyond the model's context, [`LlmError::Text`] when the text
/// does not fill one window, and those of [`Tokenizer::encode`].
pub fn windows(
    tokenizer: &Tokenizer,
    config: &ModelConfig,
    documents: &[String],
    window: usize,
) -> Result<Vec<Vec<u32>>, LlmError> {
    if !(2..=config.context).contains(&window) {
        let expected = format!("2 to {} tokens, the model's context", config.context);
        return Err(LlmError::configuration("window", expected, window));
    }
    let tokens = tokenizer.encode(&join(documents))?;
    if tokens.len() < window {
        return Err(LlmError::Text {
            what: "the text".to_owned(),
            found: format!("{} tokens, less than one window of {window}", tokens.len()),
            remedy: "take a longer text or a shorter window".to_owned(),
        });
    }
    Ok(tokens.chunks_exact(window).map(<[u32]>::to_vec).collect())
}

/// Every document for itself: the beginning token, where the tokenizer has one, and its tokens, cut to the model's
/// context. Documents without a token to predict are left out.
///
/// # Errors
/// [`LlmError::Text`] when no document is left, and those of [`Tokenizer::encode`].
pub fn documents(tokenizer: &Tokenizer, config: &ModelConfig, documents: &[String]) -> Result<Vec<Vec<u32>>, LlmError> {
    let mut sequences = Vec::with_capacity(documents.len());
    for document in documents {
        let mut tokens = tokenizer.encode(document)?;
        tokens.truncate(config.context);
        if tokens.len() > 1 {
            sequences.push(tokens);
        }
    }
    if sequences.is_empty() {
        return Err(LlmError::Text {
            what: "the documents".to_owned(),
            found: "no token to predict".to_owned(),
            remedy: "take a longer text".to_owned(),
        });
    }
    Ok(sequences)
}
