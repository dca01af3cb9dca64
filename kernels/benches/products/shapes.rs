//! The projections with weights of the two networks of the SpikeGrad paper.

use kernels::{ConvolutionShape, KernelError};

/// What a projection computes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Stride 1.
    Convolution(ConvolutionShape),
    /// All to all.
    Dense { inputs: usize, outputs: usize },
}

/// A projection of a network.
#[derive(Clone, Copy, Debug)]
pub struct Projection {
    /// Its name as the shorthand description numbers it.
    pub name: &'static str,
    /// What it computes.
    pub kind: Kind,
    /// Whether the network's input drives it, so that no errors cross it.
    pub is_first: bool,
}

impl Projection {
    /// The forward product as a matrix product `[rows x inner] * [inner x columns]` of a batch.
    pub fn matrix(&self, batch: usize) -> [usize; 3] {
        match self.kind {
            Kind::Dense { inputs, outputs } => [batch, inputs, outputs],
            Kind::Convolution(shape) => {
                [batch * shape.output_height() * shape.output_width(), shape.patch(), shape.output_channels]
            }
        }
    }
}

/// The projections of a network and its usual batch; `None` for an unknown name.
///
/// # Errors
/// Those of [`ConvolutionShape::new`]; none is expected.
pub fn network(name: &str) -> Result<Option<(Vec<Projection>, usize)>, KernelError> {
    // Name, side and channels of the input, output channels, kernel, padding.
    let (convolutions, dense, batch): (&[_], &[_], _) = match name {
        // 28x28-15C5-P2-40C5-P2-300-10, no padding.
        "mnist" => (
            &[("convolution1", 28, 1, 15, 5, 0), ("convolution2", 12, 15, 40, 5, 0)],
            &[("dense1", 640, 300), ("readout", 300, 10)],
            128,
        ),
        // 32x32-128C3-256C3-P2-512C3-P2-1024C3-512C3-1024-512-10, same padding.
        "cifar10" => (
            &[
                ("convolution1", 32, 3, 128, 3, 1),
                ("convolution2", 32, 128, 256, 3, 1),
                ("convolution3", 16, 256, 512, 3, 1),
                ("convolution4", 8, 512, 1024, 3, 1),
                ("convolution5", 8, 1024, 512, 3, 1),
            ],
            &[("dense1", 32768, 1024), ("dense2", 1024, 512), ("readout", 512, 10)],
            32,
        ),
        _ => return Ok(None),
    };
    let mut projections = Vec::new();
    for &(name, side, channels, outputs, kernel, padding) in convolutions {
        let shape = ConvolutionShape::new([side, side, channels], outputs, [kernel; 2], [1, 1], [padding; 2])?;
        projections.push(Projection { name, kind: Kind::Convolution(shape), is_first: projections.is_empty() });
    }
    for &(name, inputs, outputs) in dense {
        projections.push(Projection { name, kind: Kind::Dense { inputs, outputs }, is_first: false });
    }
    Ok(Some((projections, batch)))
}
