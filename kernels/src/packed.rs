//! Weights in the order in which the product reads them.

use std::ops::Range;

use crate::error::{check_length, checked_size};
use crate::panel::interleave;
use crate::product::{BLOCK, GROUP};
use crate::workspace::{LINE, Line, line_bytes};
use crate::{ConvolutionShape, Isa, KernelError, as_unsigned};

/// What the rows of a packed matrix stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// The inner dimension is one run.
    Matrix,
    /// One run for every kernel row of a convolution.
    Convolution([usize; 2]),
    /// One run for every kernel row, both kernel axes reversed.
    ConvolutionTransposed([usize; 2]),
}

impl Packing {
    fn name(self) -> &'static str {
        match self {
            Packing::Matrix => "pack",
            Packing::Convolution(_) => "pack_convolution",
            Packing::ConvolutionTransposed(_) => "pack_convolution_transposed",
        }
    }
}

/// A signed 8-bit matrix `[inner x columns]`, the right operand of every product.
///
/// Stored in blocks of 16 columns and groups of 4 inner steps, each run of the inner dimension padded with zeros to
/// whole groups; beside it the sum of every column.
#[derive(Debug, Clone)]
pub struct PackedMatrix {
    inner: usize,
    columns: usize,
    packing: Packing,
    lines: Vec<Line>,
    /// The column sums of every run.
    sums: Vec<i32>,
    /// `-128` times the column sums: over all runs, then over the first and the last 1, 2, .. runs.
    corrections: Vec<i32>,
}

impl PackedMatrix {
    /// A zero matrix.
    ///
    /// # Errors
    /// [`KernelError::TooLarge`] if it exceeds the address space.
    pub fn new(inner: usize, columns: usize) -> Result<PackedMatrix, KernelError> {
        let blocks = columns.div_ceil(BLOCK);
        let lines = checked_size("PackedMatrix::new", "matrix", &[blocks, inner.div_ceil(GROUP), LINE])? / LINE;
        Ok(PackedMatrix {
            inner,
            columns,
            packing: Packing::Matrix,
            lines: vec![Line([0; LINE]); lines],
            sums: vec![0; blocks * BLOCK],
            corrections: vec![0; blocks * BLOCK],
        })
    }

    /// The inner dimension: inputs of one output.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The number of columns: outputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Packs dense weights `[columns][inner]`, as used forwards.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `weights` has another length.
    pub fn pack(&mut self, weights: &[i8]) -> Result<(), KernelError> {
        check_length("pack", "weights", &[self.columns, self.inner], weights.len())?;
        self.begin(Packing::Matrix, 1);
        self.pack_rows(weights, 1);
        Ok(())
    }

    /// Packs dense weights `[inner][columns]`, as used backwards.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `weights` has another length.
    pub fn pack_transposed(&mut self, weights: &[i8]) -> Result<(), KernelError> {
        check_length("pack_transposed", "weights", &[self.inner, self.columns], weights.len())?;
        self.begin(Packing::Matrix, 1);
        let columns = self.columns;
        let groups = self.inner.div_ceil(GROUP);
        for group in 0..groups {
            let sources = [0, 1, 2, 3].map(|byte| {
                let row = group * GROUP + byte;
                if row < self.inner { &weights[row * columns..][..columns] } else { &[] }
            });
            self.pack_group(groups, group, 0, sources);
        }
        self.finish();
        Ok(())
    }

    /// Packs convolution weights `[output channels][kernel rows][kernel columns][input channels]` for
    /// [`Engine::convolution`](crate::Engine::convolution); `inner = shape.patch()`, `columns = output channels`.
    ///
    /// The first call may enlarge the storage, as every kernel row is padded to whole groups.
    ///
    /// # Errors
    /// [`KernelError::MatrixSize`] if the matrix does not fit the shape, [`KernelError::Length`] if `weights` has
    /// another length, and those of [`ConvolutionShape::validate`].
    pub fn pack_convolution(&mut self, shape: &ConvolutionShape, weights: &[i8]) -> Result<(), KernelError> {
        let operation = "pack_convolution";
        shape.validate()?;
        self.check_size(operation, shape.patch(), shape.output_channels)?;
        check_length(operation, "weights", &[shape.weight_length()], weights.len())?;
        self.begin(Packing::Convolution(shape.kernel), shape.kernel[0]);
        self.pack_rows(weights, shape.kernel[0]);
        Ok(())
    }

