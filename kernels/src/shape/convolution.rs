//! Shape of a convolution.

use crate::KernelError;
use crate::error::checked_size;

/// A two-dimensional convolution over channels-last maps.
///
/// Pairs are `[vertical, horizontal]`. The output is `(input + 2 * padding - kernel) / stride + 1` cells a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionShape {
    /// Rows of the input map.
    pub input_height: usize,
    /// Columns of the input map.
    pub input_width: usize,
    /// Channels of the input map.
    pub input_channels: usize,
    /// Channels of the output map.
    pub output_channels: usize,
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Step of the kernel.
    pub stride: [usize; 2],
    /// Zero cells added on each side.
    pub padding: [usize; 2],
}

impl ConvolutionShape {
    /// A checked shape; `input` is `[height, width, channels]`.
    ///
    /// # Errors
    /// [`KernelError::Shape`] if a kernel size or stride is zero or the kernel exceeds the padded input,
    /// [`KernelError::TooLarge`] if a map or the weights exceed the address space.
    pub fn new(
        input: [usize; 3],
        output_channels: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Result<ConvolutionShape, KernelError> {
        let [input_height, input_width, input_channels] = input;
        let shape =
            ConvolutionShape { input_height, input_width, input_channels, output_channels, kernel, stride, padding };
        shape.validate()?;
        Ok(shape)
    }

    /// The checks of [`ConvolutionShape::new`]; every operation repeats them.
    ///
    /// # Errors
    /// As for [`ConvolutionShape::new`].
    pub fn validate(&self) -> Result<(), KernelError> {
        let sides = [(self.input_height, "input_height"), (self.input_width, "input_width")];
        for (axis, (input, field)) in sides.into_iter().enumerate() {
            let kernel = self.kernel[axis];
            if kernel == 0 {
                return Err(KernelError::Shape { field: "kernel", problem: "must be at least 1", found: 0 });
            }
            if self.stride[axis] == 0 {
                return Err(KernelError::Shape { field: "stride", problem: "must be at least 1", found: 0 });
            }
            let padded = self.padding[axis].checked_mul(2).and_then(|both| both.checked_add(input));
            match padded {
                Some(padded) if padded >= kernel => {}
                Some(_) => {
                    return Err(KernelError::Shape {
                        field,
                        problem: "padded input is smaller than the kernel",
                        found: input,
                    });
                }
                None => {
                    return Err(KernelError::Shape {
                        field: "padding",
                        problem: "exceeds the address space",
                        found: self.padding[axis],
                    });
                }
            }
        }
        let operation = "convolution shape";
        let [kernel_height, kernel_width] = self.kernel;
        let widest = self.input_channels.max(self.output_channels).max(1);
        let padded_height = self.input_height + 2 * self.padding[0];
        let padded_width = self.input_width + 2 * self.padding[1];
        checked_size(operation, "input map", &[padded_height, padded_width, widest, self.stride[0], self.stride[1]])?;
        checked_size(operation, "output map", &[self.output_height(), self.output_width(), widest])?;
        checked_size(
            operation,
            "weights",
            &[self.output_channels.max(1), kernel_height, kernel_width, self.input_channels.max(1), 16],
        )?;
        Ok(())
    }

    /// Rows of the output map.
    pub fn output_height(&self) -> usize {
        (self.input_height + 2 * self.padding[0] - self.kernel[0]) / self.stride[0] + 1
    }

    /// Columns of the output map.
    pub fn output_width(&self) -> usize {
        (self.input_width + 2 * self.padding[1] - self.kernel[1]) / self.stride[1] + 1
    }

    /// Values of an input map.
    pub fn input_length(&self) -> usize {
        self.input_height * self.input_width * self.input_channels
    }

    /// Values of an output map.
    pub fn output_length(&self) -> usize {
        self.output_height() * self.output_width() * self.output_channels
    }

    /// Inputs of one output neuron: `kernel_height * kernel_width * input_channels`.
    pub fn patch(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.input_channels
    }

    /// Weights: `output_channels * patch`.
    pub fn weight_length(&self) -> usize {
        self.output_channels * self.patch()
    }
}
