//! Scale factors and resting inputs from partial sums.

use crate::columns::{Code, ColumnOperator, ColumnRead};
use crate::mapping::{FixedPoint, ScaleValues, common_factor};
use crate::program::Broadcast;

/// Numbers of products of codes that are kept at most.
const LARGEST_PRODUCTS: usize = 1 << 24;
/// Positions that are looked at, about.
const POSITIONS: usize = 1 << 14;

/// Sums over the total inputs of a projection, and over what its codes add to them.
///
/// A code stands for `F = weight_k * weight_j * (Q(P) - Q(0))`, summed over the partial sums of an output that
/// share a scale factor s, and for the exact `X = sum of weight_k * weight_j * P` over the same. The total
/// input of an output becomes `rest + sum of s * F`, with
///
/// ```text
/// s    = gain * cov(F, X) / var(F)            the best line through each code
/// gain: var(sum of s * F) = var(sum of X)     for every output, or all that share scale factors
/// rest = mean(sum of X) - mean(sum of s * F)
/// ```
///
/// A code tells part of what its partial sum tells, so that lines alone would shrink total inputs towards
/// their means; the gain gives them the spread that the next population's threshold was trained for. All
/// sums are of integers below 2^53: their order does not matter.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    code: Code,
    levels: Broadcast,
    /// Row tiles, slices, streams, outputs.
    sizes: [usize; 4],
    groups: [usize; 4],
    /// Scale factors that one output meets.
    features: usize,
    /// `weight_k * weight_j`, `[stream][slice]`.
    weights: Vec<i64>,
    /// One position in so many is looked at.
    stride: usize,
    /// Outputs with products of codes; the others take the mean gain of these.
    paired: usize,
    sums: Sums,
    present: Present,
}

/// Sums over positions.
#[derive(Clone, Debug, Default)]
struct Sums {
    count: f64,
    /// Per output: total inputs and their squares.
    totals: Vec<f64>,
    squares: Vec<f64>,
    /// Per output and feature: F, X, F * X, F * F.
    coded: Vec<f64>,
    exact: Vec<f64>,
    mixed: Vec<f64>,
    own: Vec<f64>,
    /// Per output: products of all F.
    products: Vec<f64>,
}

/// F and X of the positions of a group, `[position][output][feature]`.
#[derive(Clone, Debug, Default)]
struct Present {
    coded: Vec<i64>,
    exact: Vec<i64>,
}

/// What was fitted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fitted {
    /// Scale factors, in the order of their groups.
    pub scales: Vec<f64>,
    /// Per output: its total input when no row is active.
    pub rest: Vec<f64>,
}

impl Fit {
    /// For the columns of a projection with quantiser levels, scale factors in `groups`, and about
    /// `positions` positions in all.
    pub fn new(operator: &ColumnOperator, code: Code, levels: Broadcast, groups: [usize; 4], positions: usize) -> Self {
        let slices = operator.slicing().weights();
        let sizes = [operator.row_tiles(), slices.len(), operator.streams().len(), operator.outputs()];
        let outputs = sizes[3];
        let features = groups[0] * groups[1] * groups[2];
        let squared = features.saturating_mul(features);
        let paired = outputs.min(LARGEST_PRODUCTS / squared.max(1));
        let streams = operator.streams().iter();
        let zeros = || vec![0.0; outputs * features];
        Self {
            code,
            levels,
            sizes,
            groups,
            features,
            weights: streams.flat_map(|stream| slices.iter().map(move |slice| slice * stream.weight)).collect(),
            // Odd, so that no column of a map is left out.
            stride: (positions / POSITIONS) | 1,
            paired,
            sums: Sums {
                count: 0.0,
                totals: vec![0.0; outputs],
                squares: vec![0.0; outputs],
                coded: zeros(),
                exact: zeros(),
                mixed: zeros(),
                own: zeros(),
                products: vec![0.0; paired * squared],
            },
            present: Present::default(),
        }
    }

