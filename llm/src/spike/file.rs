//! Spiked models on disk: a folder with `spiked.safetensors` and the tokenizer of the model.
//!
//! Tensors: `embedding`, `output` where the two are not tied, `final_norm`; for every block `blocks.B.attention_norm` and
//! `blocks.B.feed_forward_norm`, and for every linear map `blocks.B.NAME.codes` (U8; of at most 4 bits two in a byte, the
//! even one low, every row on its own), `.scales`, `.zeros`, or `.weight` where it stays floats, and `.bias`. The
//! metadata key `sterna` holds the rest as JSON: columns are in the order of their site's coding.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::{bf16, f16};
use kernels::FileMapping;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use super::cache::CacheCoding;
use super::coding::SiteCoding;
use super::configuration::SpikeConfiguration;
use super::model::{SpikedBlock, SpikedHead, SpikedLinear, SpikedModel, SpikedSite};
use super::weights::{FewBitWeights, row_bytes};
use crate::model::{Frame, Linear, ModelConfig, Norm, Site};
use crate::{FloatFormat, LlmError, Matrix, Tokenizer};

/// The file with the weights.
pub const FILE: &str = "spiked.safetensors";
const KEY: &str = "sterna";
const FORMAT: u32 = 1;
/// Endings of tokenizers' files.
const TOKENIZERS: [&str; 3] = ["json", "bin", "vocab"];
/// Bytes before the header that hold its length.
const LENGTH_BYTES: usize = 8;

/// What the metadata say.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    format: u32,
    kind: String,
    configuration: SpikeConfiguration,
    model: ModelConfig,
    blocks: Vec<BlockDescription>,
    /// Of the output head, where it has few bits.
    #[serde(default)]
    head: Option<HeadDescription>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadDescription {
    bits: u32,
    group: Option<usize>,
    coding: SiteCoding,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockDescription {
    /// In the order of the sites.
    codings: [Option<SiteCoding>; 4],
    /// In the order of [`Linear::ALL`].
    linears: Vec<LinearDescription>,
    cache: Option<CacheCoding>,
}

/// Bits and group of a linear map; none stays floats.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinearDescription {
    bits: Option<u32>,
    group: Option<usize>,
}

