//! The two files of a compiled network: `crossbar.json` and `tiles.safetensors`.
//!
//! Tensors of a projection on crossbars: `NAME.cells` and, with differential pairs,
//! `NAME.negative_cells`, U8 `[row tiles, column tiles, rows, row bytes]`; `NAME.scale_factors` and
//! `NAME.quantiser_levels`, I32 with four axes. See `docs/crossbar.md`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use snn::model::write_atomically;

use super::check::{Wrong, cell_shape, check_layout, check_tensors};
use super::{Broadcast, Crossbar, CrossbarLayout, FORMAT, Layout, Program, ProjectionKind};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, SignedWeights};
use crate::mapping::check_overflow;

/// Name of the file that holds the [`Layout`].
pub const LAYOUT_FILE: &str = "crossbar.json";
/// Name of the file that holds the [`Crossbar`] tensors.
pub const TENSOR_FILE: &str = "tiles.safetensors";

/// The content of both files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// That of [`LAYOUT_FILE`].
    pub layout: Vec<u8>,
    /// That of [`TENSOR_FILE`].
    pub tensors: Vec<u8>,
}

impl Program {
    /// Writes both files into a folder that exists. [`LAYOUT_FILE`] is removed first and written
    /// last, so that a folder that holds it holds the tensors that belong to it.
    ///
    /// # Errors
    /// [`CompilerError::File`] for a program that breaks the format, [`CompilerError::Io`] and
    /// [`CompilerError::Snn`] when a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), CompilerError> {
        let files = self.to_bytes(folder)?;
        let layout = folder.join(LAYOUT_FILE);
        match std::fs::remove_file(&layout) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(CompilerError::Io { path: layout, source });
            }
            _ => {}
        }
        write_atomically(&folder.join(TENSOR_FILE), &files.tensors)?;
        Ok(write_atomically(&layout, &files.layout)?)
    }

    /// Reads both files from a folder.
    ///
    /// # Errors
    /// [`CompilerError::Io`] when a file cannot be read, [`CompilerError::File`] naming file and
    /// field when its content is not of this format.
    pub fn read(folder: &Path) -> Result<Self, CompilerError> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|source| CompilerError::Io { path, source })
        };
        Self::from_bytes(&Files { layout: read(LAYOUT_FILE)?, tensors: read(TENSOR_FILE)? }, folder)
    }

    /// The content of both files; `folder` is only named in errors.
    ///
    /// # Errors
    /// [`CompilerError::File`] for a program that breaks the format.
    pub fn to_bytes(&self, folder: &Path) -> Result<Files, CompilerError> {
        self.check(folder)?;
        let (layout, tensors) = (Place::new(folder, LAYOUT_FILE), Place::new(folder, TENSOR_FILE));
        let unwritable = |field: &str, error: String| Wrong::new(field, "content that can be written", error);
        let text =
            serde_json::to_vec(&self.layout).map_err(|error| layout.wrong(unwritable("layout", error.to_string())))?;
        let mut parts: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        let mut views = Vec::new();
        for index in 0..self.layout.projections.len() {
            let Some((part, crossbar)) = self.crossbar(index) else { continue };
            let name = &self.layout.projections[index].name;
            let shape = cell_shape(part, &self.layout.hardware).unwrap_or_default();
            views.push((format!("{name}.cells"), Dtype::U8, shape.to_vec(), &crossbar.cells[..]));
            if self.layout.hardware.weights.signed == SignedWeights::DifferentialPair {
                views.push((format!("{name}.negative_cells"), Dtype::U8, shape.to_vec(), &crossbar.negative_cells[..]));
            }
            for (key, tensor) in
                [("scale_factors", &crossbar.scale_factors), ("quantiser_levels", &crossbar.quantiser_levels)]
            {
                let bytes = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
                parts.push((format!("{name}.{key}"), Dtype::I32, tensor.shape.to_vec(), bytes));
            }
        }
        views.extend(parts.iter().map(|(name, dtype, shape, bytes)| (name.clone(), *dtype, shape.clone(), &bytes[..])));
        let views: Result<Vec<_>, _> = views
            .into_iter()
            .map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(dtype, shape, bytes)?)))
            .collect();
        let bytes = views.and_then(|views| safetensors::serialize(views, None));
        let bytes = bytes
            .map_err(|error: safetensors::SafeTensorError| tensors.wrong(unwritable("tensors", error.to_string())))?;
        Ok(Files { layout: text, tensors: bytes })
    }

    /// Reads a program from the content of both files; `folder` is only named in errors.
    ///
    /// # Errors
    /// As [`Program::read`].
    pub fn from_bytes(files: &Files, folder: &Path) -> Result<Self, CompilerError> {
        let layout = read_layout(&files.layout, &Place::new(folder, LAYOUT_FILE))?;
        let place = Place::new(folder, TENSOR_FILE);
        let tensors = SafeTensors::deserialize(&files.tensors)
            .map_err(|error| place.wrong(Wrong::new("header", "a complete safetensors file", error)))?;
        let mut known = BTreeSet::new();
        let mut crossbars = Vec::with_capacity(layout.projections.len());
        for projection in &layout.projections {
            crossbars.push(match &projection.kind {
                ProjectionKind::Crossbar(part) => Some(
                    read_crossbar(&projection.name, part, &layout.hardware, &tensors, &mut known)
                        .map_err(|wrong| place.wrong(wrong))?,
                ),
                ProjectionKind::Digital(_) => None,
            });
        }
        if let Some(name) = tensors.names().into_iter().find(|name| !known.contains(*name)) {
            return Err(place.wrong(Wrong::new(name, "tensors of the projections of crossbar.json", "another one")));
        }
        let program = Self { layout, crossbars };
        program.check(folder)?;
        Ok(program)
    }

    fn check(&self, folder: &Path) -> Result<(), CompilerError> {
        let (layout, tensors) = (Place::new(folder, LAYOUT_FILE), Place::new(folder, TENSOR_FILE));
        self.layout.hardware.check(&layout.path.display().to_string())?;
        check_layout(&self.layout).map_err(|wrong| layout.wrong(wrong))?;
        if self.crossbars.len() != self.layout.projections.len() {
            let expected = format!("those of {} projections", self.layout.projections.len());
            return Err(tensors.wrong(Wrong::new("tensors", expected, self.crossbars.len())));
        }
        for (projection, crossbar) in self.layout.projections.iter().zip(&self.crossbars) {
            match (&projection.kind, crossbar) {
                (ProjectionKind::Crossbar(part), Some(crossbar)) => {
                    check_tensors(&projection.name, crossbar, part, &self.layout.hardware)
                        .map_err(|wrong| tensors.wrong(wrong))?;
                }
                (ProjectionKind::Digital(_), None) => {}
                _ => {
                    let expected = "cells for each projection on crossbars, and for no other";
                    return Err(tensors.wrong(Wrong::new(&projection.name, expected, "another")));
                }
            }
        }
        check_overflow(&self.layout, &self.crossbars)
    }
}

