//! Where the numbers of a matrix lie, and their conversion to f32.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use kernels::FileMapping;

use super::{FloatFormat, e4m3};

/// Where the numbers of a matrix lie.
#[derive(Clone, Debug)]
pub(super) enum Storage {
    /// In memory.
    Owned(Arc<[f32]>),
    /// In memory, in half precision.
    OwnedF16(Arc<[f16]>),
    /// In memory, as codes of E4M3.
    OwnedE4m3(Arc<[u8]>),
    /// In a mapped file, aligned to their size, in the byte order of the machine.
    Mapped { file: Arc<FileMapping>, bytes: Range<usize>, format: FloatFormat },
}

/// Numbers as they are stored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
    /// The upper halves of f32.
    Bf16(&'a [u16]),
    /// Codes.
    E4m3(&'a [u8]),
}

impl Storage {
    /// The little-endian numbers at `bytes`, a range inside the file that holds whole numbers.
    pub(super) fn of_file(file: &Arc<FileMapping>, bytes: Range<usize>, format: FloatFormat) -> Self {
        let held = file.get(bytes.clone()).unwrap_or_default();
        let is_aligned = match format {
            FloatFormat::F32 => bytemuck::try_cast_slice::<u8, f32>(held).is_ok(),
            FloatFormat::F16 | FloatFormat::Bf16 => bytemuck::try_cast_slice::<u8, u16>(held).is_ok(),
            FloatFormat::F8E4m3 => true,
        };
        if is_aligned && cfg!(target_endian = "little") {
            return Self::Mapped { file: Arc::clone(file), bytes, format };
        }
        let halves = || held.as_chunks::<2>().0.iter().map(|&bytes| u16::from_le_bytes(bytes));
        Self::Owned(match format {
            FloatFormat::F32 => held.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            FloatFormat::F16 => halves().map(|bits| f16::from_bits(bits).to_f32()).collect(),
            FloatFormat::Bf16 => halves().map(from_bf16).collect(),
            FloatFormat::F8E4m3 => return Self::OwnedE4m3(held.into()),
        })
    }

    /// How the numbers are stored.
    pub(super) fn format(&self) -> FloatFormat {
        match self {
            Self::Owned(_) => FloatFormat::F32,
            Self::OwnedF16(_) => FloatFormat::F16,
            Self::OwnedE4m3(_) => FloatFormat::F8E4m3,
            Self::Mapped { format, .. } => *format,
        }
    }

    /// The numbers at `range`, which exist.
    pub(super) fn values(&self, range: Range<usize>) -> Values<'_> {
        match self {
            Self::Owned(values) => Values::F32(&values[range]),
            Self::OwnedF16(values) => Values::F16(&values[range]),
            Self::OwnedE4m3(codes) => Values::E4m3(&codes[range]),
            Self::Mapped { file, bytes, format } => {
                let held = &file[bytes.clone()];
                match format {
                    FloatFormat::F32 => Values::F32(&bytemuck::cast_slice(held)[range]),
                    FloatFormat::F16 => Values::F16(&bytemuck::cast_slice(held)[range]),
                    FloatFormat::Bf16 => Values::Bf16(&bytemuck::cast_slice(held)[range]),
                    FloatFormat::F8E4m3 => Values::E4m3(&held[range]),
                }
            }
        }
    }
}

impl<'a> Values<'a> {
    /// Writes the numbers in f32 to `out`, which is as long.
    pub(super) fn copy_to(self, out: &mut [f32]) {
        match self {
            Self::F32(values) => out.copy_from_slice(values),
            Self::F16(values) => values.convert_to_f32_slice(out),
            Self::Bf16(values) => {
                for (out, &bits) in out.iter_mut().zip(values) {
                    *out = from_bf16(bits);
                }
            }
            Self::E4m3(codes) => out.iter_mut().zip(codes).for_each(|(out, &code)| *out = e4m3::value(code)),
        }
    }

    /// The numbers in f32; converted only where they are not.
    pub(super) fn to_f32(self) -> Cow<'a, [f32]> {
        match self {
            Self::F32(values) => Cow::Borrowed(values),
            Self::F16(values) => Cow::Owned(values.to_f32_vec()),
            Self::Bf16(values) => Cow::Owned(values.iter().copied().map(from_bf16).collect()),
            Self::E4m3(codes) => Cow::Owned(codes.iter().copied().map(e4m3::value).collect()),
        }
    }
}

/// The f32 whose upper half is `bits`.
#[inline(always)]
pub(super) fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}