/// Bytes of a tensor.
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Tensor {
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

/// Whether a path is a folder with a spiked model.
pub fn is_spiked(path: &Path) -> bool {
    path.join(FILE).is_file()
}

impl SpikedModel {
    /// Writes the model and the tokenizer's file into a folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`LlmError::Write`], [`LlmError::Snn`] when a file cannot be written.
    pub fn save(&self, folder: &Path, tokenizer: &Tokenizer) -> Result<(), LlmError> {
        let tensors = self.tensors()?;
        let path = folder.join(FILE);
        let failed = |error: &dyn std::fmt::Display| LlmError::file(&path, KEY, "a serialisable model", error);
        let description = serde_json::to_string(&self.description()).map_err(|error| failed(&error))?;
        let metadata = HashMap::from([(KEY.to_owned(), description)]);
        let bytes = safetensors::serialize(tensors.iter().map(|(name, tensor)| (name, tensor)), Some(metadata))
            .map_err(|error| failed(&error))?;
        let text = std::fs::read(tokenizer.path()).map_err(|source| LlmError::read(tokenizer.path(), source))?;
        std::fs::create_dir_all(folder).map_err(|source| LlmError::Write { path: folder.to_path_buf(), source })?;
        snn::model::write_atomically(&path, &bytes)?;
        let ending = tokenizer.path().extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        for other in TOKENIZERS.into_iter().filter(|other| *other != ending) {
            // That of a model that was here before.
            let _ = std::fs::remove_file(folder.join(format!("tokenizer.{other}")));
        }
        Ok(snn::model::write_atomically(&folder.join(format!("tokenizer.{ending}")), &text)?)
    }

    fn description(&self) -> Description {
        let blocks = self.blocks.iter().map(|block| {
            let linears = Linear::ALL.map(|linear| {
                let site = &block.sites[linear.site().index()];
                let place = linear.site().linears().iter().position(|&other| other == linear).unwrap_or(0);
                match site.linears.get(place) {
                    Some((SpikedLinear::FewBit(weights), _)) => {
                        LinearDescription { bits: Some(weights.bits), group: weights.group }
                    }
                    _ => LinearDescription { bits: None, group: None },
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
                coding: coding.clone(),
            }),
        }
    }

    fn tensors(&self) -> Result<Vec<(String, Tensor)>, LlmError> {
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
                        SpikedLinear::FewBit(weights) => {
                            let shape = [weights.rows, weights.groups()];
                            let packed = vec![weights.rows, row_bytes(weights.bits, weights.columns)];
                            let codes = Tensor { dtype: Dtype::U8, shape: packed, bytes: weights.packed.clone() };
                            tensors.push((name("codes"), codes));
                            tensors.push((name("scales"), floats(&weights.scales, &shape)));
                            let zeros = Tensor { dtype: Dtype::U8, shape: shape.into(), bytes: weights.zeros.clone() };
                            tensors.push((name("zeros"), zeros));
                        }
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

    /// Reads a model from its folder.
    ///
    /// # Errors
    /// [`LlmError::Read`], [`LlmError::File`] for a damaged file, [`LlmError::Shape`] and [`LlmError::Configuration`]
    /// for parts that contradict each other.
    pub fn open(folder: &Path) -> Result<Self, LlmError> {
        let path = folder.join(FILE);
        let file = FileMapping::open(&path).map_err(|source| LlmError::read(&path, source))?;
        let reader = Reader::new(path, Arc::new(file))?;
        let Description { format, configuration, model: config, blocks, .. } = &reader.description;
        if *format != FORMAT {
            return Err(LlmError::file(&reader.path, "format", FORMAT, format));
        }
        config.check()?;
        configuration.check()?;
        let (hidden, vocabulary) = (config.hidden, config.vocabulary);
        let mut frame_norms = Vec::with_capacity(blocks.len().min(1 << 12));
        let mut spiked = Vec::with_capacity(blocks.len().min(1 << 12));
        LlmError::check_shape("blocks of a spiked model", &[config.blocks], &[blocks.len()])?;
        for (index, block) in blocks.iter().enumerate() {
            frame_norms.push([
                reader.floats(&format!("blocks.{index}.attention_norm"), &[hidden])?,
                reader.floats(&format!("blocks.{index}.feed_forward_norm"), &[hidden])?,
            ]);
            let mut sites = Vec::with_capacity(4);
            for (site, coding) in Site::ALL.into_iter().zip(&block.codings) {
                let linears = site.linears().iter().map(|&linear| reader.linear(index, linear, block));
                sites.push(SpikedSite { coding: coding.clone(), linears: linears.collect::<Result<_, _>>()? });
            }
            let sites = sites.try_into().map_err(|_| LlmError::file(&reader.path, "sites", 4, "another number"))?;
            spiked.push(SpikedBlock { sites, cache: block.cache.clone() });
        }
        let output = (!config.tied_embeddings).then(|| reader.matrix("output", [vocabulary, hidden])).transpose()?;
        let embedding = reader.matrix("embedding", [vocabulary, hidden])?;
        let final_norm = reader.floats("final_norm", &[hidden])?;
        let frame = Frame::new(config.clone(), embedding, frame_norms, final_norm, output)?;
        let spiked = Self::new(configuration.clone(), frame, spiked)?;
        match &reader.description.head {
            None => Ok(spiked),
            Some(HeadDescription { bits, group, coding }) => {
                let weights = reader.few_bit([vocabulary, hidden], *bits, *group, &|part| format!("head.{part}"))?;
                spiked.with_head(SpikedHead { coding: coding.clone(), weights })
            }
        }
    }
}

fn few_bit(weights: &FewBitWeights, name: &dyn Fn(&str) -> String, tensors: &mut Vec<(String, Tensor)>) {
    let shape = [weights.rows, weights.groups()];
    let packed = vec![weights.rows, row_bytes(weights.bits, weights.columns)];
    tensors.push((name("codes"), Tensor { dtype: Dtype::U8, shape: packed, bytes: weights.packed.clone() }));
    tensors.push((name("scales"), floats(&weights.scales, &shape)));
    tensors.push((name("zeros"), Tensor { dtype: Dtype::U8, shape: shape.into(), bytes: weights.zeros.clone() }));
}

fn floats(numbers: &[f32], shape: &[usize]) -> Tensor {
    let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    Tensor { dtype: Dtype::F32, shape: shape.into(), bytes }
}

/// A matrix in the format it is held in, which loses nothing.
fn matrix(matrix: &Matrix) -> Result<Tensor, LlmError> {
    let shape = vec![matrix.rows(), matrix.columns()];
    let mut numbers = vec![0.0; matrix.rows() * matrix.columns()];
    matrix.copy_rows(0..matrix.rows(), &mut numbers)?;
    let halves = |half: fn(f32) -> u16| numbers.iter().flat_map(|&number| half(number).to_le_bytes()).collect();
    Ok(match matrix.format() {
        FloatFormat::F32 => floats(&numbers, &shape),
        FloatFormat::F16 => Tensor { dtype: Dtype::F16, shape, bytes: halves(|x| f16::from_f32(x).to_bits()) },
        FloatFormat::Bf16 => Tensor { dtype: Dtype::BF16, shape, bytes: halves(|x| bf16::from_f32(x).to_bits()) },
    })
}

/// The tensors of a file.
struct Reader {
    path: PathBuf,
    file: Arc<FileMapping>,
    metadata: Metadata,
    /// Where the first tensor begins.
    start: usize,
    description: Description,
}

impl Reader {
    fn new(path: PathBuf, file: Arc<FileMapping>) -> Result<Self, LlmError> {
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

    fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LlmError> {
        let bytes = self.bytes(name, Dtype::F32, shape)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }

    fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Matrix, LlmError> {
        let dtype = self.info(name)?.dtype;
        let format = match dtype {
            Dtype::F32 => FloatFormat::F32,
            Dtype::F16 => FloatFormat::F16,
            Dtype::BF16 => FloatFormat::Bf16,
            other => return Err(LlmError::file(&self.path, name, "F32, F16 or BF16", format!("{other:?}"))),
        };
        self.bytes(name, dtype, &shape)?;
        let (start, end) = self.info(name)?.data_offsets;
        Matrix::mapped(&self.file, self.start + start..self.start + end, format, shape)
    }

    fn few_bit(
        &self,
        [rows, columns]: [usize; 2],
        bits: u32,
        group: Option<usize>,
        name: &dyn Fn(&str) -> String,
    ) -> Result<FewBitWeights, LlmError> {
        let groups = group.map_or(1, |group| columns.div_ceil(group.max(1)));
        let packed = self.bytes(&name("codes"), Dtype::U8, &[rows, row_bytes(bits, columns)])?.to_vec();
        let scales = self.floats(&name("scales"), &[rows, groups])?;
        let zeros = self.bytes(&name("zeros"), Dtype::U8, &[rows, groups])?.to_vec();
        Ok(FewBitWeights { bits, rows, columns, group, packed, scales, zeros })
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
            return Ok((SpikedLinear::Float(self.matrix(&name("weight"), [rows, columns])?), bias));
        };
        let weights = self.few_bit([rows, columns], bits, described.group, &name)?;
        Ok((SpikedLinear::FewBit(weights), bias))
    }
}
