//! Copies of arrays, so that the positions of a convolution are computed side by side.

/// One projection as the pipeline sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    /// Arrays of one copy.
    pub(super) arrays: usize,
    /// Output positions of an example.
    pub(super) positions: usize,
    /// Reads of one position.
    pub(super) reads: usize,
}

impl Stage {
    /// Reads one after the other with a number of copies.
    fn time(&self, copies: usize) -> usize {
        self.positions.div_ceil(copies) * self.reads
    }
}

/// Copies of every stage: as long as all of the slowest stages can be shortened within `largest`
/// copies and `budget` arrays in all (no limit when `None`), each gets the fewest copies that do.
pub(super) fn copies(stages: &[Stage], largest: usize, budget: Option<usize>) -> Vec<usize> {
    let mut copies = vec![1usize; stages.len()];
    let total = |copies: &[usize]| -> usize {
        stages.iter().zip(copies).fold(0, |sum: usize, (stage, &copies)| sum.saturating_add(stage.arrays * copies))
    };
    loop {
        let times: Vec<usize> = stages.iter().zip(&copies).map(|(stage, &copies)| stage.time(copies)).collect();
        let Some(&slowest) = times.iter().max() else { return copies };
        let mut more = copies.clone();
        for (index, stage) in stages.iter().enumerate() {
            if times[index] < slowest {
                continue;
            }
            let shares = stage.positions.div_ceil(copies[index]);
            if shares < 2 || stage.reads == 0 {
                return copies;
            }
            more[index] = stage.positions.div_ceil(shares - 1);
        }
        let is_allowed = more.iter().all(|&copies| copies <= largest.max(1));
        if !is_allowed || budget.is_some_and(|budget| total(&more) > budget) {
            return copies;
        }
        copies = more;
    }
}
