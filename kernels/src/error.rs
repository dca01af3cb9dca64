//! The error type of the crate.

use crate::Isa;

/// What a kernel can refuse; every message says where, what was expected, what was found, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The name belongs to no instruction set.
    #[error("unknown instruction set `{name}`; choose one of: {valid}")]
    UnknownIsa {
        /// The name as given.
        name: String,
        /// All valid names, comma-separated.
        valid: String,
    },
    /// The instruction set exists but this processor lacks it.
    #[error("this processor has no {isa}; available here: {available}")]
    UnavailableIsa {
        /// The instruction set asked for.
        isa: Isa,
        /// Names of those available, comma-separated.
        available: String,
    },
    /// A slice has another length than its shape says.
    #[error("{operation}: `{what}` must have {expected} elements, found {found}; pass a slice of the stated shape")]
    Length {
        /// The operation called.
        operation: &'static str,
        /// The argument.
        what: &'static str,
        /// Elements the shapes ask for.
        expected: usize,
        /// Elements found.
        found: usize,
    },
    /// The caller's workspace is smaller than the operation needs.
    #[error(
        "{operation}: the workspace must hold {needed} bytes, found {found}; reserve what `{operation}_workspace` returns"
    )]
    WorkspaceTooSmall {
        /// The operation called.
        operation: &'static str,
        /// Bytes needed.
        needed: usize,
        /// Bytes found.
        found: usize,
    },
    /// A convolution or pooling shape that cannot be.
    #[error("{field}: {problem} (found {found}); correct the shape")]
    Shape {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
        /// The value found.
        found: usize,
    },
    /// A product of sizes does not fit the address space.
    #[error("{operation}: the sizes {sizes:?} of `{what}` exceed the address space; use smaller sizes")]
    TooLarge {
        /// The operation called.
        operation: &'static str,
        /// The argument.
        what: &'static str,
        /// The factors.
        sizes: Vec<usize>,
    },
    /// A packed matrix of other sizes than the operation needs.
    #[error(
        "{operation}: the packed matrix must be inner {expected_inner} x columns {expected_columns}, \
         found {found_inner} x {found_columns}; create it with these sizes"
    )]
    MatrixSize {
        /// The operation called.
        operation: &'static str,
        /// Inner size needed.
        expected_inner: usize,
        /// Columns needed.
        expected_columns: usize,
        /// Inner size found.
        found_inner: usize,
        /// Columns found.
        found_columns: usize,
    },
    /// A matrix packed for another operation.
    #[error("{operation}: the weights were packed by `{found}`; pack them with `{expected}` first")]
    Packing {
        /// The operation called.
        operation: &'static str,
        /// The packing method needed.
        expected: &'static str,
        /// The packing method used last.
        found: &'static str,
    },
    /// A threshold or multiplier outside its range.
    #[error("divisor: {what} must be in 1..=2^40, found {found}{}", .channel.map(|c| format!(" in channel {c}")).unwrap_or_default())]
    Divisor {
        /// `threshold` or `multiplier`.
        what: &'static str,
        /// The value found.
        found: i64,
        /// The channel, when thresholds are per channel.
        channel: Option<usize>,
    },
    /// A range of output channels that the gradient does not have.
    #[error("{operation}: the channels {start}..{end} must lie in 0..{channels}; pass a range of output channels")]
    Channels {
        /// The operation called.
        operation: &'static str,
        /// First channel asked for.
        start: usize,
        /// One past the last channel asked for.
        end: usize,
        /// Output channels there are.
        channels: usize,
    },
    /// A grid whose limit is negative.
    #[error("{operation}: the largest mantissa must be at least 0, found {found}; pass the limit of the weight format")]
    GridLimit {
        /// The operation called.
        operation: &'static str,
        /// The limit found.
        found: i32,
    },
    /// A firing range that is empty or exceeds 8 bits.
    #[error(
        "firing rule: [low, high] = [{low}, {high}] must satisfy -127 <= low <= high <= 127, and low >= 0 when rectified"
    )]
    FiringRange {
        /// Lower limit found.
        low: i32,
        /// Upper limit found.
        high: i32,
    },
    /// A value needs more signed base-256 digits than there are planes.
    #[error(
        "split_digits: value {value} at index {index} does not fit in {planes} signed base-256 digits; pass more planes"
    )]
    Digits {
        /// The value.
        value: i32,
        /// Its index.
        index: usize,
        /// Planes passed.
        planes: usize,
    },
}

/// Product of `sizes`, or [`KernelError::TooLarge`] when it leaves the range of `isize` bytes for 4-byte elements.
pub(crate) fn checked_size(operation: &'static str, what: &'static str, sizes: &[usize]) -> Result<usize, KernelError> {
    sizes
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size))
        .filter(|&product| product <= isize::MAX as usize / 64)
        .ok_or_else(|| KernelError::TooLarge { operation, what, sizes: sizes.to_vec() })
}

/// Checks that `what` has as many elements as the product of `sizes`.
pub(crate) fn check_length(
    operation: &'static str,
    what: &'static str,
    sizes: &[usize],
    found: usize,
) -> Result<(), KernelError> {
    let expected = checked_size(operation, what, sizes)?;
    if expected == found { Ok(()) } else { Err(KernelError::Length { operation, what, expected, found }) }
}

/// Checks that `range` lies within `channels`.
pub(crate) fn check_channels(
    operation: &'static str,
    range: &std::ops::Range<usize>,
    channels: usize,
) -> Result<(), KernelError> {
    if range.start <= range.end && range.end <= channels {
        return Ok(());
    }
    Err(KernelError::Channels { operation, start: range.start, end: range.end, channels })
}
