//! Scale factors and resting inputs from partial sums.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array3, ArrayView2, ArrayViewMut2, Axis, Slice};

use crate::columns::{Code, ColumnOperator, ColumnRead};
use crate::mapping::{FixedPoint, ScaleValues, common_factor};
use crate::program::Broadcast;

/// Numbers of products of codes that are kept at most.
const LARGEST_PRODUCTS: usize = 1 << 24;
/// Positions that are looked at, about.
const POSITIONS: usize = 1 << 14;
/// Outputs whose features are made together.
const OUTPUTS: usize = 8;
/// Features whose products with themselves and all later ones are computed together.
const BLOCK: usize = 64;

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
    /// `[output][feature][feature]`: products of each F with itself and those behind it; before it anything.
    products: Array3<f64>,
}

/// Partial sums of the positions of a group that are looked at, `[row tile][stream][slice][position][output]`.
#[derive(Clone, Debug, Default)]
struct Present {
    positions: usize,
    sums: Vec<i32>,
}

/// F and X of some outputs, `[output][position][feature]`, integers below 2^53.
struct Features {
    coded: Array3<f64>,
    exact: Array3<f64>,
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
                products: Array3::zeros([paired, features, features]),
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
        let (first, stride) = (read.first.div_ceil(self.stride), self.stride);
        let positions = (read.first + read.count).div_ceil(stride) - first;
        let size = positions * outputs;
        if read.row_tile == 0 && read.stream == 0 {
            self.present.positions = positions;
            self.present.sums.clear();
            self.present.sums.resize(row_tiles * streams * slices * size, 0);
        }
        let present = &mut self.present.sums[(read.row_tile * streams + read.stream) * slices * size..];
        for (&place, sums) in read.places.iter().zip(read.sums.chunks_exact(slices * outputs)) {
            let position = read.first + place as usize;
            if position.is_multiple_of(stride) {
                let start = (position / stride - first) * outputs;
                for (present, sums) in present.chunks_exact_mut(size).zip(sums.chunks_exact(outputs)) {
                    present[start..start + outputs].copy_from_slice(sums);
                }
            }
        }
        if read.row_tile + 1 == row_tiles && read.stream + 1 == streams && positions > 0 {
            self.sums.count += positions as f64;
            for first in (0..outputs).step_by(OUTPUTS) {
                let features = self.features(first..outputs.min(first + OUTPUTS));
                self.sums.add(&features, first);
            }
        }
    }

    /// F and X of some outputs at the present positions.
    fn features(&self, outputs: Range<usize>) -> Features {
        let [row_tiles, slices, streams, all] = self.sizes;
        let zeros = || Array3::zeros([outputs.len(), self.present.positions, self.features]);
        let (mut coded, mut exact) = (zeros(), zeros());
        let places = (0..row_tiles).flat_map(|tile| (0..streams).map(move |stream| (tile, stream)));
        let places = places.flat_map(|(tile, stream)| (0..slices).map(move |slice| [tile, slice, stream]));
        let mut levels = Vec::with_capacity(outputs.len());
        let present = self.present.sums.chunks_exact((self.present.positions * all).max(1));
        for (place, sums) in places.zip(present) {
            let [tile, slice, stream] = place;
            let feature = self.feature(place);
            let weight = self.weights[stream * slices + slice] as f64;
            levels.clear();
            levels.extend(outputs.clone().map(|output| self.levels.get([tile, slice, stream, output])));
            let mut coded = coded.index_axis_mut(Axis(2), feature);
            let mut exact = exact.index_axis_mut(Axis(2), feature);
            let positions = coded.axis_iter_mut(Axis(1)).zip(exact.axis_iter_mut(Axis(1)));
            for (sums, (coded, exact)) in sums.chunks_exact(all).zip(positions) {
                let both = coded.into_iter().zip(exact);
                for ((&sum, &level), (coded, exact)) in sums[outputs.clone()].iter().zip(&levels).zip(both) {
                    let code = self.code.apply(sum, level) - self.code.at_zero(level);
                    *exact += f64::from(sum) * weight;
                    *coded += f64::from(code) * weight;
                }
            }
        }
        Features { coded, exact }
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
        own.products += &other.products;
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
    fn lines(&self, members: Range<usize>) -> Vec<f64> {
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
    fn gain(&self, members: Range<usize>, scales: &[f64]) -> Option<f64> {
        let (sums, count, features) = (&self.sums, self.sums.count.max(1.0), self.features);
        let (mut exact, mut fitted) = (0.0, 0.0);
        for output in members.filter(|&output| output < self.paired) {
            exact += sums.squares[output] - sums.totals[output] * sums.totals[output] / count;
            let means = &sums.coded[output * features..][..features];
            for (feature, (mean, scale)) in means.iter().zip(scales).enumerate() {
                let cell = |other: usize| sums.products[[output, feature.min(other), feature.max(other)]];
                let row = means.iter().zip(scales).enumerate();
                let row = row.map(|(other, (of_other, scale))| scale * (cell(other) - mean * of_other / count));
                fitted += scale * row.sum::<f64>();
            }
        }
        (exact > 0.0 && fitted > 0.0).then(|| (exact / fitted).sqrt())
    }
}

impl Sums {
    /// Adds the present positions of the outputs from `first` on.
    fn add(&mut self, Features { coded, exact }: &Features, first: usize) {
        let features = coded.dim().2;
        for (output, (exact, coded)) in (first..).zip(exact.outer_iter().zip(coded.outer_iter())) {
            let places = output * features..(output + 1) * features;
            let of_exact = &mut self.exact[places.clone()];
            let of_codes = &mut self.coded[places.clone()];
            let (mixed, own) = (&mut self.mixed[places.clone()], &mut self.own[places]);
            for (exact, coded) in exact.outer_iter().zip(coded.outer_iter()) {
                let total = exact.sum();
                self.totals[output] += total;
                self.squares[output] += total * total;
                of_exact.iter_mut().zip(exact).for_each(|(sum, exact)| *sum += exact);
                of_codes.iter_mut().zip(coded).for_each(|(sum, coded)| *sum += coded);
                own.iter_mut().zip(coded).for_each(|(own, coded)| *own += coded * coded);
                mixed.iter_mut().zip(coded.iter().zip(exact)).for_each(|(sum, (coded, exact))| *sum += coded * exact);
            }
        }
        for (coded, products) in coded.outer_iter().zip(self.products.outer_iter_mut().skip(first)) {
            add_products(coded, products);
        }
    }
}

/// Adds the products of each column of `[positions][features]` with itself and those behind it.
fn add_products(coded: ArrayView2<'_, f64>, mut products: ArrayViewMut2<'_, f64>) {
    let features = coded.ncols();
    for start in (0..features).step_by(BLOCK) {
        let own = Slice::from(start..features.min(start + BLOCK));
        let behind = Slice::from(start..);
        let mut rows = products.slice_axis_mut(Axis(0), own);
        let mut target = rows.slice_axis_mut(Axis(1), behind);
        general_mat_mul(1.0, &coded.slice_axis(Axis(1), own).t(), &coded.slice_axis(Axis(1), behind), 1.0, &mut target);
    }
}
