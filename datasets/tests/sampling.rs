//! Splits, permutations and augmentation.

mod common;

use std::collections::HashMap;

use common::{assert_says, noise};
use datasets::{
    Augmentation, Dataset, Holdout, ImageShape, Samples, Source, SplitOptions, Splits, augment, load, permutation,
};
use proptest::prelude::*;

/// One-pixel images that carry their index in two channels, so that parts can be compared.
fn numbered(labels: Vec<u8>, test: usize, holdout: Holdout) -> Dataset {
    let shape = ImageShape { height: 1, width: 1, channels: 2 };
    let pixels = |from: usize, count: usize| -> Vec<u8> {
        (from..from + count).flat_map(|index| (index as u16).to_le_bytes()).collect()
    };
    let count = labels.len();
    Dataset {
        name: "numbered".into(),
        height: 1,
        width: 1,
        channels: 2,
        classes: (0..10).map(|class| class.to_string()).collect(),
        train: Samples::new(shape, pixels(0, count), labels).expect("train"),
        test: Samples::new(shape, pixels(count, test), vec![0; test]).expect("test"),
        pixel_maximum: 255,
        holdout,
    }
}

fn numbers(samples: &Samples) -> Vec<u16> {
    (0..samples.len()).map(|index| u16::from_le_bytes([samples.image(index)[0], samples.image(index)[1]])).collect()
}

fn assert_partition(splits: &Splits, total: usize) {
    let mut all = [&splits.train, &splits.validation, &splits.test].map(numbers).concat();
    all.sort_unstable();
    assert_eq!(all, (0..total as u16).collect::<Vec<u16>>());
}

#[test]
fn digits_hold_out_a_third_with_the_classes_in_proportion() {
    for seed in 0..5 {
        let options = SplitOptions { seed, ..SplitOptions::default() };
        let digits = load(&Source::Digits, None).expect("digits");
        let counts = digits.train.label_counts(10);
        let splits = digits.split(&options).expect("split");
        let sizes = (splits.train.len(), splits.validation.len(), splits.test.len());
        assert_eq!(sizes, (899, 299, 599));
        for (found, total) in splits.test.label_counts(10).into_iter().zip(counts) {
            assert!(found.abs_diff(total / 3) <= 1, "{found} of {total}");
        }
        let again = load(&Source::Digits, None).expect("digits").split(&options).expect("split");
        assert_eq!((again.test, again.train), (splits.test, splits.train));
    }
    let of = |seed| {
        let options = SplitOptions { seed, ..SplitOptions::default() };
        load(&Source::Digits, None).expect("digits").split(&options).expect("split").test
    };
    assert_ne!(of(0), of(1));
}

#[test]
fn sizes_that_leave_nothing_are_errors() {
    let options = |validation, test| SplitOptions { validation, test, seed: 0 };
    for (validation, test) in [(100, None), (usize::MAX, Some(usize::MAX)), (40, Some(60))] {
        let data = numbered(vec![0; 100], 0, Holdout::Stratified);
        let error = data.split(&options(Some(validation), test)).expect_err("nothing left");
        assert_says(&error, &["validation", &validation.to_string(), "remain to train on"]);
    }
    let data = numbered(vec![0; 100], 10, Holdout::Tail);
    let error = data.split(&options(None, Some(5))).expect_err("two test parts");
    assert_says(&error, &["test", "10 test samples"]);
}

#[test]
fn samples_refuse_lengths_that_do_not_agree() {
    let shape = ImageShape { height: 2, width: 2, channels: 1 };
    assert!(Samples::new(shape, vec![0; 8], vec![0; 2]).is_ok());
    assert!(Samples::new(shape, vec![0; 7], vec![0; 2]).is_err());
    let shape = ImageShape { height: 0, ..shape };
    assert!(Samples::new(shape, vec![], vec![]).is_err());
    let shape = ImageShape { height: usize::MAX, width: 2, channels: 1 };
    assert!(Samples::new(shape, vec![], vec![]).is_err());
}

#[test]
fn all_orders_are_equally_likely() {
    const DRAWS: usize = 24_000;
    let mut counts: HashMap<Vec<usize>, usize> = HashMap::new();
    for epoch in 0..DRAWS as u64 {
        *counts.entry(permutation(7, epoch, 4)).or_default() += 1;
    }
    assert_eq!(counts.len(), 24);
    let expected = (DRAWS / 24) as f64;
    let chi: f64 = counts.values().map(|&n| (n as f64 - expected).powi(2) / expected).sum();
    // 23 degrees of freedom: above 49.7 once in a thousand.
    assert!(chi < 49.7, "{chi}");
}

/// The values are part of every run's reproducibility: they may never change.
#[test]
fn known_permutations_stay() {
    assert_eq!(permutation(0, 0, 10), KNOWN[0]);
    assert_eq!(permutation(1, 0, 10), KNOWN[1]);
    assert_eq!(permutation(0, 1, 10), KNOWN[2]);
}

