//! The tensors of a folder: `model.safetensors`, or the files that `model.safetensors.index.json` names.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use kernels::FileMapping;
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::super::map;
use crate::file::read_bounded;
use crate::{FloatFormat, LlmError, Matrix};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Most bytes of an index.
const LARGEST_INDEX: u64 = 64 << 20;
/// Bytes before a file's header that hold its length.
const LENGTH_BYTES: usize = 8;

/// The tensors of a folder by name.
pub(super) struct Tensors {
    /// The file that says which tensors there are.
    path: PathBuf,
    files: Vec<TensorFile>,
    /// Index of the file of each tensor that was not asked for yet.
    unused: BTreeMap<String, usize>,
}

struct TensorFile {
    path: PathBuf,
    file: Arc<FileMapping>,
    metadata: Metadata,
    /// Where the first tensor begins.
    start: usize,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Tensors {
    /// Maps the files of a folder.
    pub(super) fn open(folder: &Path) -> Result<Self, LlmError> {
        let single = folder.join(SINGLE);
        if single.is_file() {
            let file = TensorFile::open(single.clone())?;
            let unused = file.metadata.offset_keys().into_iter().map(|name| (name, 0)).collect();
            return Ok(Self { path: single, files: vec![file], unused });
        }
        let path = folder.join(INDEX);
        if !path.is_file() {
            return Err(LlmError::NotFound {
                what: format!("{SINGLE} or {INDEX}"),
                folder: folder.to_path_buf(),
                found: "neither is a file there".to_owned(),
                remedy: "weights in other formats must be converted to safetensors".to_owned(),
            });
        }
        let index: Index = serde_json::from_slice(&read_bounded(&path, LARGEST_INDEX)?).map_err(|error| {
            LlmError::file(&path, "weight_map", "an object of tensor and file names", format!("an error: {error}"))
        })?;
        let (mut names, mut files, mut unused) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        for (tensor, name) in index.weight_map {
            let mut parts = Path::new(&name).components();
            if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
                return Err(LlmError::file(&path, tensor, "the name of a file in the same folder", name));
            }
            let file = match names.get(&name) {
                Some(&file) => file,
                None => {
                    files.push(TensorFile::open(folder.join(&name))?);
                    names.insert(name, files.len() - 1);
                    files.len() - 1
                }
            };
            unused.insert(tensor, file);
        }
        for (index, file) in files.iter().enumerate() {
            for name in file.metadata.offset_keys() {
                if unused.get(&name) != Some(&index) {
                    return Err(LlmError::file(
                        &file.path,
                        name,
                        "a tensor that the index names",
                        "one it does not name",
                    ));
                }
            }
        }
        Ok(Self { path, files, unused })
    }

    /// A tensor of two dimensions.
    pub(super) fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Matrix, LlmError> {
        self.tensor(name, &shape, shape)
    }

    /// A tensor of one dimension in f32.
    pub(super) fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, LlmError> {
        Ok(self.tensor(name, &[length], [1, length])?.to_array().into_iter().collect())
    }

    fn tensor(&mut self, name: &str, shape: &[usize], matrix: [usize; 2]) -> Result<Matrix, LlmError> {
        let missing =
            |path: &Path| LlmError::file(path, name, format!("a tensor of shape {shape:?}"), "no such tensor");
        let file = self.unused.remove(name).and_then(|index| self.files.get(index));
        let file = file.ok_or_else(|| missing(&self.path))?;
        let information = file.metadata.info(name).ok_or_else(|| missing(&file.path))?;
        if information.shape != shape {
            let (expected, found) = (format!("shape {shape:?}"), format!("shape {:?}", information.shape));
            return Err(LlmError::file(&file.path, name, expected, found));
        }
        let format = match information.dtype {
            Dtype::F32 => FloatFormat::F32,
            Dtype::F16 => FloatFormat::F16,
            Dtype::BF16 => FloatFormat::Bf16,
            other => return Err(LlmError::file(&file.path, name, "numbers in F32, F16 or BF16", format!("{other:?}"))),
        };
        let (start, end) = information.data_offsets;
        Matrix::mapped(&file.file, file.start + start..file.start + end, format, matrix)
    }

    /// An error when a tensor was not asked for, unless `is_harmless` says that it may be left out.
    pub(super) fn check_all_used(&self, is_harmless: impl Fn(&str) -> bool) -> Result<(), LlmError> {
        let Some((name, &file)) = self.unused.iter().find(|(name, _)| !is_harmless(name)) else {
            return Ok(());
        };
        let path = self.files.get(file).map_or(&self.path, |file| &file.path);
        Err(LlmError::file(path, name, "no tensor beside those that config.json describes", "one more"))
    }
}

impl TensorFile {
    fn open(path: PathBuf) -> Result<Self, LlmError> {
        let file = map(&path)?;
        let (header, metadata) = SafeTensors::read_metadata(&file).map_err(|error| {
            let expected = "the header of a safetensors file that is complete";
            LlmError::file(&path, "header", expected, format!("an error: {error}"))
        })?;
        Ok(Self { start: LENGTH_BYTES + header, file: Arc::new(file), metadata, path })
    }
}