    /// Packs convolution weights `[output channels][kernel rows][kernel columns][input channels]` for
    /// [`Engine::convolution_transposed`](crate::Engine::convolution_transposed);
    /// `inner = kernel rows * kernel columns * output channels`, `columns = input channels`.
    ///
    /// # Errors
    /// As for [`PackedMatrix::pack_convolution`].
    pub fn pack_convolution_transposed(&mut self, shape: &ConvolutionShape, weights: &[i8]) -> Result<(), KernelError> {
        let operation = "pack_convolution_transposed";
        shape.validate()?;
        let [kernel_height, kernel_width] = shape.kernel;
        let run = kernel_width * shape.output_channels;
        self.check_size(operation, kernel_height * run, shape.input_channels)?;
        check_length(operation, "weights", &[shape.weight_length()], weights.len())?;
        self.begin(Packing::ConvolutionTransposed(shape.kernel), kernel_height);
        let groups_per_run = run.div_ceil(GROUP);
        let groups = kernel_height * groups_per_run;
        let channels = shape.input_channels;
        for kernel_row in 0..kernel_height {
            for group in 0..groups_per_run {
                let sources = [0, 1, 2, 3].map(|byte| {
                    let step = group * GROUP + byte;
                    if step >= run {
                        return &[][..];
                    }
                    let (kernel_column, output) = (step / shape.output_channels, step % shape.output_channels);
                    let row = output * kernel_height + (kernel_height - 1 - kernel_row);
                    let cell = row * kernel_width + (kernel_width - 1 - kernel_column);
                    &weights[cell * channels..][..channels]
                });
                self.pack_group(groups, kernel_row * groups_per_run + group, kernel_row, sources);
            }
        }
        self.finish();
        Ok(())
    }

    /// Makes room for `runs` runs of the inner dimension and clears the storage.
    fn begin(&mut self, packing: Packing, runs: usize) {
        let groups = runs * (self.inner / runs).div_ceil(GROUP);
        let lines = self.columns.div_ceil(BLOCK) * groups;
        self.packing = packing;
        self.lines.resize(lines, Line([0; LINE]));
        let width = self.columns.next_multiple_of(BLOCK);
        self.sums.clear();
        self.sums.resize(runs * width, 0);
        self.corrections.resize((2 * runs - 1) * width, 0);
    }

    /// Packs rows `[columns][runs][inner / runs]`.
    fn pack_rows(&mut self, weights: &[i8], runs: usize) {
        let run = self.inner / runs;
        let width = self.columns.next_multiple_of(BLOCK);
        let groups_per_run = run.div_ceil(GROUP);
        let block_lines = runs * groups_per_run;
        if self.inner > 0 {
            for (column, row) in weights.chunks_exact(self.inner).enumerate() {
                let lane = (column % BLOCK) * GROUP;
                let lines = &mut self.lines[column / BLOCK * block_lines..][..block_lines];
                let sums = self.sums.chunks_exact_mut(width);
                for ((lines, source), sums) in
                    lines.chunks_exact_mut(groups_per_run).zip(row.chunks_exact(run)).zip(sums)
                {
                    sums[column] = source.iter().fold(0, |sum, &weight| sum.wrapping_add(i32::from(weight)));
                    let (whole, rest) = as_unsigned(source).as_chunks::<GROUP>();
                    for (line, group) in lines.iter_mut().zip(whole) {
                        line.0[lane..lane + GROUP].copy_from_slice(group);
                    }
                    if let (false, Some(line)) = (rest.is_empty(), lines.last_mut()) {
                        line.0[lane..lane + GROUP].fill(0);
                        line.0[lane..lane + rest.len()].copy_from_slice(rest);
                    }
                }
            }
        }
        let unused = self.columns.next_multiple_of(BLOCK) - self.columns;
        if unused > 0 && block_lines > 0 {
            let start = self.lines.len() - block_lines;
            for line in &mut self.lines[start..] {
                line.0[(BLOCK - unused) * GROUP..].fill(0);
            }
        }
        self.finish();
    }

