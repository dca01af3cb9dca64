//! `config.json`: what it says, and what it says that is not implemented.

use super::fields::Fields;
use crate::LlmError;
use crate::model::{AttentionBiases, ModelConfig, Pairing, Rotary, RotaryScaling};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Llama,
    Mistral,
    Qwen2,
}

/// The description of a model. Where a field is absent, the default of Hugging Face's `transformers` holds.
pub(super) fn description(fields: &Fields, generation: Option<&Fields>) -> Result<ModelConfig, LlmError> {
    let family = match fields.text("model_type")? {
        Some("llama") => Family::Llama,
        Some("mistral") => Family::Mistral,
        Some("qwen2") => Family::Qwen2,
        _ => return Err(fields.unsupported("model_type", "llama, mistral, qwen2")),
    };
    refuse_other_computations(fields)?;
    let (hidden, heads) = (fields.required_size("hidden_size")?, fields.required_size("num_attention_heads")?);
    let head = match fields.size("head_dim")? {
        Some(head) => head,
        None if heads > 0 && hidden.is_multiple_of(heads) => hidden / heads,
        None => return Err(fields.wrong("num_attention_heads", "a divisor of hidden_size, or head_dim beside it")),
    };
    let key_value_heads = match fields.size("num_key_value_heads")? {
        Some(heads) => heads,
        None if family == Family::Llama || fields.has("num_key_value_heads") => heads,
        None => return Err(fields.wrong("num_key_value_heads", "a whole number")),
    };
    let blocks = fields.required_size("num_hidden_layers")?;
    let context = fields.required_size("max_position_embeddings")?;
    let vocabulary = fields.required_size("vocab_size")?;
    let (beginning, ends) = special_tokens(fields, generation, family)?;
    let config = ModelConfig {
        hidden,
        feed_forward: fields.required_size("intermediate_size")?,
        blocks,
        heads,
        key_value_heads,
        head,
        vocabulary,
        context,
        norm_epsilon: fields.number("rms_norm_eps")?.unwrap_or(1e-6) as f32,
        rotary: rotary(fields, context)?,
        biases: biases(fields, family)?,
        sliding_window: sliding_window(fields, family, blocks)?,
        tied_embeddings: fields.flag("tie_word_embeddings")?,
        beginning,
        ends,
    };
    config.check().map_err(|error| fields.contradiction(&error))?;
    Ok(config)
}

/// Refuses what changes the computation in ways that are not implemented.
fn refuse_other_computations(fields: &Fields) -> Result<(), LlmError> {
    if fields.text("hidden_act")?.is_some_and(|name| name != "silu") {
        return Err(fields.unsupported("hidden_act", "silu"));
    }
    if fields.flag("mlp_bias")? {
        return Err(fields.unsupported("mlp_bias", "false"));
    }
    if fields.is_set("quantization_config") {
        return Err(fields.unsupported("quantization_config", "weights in f32, f16 or bf16 without quantisation"));
    }
    refuse_partial_rotation(fields)
}

fn refuse_partial_rotation(fields: &Fields) -> Result<(), LlmError> {
    match fields.number("partial_rotary_factor")? {
        Some(factor) if factor != 1.0 => Err(fields.unsupported("partial_rotary_factor", "1")),
        _ => Ok(()),
    }
}

/// Rotary embedding: `rope_parameters` of newer files, `rope_theta` and `rope_scaling` of older ones.
fn rotary(fields: &Fields, context: usize) -> Result<Rotary, LlmError> {
    const KINDS: &str = "default, linear, llama3";
    let new = fields.object("rope_parameters")?;
    let parameters = match new {
        Some(parameters) => Some(parameters),
        None => fields.object("rope_scaling")?,
    };
    let mut theta = fields.number("rope_theta")?;
    let mut scaling = RotaryScaling::None;
    if let Some(parameters) = &parameters {
        refuse_partial_rotation(parameters)?;
        theta = parameters.number("rope_theta")?.or(theta);
        let field = if parameters.is_set("rope_type") { "rope_type" } else { "type" };
        scaling = match parameters.text(field)? {
            None | Some("default") => RotaryScaling::None,
            Some("linear") => RotaryScaling::Linear { factor: parameters.required_number("factor")? },
            Some("llama3") => RotaryScaling::Llama3 {
                factor: parameters.required_number("factor")?,
                low_frequency_factor: parameters.required_number("low_freq_factor")?,
                high_frequency_factor: parameters.required_number("high_freq_factor")?,
                original_context: parameters.size("original_max_position_embeddings")?.unwrap_or(context),
            },
            Some(_) => return Err(parameters.unsupported(field, KINDS)),
        };
    }
    Ok(Rotary { theta: theta.unwrap_or(10_000.0), pairing: Pairing::HalfSplit, scaling })
}

fn biases(fields: &Fields, family: Family) -> Result<AttentionBiases, LlmError> {
    let has_biases = fields.flag("attention_bias")?;
    match family {
        Family::Llama if has_biases => Ok(AttentionBiases::All),
        Family::Llama | Family::Mistral if !has_biases => Ok(AttentionBiases::None),
        Family::Qwen2 if !has_biases => Ok(AttentionBiases::QueryKeyValue),
        _ => Err(fields.unsupported("attention_bias", "false for this model_type")),
    }
}

/// The window that all blocks share.
fn sliding_window(fields: &Fields, family: Family, blocks: usize) -> Result<Option<usize>, LlmError> {
    const SAME: &str = "the same kind of attention in all blocks";
    let window = fields.size("sliding_window")?;
    let window = match family {
        Family::Llama if window.is_some() => {
            return Err(fields.unsupported("sliding_window", "null for this model_type"));
        }
        Family::Llama => None,
        Family::Mistral if fields.has("sliding_window") => window,
        Family::Mistral | Family::Qwen2 => Some(window.unwrap_or(4096)),
    };
    let window = if family == Family::Qwen2 && !fields.flag("use_sliding_window")? { None } else { window };
    if let Some(kinds) = fields.texts("layer_types")? {
        let all = |kind: &str| kinds.iter().all(|&found| found == kind);
        let is_consistent = match window {
            Some(_) => all("sliding_attention"),
            None => all("full_attention"),
        };
        return match window {
            _ if is_consistent => Ok(window),
            Some(_) if family == Family::Qwen2 && all("full_attention") => Ok(None),
            _ => Err(fields.unsupported("layer_types", SAME)),
        };
    }
    if family != Family::Qwen2 || window.is_none() {
        return Ok(window);
    }
    match fields.size("max_window_layers")?.unwrap_or(28) {
        0 => Ok(window),
        first if first >= blocks => Ok(None),
        _ => Err(fields.unsupported("max_window_layers", SAME)),
    }
}

/// The token that begins a text and those that end one.
fn special_tokens(
    fields: &Fields,
    generation: Option<&Fields>,
    family: Family,
) -> Result<(Option<u32>, Vec<u32>), LlmError> {
    let [default_beginning, default_end] = if family == Family::Qwen2 { [None, None] } else { [Some(1), Some(2)] };
    let beginning = fields.tokens("bos_token_id")?.first().copied();
    let beginning = if fields.has("bos_token_id") { beginning } else { default_beginning };
    let mut ends = fields.tokens("eos_token_id")?;
    if !fields.has("eos_token_id") {
        ends.extend(default_end);
    }
    for token in generation.map(|fields| fields.tokens("eos_token_id")).transpose()?.unwrap_or_default() {
        if !ends.contains(&token) {
            ends.push(token);
        }
    }
    Ok((beginning, ends))
}
