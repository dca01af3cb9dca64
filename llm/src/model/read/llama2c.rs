//! Model files of llama2.c, version 0: seven numbers, then f32 weights one after the other.

use std::path::Path;
use std::sync::Arc;

use kernels::FileMapping;

use super::map;
use crate::model::{
    AttentionBiases, BlockWeights, Linear, LinearWeights, Model, ModelConfig, Pairing, Rotary, RotaryScaling, Weights,
};
use crate::{FloatFormat, LlmError, Matrix};

/// Bytes of the header: seven numbers of 32 bits.
const HEADER: usize = 28;
/// First number of the later versions.
const LATER_VERSIONS: i32 = 0x616b_3432;
/// Token that begins a text, and the one that ends it. Both separate texts.
const BEGINNING: u32 = 1;
const END: u32 = 2;

/// Reads a file.
pub(super) fn open(path: &Path) -> Result<Model, LlmError> {
    let file = Arc::new(map(path)?);
    let config = header(path, &file)?;
    let context = config.context;
    let mut reader = Reader { path, file: &file, position: HEADER };
    reader.check_length(&config)?;
    let embedding = reader.matrix([config.vocabulary, config.hidden])?;
    let attention_norms = reader.vectors(&config, config.hidden)?;
    let mut linears = |linear: Linear| {
        let shape = linear.shape(&config);
        (0..config.blocks).map(|_| reader.matrix(shape)).collect::<Result<Vec<_>, _>>()
    };
    let [query, key, value, output] =
        [linears(Linear::Query)?, linears(Linear::Key)?, linears(Linear::Value)?, linears(Linear::Output)?];
    let feed_forward_norms = reader.vectors(&config, config.hidden)?;
    let mut linears = |linear: Linear| {
        let shape = linear.shape(&config);
        (0..config.blocks).map(|_| reader.matrix(shape)).collect::<Result<Vec<_>, _>>()
    };
    let [gate, down, up] = [linears(Linear::Gate)?, linears(Linear::Down)?, linears(Linear::Up)?];
    let final_norm = reader.vector(config.hidden)?;
    // Tables of angles that follow from the position.
    reader.matrix([context, config.head])?;
    let head = if config.tied_embeddings { None } else { Some(reader.matrix([config.vocabulary, config.hidden])?) };
    let kinds = [query, key, value, output, gate, up, down];
    let norms = attention_norms.into_iter().zip(feed_forward_norms).enumerate();
    let blocks = norms.map(|(block, (attention_norm, feed_forward_norm))| BlockWeights {
        attention_norm,
        feed_forward_norm,
        linears: kinds.each_ref().map(|blocks| LinearWeights { weight: blocks[block].clone(), bias: None }),
    });
    Model::new(config.clone(), Weights { embedding, blocks: blocks.collect(), final_norm, output: head })
}

/// The description in the header.
fn header(path: &Path, file: &FileMapping) -> Result<ModelConfig, LlmError> {
    let held = file.get(..HEADER).ok_or_else(|| {
        let found = format!("a file of {} bytes", file.len());
        LlmError::file(path, "header", "seven numbers of 32 bits of a llama2.c model", found)
    })?;
    let mut numbers = [0i32; 7];
    for (number, &bytes) in numbers.iter_mut().zip(held.as_chunks::<4>().0) {
        *number = i32::from_le_bytes(bytes);
    }
    let [hidden, feed_forward, blocks, heads, key_value_heads, vocabulary, context] = numbers;
    if hidden == LATER_VERSIONS {
        let found = "a file of a later version";
        return Err(LlmError::file(
            path,
            "header",
            "a llama2.c model of version 0; export it again with --version 0",
            found,
        ));
    }
    let size = |field: &str, number: i32| match usize::try_from(number) {
        Ok(size) if size > 0 => Ok(size),
        _ => Err(LlmError::file(path, field, "a number above 0", number)),
    };
    let (hidden, heads) = (size("width of the hidden state", hidden)?, size("query heads", heads)?);
    if !hidden.is_multiple_of(heads) {
        let expected = format!("a divisor of the hidden state's width of {hidden}");
        return Err(LlmError::file(path, "query heads", expected, heads));
    }
    let mut config = ModelConfig {
        hidden,
        feed_forward: size("width of the feed-forward network", feed_forward)?,
        blocks: size("transformer blocks", blocks)?,
        heads,
        key_value_heads: size("key and value heads", key_value_heads)?,
        head: hidden / heads,
        vocabulary: size("vocabulary", vocabulary.checked_abs().unwrap_or(0))?,
        context: size("context", context)?,
        norm_epsilon: 1e-5,
        rotary: Rotary { theta: 10_000.0, pairing: Pairing::Interleaved, scaling: RotaryScaling::None },
        biases: AttentionBiases::None,
        sliding_window: None,
        tied_embeddings: vocabulary > 0,
        beginning: None,
        ends: vec![],
    };
    if config.vocabulary > END as usize {
        (config.beginning, config.ends) = (Some(BEGINNING), vec![BEGINNING, END]);
    }
    config.check().map_err(|error| LlmError::file(path, "header", "the description of a model", error))?;
    Ok(config)
}

/// Takes one array after the other.
struct Reader<'a> {
    path: &'a Path,
    file: &'a Arc<FileMapping>,
    position: usize,
}

impl Reader<'_> {
    /// Whether the file is exactly as long as the description says.
    fn check_length(&self, config: &ModelConfig) -> Result<(), LlmError> {
        let product = |[rows, columns]: [usize; 2]| rows as u128 * columns as u128;
        let linears: u128 = Linear::ALL.into_iter().map(|linear| product(linear.shape(config))).sum();
        let embeddings = if config.tied_embeddings { 1 } else { 2 };
        let numbers = embeddings * product([config.vocabulary, config.hidden])
            + config.blocks as u128 * (linears + 2 * config.hidden as u128)
            + config.hidden as u128
            + product([config.context, config.head]);
        let expected = HEADER as u128 + 4 * numbers;
        if expected == self.file.len() as u128 {
            return Ok(());
        }
        let expected = format!("{expected} bytes, as the header says");
        Err(LlmError::file(self.path, "length", expected, format!("{} bytes", self.file.len())))
    }

    fn matrix(&mut self, shape: [usize; 2]) -> Result<Matrix, LlmError> {
        let end = self.position + 4 * shape[0] * shape[1];
        let matrix = Matrix::mapped(self.file, self.position..end, FloatFormat::F32, shape)?;
        self.position = end;
        Ok(matrix)
    }

    fn vector(&mut self, length: usize) -> Result<Vec<f32>, LlmError> {
        Ok(self.matrix([1, length])?.to_array().into_iter().collect())
    }

    /// A vector for each block.
    fn vectors(&mut self, config: &ModelConfig, length: usize) -> Result<Vec<Vec<f32>>, LlmError> {
        (0..config.blocks).map(|_| self.vector(length)).collect()
    }
}
