//! Description of a projection and its flat form in TOML and JSON.

use serde::{Deserialize, Serialize};

/// The synapses from one population to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Flat", into = "Flat")]
pub struct ProjectionDescription {
    /// Unique name; its weights are stored as the tensor `name.weight`.
    pub name: String,
    /// Population it leaves.
    pub from: String,
    /// Population it enters.
    pub to: String,
    /// How neurons are connected.
    pub kind: ProjectionKindDescription,
}

/// How the neurons of two populations are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectionKindDescription {
    /// Every neuron to every neuron, trained weights.
    Dense,
    /// Shared trained kernels, zero padding.
    Convolution {
        /// Kernel height and width.
        kernel: [usize; 2],
        /// Steps down and right; `[1, 1]` when absent.
        stride: [usize; 2],
        /// Rows and columns of zeros on each side.
        padding: [usize; 2],
    },
    /// Sums a window of each channel with one fixed weight; with threshold `window area * weight`
    /// in a linear population this is average pooling.
    SumPooling {
        /// Window height and width.
        window: [usize; 2],
        /// Steps down and right; the window when absent.
        stride: [usize; 2],
        /// Fixed weight in grid units of the target population; 1 when absent.
        weight: i32,
    },
    /// Neuron i to neuron i with one fixed weight: a residual connection.
    Identity {
        /// Fixed weight in grid units of the target population.
        weight: i32,
    },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Dense,
    Convolution,
    SumPooling,
    Identity,
}

/// A table with every key that some kind of projection takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flat {
    name: String,
    from: String,
    to: String,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kernel: Option<[usize; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<[usize; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stride: Option<[usize; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<[usize; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight: Option<i32>,
}

impl TryFrom<Flat> for ProjectionDescription {
    type Error = String;

    fn try_from(flat: Flat) -> Result<Self, String> {
        let required = |key: &str| format!("projection '{}' needs the key '{key}'", flat.name);
        let kind = match flat.kind {
            Kind::Dense => ProjectionKindDescription::Dense,
            Kind::Convolution => ProjectionKindDescription::Convolution {
                kernel: flat.kernel.ok_or_else(|| required("kernel"))?,
                stride: flat.stride.unwrap_or([1, 1]),
                padding: flat.padding.ok_or_else(|| required("padding"))?,
            },
            Kind::SumPooling => {
                let window = flat.window.ok_or_else(|| required("window"))?;
                let (stride, weight) = (flat.stride.unwrap_or(window), flat.weight.unwrap_or(1));
                ProjectionKindDescription::SumPooling { window, stride, weight }
            }
            Kind::Identity => {
                ProjectionKindDescription::Identity { weight: flat.weight.ok_or_else(|| required("weight"))? }
            }
        };
        let given = [
            ("kernel", flat.kernel.is_some()),
            ("window", flat.window.is_some()),
            ("stride", flat.stride.is_some()),
            ("padding", flat.padding.is_some()),
            ("weight", flat.weight.is_some()),
        ];
        let taken: &[&str] = match flat.kind {
            Kind::Dense => &[],
            Kind::Convolution => &["kernel", "stride", "padding"],
            Kind::SumPooling => &["window", "stride", "weight"],
            Kind::Identity => &["weight"],
        };
        if let Some((key, _)) = given.iter().find(|(key, is_given)| *is_given && !taken.contains(key)) {
            return Err(format!("projection '{}' does not take the key '{key}'; remove it", flat.name));
        }
        Ok(Self { name: flat.name, from: flat.from, to: flat.to, kind })
    }
}

impl From<ProjectionDescription> for Flat {
    fn from(projection: ProjectionDescription) -> Self {
        let ProjectionDescription { name, from, to, kind } = projection;
        let bare =
            |kind| Self { name, from, to, kind, kernel: None, window: None, stride: None, padding: None, weight: None };
        match kind {
            ProjectionKindDescription::Dense => bare(Kind::Dense),
            ProjectionKindDescription::Convolution { kernel, stride, padding } => {
                Self { kernel: Some(kernel), stride: Some(stride), padding: Some(padding), ..bare(Kind::Convolution) }
            }
            ProjectionKindDescription::SumPooling { window, stride, weight } => {
                Self { window: Some(window), stride: Some(stride), weight: Some(weight), ..bare(Kind::SumPooling) }
            }
            ProjectionKindDescription::Identity { weight } => Self { weight: Some(weight), ..bare(Kind::Identity) },
        }
    }
}
