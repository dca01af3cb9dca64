//! The reduction as a list of groups, cut into tiles of 16 groups and chunks of 16 tiles.

use super::{TILE, TILE_ROW};
use crate::product::Product;

/// Tiles of the reduction that are summed before the sums are put down: 1024 bytes of every row and column.
pub(super) const CHUNK_TILES: usize = 16;

/// The three nested counts of a product and the distances in both operands.
pub(super) struct Reduction {
    counts: [usize; 3],
    left: [usize; 3],
    right: [usize; 3],
}

/// Byte offsets of one tile in the left and the right operand.
pub(super) type Offsets = [usize; 2];

/// Some consecutive tiles of the reduction.
pub(super) struct Chunk {
    /// Whether the sums begin here.
    pub(super) is_first: bool,
    /// The first group, and how many follow it.
    pub(super) first: usize,
    pub(super) groups: usize,
    /// Offsets of the tiles when both operands are read in place.
    pub(super) in_place: [Offsets; CHUNK_TILES],
    /// The same when the left operand is a copied panel.
    pub(super) copied: [Offsets; CHUNK_TILES],
}

impl Chunk {
    /// Tiles in the chunk, the last one possibly partial.
    pub(super) fn tiles(&self) -> usize {
        self.groups.div_ceil(TILE)
    }

    /// As many of `offsets` as there are tiles.
    pub(super) fn offsets<'a>(&self, offsets: &'a [Offsets; CHUNK_TILES]) -> &'a [Offsets] {
        &offsets[..self.tiles()]
    }
}

impl Reduction {
    pub(super) fn new(product: &Product<'_>) -> Reduction {
        Reduction { counts: product.counts, left: product.left.steps, right: product.right.steps }
    }

    /// Groups in all.
    fn groups(&self) -> usize {
        self.counts.iter().product()
    }

    /// Tiles in all, the last one possibly partial.
    pub(super) fn tiles(&self) -> usize {
        self.groups().div_ceil(TILE)
    }

    /// Whether the groups of every tile lie at one distance.
    pub(super) fn is_whole(&self) -> bool {
        self.counts[2].is_multiple_of(TILE)
    }

    /// Bytes from group to group in the left and in the right operand.
    pub(super) fn steps(&self) -> Offsets {
        [self.left[2], self.right[2]]
    }

    /// Calls `visit(index in the range, groups, offset in left, offset in right)` for every stretch of the `count`
    /// groups from `first` that lies within one run.
    pub(super) fn stretches(&self, first: usize, count: usize, mut visit: impl FnMut(usize, usize, usize, usize)) {
        let [_, segments, groups] = self.counts;
        let (run, mut group) = (first / groups, first % groups);
        let (mut position, mut segment) = (run / segments, run % segments);
        let mut index = 0;
        while index < count {
            let length = (groups - group).min(count - index);
            let at = |steps: [usize; 3]| position * steps[0] + segment * steps[1] + group * steps[2];
            visit(index, length, at(self.left), at(self.right));
            index += length;
            (group, segment) = (0, segment + 1);
            if segment == segments {
                (segment, position) = (0, position + 1);
            }
        }
    }

    /// Where a group lies in the left and in the right operand.
    fn offsets(&self, group: usize) -> Offsets {
        let [_, segments, groups] = self.counts;
        let (run, group) = (group / groups, group % groups);
        let (position, segment) = (run / segments, run % segments);
        [self.left, self.right].map(|steps| position * steps[0] + segment * steps[1] + group * steps[2])
    }

    /// Tiles of a chunk: as many chunks as are needed, all of about the same length.
    pub(super) fn chunk_tiles(&self) -> usize {
        let tiles = self.tiles();
        tiles.div_ceil(tiles.div_ceil(CHUNK_TILES).max(1)).max(1)
    }

    /// The chunk that begins with tile `tile`.
    pub(super) fn chunk(&self, tile: usize) -> Chunk {
        let first = tile * TILE;
        let groups = (self.groups() - first).min(self.chunk_tiles() * TILE);
        let (mut in_place, mut copied) = ([[0; 2]; CHUNK_TILES], [[0; 2]; CHUNK_TILES]);
        for tile in 0..groups.div_ceil(TILE) {
            let [left, right] = self.offsets(first + tile * TILE);
            let right = if self.is_whole() { right } else { tile * TILE * TILE_ROW };
            in_place[tile] = [left, right];
            copied[tile] = [tile * TILE_ROW, right];
        }
        Chunk { is_first: tile == 0, first, groups, in_place, copied }
    }
}
