//! The partial sums of all columns of a projection, read by read.

use kernels::{Counts, Engine, PackedMatrix, Store, Workspace, as_signed};

use super::driven::{DrivenRows, DrivenSums};
use super::mask::{WORD, mask, split_signs};
use super::{Digits, Patches, Slicing, streams};
use crate::error::CompilerError;
use crate::hardware::{HardwareSpecification, InputCoding};
use crate::program::{Crossbar, CrossbarLayout, Geometry, StreamLayout};

/// Bytes of partial sums that are computed together, about half of a second-level cache.
const GROUP_BYTES: usize = 512 << 10;

/// The columns of one projection, ready for the integer kernels.
///
/// For row tile r, slice k, stream j, output m and each output position
/// `P[r, k, j, m] = sum over the rows i of r: x_j[i] * digit_k[i, m]`, exact in 32 bits.
#[derive(Clone, Debug)]
pub struct ColumnOperator {
    engine: Engine,
    patches: Patches,
    coding: InputCoding,
    streams: Vec<StreamLayout>,
    slicing: Slicing,
    array_rows: usize,
    outputs: usize,
    is_signed: bool,
    tiles: Vec<Tile>,
}

/// The digits of one row tile.
#[derive(Clone, Debug)]
struct Tile {
    rows: usize,
    /// Rows padded with zeros to whole words.
    pitch: usize,
    /// Base-256 digits of the digits: one plane unless a digit exceeds 8 bits.
    planes: Vec<PackedMatrix>,
    /// The digits for reads with few active rows, where they are small.
    driven: Option<DrivenRows>,
}

/// Where rows come from and how they are driven.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColumnInput {
    /// Rows of each position.
    pub geometry: Geometry,
    /// Channels, height and width of the population that is read.
    pub shape: [usize; 3],
    /// Smallest count that occurs.
    pub minimum_count: i32,
    /// Largest count that occurs.
    pub maximum_count: i32,
    /// Coding in time.
    pub coding: InputCoding,
}

/// The partial sums of one row tile and input stream for a group of output positions.
#[derive(Clone, Copy, Debug)]
pub struct ColumnRead<'a> {
    /// Row tile r.
    pub row_tile: usize,
    /// Index j into [`ColumnOperator::streams`].
    pub stream: usize,
    /// First of the group among the positions that are visited.
    pub first: usize,
    /// Positions of the group.
    pub count: usize,
    /// The positions that are visited, where not all are.
    listed: Option<&'a [u32]>,
    /// Positions with at least one active row, less `first`, ascending. The partial sums of all
    /// others are 0.
    pub places: &'a [u32],
    /// Active rows of each place.
    pub active: &'a [u32],
    /// Rows `[places][pitch]`, 1 where active; the padding behind the rows of the tile is 0.
    pub rows: &'a [u8],
    /// Bytes from one place's rows to the next.
    pub pitch: usize,
    /// Partial sums `[places][slices][outputs]`; empty when only rows were asked for.
    pub sums: &'a [i32],
}

impl ColumnRead<'_> {
    /// A place of the group, counted over all examples: `example * positions + position`.
    #[inline]
    pub fn position(&self, place: u32) -> usize {
        let place = self.first + place as usize;
        self.listed.map_or(place, |listed| listed[place] as usize)
    }
}

/// Memory of [`ColumnOperator::for_each_read`], reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct ColumnScratch {
    patch: Vec<u8>,
    /// Magnitudes of positive counts `[row tile][position][pitch]`.
    positive: Vec<u8>,
    negative: Vec<u8>,
    rows: Vec<u8>,
    places: Vec<u32>,
    active: Vec<u32>,
    sums: Vec<i32>,
    workspace: Workspace,
}

impl ColumnOperator {
    /// Of multipliers `[outputs][rows]` cut into `slicing`'s digits, in arrays of `array_rows` rows.
    ///
    /// # Errors
    /// [`CompilerError::Columns`] when the multipliers do not fit the input or the bits, or a count
    /// does not fit 8 bits.
    pub fn from_multipliers(
        multipliers: &[i8],
        input: ColumnInput,
        slicing: Slicing,
        array_rows: usize,
        engine: Engine,
    ) -> Result<Self, CompilerError> {
        let patches = Patches::new(input.geometry, input.shape)?;
        let digits = Digits::of_multipliers(multipliers, patches.rows(), slicing, array_rows)?;
        Self::from_digits(&digits, input, engine)
    }