/// Computed by a ChaCha8 written apart from this crate and its libraries.
const KNOWN: [[usize; 10]; 3] =
    [[1, 8, 9, 6, 2, 0, 5, 4, 7, 3], [9, 3, 0, 8, 2, 5, 7, 1, 4, 6], [9, 6, 4, 5, 1, 7, 3, 2, 0, 8]];

#[test]
fn crops_and_flips_cover_every_place_evenly() {
    let shape = ImageShape { height: 3, width: 5, channels: 2 };
    let image: Vec<u8> = (1..=30).collect();
    let options = Augmentation { padding: 1, fill: 0, flip: true, cutout: 0 };
    let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut output = vec![0; 30];
    for sample in 0..9000 {
        augment(&image, shape, &options, 3, 1, sample, &mut output).expect("augment");
        *seen.entry(output.clone()).or_default() += 1;
    }
    // 3 x 3 windows, each mirrored or not.
    assert_eq!(seen.len(), 18);
    assert!(seen.values().all(|&count| (380..620).contains(&count)), "{seen:?}");
    assert!(seen.contains_key(&image));
    let mirrored: Vec<u8> = image.chunks(10).flat_map(|row| row.chunks(2).rev().flatten().copied()).collect();
    assert!(seen.contains_key(&mirrored));
    let mut down = vec![0; 10];
    down.extend(&image[..20]);
    assert!(seen.contains_key(&down));
}

#[test]
fn cutouts_are_squares_clipped_at_the_border_and_centred_everywhere() {
    let shape = ImageShape { height: 4, width: 6, channels: 2 };
    let image: Vec<u8> = (1..=48).collect();
    let options = Augmentation { fill: 0, cutout: 3, ..Augmentation::default() };
    let mut centres: HashMap<(usize, usize), usize> = HashMap::new();
    let mut output = vec![0; 48];
    for sample in 0..4800 {
        augment(&image, shape, &options, 3, 1, sample, &mut output).expect("augment");
        let blank = |y: usize, x: usize| output[(y * 6 + x) * 2..][..2] == [0, 0];
        let found: Vec<_> = (0..24)
            .map(|i| (i / 6, i % 6))
            .filter(|&(y, x)| {
                let expected = |y: usize, x: usize| {
                    (0..24).all(|i| {
                        let (row, column) = (i / 6, i % 6);
                        blank(row, column) == (row.abs_diff(y) < 2 && column.abs_diff(x) < 2)
                    })
                };
                expected(y, x)
            })
            .collect();
        assert_eq!(found.len(), 1, "{output:?}");
        *centres.entry(found[0]).or_default() += 1;
        assert!(output.iter().zip(&image).all(|(&after, &before)| after == before || after == 0));
    }
    assert_eq!(centres.len(), 24);
    assert!(centres.values().all(|&count| (140..260).contains(&count)), "{centres:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splits_are_disjoint_and_complete(
        labels in prop::collection::vec(0u8..10, 4..400),
        official_test in 0usize..20,
        tail in any::<bool>(),
        validation in prop::option::of(0usize..100),
        seed in any::<u64>(),
    ) {
        let holdout = if tail { Holdout::Tail } else { Holdout::Stratified };
        let total = labels.len() + official_test;
        let counts = labels.clone();
        let dataset = numbered(labels, official_test, holdout);
        let options = SplitOptions { validation, test: None, seed };
        let held_out = validation.unwrap_or(counts.len() / 6)
            + if official_test == 0 { counts.len() / 3 } else { 0 };
        match dataset.split(&options) {
            Ok(splits) => {
                assert_partition(&splits, total);
                prop_assert_eq!(counts.len() - splits.train.len(), held_out);
            }
            Err(_) => prop_assert!(held_out >= counts.len()),
        }
    }

    #[test]
    fn permutations_hold_each_index_once(seed in any::<u64>(), epoch in any::<u64>(), count in 0usize..500) {
        let order = permutation(seed, epoch, count);
        prop_assert_eq!(&order, &permutation(seed, epoch, count));
        let mut sorted = order;
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..count).collect::<Vec<_>>());
    }

    #[test]
    fn augmentation_depends_on_its_arguments_alone(
        height in 1usize..9, width in 1usize..9, channels in 1usize..4,
        padding in 0usize..12, fill in any::<u8>(), flip in any::<bool>(), cutout in 0usize..12,
        seed in any::<u64>(), epoch in any::<u64>(), sample in any::<u32>(),
    ) {
        let shape = ImageShape { height, width, channels };
        let image = noise(height * width * channels, 11);
        let options = Augmentation { padding, fill, flip, cutout };
        let (mut first, mut second) = (vec![1; image.len()], vec![2; image.len()]);
        let run = |output: &mut [u8]| augment(&image, shape, &options, seed, epoch, sample as usize, output);
        let result = run(&mut first);
        prop_assert_eq!(result.is_ok(), padding.max(cutout) <= height.max(width));
        if result.is_ok() {
            run(&mut second).expect("again");
            prop_assert_eq!(&first, &second);
            if options.is_identity() {
                prop_assert_eq!(&first, &image);
            }
        }
        prop_assert!(augment(&image[1..], shape, &options, seed, epoch, 0, &mut first).is_err());
    }
}