    /// The quantiser levels that it was made for.
    pub fn levels(&self) -> &Broadcast {
        &self.levels
    }

    fn feature(&self, [r, k, j]: [usize; 3]) -> usize {
        let place = |index: usize, size: usize| index.min(size - 1);
        let [tiles, slices, streams, _] = self.groups;
        (place(r, tiles) * slices + place(k, slices)) * streams + place(j, streams)
    }

    /// Takes a read in; the reads of a group of positions come one after the other.
    pub fn add(&mut self, read: &ColumnRead<'_>) {
        let [row_tiles, slices, streams, outputs] = self.sizes;
        let (features, stride) = (self.features, self.stride);
        if read.row_tile == 0 && read.stream == 0 {
            for values in [&mut self.present.coded, &mut self.present.exact] {
                values.clear();
                values.resize(read.count * outputs * features, 0);
            }
        }
        for (&place, sums) in read.places.iter().zip(read.sums.chunks_exact(slices * outputs)) {
            if !read.position(place).is_multiple_of(stride) {
                continue;
            }
            for (slice, sums) in sums.chunks_exact(outputs).enumerate() {
                let feature = self.feature([read.row_tile, slice, read.stream]);
                let weight = self.weights[read.stream * slices + slice];
                for (output, &sum) in sums.iter().enumerate() {
                    let level = self.levels.get([read.row_tile, slice, read.stream, output]);
                    let at = (place as usize * outputs + output) * features + feature;
                    let code = self.code.apply(sum, level) - self.code.at_zero(level);
                    self.present.exact[at] += i64::from(sum) * weight;
                    self.present.coded[at] += i64::from(code) * weight;
                }
            }
        }
        if read.row_tile + 1 == row_tiles && read.stream + 1 == streams {
            let places = (0..read.count).filter(|place| (read.first + place).is_multiple_of(stride));
            places.for_each(|place| self.sums.add(&self.present, place, [outputs, features, self.paired]));
        }
    }

    /// Adds the sums of other positions.
    pub fn merge(mut self, other: &Self) -> Self {
        let add = |sums: &mut Vec<f64>, other: &[f64]| sums.iter_mut().zip(other).for_each(|(sum, add)| *sum += add);
        let (own, other) = (&mut self.sums, &other.sums);
        own.count += other.count;
        add(&mut own.totals, &other.totals);
        add(&mut own.squares, &other.squares);
        add(&mut own.coded, &other.coded);
        add(&mut own.exact, &other.exact);
        add(&mut own.mixed, &other.mixed);
        add(&mut own.own, &other.own);
        add(&mut own.products, &other.products);
        self
    }

