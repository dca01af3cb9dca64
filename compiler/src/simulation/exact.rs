//! A crossbar projection with ideal quantisers as one exact product.

use kernels::{ConvolutionShape, Counts, Engine, PackedMatrix, Store, Workspace, digits_needed, split_digits};

use crate::columns::{ColumnInput, Digits};
use crate::error::CompilerError;
use crate::hardware::HardwareSpecification;
use crate::program::{Crossbar, CrossbarLayout, Geometry};

/// Weights decoded from cells, as base-256 digits packed for the kernels.
#[derive(Debug)]
pub(super) struct ExactProduct {
    shape: Option<ConvolutionShape>,
    rows: usize,
    outputs: usize,
    planes: Vec<PackedMatrix>,
}

impl ExactProduct {
    pub fn new(
        layout: &CrossbarLayout,
        crossbar: &Crossbar,
        hardware: &HardwareSpecification,
        input: ColumnInput,
        neurons: usize,
    ) -> Result<Self, CompilerError> {
        let weights = Digits::of_cells(layout, crossbar, hardware)?.multipliers();
        let [channels, height, width] = input.shape;
        let outputs = layout.outputs;
        let (shape, rows, length) = match layout.geometry {
            Geometry::Dense {} => (None, channels * height * width, outputs),
            Geometry::Convolution { kernel, stride, padding } => {
                let shape = ConvolutionShape::new([height, width, channels], outputs, kernel, stride, padding)?;
                (Some(shape), shape.patch(), shape.output_length())
            }
        };
        if rows != layout.fan_in || length != neurons {
            return Err(CompilerError::Columns {
                what: "crossbar".to_owned(),
                expected: format!("{rows} rows and {neurons} neurons"),
                found: format!("{} rows and {length} neurons", layout.fan_in),
            });
        }
        let largest = weights.iter().map(|weight| weight.unsigned_abs()).max().unwrap_or(0);
        let mut digits = vec![vec![0i8; weights.len()]; digits_needed(largest.into())];
        let mut views: Vec<&mut [i8]> = digits.iter_mut().map(Vec::as_mut_slice).collect();
        split_digits(&weights, &mut views)?;
        let mut planes = Vec::with_capacity(digits.len());
        for digits in &digits {
            let mut packed = PackedMatrix::new(rows, outputs)?;
            match &shape {
                Some(shape) => packed.pack_convolution(shape, digits)?,
                None => packed.pack(digits)?,
            }
            planes.push(packed);
        }
        Ok(Self { shape, rows, outputs, planes })
    }

    /// Adds `unit * W S` to the total inputs of a group of examples.
    pub fn add(
        &self,
        engine: Engine,
        input: Counts<'_>,
        examples: usize,
        unit: i32,
        totals: &mut [i32],
        workspace: &mut Workspace,
    ) -> Result<(), CompilerError> {
        for (plane, weights) in self.planes.iter().enumerate() {
            // Sums wrap in 32 bits, and the bound of the population holds for the whole.
            let store = Store { accumulate: true, scale: unit.wrapping_mul(1 << (8 * plane)) };
            match &self.shape {
                Some(shape) => {
                    workspace.reserve(engine.convolution_workspace(shape, examples));
                    engine.convolution(shape, examples, input, weights, store, totals, workspace)?;
                }
                None => {
                    workspace.reserve(engine.matmul_workspace(examples, self.rows, self.outputs));
                    engine.matmul(input, examples, weights, store, totals, workspace)?;
                }
            }
        }
        Ok(())
    }
}
