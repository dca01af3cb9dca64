//! The model file: one `model.safetensors` that holds a network and nothing else.
//!
//! Tensors: `projection.weight` (I8, I16 or F32) with shape `[outputs, inputs]` or
//! `[channels out, channels in, kernel height, kernel width]`; `population.bias` (I32 or F32) and
//! `population.threshold` (I32) with one number per channel (or one threshold for all). Maps are
//! flattened channels-first in dense weights, as other frameworks do, so that the tensors read
//! with the ordinary `safetensors` package of Python fit there without reordering. The metadata
//! key `sterna` holds the network description as JSON, with its `format`.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::description::{NetworkDescription, NeuronKind, Threshold, WeightFormat};
use crate::error::SnnError;
use crate::network::{Bias, Connection, Network, Shape, Weights};

/// Metadata key of the network description.
pub const METADATA_KEY: &str = "sterna";

/// Writes a network atomically: a temporary file beside `path`, synced, then renamed.
///
/// # Errors
/// [`SnnError::Io`] when the folder is missing, read-only or full; the old file then stays.
pub fn save(network: &Network, path: &Path) -> Result<(), SnnError> {
    write_atomically(path, &to_bytes(network, path)?)
}

/// Writes bytes to `path` atomically: a temporary file in the same folder, synced, renamed.
///
/// # Errors
/// [`SnnError::Io`]; an existing file is untouched then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), SnnError> {
    let failed = |source| SnnError::Io { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sterna-");
    // Readable as any file the user makes: the umask decides, not the private mode of temporary files.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    #[cfg(unix)]
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(())
}

/// Reads a network.
///
/// # Errors
/// [`SnnError::Io`] when the file cannot be read, [`SnnError::Model`] naming the field when its
/// content is not a model of this format, and the errors of [`Network::build`].
pub fn load(path: &Path) -> Result<Network, SnnError> {
    let bytes = std::fs::read(path).map_err(|source| SnnError::Io { path: path.to_owned(), source })?;
    from_bytes(&bytes, path)
}

/// The bytes of a model file; `path` is only named in errors.
///
/// # Errors
/// [`SnnError::Model`] when the network cannot be expressed.
pub fn to_bytes(network: &Network, path: &Path) -> Result<Vec<u8>, SnnError> {
    let broken = |error: String| SnnError::Model {
        path: path.to_owned(),
        field: "model".to_owned(),
        expected: "a network that can be written".to_owned(),
        found: error,
    };
    let mut tensors = Vec::new();
    for projection in network.projections() {
        let Some(weights) = &projection.weights else { continue };
        let order = FileOrder::new(&projection.connection, &network.populations()[projection.from].shape)
            .with_target(&network.populations()[projection.to].shape);
        let (dtype, data) = match weights {
            Weights::I8(values) => (Dtype::I8, bytes_of(&order.to_file(values), |value| value.to_le_bytes())),
            Weights::I16(values) => (Dtype::I16, bytes_of(&order.to_file(values), |value| value.to_le_bytes())),
            Weights::F32(values) => (Dtype::F32, bytes_of(&order.to_file(values), |value| value.to_le_bytes())),
        };
        tensors.push((format!("{}.weight", projection.name), dtype, order.shape.clone(), data));
    }
    for population in network.populations() {
        if let Some(bias) = &population.bias {
            let (dtype, data) = match bias {
                Bias::Integer(values) => (Dtype::I32, bytes_of(values, |value| value.to_le_bytes())),
                Bias::Float(values) => (Dtype::F32, bytes_of(values, |value| value.to_le_bytes())),
            };
            tensors.push((format!("{}.bias", population.name), dtype, vec![bias.len()], data));
        }
        if population.neuron != NeuronKind::Input {
            let data = bytes_of(&population.thresholds, |value| (value as i32).to_le_bytes());
            let shape = vec![population.thresholds.len()];
            tensors.push((format!("{}.threshold", population.name), Dtype::I32, shape, data));
        }
    }
    let mut views = Vec::with_capacity(tensors.len());
    for (name, dtype, shape, data) in &tensors {
        let view = TensorView::new(*dtype, shape.clone(), data).map_err(|error| broken(error.to_string()))?;
        views.push((name.clone(), view));
    }
    let description = serde_json::to_string(network.description()).map_err(|error| broken(error.to_string()))?;
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), description)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| broken(error.to_string()))
}

