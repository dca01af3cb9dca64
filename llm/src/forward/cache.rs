//! Keys and values in f32.

use ndarray::{Array2, ArrayView2};

use super::{Attention, KeyValueCache, Sequence};
use crate::LlmError;

/// Keys and values of a sequence in f32, head by head; memory grows with the tokens.
#[derive(Clone, Debug)]
pub struct FloatCache {
    attention: Attention,
    blocks: Vec<Block>,
}

/// Keys and values of each key and value head, `[positions, head]` each.
#[derive(Clone, Debug)]
struct Block {
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
}

impl FloatCache {
    /// An empty cache.
    pub fn new(attention: Attention, blocks: usize) -> Self {
        let heads = vec![Vec::new(); attention.key_value_heads];
        Self { attention, blocks: vec![Block { keys: heads.clone(), values: heads }; blocks] }
    }

    /// Keys and values of a block.
    ///
    /// # Panics
    /// When there is no such block.
    pub fn sequence(&self, block: usize) -> Sequence<'_> {
        let block = &self.blocks[block];
        Sequence { keys: &block.keys, values: &block.values }
    }
}

impl KeyValueCache for FloatCache {
    fn append(&mut self, block: usize, keys: ArrayView2<'_, f32>, values: ArrayView2<'_, f32>) -> Result<(), LlmError> {
        let Attention { key_value_heads, head, .. } = self.attention;
        let shape = [keys.nrows(), key_value_heads * head];
        LlmError::check_shape("keys", &shape, keys.shape())?;
        LlmError::check_shape("values", &shape, values.shape())?;
        let block = &mut self.blocks[block];
        for (heads, numbers) in [(&mut block.keys, keys), (&mut block.values, values)] {
            for (index, held) in heads.iter_mut().enumerate() {
                held.reserve(numbers.nrows() * head);
                for row in numbers.rows() {
                    held.extend(row.iter().skip(index * head).take(head));
                }
            }
        }
        Ok(())
    }

    fn attend(
        &mut self,
        block: usize,
        queries: ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        self.attention.attend(self.sequence(block), queries, first_position, outputs)
    }

    fn len(&self) -> usize {
        let width = self.attention.head.max(1);
        let held = |block: &Block| block.values.last().map_or(0, |head| head.len() / width);
        self.blocks.iter().map(held).min().unwrap_or(0)
    }
}