    /// Of the cells of a compiled projection.
    ///
    /// # Errors
    /// As [`ColumnOperator::from_multipliers`].
    pub fn from_crossbar(
        layout: &CrossbarLayout,
        crossbar: &Crossbar,
        hardware: &HardwareSpecification,
        input: ColumnInput,
        engine: Engine,
    ) -> Result<Self, CompilerError> {
        let mut operator = Self::from_digits(&Digits::of_cells(layout, crossbar, hardware)?, input, engine)?;
        operator.streams.clone_from(&layout.streams);
        Ok(operator)
    }

    /// Of digits.
    ///
    /// # Errors
    /// [`CompilerError::Columns`] when the digits do not fit the input, or a count does not fit 8
    /// bits.
    pub fn from_digits(digits: &Digits, input: ColumnInput, engine: Engine) -> Result<Self, CompilerError> {
        let patches = Patches::new(input.geometry, input.shape)?;
        let is_signed = input.minimum_count < 0;
        let largest = if is_signed { 127 } else { 255 };
        if digits.fan_in != patches.rows() || input.minimum_count < -128 || input.maximum_count > largest {
            return Err(CompilerError::Columns {
                what: "input of a crossbar".to_owned(),
                expected: format!("{} rows, counts of 8 bits", digits.fan_in),
                found: format!("{} rows, {}..={}", patches.rows(), input.minimum_count, input.maximum_count),
            });
        }
        let mut operator = Self {
            engine,
            patches,
            coding: input.coding,
            streams: streams(input.coding, input.minimum_count, input.maximum_count),
            slicing: digits.slicing,
            array_rows: digits.array_rows,
            outputs: digits.outputs,
            is_signed,
            tiles: Vec::new(),
        };
        operator.pack(digits)?;
        Ok(operator)
    }

    /// Replaces the weights; shapes stay.
    ///
    /// # Errors
    /// [`CompilerError::Columns`] when the digits are those of other shapes.
    pub fn set_digits(&mut self, digits: &Digits) -> Result<(), CompilerError> {
        let own = (self.slicing, self.array_rows, self.patches.rows(), self.outputs);
        if (digits.slicing, digits.array_rows, digits.fan_in, digits.outputs) != own {
            return Err(CompilerError::Columns {
                what: "weights".to_owned(),
                expected: format!("{} outputs of {} rows", self.outputs, self.patches.rows()),
                found: format!("{} outputs of {} rows", digits.outputs, digits.fan_in),
            });
        }
        self.pack(digits)
    }

    fn pack(&mut self, digits: &Digits) -> Result<(), CompilerError> {
        let columns = self.columns();
        self.tiles.resize_with(digits.row_tiles(), || Tile { rows: 0, pitch: 0, planes: Vec::new(), driven: None });
        for (index, tile) in self.tiles.iter_mut().enumerate() {
            let (values, rows) = (digits.tile(index), digits.rows(index));
            let pitch = rows.next_multiple_of(WORD);
            let is_wide = values.iter().any(|&digit| i8::try_from(digit).is_err());
            (tile.rows, tile.pitch) = (rows, pitch);
            tile.driven = DrivenRows::new(values, rows);
            let planes = if is_wide { 2 } else { 1 };
            tile.planes.truncate(planes);
            while tile.planes.len() < planes {
                tile.planes.push(PackedMatrix::new(pitch, columns)?);
            }
            let mut padded = vec![0i8; pitch * columns];
            for (plane, packed) in tile.planes.iter_mut().enumerate() {
                for (target, source) in padded.chunks_exact_mut(pitch).zip(values.chunks_exact(rows)) {
                    for (target, &digit) in target.iter_mut().zip(source) {
                        let low = digit as i8;
                        *target = if plane == 0 { low } else { ((digit - i16::from(low)) >> 8) as i8 };
                    }
                }
                packed.pack(&padded)?;
            }
        }
        Ok(())
    }

    /// Which counts the rows get.
    pub fn patches(&self) -> &Patches {
        &self.patches
    }