/// Reads a network from the bytes of a model file; `path` is only named in errors.
///
/// # Errors
/// As [`load`].
pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Network, SnnError> {
    let reader = Reader { path };
    let (_, header) = SafeTensors::read_metadata(bytes)
        .map_err(|error| reader.wrong("header", "a complete safetensors file", error.to_string()))?;
    let tensors = SafeTensors::deserialize(bytes)
        .map_err(|error| reader.wrong("header", "a complete safetensors file", error.to_string()))?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA_KEY)).ok_or_else(|| {
        reader.wrong("metadata", "the key 'sterna' of a Sterna model", "none: not a Sterna model".to_owned())
    })?;
    let mut description = reader.description(text)?;
    for population in &mut description.populations {
        if population.neuron != NeuronKind::Input {
            let name = format!("{}.threshold", population.name);
            let values = reader.integers(&tensors, &name, None)?;
            if let Some(wrong) = values.iter().find(|&&value| value < 1) {
                return Err(reader.wrong(&name, "thresholds of at least 1", wrong.to_string()));
            }
            population.threshold = Some(match values[..] {
                [single] => Threshold::Uniform(single.into()),
                _ => Threshold::PerChannel(values.iter().map(|&value| value.into()).collect()),
            });
        }
    }
    reader.check_sizes(&description, &tensors)?;
    let mut network = Network::build(&description)?;
    for index in 0..network.projections().len() {
        let projection = &network.projections()[index];
        if projection.weights.is_none() {
            continue;
        }
        let order = FileOrder::new(&projection.connection, &network.populations()[projection.from].shape)
            .with_target(&network.populations()[projection.to].shape);
        let name = format!("{}.weight", projection.name);
        let (dtype, size) = match description.weights {
            WeightFormat::I8 => (Dtype::I8, 1),
            WeightFormat::I16 => (Dtype::I16, 2),
            WeightFormat::F32 => (Dtype::F32, 4),
        };
        let data = reader.tensor(&tensors, &name, dtype, Some(&order.shape))?.1;
        let weights = match description.weights {
            WeightFormat::I8 => Weights::I8(order.to_memory(&data.iter().map(|&byte| byte as i8).collect::<Vec<_>>())),
            WeightFormat::I16 => Weights::I16(order.to_memory(&values_of(data, size, i16::from_le_bytes))),
            WeightFormat::F32 => Weights::F32(order.to_memory(&values_of(data, size, f32::from_le_bytes))),
        };
        network.set_weights(index, weights)?;
    }
    for index in 0..network.populations().len() {
        let population = &network.populations()[index];
        let Some(bias) = &population.bias else { continue };
        let name = format!("{}.bias", population.name);
        let bias = match bias {
            Bias::Integer(values) => Bias::Integer(reader.integers(&tensors, &name, Some(&[values.len()]))?),
            Bias::Float(values) => {
                let data = reader.tensor(&tensors, &name, Dtype::F32, Some(&[values.len()]))?.1;
                Bias::Float(values_of(data, 4, f32::from_le_bytes))
            }
        };
        network.set_bias(index, bias)?;
    }
    network.check_bounds()?;
    Ok(network)
}

fn bytes_of<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

fn values_of<T, const N: usize>(data: &[u8], size: usize, value: impl Fn([u8; N]) -> T) -> Vec<T> {
    let whole = data.chunks_exact(size).filter_map(|chunk| chunk.try_into().ok());
    whole.map(value).collect()
}

/// Order and shape of a weight tensor in the file.
struct FileOrder {
    shape: Vec<usize>,
    /// Sizes of the tensor in memory, and for each axis of the file its axis in memory.
    memory: Vec<usize>,
    axes: Vec<usize>,
}

impl FileOrder {
    fn new(connection: &Connection, source: &Shape) -> Self {
        match connection {
            Connection::Convolution(shape) => {
                let [height, width] = shape.kernel;
                Self {
                    shape: vec![shape.output_channels, shape.input_channels, height, width],
                    memory: vec![shape.output_channels, height, width, shape.input_channels],
                    axes: vec![0, 3, 1, 2],
                }
            }
            _ => {
                let outputs = match connection {
                    Connection::Dense { outputs, .. } => *outputs,
                    _ => 0,
                };
                Self {
                    shape: vec![outputs, source.neurons()],
                    memory: vec![outputs, source.positions(), source.channels],
                    axes: vec![0, 2, 1],
                }
            }
        }
    }

    /// Splits the outputs of a dense connection into the target's positions and channels.
    fn with_target(mut self, target: &Shape) -> Self {
        if self.axes.len() == 3 {
            self.memory.splice(0..1, [target.positions(), target.channels]);
            self.axes = vec![1, 0, 3, 2];
        }
        self
    }

