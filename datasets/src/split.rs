//! Division into training, validation and test samples.

use serde::{Deserialize, Serialize};

use crate::random::{Purpose, generator, shuffle};
use crate::{Dataset, DatasetError, Holdout, Samples};

/// How to divide a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitOptions {
    /// Validation samples. By default 10,000 of official training files that hold more (MNIST
    /// 50,000/10,000 and CIFAR-10 40,000/10,000, as in the SpikeGrad papers), else a sixth of
    /// all samples.
    pub validation: Option<usize>,
    /// Test samples where the files hold no test part; by default a third of all samples.
    pub test: Option<usize>,
    /// Seed of the choice where it is made by a shuffle.
    pub seed: u64,
}

/// Three disjoint parts that together are the whole data set.
#[derive(Debug, Clone)]
pub struct Splits {
    /// Samples to train on.
    pub train: Samples,
    /// Samples to choose settings and the best epoch on.
    pub validation: Samples,
    /// Samples to report the final figure on.
    pub test: Samples,
}

const OFFICIAL_VALIDATION: usize = 10_000;

impl Dataset {
    /// Divides the data set. With [`Holdout::Tail`] the validation part is the end of the
    /// training files; with [`Holdout::Stratified`] every class is shuffled by the seed and
    /// gives its proportional share, first to the test part if the files hold none, then to the
    /// validation part. Chosen samples keep the order of the files.
    ///
    /// # Errors
    /// [`DatasetError::Invalid`] when the parts would leave no training sample, or a test size
    /// is asked of a data set whose files hold a test part.
    pub fn split(self, options: &SplitOptions) -> Result<Splits, DatasetError> {
        let total = self.train.len();
        let test_count = match (self.test.is_empty(), options.test) {
            (true, count) => count.unwrap_or(total / 3),
            (false, None) => 0,
            (false, Some(found)) => {
                return Err(DatasetError::parameter(
                    &self.name,
                    "test",
                    format!("the {} test samples of the files", self.test.len()),
                    found,
                    "leave the test size out",
                ));
            }
        };
        let validation_count = options.validation.unwrap_or({
            if self.holdout == Holdout::Tail && total > OFFICIAL_VALIDATION { OFFICIAL_VALIDATION } else { total / 6 }
        });
        let held_out = test_count.saturating_add(validation_count);
        if held_out >= total {
            return Err(DatasetError::parameter(
                &self.name,
                "validation",
                format!("fewer than {} samples", total.saturating_sub(test_count)),
                validation_count,
                "choose smaller parts, so that samples remain to train on",
            ));
        }
        let mut train = self.train;
        match self.holdout {
            Holdout::Tail => {
                let mut validation = train.split_off(total - held_out);
                let tail = validation.split_off(validation_count);
                let test = if self.test.is_empty() { tail } else { self.test };
                Ok(Splits { train, validation, test })
            }
            Holdout::Stratified => {
                let [rest, validation, test] = stratified(train.labels(), validation_count, test_count, options.seed);
                Ok(Splits {
                    validation: train.select(&validation),
                    test: if self.test.is_empty() { train.select(&test) } else { self.test },
                    train: train.select(&rest),
                })
            }
        }
    }
}

/// Indices, ascending, of the rest, the validation part and the test part.
fn stratified(labels: &[u8], validation: usize, test: usize, seed: u64) -> [Vec<usize>; 3] {
    let mut classes: Vec<Vec<usize>> = vec![Vec::new(); 256];
    for (index, &label) in labels.iter().enumerate() {
        classes[usize::from(label)].push(index);
    }
    for (class, members) in classes.iter_mut().enumerate() {
        shuffle(&mut generator(seed, Purpose::Split, class as u64), members);
    }
    let test = take(&mut classes, test);
    let validation = take(&mut classes, validation);
    let rest = take(&mut classes, labels.len());
    [rest, validation, test]
}

/// Takes `count` members from the ends of the classes in proportion to their sizes; what
/// rounding leaves over comes from the classes with the largest remainders, the lower class
/// first among equals.
fn take(classes: &mut [Vec<usize>], count: usize) -> Vec<usize> {
    let total: usize = classes.iter().map(Vec::len).sum();
    let count = count.min(total);
    if count == 0 {
        return Vec::new();
    }
    let share = |len: usize| {
        let exact = count as u128 * len as u128;
        let whole = (exact / total as u128) as usize;
        (whole, (exact % total as u128) as usize)
    };
    let mut quotas: Vec<usize> = classes.iter().map(|class| share(class.len()).0).collect();
    let missing = count - quotas.iter().sum::<usize>();
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(share(classes[class].len()).1));
    for &class in &order[..missing.min(order.len())] {
        quotas[class] += 1;
    }
    let mut taken = Vec::with_capacity(count);
    for (class, quota) in classes.iter_mut().zip(quotas) {
        taken.extend(class.drain(class.len().saturating_sub(quota)..));
    }
    taken.sort_unstable();
    taken
}