/// A file that errors name.
struct Place {
    path: PathBuf,
}

impl Place {
    fn new(folder: &Path, name: &str) -> Self {
        Self { path: folder.join(name) }
    }

    fn wrong(&self, Wrong { field, expected, found }: Wrong) -> CompilerError {
        CompilerError::File { path: self.path.clone(), field, expected, found }
    }
}

fn read_layout(bytes: &[u8], place: &Place) -> Result<Layout, CompilerError> {
    /// The version alone, whatever else a later version holds.
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    let no_layout =
        |error: serde_json::Error| place.wrong(Wrong::new("content", "a compiled network in JSON", error.to_string()));
    let Version { format } = serde_json::from_slice(bytes).map_err(no_layout)?;
    if format != FORMAT {
        let expected = format!("version {FORMAT} (a newer Sterna may read it)");
        return Err(place.wrong(Wrong::new("format", expected, format)));
    }
    let layout: Layout = serde_json::from_slice(bytes).map_err(no_layout)?;
    layout.hardware.check(&place.path.display().to_string())?;
    check_layout(&layout).map_err(|wrong| place.wrong(wrong))?;
    Ok(layout)
}

fn read_crossbar(
    name: &str,
    part: &CrossbarLayout,
    hardware: &HardwareSpecification,
    tensors: &SafeTensors<'_>,
    known: &mut BTreeSet<String>,
) -> Result<Crossbar, Wrong> {
    let mut tensor = |key: &str, dtype: Dtype, shape: Option<[usize; 4]>| {
        let field = format!("{name}.{key}");
        let expected = match shape {
            Some(shape) => format!("a tensor {dtype:?} of shape {shape:?}"),
            None => format!("a tensor {dtype:?} with four axes"),
        };
        let view = tensors.tensor(&field).map_err(|_| Wrong::new(&field, &expected, "no such tensor"))?;
        let found = <[usize; 4]>::try_from(view.shape()).ok();
        let fits = found.is_some() && shape.is_none_or(|shape| found == Some(shape));
        let (true, Some(found)) = (fits && view.dtype() == dtype, found) else {
            return Err(Wrong::new(field, expected, format!("{:?} of shape {:?}", view.dtype(), view.shape())));
        };
        known.insert(field);
        Ok((found, view.data()))
    };
    let shape = cell_shape(part, hardware)
        .ok_or_else(|| Wrong::new(format!("{name}.cells"), "a size within the address space", "a larger one"))?;
    let cells = tensor("cells", Dtype::U8, Some(shape))?.1.to_vec();
    let negative_cells = match hardware.weights.signed {
        SignedWeights::DifferentialPair => tensor("negative_cells", Dtype::U8, Some(shape))?.1.to_vec(),
        SignedWeights::ReferenceColumn => Vec::new(),
    };
    let mut broadcast = |key: &str| -> Result<Broadcast, Wrong> {
        let (shape, data) = tensor(key, Dtype::I32, None)?;
        let values = data.chunks_exact(4).filter_map(|bytes| bytes.try_into().ok()).map(i32::from_le_bytes).collect();
        Ok(Broadcast { shape, values })
    };
    let (scale_factors, quantiser_levels) = (broadcast("scale_factors")?, broadcast("quantiser_levels")?);
    Ok(Crossbar { cells, negative_cells, scale_factors, quantiser_levels })
}
