//! Some samples of a set.

use crate::samples::{Objective, Samples};

/// Some samples of a set, always the same or drawn anew for each epoch.
#[derive(Clone, Copy)]
pub struct Subset<'a> {
    samples: &'a dyn Samples,
    count: usize,
    /// Samples of the set that `count` is spread over.
    span: usize,
    is_drawn: bool,
}

impl<'a> Subset<'a> {
    /// The first `limit` samples; all where there are not so many, or no limit.
    pub fn first(samples: &'a dyn Samples, limit: Option<u64>) -> Self {
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let count = samples.len().min(limit);
        Self { samples, count, span: count, is_drawn: false }
    }

    /// `count` samples spread evenly over the set; all where there are not so many.
    pub fn spread(samples: &'a dyn Samples, count: usize) -> Self {
        Self { samples, count: count.min(samples.len()), span: samples.len(), is_drawn: false }
    }

    /// In each epoch the first `count` of the set's order, whose indices [`Samples::order`] gives; all where there are
    /// not so many. Outside epochs the first `count` samples.
    pub fn drawn(samples: &'a dyn Samples, count: usize) -> Self {
        let count = count.min(samples.len());
        Self { samples, count, span: count, is_drawn: true }
    }

    fn place(&self, index: usize) -> usize {
        // The product of two numbers below 2^32 fits 64 bits.
        (index as u64 * self.span as u64 / self.count.max(1) as u64) as usize
    }
}

impl Samples for Subset<'_> {
    fn len(&self) -> usize {
        self.count
    }

    fn input_length(&self) -> usize {
        self.samples.input_length()
    }

    fn objective(&self) -> Objective {
        self.samples.objective()
    }

    fn classes(&self) -> usize {
        self.samples.classes()
    }

    fn fill(&self, epoch: Option<u32>, index: usize, out: &mut [u8]) {
        self.samples.fill(epoch, self.place(index), out);
    }

    fn label(&self, index: usize) -> usize {
        self.samples.label(self.place(index))
    }

    fn targets(&self, epoch: Option<u32>, index: usize, out: &mut [Option<i16>]) {
        self.samples.targets(epoch, self.place(index), out);
    }

    fn is_right(&self, epoch: Option<u32>, index: usize, outputs: &[f64]) -> bool {
        self.samples.is_right(epoch, self.place(index), outputs)
    }

    fn order(&self, epoch: u32) -> Vec<u32> {
        if self.is_drawn {
            let mut order = self.samples.order(epoch);
            order.truncate(self.count);
            return order;
        }
        (0..self.count).map(|index| index as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The label of a sample is its index.
    struct Indices(usize);

    impl Samples for Indices {
        fn len(&self) -> usize {
            self.0
        }

        fn input_length(&self) -> usize {
            0
        }

        fn classes(&self) -> usize {
            self.0
        }

        fn fill(&self, _epoch: Option<u32>, _index: usize, _out: &mut [u8]) {}

        fn label(&self, index: usize) -> usize {
            index
        }

        fn order(&self, epoch: u32) -> Vec<u32> {
            (0..self.0 as u32).map(|index| (index + epoch) % self.0 as u32).collect()
        }
    }

    #[test]
    fn a_subset_is_the_start_or_spread_evenly() {
        let all = Indices(10);
        let labels = |subset: Subset<'_>| (0..subset.len()).map(|index| subset.label(index)).collect::<Vec<_>>();
        assert_eq!(labels(Subset::first(&all, Some(3))), [0, 1, 2]);
        assert_eq!(labels(Subset::spread(&all, 4)), [0, 2, 5, 7]);
        for whole in [Subset::first(&all, None), Subset::first(&all, Some(u64::MAX)), Subset::spread(&all, 11)] {
            assert_eq!(labels(whole), (0..10).collect::<Vec<_>>());
            assert_eq!(whole.order(0).len(), 10);
        }
        assert!(Subset::spread(&Indices(0), 3).is_empty());
    }

    #[test]
    fn a_drawn_subset_takes_others_in_each_epoch() {
        let all = Indices(10);
        let drawn = Subset::drawn(&all, 4);
        let labels =
            |epoch: u32| drawn.order(epoch).iter().map(|&index| drawn.label(index as usize)).collect::<Vec<_>>();
        assert_eq!((drawn.len(), labels(0), labels(8)), (4, vec![0, 1, 2, 3], vec![8, 9, 0, 1]));
        assert_eq!(Subset::drawn(&all, 11).order(3), all.order(3));
    }
}
