//! Saliencies against their definitions, computed number by number.

use kernels::Engine;
use nalgebra::DMatrix;
use ndarray::{Array2, Axis};

use super::{engine, random_model};
use crate::forward::Attention;
use crate::spike::build::{
    ChannelSums, HeadStatistics, InverseHessian, SiteStatistics, Stop, quantise, record, saliency, site_saliency,
    weight_saliency,
};
use crate::spike::configuration::{
    ActivationSection, Aggregation, ChannelRule, Denominator, SaliencySection, SpikeConfiguration, TernarySection,
    WeightMethod, WeightSection,
};

fn numbers(rows: usize, columns: usize, seed: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(r, c)| {
        ((r * 131 + c * 71 + seed * 37 + r * c * 7) % 97) as f32 / 31.0 - 1.3
    })
}

fn close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (channel, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{what} {channel}: {found} {expected}");
    }
}

/// Statistics of the first site of a random model over some tokens, and the activations there.
fn first_site() -> (SiteStatistics, Vec<Array2<f32>>, Array2<f32>) {
    let model = random_model(5);
    let hidden = [numbers(9, model.config().hidden, 1), numbers(6, model.config().hidden, 2)];
    let statistics = record(&model.of_block(0), engine(), &hidden, Stop::NEVER).unwrap();
    let [statistics, ..] = statistics.sites;
    let weights = crate::model::Site::ALL[0].linears().iter().map(|&linear| model.linear(0, linear).weight.to_array());
    let sample = statistics.sample.clone();
    assert_eq!(sample.nrows(), 15);
    (statistics, weights.collect(), sample)
}

#[test]
fn activation_saliency_is_the_mean_over_tokens_of_each_form() {
    let (statistics, weights, x) = first_site();
    let channels = x.ncols();
    let of_token = |token: usize, channel: usize| -> f64 {
        let mut derivative = 0.0;
        for row in weights.iter().flat_map(|weights| weights.rows()) {
            let output: f64 = (0..channels).map(|c| f64::from(row[c]) * f64::from(x[[token, c]])).sum();
            derivative += output * f64::from(row[channel]);
        }
        f64::from(x[[token, channel]]) * derivative
    };
    type Form = fn(f64) -> f64;
    let forms: [(ChannelRule, Form); 3] =
        [(ChannelRule::Signed, |s| s), (ChannelRule::Absolute, f64::abs), (ChannelRule::Squared, |s| s * s)];
    for (rule, form) in forms {
        let expected: Vec<f64> = (0..channels)
            .map(|channel| (0..15).map(|token| form(of_token(token, channel))).sum::<f64>() / 15.0)
            .collect();
        close(&saliency(&statistics.channels, rule, 1, 0).unwrap(), &expected, &format!("{rule:?}"));
    }
    let largest: Vec<f64> =
        x.columns().into_iter().map(|x| x.iter().fold(0.0f32, |most, x| most.max(x.abs())).into()).collect();
    close(&saliency(&statistics.channels, ChannelRule::Range, 1, 0).unwrap(), &largest, "range");
    assert!(saliency(&statistics.channels, ChannelRule::Weights, 1, 0).is_err());
}

#[test]
fn weight_saliency_is_that_of_the_inverse_hessian() {
    let (statistics, weights, x) = first_site();
    let channels = x.ncols();
    let damping = 0.05;
    let mut hessian = DMatrix::<f64>::zeros(channels, channels);
    for token in x.rows() {
        for (i, &a) in token.iter().enumerate() {
            for (j, &b) in token.iter().enumerate() {
                hessian[(i, j)] += 2.0 * f64::from(a) * f64::from(b) / 15.0;
            }
        }
    }
    let damp = damping * hessian.diagonal().mean();
    (0..channels).for_each(|channel| hessian[(channel, channel)] += damp);
    let inverse = hessian.clone().try_inverse().unwrap();
    for denominator in [Denominator::Inverse, Denominator::Factor] {
        for aggregation in [Aggregation::Sum, Aggregation::Largest] {
            let expected: Vec<f64> = (0..channels)
                .map(|channel| {
                    let divided = match denominator {
                        Denominator::Inverse => inverse[(channel, channel)],
                        // What the inverse is among the columns that are left.
                        Denominator::Factor => {
                            let left = channels - channel;
                            let rest = hessian.view((channel, channel), (left, left)).into_owned();
                            rest.try_inverse().unwrap()[(0, 0)]
                        }
                    };
                    let of_rows = weights.iter().flat_map(|weights| weights.rows());
                    let saliencies = of_rows.map(|row| f64::from(row[channel]).powi(2) / divided);
                    match aggregation {
                        Aggregation::Sum => saliencies.sum::<f64>(),
                        Aggregation::Largest => saliencies.fold(0.0, f64::max),
                    }
                })
                .collect();
            let section = SaliencySection { denominator, aggregation };
            let configuration = SpikeConfiguration {
                weights: WeightSection { damping, saliency: section, ..WeightSection::default() },
                activations: ActivationSection { rule: ChannelRule::Weights, ..ActivationSection::default() },
                ..SpikeConfiguration::default()
            };
            let found = site_saliency(&statistics, &weights, &configuration, 0).unwrap();
            close(&found, &expected, &format!("{section:?}"));
            let inverse = InverseHessian::new(&statistics.products, 15, damping, true).unwrap();
            if denominator == Denominator::Inverse {
                close(&weight_saliency(&weights, &inverse, section), &expected, "whatever the order of the columns");
            }
        }
    }
}

