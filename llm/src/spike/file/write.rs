//! The tensors and the description of a spiked model.

use std::borrow::Cow;

use half::{bf16, f16};
use ndarray::Array2;
use safetensors::{Dtype, View};

use super::{BlockDescription, Description, FORMAT, HeadDescription, LinearDescription};
use crate::matrix::e4m3;
use crate::model::{Linear, Norm, Site};
use crate::spike::configuration::KeptFormat;
use crate::spike::model::{SpikedHead, SpikedLinear, SpikedModel};
use crate::spike::weights::{FewBitWeights, row_bytes};
use crate::{FloatFormat, LlmError, Matrix};

/// Bytes of a tensor.
pub struct Tensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl View for &Tensor<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

impl<'a> Tensor<'a> {
    /// A matrix in f32, which is not copied where it lies in memory as in a file.
    pub fn of_array(array: &'a Array2<f32>) -> Self {
        let bytes = match array.as_slice() {
            Some(numbers) if cfg!(target_endian = "little") => Cow::Borrowed(bytemuck::cast_slice(numbers)),
            _ => array.iter().flat_map(|number| number.to_le_bytes()).collect(),
        };
        Self { dtype: Dtype::F32, shape: array.shape().to_vec(), bytes }
    }
}

impl SpikedModel {
    pub(super) fn description(&self) -> Description {
        let blocks = self.blocks.iter().map(|block| {
            let linears = Linear::ALL.map(|linear| {
                let site = &block.sites[linear.site().index()];
                let place = linear.site().linears().iter().position(|&other| other == linear).unwrap_or(0);
                match site.linears.get(place) {
                    Some((SpikedLinear::FewBit(weights), _)) => LinearDescription {
                        bits: Some(weights.bits),
                        group: weights.group,
                        symmetric: weights.is_symmetric,
                        kept: None,
                    },
                    Some((SpikedLinear::Kept(kept), _)) => {
                        let is_f16 = kept.weights().format() == FloatFormat::F16;
                        let kept = Some(if is_f16 { KeptFormat::F16 } else { KeptFormat::F8E4m3 });
                        LinearDescription { bits: None, group: None, symmetric: false, kept }
                    }
                    _ => LinearDescription { bits: None, group: None, symmetric: false, kept: None },
                }
            });
            BlockDescription {
                codings: std::array::from_fn(|site| block.sites[site].coding.clone()),
                linears: linears.into(),
                cache: block.cache.clone(),
            }
        });
        Description {
            format: FORMAT,
            kind: "spiked language model".to_owned(),
            configuration: self.configuration.clone(),
            model: self.frame.config().clone(),
            blocks: blocks.collect(),
            head: self.head.as_ref().map(|SpikedHead { coding, weights }| HeadDescription {
                bits: weights.bits,
                group: weights.group,
                symmetric: weights.is_symmetric,
                coding: coding.clone(),
            }),
        }
    }

    pub(super) fn tensors(&self) -> Result<Vec<(String, Tensor<'_>)>, LlmError> {
        let frame = &self.frame;
        let mut tensors = vec![
            ("embedding".to_owned(), matrix(frame.embedding())?),
            ("final_norm".to_owned(), floats(frame.final_norm(), &[frame.config().hidden])),
        ];
        if !frame.config().tied_embeddings {
            tensors.push(("output".to_owned(), matrix(frame.output())?));
        }
        for (index, block) in self.blocks.iter().enumerate() {
            for (name, norm) in [("attention_norm", Norm::Attention), ("feed_forward_norm", Norm::FeedForward)] {
                let gains = floats(frame.norm(index, norm), &[frame.config().hidden]);
                tensors.push((format!("blocks.{index}.{name}"), gains));
            }
            for (site, spiked) in Site::ALL.into_iter().zip(&block.sites) {
                for (linear, (weights, bias)) in site.linears().iter().zip(&spiked.linears) {
                    let name = |part: &str| format!("blocks.{index}.{linear}.{part}");
                    match weights {
                        SpikedLinear::Float(weights) => tensors.push((name("weight"), matrix(weights)?)),
                        SpikedLinear::Kept(kept) => {
                            tensors.push((name("weight"), matrix(kept.weights())?));
                            if kept.weights().format() == FloatFormat::F8E4m3 {
                                tensors.push((name("scale"), floats(&[kept.scale()], &[1])));
                            }
                        }
                        SpikedLinear::FewBit(weights) => few_bit(weights, &name, &mut tensors),
                    }
                    if let Some(bias) = bias {
                        tensors.push((name("bias"), floats(bias, &[bias.len()])));
                    }
                }
            }
        }
        if let Some(head) = &self.head {
            few_bit(&head.weights, &|part| format!("head.{part}"), &mut tensors);
        }
        Ok(tensors)
    }
}

fn few_bit<'a>(weights: &'a FewBitWeights, name: &dyn Fn(&str) -> String, tensors: &mut Vec<(String, Tensor<'a>)>) {
    let shape = [weights.rows, weights.groups()];
    let packed = vec![weights.rows, row_bytes(weights.bits, weights.columns)];
    tensors.push((name("codes"), Tensor { dtype: Dtype::U8, shape: packed, bytes: (&weights.packed).into() }));
    tensors.push((name("scales"), floats(&weights.scales, &shape)));
    if !weights.is_symmetric {
        tensors.push((name("zeros"), Tensor { dtype: Dtype::U8, shape: shape.into(), bytes: (&weights.zeros).into() }));
    }
}

fn floats(numbers: &[f32], shape: &[usize]) -> Tensor<'static> {
    let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    Tensor { dtype: Dtype::F32, shape: shape.into(), bytes }
}

/// A matrix in the format it is held in, which loses nothing.
fn matrix(matrix: &Matrix) -> Result<Tensor<'static>, LlmError> {
    let shape = vec![matrix.rows(), matrix.columns()];
    let mut numbers = vec![0.0; matrix.rows() * matrix.columns()];
    matrix.copy_rows(0..matrix.rows(), &mut numbers)?;
    let halves = |half: fn(f32) -> u16| numbers.iter().flat_map(|&number| half(number).to_le_bytes()).collect();
    Ok(match matrix.format() {
        FloatFormat::F32 => floats(&numbers, &shape),
        FloatFormat::F16 => Tensor { dtype: Dtype::F16, shape, bytes: halves(|x| f16::from_f32(x).to_bits()) },
        FloatFormat::Bf16 => Tensor { dtype: Dtype::BF16, shape, bytes: halves(|x| bf16::from_f32(x).to_bits()) },
        FloatFormat::F8E4m3 => {
            Tensor { dtype: Dtype::F8_E4M3, shape, bytes: numbers.iter().map(|&x| e4m3::code(x)).collect() }
        }
    })
}
