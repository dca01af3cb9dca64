//! Model folders as Hugging Face writes them.

mod config;
mod fields;
mod tensors;

use std::path::Path;

use self::config::description;
use self::fields::Fields;
use self::tensors::Tensors;
use crate::LlmError;
use crate::model::{BlockWeights, Linear, LinearWeights, Model, ModelConfig, Weights};

/// Reads a folder.
pub(super) fn open(folder: &Path) -> Result<Model, LlmError> {
    let fields = Fields::read(&folder.join("config.json"))?;
    let generation = folder.join("generation_config.json");
    let generation = if generation.is_file() { Some(Fields::read(&generation)?) } else { None };
    let config = description(&fields, generation.as_ref())?;
    let mut tensors = Tensors::open(folder)?;
    let embedding = [config.vocabulary, config.hidden];
    let weights = Weights {
        embedding: tensors.matrix("model.embed_tokens.weight", embedding)?,
        blocks: (0..config.blocks).map(|block| read_block(&mut tensors, &config, block)).collect::<Result<_, _>>()?,
        final_norm: tensors.vector("model.norm.weight", config.hidden)?,
        output: if config.tied_embeddings { None } else { Some(tensors.matrix("lm_head.weight", embedding)?) },
    };
    tensors.check_all_used(|name| {
        // Stored by older versions: a copy of the embedding, and frequencies that follow from the description.
        (config.tied_embeddings && name == "lm_head.weight") || name.ends_with("rotary_emb.inv_freq")
    })?;
    Model::new(config, weights)
}

fn read_block(tensors: &mut Tensors, config: &ModelConfig, block: usize) -> Result<BlockWeights, LlmError> {
    let name = |part: &str| format!("model.layers.{block}.{part}");
    let mut linear = |linear: Linear| {
        let shape = linear.shape(config);
        let part = match linear {
            Linear::Query => "self_attn.q_proj",
            Linear::Key => "self_attn.k_proj",
            Linear::Value => "self_attn.v_proj",
            Linear::Output => "self_attn.o_proj",
            Linear::Gate => "mlp.gate_proj",
            Linear::Up => "mlp.up_proj",
            Linear::Down => "mlp.down_proj",
        };
        let weight = tensors.matrix(&name(&format!("{part}.weight")), shape)?;
        let has_bias = config.biases.has(linear);
        let bias = has_bias.then(|| tensors.vector(&name(&format!("{part}.bias")), shape[0])).transpose()?;
        Ok::<_, LlmError>(LinearWeights { weight, bias })
    };
    let linears = [
        linear(Linear::Query)?,
        linear(Linear::Key)?,
        linear(Linear::Value)?,
        linear(Linear::Output)?,
        linear(Linear::Gate)?,
        linear(Linear::Up)?,
        linear(Linear::Down)?,
    ];
    Ok(BlockWeights {
        attention_norm: tensors.vector(&name("input_layernorm.weight"), config.hidden)?,
        feed_forward_norm: tensors.vector(&name("post_attention_layernorm.weight"), config.hidden)?,
        linears,
    })
}
