//! Steps of channels by their saliency.

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::gptq::InverseHessian;
use super::statistics::SiteStatistics;
use super::sums::ChannelSums;
use crate::LlmError;
use crate::spike::configuration::{
    ActivationSection, Aggregation, ChannelRule, ClassSection, Denominator, SaliencySection, SpikeConfiguration,
};

/// How salient each channel is by a rule that needs no weights; `stream` numbers the place for [`ChannelRule::Random`].
///
/// # Errors
/// [`LlmError::Configuration`] for [`ChannelRule::Weights`].
pub fn saliency(sums: &ChannelSums, rule: ChannelRule, seed: u64, stream: u64) -> Result<Vec<f64>, LlmError> {
    let mean = |sums: &[f64], tokens: usize| sums.iter().map(|sum| sum / tokens.max(1) as f64).collect();
    Ok(match rule {
        ChannelRule::Signed => mean(&sums.signed, sums.tokens),
        ChannelRule::Absolute => mean(&sums.absolute, sums.tokens),
        ChannelRule::Squared => mean(&sums.squared, sums.tokens),
        ChannelRule::Range => sums.largest.iter().map(|&largest| largest.into()).collect(),
        ChannelRule::Random => {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(stream);
            sums.largest.iter().map(|_| generator.next_u64() as f64).collect()
        }
        ChannelRule::Weights => {
            return Err(LlmError::configuration("rule of channels", "one that needs no weights", "weights"));
        }
    })
}

/// How salient each channel of a site is by the rule of a configuration; `weights` of its linear maps, columns in the
/// order of the channels.
///
/// # Errors
/// Those of [`InverseHessian::new`] where the rule takes weights.
pub fn site_saliency(
    statistics: &SiteStatistics,
    weights: &[Array2<f32>],
    configuration: &SpikeConfiguration,
    stream: u64,
) -> Result<Vec<f64>, LlmError> {
    let section = &configuration.weights;
    match configuration.activations.rule {
        ChannelRule::Weights => {
            let inverse = InverseHessian::new(&statistics.products, statistics.tokens, section.damping, false)?;
            Ok(weight_saliency(weights, &inverse, section.saliency))
        }
        rule => saliency(&statistics.channels, rule, configuration.calibration.seed, stream),
    }
}

/// Saliency `w_ij^2 / d_j` of weights, gathered over all outputs i into one number an input j: to second order what the
/// output error grows by when w_ij is set to 0 and the other weights of its row make up for it (Hassibi and Stork, 1992,
/// "Optimal Brain Surgeon"; SpikeLLM, weight saliency; PB-LLM, Shang et al., 2023, metric "hessian").
pub fn weight_saliency(weights: &[Array2<f32>], inverse: &InverseHessian, section: SaliencySection) -> Vec<f64> {
    let denominators = match section.denominator {
        Denominator::Inverse => inverse.diagonal(),
        Denominator::Factor => inverse.pivots(),
    };
    let mut gathered = vec![0.0f64; denominators.len()];
    for row in weights.iter().flat_map(|weights| weights.rows()) {
        for ((gathered, &weight), denominator) in gathered.iter_mut().zip(row).zip(&denominators) {
            let saliency = f64::from(weight).powi(2) / denominator;
            *gathered = match section.aggregation {
                Aggregation::Sum => *gathered + saliency,
                Aggregation::Largest => gathered.max(saliency),
            };
        }
    }
    gathered
}

/// Steps of the channels of one site: of d channels all but `trunc((1 - share) d)` have more than one step, the most
/// salient ones those of the first class and so on; of equal ones the first channel comes first (SpikeLLM: threshold at
/// the sorted place `int(low_p d) - 1`).
pub fn steps(saliency: &[f64], classes: &[ClassSection]) -> Vec<u32> {
    let channels = saliency.len();
    let mut order: Vec<usize> = (0..channels).collect();
    order.sort_by(|&a, &b| saliency[b].total_cmp(&saliency[a]).then(a.cmp(&b)));
    let mut steps = vec![1; channels];
    let (mut taken, mut share) = (0, 0.0);
    for class in classes {
        share += class.share;
        // A share such as 0.1 leaves 0.9, whose product with d may fall short of an integer by a rounding.
        let end = channels - ((1.0 - share) * channels as f64 + 1e-9).floor().max(0.0) as usize;
        for &channel in order.get(taken..end).unwrap_or(&[]) {
            steps[channel] = class.steps;
        }
        taken = taken.max(end);
    }
    steps
}

/// Steps of the channels of all sites, which compete: channels with the largest saliency for each output that their
/// spikes reach come first, until the sites together have spent on steps what shares of each would.
pub fn steps_of_all(sites: &[(Vec<f64>, usize)], section: &ActivationSection) -> Vec<Vec<u32>> {
    let mut order: Vec<(f64, usize, usize)> = Vec::new();
    for (site, (saliency, outputs)) in sites.iter().enumerate() {
        let each = (*outputs).max(1) as f64;
        order.extend(saliency.iter().enumerate().map(|(channel, &value)| (value / each, site, channel)));
    }
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let all: f64 = sites.iter().map(|(saliency, outputs)| (saliency.len() * outputs) as f64).sum();
    let mut steps: Vec<Vec<u32>> = sites.iter().map(|(saliency, _)| vec![1; saliency.len()]).collect();
    let mut ranked = order.into_iter().peekable();
    let (mut spent, mut share) = (0.0, 0.0);
    for class in &section.classes {
        share += class.share;
        while let Some(&(_, site, channel)) = ranked.peek() {
            let cost = sites[site].1 as f64;
            if spent + cost > share * all + 1e-9 {
                break;
            }
            spent += cost;
            steps[site][channel] = class.steps;
            ranked.next();
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::{steps, steps_of_all};
    use crate::spike::configuration::{ActivationSection, ClassSection};

    #[test]
    fn exactly_the_share_is_salient() {
        for channels in [1usize, 7, 10, 64, 100, 172, 1000] {
            let saliency: Vec<f64> = (0..channels).map(|index| ((index * 37) % channels) as f64).collect();
            for (share, low) in [(0.1, 0.9), (0.05, 0.95), (0.0, 1.0), (1.0, 0.0), (0.3, 0.7)] {
                let steps = steps(&saliency, &[ClassSection { share, steps: 2 }]);
                let salient = steps.iter().filter(|&&steps| steps == 2).count();
                assert_eq!(salient, channels - (low * channels as f64 + 1e-9) as usize, "{channels} {share}");
                let least = steps.iter().zip(&saliency).filter(|(steps, _)| **steps == 2).map(|(_, &s)| s);
                let most = steps.iter().zip(&saliency).filter(|(steps, _)| **steps == 1).map(|(_, &s)| s);
                let (least, most) = (least.fold(f64::MAX, f64::min), most.fold(f64::MIN, f64::max));
                assert!(least > most);
            }
        }
        let three = [ClassSection { share: 0.1, steps: 4 }, ClassSection { share: 0.2, steps: 2 }];
        assert_eq!(steps(&[0.0, 9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0], &three), [1, 4, 1, 2, 1, 2, 1, 1, 1, 1]);
    }

    #[test]
    fn sites_compete_for_the_same_budget() {
        let section =
            ActivationSection { classes: vec![ClassSection { share: 0.25, steps: 2 }], ..ActivationSection::default() };
        let sites = [(vec![8.0, 1.0, 1.0, 1.0], 2), (vec![6.0, 6.0, 0.0, 0.0], 1)];
        assert_eq!(steps_of_all(&sites, &section), [vec![1, 1, 1, 1], vec![2, 2, 1, 1]].to_vec());
    }
}