    /// Packs group `group`, which belongs to run `run`, of every block from four rows of `columns` values each; an
    /// empty row counts as zeros.
    fn pack_group(&mut self, groups: usize, group: usize, run: usize, rows: [&[i8]; GROUP]) {
        let sums_start = run * self.columns.next_multiple_of(BLOCK);
        for block in 0..self.columns.div_ceil(BLOCK) {
            let first = block * BLOCK;
            let width = BLOCK.min(self.columns - first);
            let parts = rows.map(|row| if row.is_empty() { &[0; BLOCK][..width] } else { &row[first..first + width] });
            let line = &mut self.lines[block * groups + group];
            line.0[width * GROUP..].fill(0);
            interleave(Isa::Scalar, parts.map(as_unsigned), &mut line.0[..width * GROUP]);
            for part in parts {
                for (sum, &weight) in self.sums[sums_start + first..][..width].iter_mut().zip(part) {
                    *sum = sum.wrapping_add(i32::from(weight));
                }
            }
        }
    }

    /// Derives the corrections for a left operand shifted by 128.
    fn finish(&mut self) {
        let width = self.columns.next_multiple_of(BLOCK);
        if width == 0 {
            return;
        }
        let runs = self.sums.len() / width;
        let (whole, parts) = self.corrections.split_at_mut(width);
        let (firsts, lasts) = parts.split_at_mut((runs - 1) * width);
        whole.fill(0);
        for (run, sums) in self.sums.chunks_exact(width).enumerate() {
            shift(whole, sums);
            if run + 1 < runs {
                firsts[run * width..][..width].copy_from_slice(whole);
            }
        }
        let mut previous: &[i32] = &[];
        for (target, sums) in lasts.chunks_exact_mut(width).zip(self.sums.chunks_exact(width).rev()) {
            target.fill(0);
            for (value, &before) in target.iter_mut().zip(previous) {
                *value = before;
            }
            shift(target, sums);
            previous = target;
        }
    }

    /// The packed bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        line_bytes(&self.lines)
    }

    /// Bytes from one block of columns to the next.
    pub(crate) fn block_step(&self) -> usize {
        self.lines.len().checked_div(self.columns.div_ceil(BLOCK)).unwrap_or(0) * LINE
    }

    /// The column correction for bytes XORed with `flip`, over a range of runs that begins with the first run or ends
    /// with the last.
    pub(crate) fn correction(&self, flip: u8, runs: Range<usize>) -> Option<&[i32]> {
        let width = self.columns.next_multiple_of(BLOCK);
        let all = self.sums.len().checked_div(width).unwrap_or(1);
        let index = match (runs.start, runs.end) {
            (0, end) if end == all => 0,
            (0, end) => end,
            (start, _) => all - 1 + (all - start),
        };
        (flip != 0).then(|| &self.corrections[index * width..][..width])
    }

    /// Checks the sizes.
    pub(crate) fn check_size(&self, operation: &'static str, inner: usize, columns: usize) -> Result<(), KernelError> {
        if (self.inner, self.columns) == (inner, columns) {
            return Ok(());
        }
        Err(KernelError::MatrixSize {
            operation,
            expected_inner: inner,
            expected_columns: columns,
            found_inner: self.inner,
            found_columns: self.columns,
        })
    }

    /// Checks how the matrix was packed.
    pub(crate) fn check_packing(&self, operation: &'static str, expected: Packing) -> Result<(), KernelError> {
        if self.packing == expected {
            return Ok(());
        }
        Err(KernelError::Packing { operation, expected: expected.name(), found: self.packing.name() })
    }
}

/// Adds `-128` times the sums.
fn shift(target: &mut [i32], sums: &[i32]) {
    for (value, &sum) in target.iter_mut().zip(sums) {
        *value = value.wrapping_sub(sum.wrapping_mul(128));
    }
}
