//! Shape of a pooling.

use crate::KernelError;
use crate::error::checked_size;

/// A sum over windows of channels-last maps, without padding.
///
/// Pairs are `[vertical, horizontal]`. The output is `(input - window) / stride + 1` cells a side; cells of the
/// input that no window covers are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolingShape {
    /// Rows of the input map.
    pub input_height: usize,
    /// Columns of the input map.
    pub input_width: usize,
    /// Channels.
    pub channels: usize,
    /// Window size.
    pub window: [usize; 2],
    /// Step of the window.
    pub stride: [usize; 2],
}

impl PoolingShape {
    /// A checked shape; `input` is `[height, width, channels]`.
    ///
    /// # Errors
    /// [`KernelError::Shape`] if a window size or stride is zero or the window exceeds the input,
    /// [`KernelError::TooLarge`] if the map exceeds the address space.
    pub fn new(input: [usize; 3], window: [usize; 2], stride: [usize; 2]) -> Result<PoolingShape, KernelError> {
        let [input_height, input_width, channels] = input;
        let shape = PoolingShape { input_height, input_width, channels, window, stride };
        shape.validate()?;
        Ok(shape)
    }

    /// The checks of [`PoolingShape::new`]; every operation repeats them.
    ///
    /// # Errors
    /// As for [`PoolingShape::new`].
    pub fn validate(&self) -> Result<(), KernelError> {
        let sides = [(self.input_height, "input_height"), (self.input_width, "input_width")];
        for (axis, (input, field)) in sides.into_iter().enumerate() {
            if self.window[axis] == 0 {
                return Err(KernelError::Shape { field: "window", problem: "must be at least 1", found: 0 });
            }
            if self.stride[axis] == 0 {
                return Err(KernelError::Shape { field: "stride", problem: "must be at least 1", found: 0 });
            }
            if input < self.window[axis] {
                return Err(KernelError::Shape { field, problem: "input is smaller than the window", found: input });
            }
        }
        checked_size("pooling shape", "input map", &[self.input_height, self.input_width, self.channels.max(1)])?;
        Ok(())
    }

    /// Rows of the output map.
    pub fn output_height(&self) -> usize {
        (self.input_height - self.window[0]) / self.stride[0] + 1
    }

    /// Columns of the output map.
    pub fn output_width(&self) -> usize {
        (self.input_width - self.window[1]) / self.stride[1] + 1
    }

    /// Values of an input map.
    pub fn input_length(&self) -> usize {
        self.input_height * self.input_width * self.channels
    }

    /// Values of an output map.
    pub fn output_length(&self) -> usize {
        self.output_height() * self.output_width() * self.channels
    }
}
