//! A spiked model from the tensors of a file.

use std::path::PathBuf;
use std::sync::Arc;

use kernels::FileMapping;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensors};

use super::{BlockDescription, Description, FORMAT, HeadDescription, KEY};
use crate::model::{Frame, Linear, Site};
use crate::spike::configuration::KeptFormat;
use crate::spike::kept::KeptWeights;
use crate::spike::model::{SpikedBlock, SpikedHead, SpikedLinear, SpikedModel, SpikedSite};
use crate::spike::weights::{FewBitWeights, row_bytes};
use crate::{FloatFormat, LlmError, Matrix};

/// Bytes before the header that hold its length.
const LENGTH_BYTES: usize = 8;

/// The tensors of a file.
pub struct Reader {
    path: PathBuf,
    file: Arc<FileMapping>,
    metadata: Metadata,
    /// Where the first tensor begins.
    start: usize,
    description: Description,
}

impl Reader {
    /// The tensors of a mapped file.
    ///
    /// # Errors
    /// [`LlmError::File`] for a damaged file and one that holds no spiked model.
    pub fn new(path: PathBuf, file: Arc<FileMapping>) -> Result<Self, LlmError> {
        let damaged = |error: safetensors::SafeTensorError| {
            LlmError::file(&path, "header", "a whole safetensors file", format!("an error: {error}"))
        };
        let (length, metadata) = SafeTensors::read_metadata(&file).map_err(damaged)?;
        SafeTensors::deserialize(&file).map_err(damaged)?;
        let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let text = text.ok_or_else(|| LlmError::file(&path, KEY, "a description of a spiked model", "nothing"))?;
        let description = serde_json::from_str(text).map_err(|error| {
            LlmError::file(&path, KEY, "a description of a spiked model", format!("an error: {error}"))
        })?;
        Ok(Self { start: length + LENGTH_BYTES, path, file, metadata, description })
    }

    /// The model.
    ///
    /// # Errors
    /// Those of [`SpikedModel::open`].
    pub fn model(&self) -> Result<SpikedModel, LlmError> {
        let Description { format, configuration, model: config, blocks, .. } = &self.description;
        if *format != FORMAT {
            return Err(LlmError::file(&self.path, "format", FORMAT, format));
        }
        config.check()?;
        configuration.check()?;
        let (hidden, vocabulary) = (config.hidden, config.vocabulary);
        let mut frame_norms = Vec::with_capacity(blocks.len().min(1 << 12));
        let mut spiked = Vec::with_capacity(blocks.len().min(1 << 12));
        LlmError::check_shape("blocks of a spiked model", &[config.blocks], &[blocks.len()])?;
        for (index, block) in blocks.iter().enumerate() {
            frame_norms.push([
                self.floats(&format!("blocks.{index}.attention_norm"), &[hidden])?,
                self.floats(&format!("blocks.{index}.feed_forward_norm"), &[hidden])?,
            ]);
            let mut sites = Vec::with_capacity(4);
            for (site, coding) in Site::ALL.into_iter().zip(&block.codings) {
                let linears = site.linears().iter().map(|&linear| self.linear(index, linear, block));
                sites.push(SpikedSite { coding: coding.clone(), linears: linears.collect::<Result<_, _>>()? });
            }
            let sites = sites.try_into().map_err(|_| LlmError::file(&self.path, "sites", 4, "another number"))?;
            spiked.push(SpikedBlock { sites, cache: block.cache.clone() });
        }
        let output = (!config.tied_embeddings).then(|| self.matrix("output", [vocabulary, hidden])).transpose()?;
        let embedding = self.matrix("embedding", [vocabulary, hidden])?;
        let final_norm = self.floats("final_norm", &[hidden])?;
        let frame = Frame::new(config.clone(), embedding, frame_norms, final_norm, output)?;
        let spiked = SpikedModel::new(configuration.clone(), frame, spiked)?;
        match &self.description.head {
            None => Ok(spiked),
            Some(HeadDescription { bits, group, symmetric, coding }) => {
                let weights =
                    self.few_bit([vocabulary, hidden], (*bits, *group, *symmetric), &|part| format!("head.{part}"))?;
                spiked.with_head(SpikedHead { coding: coding.clone(), weights })
            }
        }
    }

    /// Further metadata of the file.
    ///
    /// # Errors
    /// [`LlmError::File`] where there is none.
    pub fn text(&self, key: &str) -> Result<&str, LlmError> {
        let text = self.metadata.metadata().as_ref().and_then(|metadata| metadata.get(key));
        text.map(String::as_str).ok_or_else(|| LlmError::file(&self.path, key, "a text among the metadata", "nothing"))
    }

    fn info(&self, name: &str) -> Result<&TensorInfo, LlmError> {
        self.metadata.info(name).ok_or_else(|| LlmError::file(&self.path, name, "a tensor", "none"))
    }