    /// Scale factors of at least `smallest`, and the resting inputs that belong to them, rounded to `bits`
    /// bits where bits are given.
    pub fn solve(&self, smallest: f64, bits: Option<u32>) -> Fitted {
        let outputs = self.sizes[3];
        // Outputs that share their scale factors, if any do.
        let systems = if self.groups[3] == 1 { 1 } else { outputs };
        let members = |system: usize| if systems == 1 { 0..outputs } else { system..system + 1 };
        let mut lines: Vec<Vec<f64>> = (0..systems).map(|system| self.lines(members(system))).collect();
        let gains: Vec<Option<f64>> =
            lines.iter().enumerate().map(|(system, lines)| self.gain(members(system), lines)).collect();
        let known: Vec<f64> = gains.iter().flatten().copied().collect();
        let mean = if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / known.len() as f64 };
        for (lines, gain) in lines.iter_mut().zip(&gains) {
            lines.iter_mut().for_each(|scale| *scale = (*scale * gain.unwrap_or(mean)).max(smallest));
        }
        let values = (0..self.features).flat_map(|feature| lines.iter().map(move |lines| lines[feature]));
        let scales: Vec<f64> = values.collect();
        let used: Vec<f64> = match bits {
            Some(bits) => {
                let weight = |slice, stream| {
                    self.weights.get(stream * self.sizes[1] + slice).map_or(0.0, |&weight| weight as f64)
                };
                let real = ScaleValues { shape: self.groups, values: scales.clone() };
                let fixed = FixedPoint::rounded(&real, bits, common_factor(&real, bits, weight, None));
                fixed.integers.values.iter().map(|&value| fixed.common * f64::from(value)).collect()
            }
            None => scales.clone(),
        };
        let rest = |output: usize| {
            let coded = &self.sums.coded[output * self.features..][..self.features];
            let used = used.iter().skip(output % systems).step_by(systems);
            let coded: f64 = coded.iter().zip(used).map(|(sum, scale)| sum * scale).sum();
            (self.sums.totals[output] - coded) / self.sums.count.max(1.0)
        };
        Fitted { rest: (0..outputs).map(rest).collect(), scales }
    }

    /// `cov(F, X) / var(F)`; where no code was other than resting, the mean of the others.
    fn lines(&self, members: std::ops::Range<usize>) -> Vec<f64> {
        let (sums, count) = (&self.sums, self.sums.count.max(1.0));
        let line = |feature: usize| {
            let (mut covariance, mut variance) = (0.0, 0.0);
            for index in members.clone().map(|output| output * self.features + feature) {
                covariance += sums.mixed[index] - sums.coded[index] * sums.exact[index] / count;
                variance += sums.own[index] - sums.coded[index] * sums.coded[index] / count;
            }
            (variance > 0.0).then(|| (covariance / variance).max(0.0))
        };
        let lines: Vec<Option<f64>> = (0..self.features).map(line).collect();
        let seen: Vec<f64> = lines.iter().flatten().copied().collect();
        let mean = if seen.is_empty() { 1.0 } else { seen.iter().sum::<f64>() / seen.len() as f64 };
        lines.into_iter().map(|line| line.unwrap_or(mean)).collect()
    }

    /// Ratio of the spread of exact total inputs to that of fitted ones; `None` without products.
    fn gain(&self, members: std::ops::Range<usize>, scales: &[f64]) -> Option<f64> {
        let (sums, count, features) = (&self.sums, self.sums.count.max(1.0), self.features);
        let (mut exact, mut fitted) = (0.0, 0.0);
        for output in members.filter(|&output| output < self.paired) {
            exact += sums.squares[output] - sums.totals[output] * sums.totals[output] / count;
            let means = &sums.coded[output * features..][..features];
            let rows = sums.products[output * features * features..].chunks_exact(features);
            for ((row, mean), scale) in rows.zip(means).zip(scales) {
                let row = row.iter().zip(means).zip(scales);
                fitted += scale * row.map(|((cell, other), scale)| scale * (cell - mean * other / count)).sum::<f64>();
            }
        }
        (exact > 0.0 && fitted > 0.0).then(|| (exact / fitted).sqrt())
    }
}

impl Sums {
    /// Adds one position of a group.
    fn add(&mut self, present: &Present, place: usize, [outputs, features, paired]: [usize; 3]) {
        self.count += 1.0;
        let mut seen: Vec<(usize, f64)> = Vec::with_capacity(features);
        for output in 0..outputs {
            let start = (place * outputs + output) * features;
            let exact = &present.exact[start..start + features];
            let total = exact.iter().sum::<i64>() as f64;
            self.totals[output] += total;
            self.squares[output] += total * total;
            seen.clear();
            for (feature, (&exact, &coded)) in exact.iter().zip(&present.coded[start..]).enumerate() {
                let (index, exact, coded) = (output * features + feature, exact as f64, coded as f64);
                self.exact[index] += exact;
                if coded != 0.0 {
                    self.coded[index] += coded;
                    self.mixed[index] += coded * exact;
                    self.own[index] += coded * coded;
                    seen.push((feature, coded));
                }
            }
            if output < paired {
                let products = &mut self.products[output * features * features..][..features * features];
                for &(feature, coded) in &seen {
                    let row = &mut products[feature * features..][..features];
                    seen.iter().for_each(|&(other, value)| row[other] += coded * value);
                }
            }
        }
    }
}