#[test]
fn saliency_of_keys_and_values_is_within_the_window() {
    for window in [None, Some(3), Some(100)] {
        let mut config = random_model(1).config().clone();
        config.sliding_window = window;
        let (width, group, tokens) = (config.head, config.heads / config.key_value_heads, 8);
        let attention = Attention::new(&config, Engine::detect(kernels::Parallelism::Serial));
        let (keys, values) = (numbers(tokens, width, 3), numbers(tokens, width, 4));
        let queries = numbers(tokens, config.query_width(), 5);
        let mut head = HeadStatistics { keys: ChannelSums::new(width), values: ChannelSums::new(width) };
        let index = 1;
        head.add([keys.as_slice().unwrap(), values.as_slice().unwrap()], queries.view(), index, &attention);
        let mut of_keys = Array2::<f64>::zeros((tokens, width));
        let mut of_values = Array2::<f64>::zeros((tokens, width));
        for member in 0..group {
            let first = (index * group + member) * width;
            let query = queries.slice_axis(Axis(1), (first..first + width).into()).mapv(f64::from);
            let mut shares = Array2::<f64>::zeros((tokens, tokens));
            for t in 0..tokens {
                let sees = |s: usize| s <= t && window.is_none_or(|window| t - s < window);
                let score = |s: usize| (0..width).map(|c| query[[t, c]] * f64::from(keys[[s, c]])).sum::<f64>();
                let weight = |s: usize| (score(s) / (width as f64).sqrt()).exp();
                let sum: f64 = (0..tokens).filter(|&s| sees(s)).map(weight).sum();
                (0..tokens).filter(|&s| sees(s)).for_each(|s| shares[[t, s]] = weight(s) / sum);
            }
            of_values += &shares.t().dot(&shares.dot(&values.mapv(f64::from)));
            of_keys += &keys.mapv(f64::from).dot(&query.t().dot(&query));
        }
        for (found, x, derivative) in [(&head.keys, &keys, &of_keys), (&head.values, &values, &of_values)] {
            let expected = (x.mapv(f64::from) * derivative).sum_axis(Axis(0)).to_vec();
            close(&found.signed, &expected, &format!("window {window:?}"));
            assert_eq!(found.tokens, tokens);
        }
    }
}

#[test]
fn weights_of_dead_inputs_are_zero_and_widen_no_range() {
    let mut weights = numbers(6, 12, 6);
    let mut products = numbers(30, 12, 7).mapv(f64::from);
    products = products.t().dot(&products);
    for dead in [2, 9] {
        weights.column_mut(dead).fill(50.0);
        products.row_mut(dead).fill(0.0);
        products.column_mut(dead).fill(0.0);
    }
    let mut without = weights.clone();
    [2, 9].into_iter().for_each(|dead| without.column_mut(dead).fill(0.0));
    for ternary in [None, Some(TernarySection { share: 0.3, steps: 3 })] {
        let section = WeightSection { ternary, clip: false, ..WeightSection::default() };
        let found = quantise(&weights, &products, 30, &section).unwrap();
        assert_eq!(found, quantise(&without, &products, 30, &section).unwrap());
        assert!([2, 9].iter().all(|&dead| found.dequantised().column(dead).iter().all(|&weight| weight == 0.0)));
        assert!(found.scales.iter().all(|&scale| scale < 4.0));
    }
    let rounded = WeightSection { method: WeightMethod::RoundToNearest, clip: false, ..WeightSection::default() };
    let rounded = quantise(&weights, &products, 30, &rounded).unwrap();
    assert!(rounded.dequantised()[[0, 2]] > 40.0, "rounding looks at no data");
}