    fn bytes(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&[u8], LlmError> {
        let info = self.info(name)?;
        if info.dtype != dtype || info.shape != shape {
            let found = format!("{:?} of {:?}", info.dtype, info.shape);
            return Err(LlmError::file(&self.path, name, format!("{dtype:?} of {shape:?}"), found));
        }
        let (start, end) = info.data_offsets;
        let range = self.start.saturating_add(start)..self.start.saturating_add(end);
        self.file.get(range).ok_or_else(|| LlmError::file(&self.path, name, "bytes inside the file", "fewer"))
    }

    /// A tensor in f32 of a shape.
    ///
    /// # Errors
    /// [`LlmError::File`] where there is none, or one of another kind.
    pub fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LlmError> {
        let bytes = self.bytes(name, Dtype::F32, shape)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }

    fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Matrix, LlmError> {
        let dtype = self.info(name)?.dtype;
        let format = match dtype {
            Dtype::F32 => FloatFormat::F32,
            Dtype::F16 => FloatFormat::F16,
            Dtype::BF16 => FloatFormat::Bf16,
            Dtype::F8_E4M3 => FloatFormat::F8E4m3,
            other => return Err(LlmError::file(&self.path, name, "F32, F16, BF16 or F8_E4M3", format!("{other:?}"))),
        };
        self.bytes(name, dtype, &shape)?;
        let (start, end) = self.info(name)?.data_offsets;
        Matrix::mapped(&self.file, self.start + start..self.start + end, format, shape)
    }

    fn few_bit(
        &self,
        [rows, columns]: [usize; 2],
        (bits, group, is_symmetric): (u32, Option<usize>, bool),
        name: &dyn Fn(&str) -> String,
    ) -> Result<FewBitWeights, LlmError> {
        let groups = group.map_or(1, |group| columns.div_ceil(group.max(1)));
        let packed = self.bytes(&name("codes"), Dtype::U8, &[rows, row_bytes(bits, columns)])?.to_vec();
        let scales = self.floats(&name("scales"), &[rows, groups])?;
        let zeros = if is_symmetric {
            vec![1u8.checked_shl(bits.wrapping_sub(1)).unwrap_or(0); scales.len()]
        } else {
            self.bytes(&name("zeros"), Dtype::U8, &[rows, groups])?.to_vec()
        };
        Ok(FewBitWeights { bits, rows, columns, group, packed, scales, zeros, is_symmetric })
    }

    fn linear(
        &self,
        index: usize,
        linear: Linear,
        block: &BlockDescription,
    ) -> Result<(SpikedLinear, Option<Vec<f32>>), LlmError> {
        let config = &self.description.model;
        let [rows, columns] = linear.shape(config);
        let name = |part: &str| format!("blocks.{index}.{linear}.{part}");
        let described = block.linears.get(linear.index());
        let described = described.ok_or_else(|| LlmError::file(&self.path, name("bits"), "a description", "none"))?;
        let bias = config.biases.has(linear).then(|| self.floats(&name("bias"), &[rows])).transpose()?;
        let Some(bits) = described.bits else {
            let weights = self.matrix(&name("weight"), [rows, columns])?;
            return Ok((self.floating(weights, described.kept, &name)?, bias));
        };
        let weights = self.few_bit([rows, columns], (bits, described.group, described.symmetric), &name)?;
        Ok((SpikedLinear::FewBit(weights), bias))
    }

    /// A linear map in floating point.
    fn floating(
        &self,
        weights: Matrix,
        kept: Option<KeptFormat>,
        name: &dyn Fn(&str) -> String,
    ) -> Result<SpikedLinear, LlmError> {
        let (expected, found) = match (kept, weights.format()) {
            (None | Some(KeptFormat::F32), FloatFormat::F32 | FloatFormat::F16 | FloatFormat::Bf16) => {
                return Ok(SpikedLinear::Float(weights));
            }
            (Some(KeptFormat::F16), FloatFormat::F16) => {
                return Ok(SpikedLinear::Kept(KeptWeights::new(weights, 1.0)?));
            }
            (Some(KeptFormat::F8E4m3), FloatFormat::F8E4m3) => {
                let scale = self.floats(&name("scale"), &[1])?;
                return Ok(SpikedLinear::Kept(KeptWeights::new(weights, scale.first().copied().unwrap_or(0.0))?));
            }
            (Some(KeptFormat::F16), found) => ("F16", found),
            (Some(KeptFormat::F8E4m3), found) => ("F8_E4M3", found),
            (None | Some(KeptFormat::F32), found) => ("F32, F16 or BF16", found),
        };
        Err(LlmError::file(&self.path, name("weight"), expected, found.name()))
    }
}