    /// The reads of each row tile, in order.
    pub fn streams(&self) -> &[StreamLayout] {
        &self.streams
    }

    /// What runs the products.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// How weights are cut.
    pub fn slicing(&self) -> Slicing {
        self.slicing
    }

    /// Outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Slices of all outputs: partial sums of one read.
    pub fn columns(&self) -> usize {
        self.outputs * self.slicing.count()
    }

    /// Output positions of an example.
    pub fn positions(&self) -> usize {
        self.patches.positions()
    }

    /// Number of row tiles.
    pub fn row_tiles(&self) -> usize {
        self.tiles.len()
    }

    /// Rows of an array.
    pub fn array_rows(&self) -> usize {
        self.array_rows
    }

    /// Rows of a row tile.
    pub fn rows(&self, row_tile: usize) -> usize {
        self.tiles[row_tile].rows
    }

    /// Visits every read of every group of positions with its partial sums: once for each row tile
    /// and stream of a group, also where no row is active.
    ///
    /// # Errors
    /// [`CompilerError::Samples`] when `counts` are not those of `examples` examples.
    pub fn for_each_read(
        &self,
        counts: Counts<'_>,
        examples: usize,
        scratch: &mut ColumnScratch,
        visit: impl FnMut(ColumnRead<'_>),
    ) -> Result<(), CompilerError> {
        self.for_each_listed_read(counts, examples, None, scratch, visit)
    }

    /// As [`ColumnOperator::for_each_read`], of the listed positions alone, each below `examples * positions` and
    /// ascending; of all where `listed` is `None`.
    ///
    /// # Errors
    /// As [`ColumnOperator::for_each_read`].
    pub fn for_each_listed_read(
        &self,
        counts: Counts<'_>,
        examples: usize,
        listed: Option<&[u32]>,
        scratch: &mut ColumnScratch,
        mut visit: impl FnMut(ColumnRead<'_>),
    ) -> Result<(), CompilerError> {
        let columns = self.columns();
        let mut sums = std::mem::take(&mut scratch.sums);
        let mut workspace = std::mem::take(&mut scratch.workspace);
        let result = self.for_each_listed_rows(counts, examples, listed, scratch, |read| {
            let places = read.places.len();
            let tile = &self.tiles[read.row_tile];
            sums.resize(sums.len().max(places * columns), 0);
            workspace.reserve(self.engine.matmul_workspace(places, tile.pitch, columns));
            let sums = &mut sums[..places * columns];
            if let Some(digits) = tile.driven.as_ref().filter(|_| DrivenRows::suits(read.active, tile.pitch)) {
                let driven = DrivenSums { digits, rows: read.rows, row_pitch: tile.pitch, sums };
                self.engine.vectorised(driven);
                visit(ColumnRead { sums, ..read });
                return Ok(());
            }
            for (plane, matrix) in tile.planes.iter().enumerate() {
                let store = Store { accumulate: plane > 0, scale: 1 << (8 * plane) };
                let left = Counts::Unsigned(read.rows);
                self.engine.matmul(left, places, matrix, store, sums, &mut workspace)?;
            }
            visit(ColumnRead { sums, ..read });
            Ok(())
        });
        (scratch.sums, scratch.workspace) = (sums, workspace);
        result
    }

    /// Visits every read as [`ColumnOperator::for_each_read`] does, without partial sums.
    ///
    /// # Errors
    /// As [`ColumnOperator::for_each_read`], and those of `visit`.
    pub fn for_each_rows(
        &self,
        counts: Counts<'_>,
        examples: usize,
        scratch: &mut ColumnScratch,
        visit: impl FnMut(ColumnRead<'_>) -> Result<(), CompilerError>,
    ) -> Result<(), CompilerError> {
        self.for_each_listed_rows(counts, examples, None, scratch, visit)
    }

    fn for_each_listed_rows(
        &self,
        counts: Counts<'_>,
        examples: usize,
        listed: Option<&[u32]>,
        scratch: &mut ColumnScratch,
        mut visit: impl FnMut(ColumnRead<'_>) -> Result<(), CompilerError>,
    ) -> Result<(), CompilerError> {
        self.check(counts, examples, listed)?;
        let total = listed.map_or(examples * self.positions(), <[u32]>::len);
        let group = (GROUP_BYTES / 4 / self.columns().max(1)).clamp(16, 256).next_multiple_of(16);
        for first in (0..total).step_by(group) {
            let count = group.min(total - first);
            self.gather(counts, listed, first..first + count, scratch);
            let mut start = 0;
            for (row_tile, tile) in self.tiles.iter().enumerate() {
                let bytes = start..start + count * tile.pitch;
                start = bytes.end;
                for (index, &stream) in self.streams.iter().enumerate() {
                    let ColumnScratch { positive, negative, rows, places, active, .. } = &mut *scratch;
                    let magnitudes = if stream.weight < 0 { negative } else { positive };
                    let magnitudes = &magnitudes[bytes.clone()];
                    rows.resize(rows.len().max(magnitudes.len()), 0);
                    places.clear();
                    active.clear();
                    for (place, magnitudes) in magnitudes.chunks_exact(tile.pitch).enumerate() {
                        let target = &mut rows[places.len() * tile.pitch..][..tile.pitch];
                        let ones = mask(self.coding, stream.index, magnitudes, target);
                        if ones > 0 {
                            places.push(place as u32);
                            active.push(ones);
                        }
                    }
                    let rows = &rows[..places.len() * tile.pitch];
                    let pitch = tile.pitch;
                    visit(ColumnRead {
                        row_tile,
                        stream: index,
                        first,
                        count,
                        listed,
                        places,
                        active,
                        rows,
                        pitch,
                        sums: &[],
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Magnitudes of the rows of a group of positions, tile by tile, padded.
    fn gather(
        &self,
        counts: Counts<'_>,
        listed: Option<&[u32]>,
        group: std::ops::Range<usize>,
        scratch: &mut ColumnScratch,
    ) {
        let count = group.len();
        let ColumnScratch { patch, positive, negative, .. } = scratch;
        let (neurons, positions) = (self.patches.neurons(), self.positions());
        let length: usize = self.tiles.iter().map(|tile| tile.pitch * count).sum();
        patch.resize(self.patches.rows(), 0);
        positive.clear();
        positive.resize(length, 0);
        negative.clear();
        negative.resize(if self.is_signed { length } else { 0 }, 0);
        for (place, visited) in group.enumerate() {
            let visited = listed.map_or(visited, |listed| listed[visited] as usize);
            let (example, position) = (visited / positions, visited % positions);
            self.patches.gather(&counts.bytes()[example * neurons..][..neurons], position, patch);
            let mut start = 0;
            for (tile, rows) in self.tiles.iter().zip(patch.chunks(self.array_rows)) {
                let bytes = start + place * tile.pitch..start + place * tile.pitch + tile.rows;
                if self.is_signed {
                    split_signs(rows, &mut positive[bytes.clone()], &mut negative[bytes]);
                } else {
                    positive[bytes].copy_from_slice(rows);
                }
                start += count * tile.pitch;
            }
        }
    }

    fn check(&self, counts: Counts<'_>, examples: usize, listed: Option<&[u32]>) -> Result<(), CompilerError> {
        let is_signed = matches!(counts, Counts::Signed(_));
        if Some(counts.len()) == self.patches.neurons().checked_mul(examples) && is_signed == self.is_signed {
            let total = examples * self.positions();
            return match listed.and_then(|listed| listed.iter().find(|&&place| place as usize >= total)) {
                None => Ok(()),
                Some(place) => Err(CompilerError::Samples {
                    what: "position of a crossbar".to_owned(),
                    expected: format!("one of {total}"),
                    found: place.to_string(),
                }),
            };
        }
        let signed = |is_signed: bool| if is_signed { "signed" } else { "unsigned" };
        Err(CompilerError::Samples {
            what: "counts of a crossbar".to_owned(),
            expected: format!("{} {} ones of each example", self.patches.neurons(), signed(self.is_signed)),
            found: format!("{} {} ones of {examples} examples", counts.len(), signed(is_signed)),
        })
    }

    /// Bytes as the counts that this operator reads.
    pub fn counts<'a>(&self, bytes: &'a [u8]) -> Counts<'a> {
        if self.is_signed { Counts::Signed(as_signed(bytes)) } else { Counts::Unsigned(bytes) }
    }
}
