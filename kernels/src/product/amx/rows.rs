//! The rows of all row groups, counted as one list.

use crate::product::{Output, Product};

/// Where the rows lie in the left operand (bytes) and in the output (values).
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// Rows in all.
    pub(super) count: usize,
    per_group: usize,
    left: Steps,
    out: Steps,
}

/// Distances from row to row and from group to group.
#[derive(Clone, Copy)]
struct Steps {
    row: usize,
    group: usize,
    /// Whether the rows of all groups lie at one distance.
    even: bool,
}

impl Steps {
    fn new(row: usize, group: usize, rows: usize, groups: usize) -> Steps {
        Steps { row, group, even: groups == 1 || rows.checked_mul(row) == Some(group) }
    }
}

impl Rows {
    pub(super) fn new(product: &Product<'_>, out: &Output<'_>) -> Rows {
        let (rows, groups) = (product.rows, product.row_groups);
        Rows {
            count: rows * groups,
            per_group: rows,
            left: Steps::new(product.left.lane, product.left_group_step, rows, groups),
            out: Steps::new(out.row_step, out.group_step, rows, groups),
        }
    }

    /// The group of a row, and its index there.
    fn place(&self, row: usize) -> (usize, usize) {
        (row / self.per_group, row % self.per_group)
    }

    fn offset(&self, row: usize, steps: Steps) -> usize {
        let (group, row) = self.place(row);
        group * steps.group + row * steps.row
    }

    fn is_even(&self, first: usize, count: usize, steps: Steps) -> bool {
        steps.even || first % self.per_group + count <= self.per_group
    }

    /// Index of a row within its group.
    pub(super) fn in_group(&self, row: usize) -> usize {
        self.place(row).1
    }

    /// Offset of a row in the left operand.
    pub(super) fn left(&self, row: usize) -> usize {
        self.offset(row, self.left)
    }

    /// Whether `count` rows lie at one distance in the left operand.
    pub(super) fn left_is_even(&self, first: usize, count: usize) -> bool {
        self.is_even(first, count, self.left)
    }

    /// Offset of a row in the output.
    pub(super) fn out(&self, row: usize) -> usize {
        self.offset(row, self.out)
    }

    /// Whether `count` rows lie at one distance in the output.
    pub(super) fn out_is_even(&self, first: usize, count: usize) -> bool {
        self.is_even(first, count, self.out)
    }

    /// Values from row to row of a group in the output.
    pub(super) fn out_step(&self) -> usize {
        self.out.row
    }
}
