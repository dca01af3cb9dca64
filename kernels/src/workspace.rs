//! Scratch memory given by the caller; no kernel allocates.

use crate::KernelError;

/// A cache line of 64 bytes, the unit in which memory is aligned.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; 64]);

/// Bytes in a line.
pub(crate) const LINE: usize = 64;

/// The bytes of a slice of lines.
pub(crate) fn line_bytes(lines: &[Line]) -> &[u8] {
    // SAFETY: `Line` is 64 plain bytes without padding.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * LINE) }
}

/// The mutable bytes of a slice of lines.
pub(crate) fn line_bytes_mut(lines: &mut [Line]) -> &mut [u8] {
    // SAFETY: `Line` is 64 plain bytes without padding; the exclusive borrow is passed on.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * LINE) }
}

/// The lines of a slice read as 32-bit integers.
pub(crate) fn line_integers_mut(lines: &mut [Line]) -> &mut [i32] {
    // SAFETY: a line is aligned to 64 bytes and holds 16 integers; every bit pattern is valid.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * (LINE / 4)) }
}

/// Lines that hold `bytes` bytes.
pub(crate) fn lines_for(bytes: usize) -> usize {
    bytes.div_ceil(LINE)
}

/// A buffer aligned to cache lines. Kernels use what is there and never grow it.
#[derive(Debug, Default, Clone)]
pub struct Workspace {
    lines: Vec<Line>,
}

impl Workspace {
    /// An empty workspace.
    pub fn new() -> Workspace {
        Workspace::default()
    }

    /// Grows the workspace to hold at least `bytes` bytes; never shrinks it.
    pub fn reserve(&mut self, bytes: usize) {
        let lines = lines_for(bytes);
        if lines > self.lines.len() {
            self.lines.resize(lines, Line([0; LINE]));
        }
    }

    /// Bytes held.
    pub fn capacity(&self) -> usize {
        self.lines.len() * LINE
    }

    /// Scratch for up to `parts` parts of `lines_per_part` lines, and how many parts really fit (at least 1).
    pub(crate) fn split(
        &mut self,
        operation: &'static str,
        parts: usize,
        lines_per_part: usize,
    ) -> Result<(usize, &mut [Line]), KernelError> {
        if lines_per_part > self.lines.len() {
            return Err(KernelError::WorkspaceTooSmall {
                operation,
                needed: lines_per_part.saturating_mul(LINE),
                found: self.capacity(),
            });
        }
        let fitting = self.lines.len().checked_div(lines_per_part).unwrap_or(parts).min(parts).max(1);
        Ok((fitting, &mut self.lines[..fitting * lines_per_part]))
    }
}
