//! A row of single devices taken apart into blocks, for one update or several.

use kernels::{Engine, Parallelism};

use super::super::devices::Parts;
use super::super::families::Law;
use super::super::random::{LANES, Normals};
use super::super::rule::Rule;
use super::super::statistics::Counts;
use super::Row;
use super::lanes::{Block, Give, blocks};
use super::meeting::{Meet, Meeting};
use super::write::{Mark, Marks, Write};

/// Least columns of a row that is worked on in blocks.
const LEAST_COLUMNS: usize = LANES;

impl Parts {
    /// Whether rows of `columns` columns are worked on in blocks: those of wide arrays without pairs, of families whose
    /// steps the compiler can vectorise, all but measured ones.
    pub fn is_in_blocks(&self, columns: usize) -> bool {
        columns >= LEAST_COLUMNS && !self.is_paired() && !matches!(self.rule, Rule::Table(_))
    }
}

/// The blocks of a row, the pulses that they are to get, and what the updates before leave to be written.
pub(in super::super) struct Strip<'a> {
    parts: &'a Parts,
    engine: Engine,
    first: usize,
    blocks: Vec<Block>,
    most: Vec<u32>,
    left: Vec<u32>,
    /// Which update wrote each device last; empty where weights are the states.
    marks: Vec<Marks>,
    /// Normal numbers of each update.
    normals: Vec<Normals>,
}

impl<'a> Strip<'a> {
    /// The devices of a row as they are.
    pub fn new(parts: &'a Parts, row: &Row<'_>) -> Self {
        let first = row.number * row.state.len();
        let blocks = blocks(parts, first, row.state);
        let number = blocks.len();
        let engine = Engine::detect(Parallelism::Serial);
        let marks = vec![[0; LANES]; if row.weights.is_empty() { 0 } else { number }];
        let (most, left) = (vec![0; number], Vec::with_capacity(number));
        Self { parts, engine, first, blocks, most, left, marks, normals: Vec::new() }
    }

    /// Gives the devices their pulses of a sample.
    pub fn meet(&mut self, meeting: &Meeting<'_>) -> Counts {
        self.engine.vectorised(Meet { meeting, blocks: &mut self.blocks, most: &mut self.most })
    }

    /// Gives the devices numbers of pulses, one for each column.
    pub fn take(&mut self, numbers: &[i16]) -> Counts {
        let mut counts = Counts::default();
        for ((block, most), numbers) in self.blocks.iter_mut().zip(&mut self.most).zip(numbers.chunks(LANES)) {
            *most = numbers.iter().map(|number| u32::from(number.unsigned_abs())).max().unwrap_or(0);
            for (pulses, &number) in block.pulses.iter_mut().zip(numbers) {
                *pulses = f32::from(number);
                counts.add(number);
            }
        }
        counts
    }

    /// Lets the pulses act.
    pub fn act(&mut self, normals: Normals) {
        let levels = self.parts.levels;
        match &self.parts.rule {
            Rule::Constant(law) => {
                self.give(law, levels.is_none(), law.cycle_spread > 0.0 || law.fixed_spread > 0.0, normals);
            }
            Rule::Linear(law) => self.give(law, false, law.cycle_spread > 0.0, normals),
            Rule::Exponential(law) => self.give(law, false, law.cycle_spread > 0.0, normals),
            Rule::Power(law) => self.give(law, false, law.cycle_spread > 0.0, normals),
            Rule::Table(law) => self.give(law, false, law.cycle_spread > 0.0, normals),
        }
        if !self.marks.is_empty() {
            self.normals.push(normals);
            let update = self.normals.len() as u32;
            self.engine.vectorised(Mark { blocks: &self.blocks, marks: &mut self.marks, update });
        }
    }

    fn give(&mut self, law: &(impl Law + Clone), at_once: bool, is_noisy: bool, normals: Normals) {
        let levels = self.parts.levels;
        let (blocks, most, left) = (&mut self.blocks[..], &self.most[..], &mut self.left);
        self.engine.vectorised(Give { law, normals, is_noisy, at_once, levels, blocks, most, left });
    }

    /// Puts the states back into the row, and what devices weigh that had pulses.
    pub fn store(self, row: Row<'_>) {
        for (states, block) in row.state.chunks_mut(LANES).zip(&self.blocks) {
            states.copy_from_slice(&block.state[..states.len()]);
        }
        if !self.normals.is_empty() {
            let Self { parts, first, ref blocks, ref marks, ref normals, .. } = self;
            self.engine.vectorised(Write { parts, first, blocks, marks, normals, weights: row.weights });
        }
    }
}