    /// From the order in memory to that in the file.
    fn to_file<T: Copy>(&self, values: &[T]) -> Vec<T> {
        permuted(values, &self.memory, &self.axes)
    }

    /// From the order in the file to that in memory.
    fn to_memory<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let sizes: Vec<usize> = self.axes.iter().map(|&axis| self.memory[axis]).collect();
        let inverse = (0..self.axes.len()).filter_map(|axis| self.axes.iter().position(|&other| other == axis));
        permuted(values, &sizes, &inverse.collect::<Vec<usize>>())
    }
}

/// The elements of an array of shape `sizes` with its axes permuted; `values` must fill it.
fn permuted<T: Copy>(values: &[T], sizes: &[usize], axes: &[usize]) -> Vec<T> {
    match ndarray::ArrayView::from_shape(sizes, values) {
        Ok(view) => view.permuted_axes(axes).iter().copied().collect(),
        Err(_) => Vec::new(),
    }
}

struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn wrong(&self, field: &str, expected: &str, found: String) -> SnnError {
        SnnError::Model { path: self.path.to_owned(), field: field.to_owned(), expected: expected.to_owned(), found }
    }

    fn description(&self, text: &str) -> Result<NetworkDescription, SnnError> {
        const FIELD: &str = "metadata 'sterna'";
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| self.wrong(FIELD, "a network description in JSON", error.to_string()))?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        if format != Some(crate::description::FORMAT.into()) {
            let found = format.map_or("none".to_owned(), |format| format.to_string());
            let expected = format!("version {} (a newer Sterna may read it)", crate::description::FORMAT);
            return Err(self.wrong("metadata 'sterna', format", &expected, found));
        }
        serde_json::from_value(value)
            .map_err(|error| self.wrong(FIELD, "a network description in JSON", error.to_string()))
    }

    /// Refuses a description that promises more weights than the file holds, before any are
    /// allocated.
    fn check_sizes(&self, description: &NetworkDescription, tensors: &SafeTensors<'_>) -> Result<(), SnnError> {
        let product = |sizes: &[usize]| sizes.iter().fold(1usize, |product, &size| product.saturating_mul(size));
        for projection in &description.projections {
            let shape = |name: &str| {
                description.populations.iter().find(|p| p.name == name).map(|population| &population.shape[..])
            };
            let (Some(from), Some(to)) = (shape(&projection.from), shape(&projection.to)) else { continue };
            let promised = match projection.kind {
                crate::ProjectionKindDescription::Dense => product(from).saturating_mul(product(to)),
                crate::ProjectionKindDescription::Convolution { kernel, .. } => {
                    let channels = |shape: &[usize]| shape.first().copied().unwrap_or(0);
                    product(&kernel).saturating_mul(channels(from)).saturating_mul(channels(to))
                }
                _ => continue,
            };
            let name = format!("{}.weight", projection.name);
            let held = tensors.tensor(&name).map(|view| product(view.shape())).unwrap_or(0);
            if promised != held {
                let expected = format!("{promised} weights as the description says");
                return Err(self.wrong(&name, &expected, if held == 0 { "none".into() } else { held.to_string() }));
            }
        }
        Ok(())
    }

    fn tensor<'d>(
        &self,
        tensors: &SafeTensors<'d>,
        name: &str,
        dtype: Dtype,
        shape: Option<&[usize]>,
    ) -> Result<(Vec<usize>, &'d [u8]), SnnError> {
        let expected = match shape {
            Some(shape) => format!("a tensor {dtype:?} of shape {shape:?}"),
            None => format!("a tensor {dtype:?} with one axis"),
        };
        let view = tensors.tensor(name).map_err(|_| self.wrong(name, &expected, "no such tensor".to_owned()))?;
        let fits = match shape {
            Some(shape) => view.shape() == shape,
            None => view.shape().len() == 1 && view.shape()[0] > 0,
        };
        if view.dtype() != dtype || !fits {
            return Err(self.wrong(name, &expected, format!("{:?} of shape {:?}", view.dtype(), view.shape())));
        }
        Ok((view.shape().to_vec(), view.data()))
    }

    fn integers(&self, tensors: &SafeTensors<'_>, name: &str, shape: Option<&[usize]>) -> Result<Vec<i32>, SnnError> {
        let (_, data) = self.tensor(tensors, name, Dtype::I32, shape)?;
        Ok(values_of(data, 4, i32::from_le_bytes))
    }
}
