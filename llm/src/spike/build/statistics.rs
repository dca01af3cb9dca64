//! What calibration samples say of a block.

use kernels::Engine;
use ndarray::{Array2, ArrayView2, Axis};

use crate::LlmError;
use crate::forward::{Execution, FloatCache, FloatExecution, KeyValueCache};
use crate::model::{Frame, Model, Site};

/// Tokens of a site that are kept as they are.
const SAMPLE: usize = 512;

/// Activations of a site.
#[derive(Clone, Debug)]
pub struct SiteStatistics {
    /// Tokens.
    pub tokens: usize,
    /// `sum over tokens of x x^T`, `[channels, channels]`.
    pub products: Array2<f64>,
    /// Largest magnitude of each channel.
    pub largest: Vec<f32>,
    /// Largest magnitude of each token.
    pub token_largest: Vec<f32>,
    /// Sum over tokens of `x (x W^T W)`, W of all linear maps of the site one above the other: to first order what
    /// `|x W^T|^2 / 2` changes by when the channel is scaled (SpikeLLM, activation saliency).
    pub signed: Vec<f64>,
    /// The same of its magnitude.
    pub absolute: Vec<f64>,
    /// Some tokens, `[tokens, channels]`.
    pub sample: Array2<f32>,
}

/// Keys and values of a key and value head.
#[derive(Clone, Debug, Default)]
pub struct HeadStatistics {
    /// Tokens.
    pub tokens: usize,
    /// Sum over tokens of `k (k Q^T Q)`, Q of all query heads that share the keys.
    pub keys: Vec<f64>,
    /// Sum over tokens of `v (P^T P v)`, P the attention of these heads.
    pub values: Vec<f64>,
}

/// Statistics of a block.
#[derive(Clone, Debug)]
pub struct BlockStatistics {
    /// In the order of [`Site::ALL`].
    pub sites: [SiteStatistics; 4],
    /// Of each key and value head.
    pub heads: Vec<HeadStatistics>,
}

impl SiteStatistics {
    fn new(channels: usize) -> Self {
        Self {
            tokens: 0,
            products: Array2::zeros((channels, channels)),
            largest: vec![0.0; channels],
            token_largest: Vec::new(),
            signed: vec![0.0; channels],
            absolute: vec![0.0; channels],
            sample: Array2::zeros((0, channels)),
        }
    }

    /// Adds tokens `x` with their `x W^T` in the parts of the linear maps.
    fn add(&mut self, x: ArrayView2<'_, f32>, products: &[Array2<f32>], weights: &[Array2<f32>]) {
        self.tokens += x.nrows();
        self.products += &x.t().dot(&x).mapv(f64::from);
        let mut back = Array2::<f32>::zeros(x.raw_dim());
        for (product, weight) in products.iter().zip(weights) {
            back += &product.dot(weight);
        }
        for (x, back) in x.rows().into_iter().zip(back.rows()) {
            let mut most = 0.0f32;
            for (channel, (&x, &back)) in x.iter().zip(back).enumerate() {
                let saliency = f64::from(x) * f64::from(back);
                self.signed[channel] += saliency;
                self.absolute[channel] += saliency.abs();
                self.largest[channel] = self.largest[channel].max(x.abs());
                most = most.max(x.abs());
            }
            self.token_largest.push(most);
        }
        let room = SAMPLE.saturating_sub(self.sample.nrows()).min(x.nrows());
        if room > 0 {
            let parts = [self.sample.view(), x.slice_axis(Axis(0), (..room).into())];
            if let Ok(joined) = ndarray::concatenate(Axis(0), &parts) {
                self.sample = joined;
            }
        }
    }

    /// Largest activation over the median of the tokens' largest ones: how much the site spikes (Maisonnave et al.).
    pub fn spike_ratio(&self) -> f64 {
        let mut largest = self.token_largest.clone();
        largest.sort_by(f32::total_cmp);
        let (Some(&most), Some(&median)) = (largest.last(), largest.get(largest.len() / 2)) else { return 1.0 };
        f64::from(most) / f64::from(median.max(f32::MIN_POSITIVE))
    }
}

/// Runs a block in floats and keeps statistics.
struct Recorder<'a> {
    float: &'a FloatExecution,
    weights: &'a [Vec<Array2<f32>>; 4],
}

struct Recorded {
    cache: FloatCache,
    statistics: BlockStatistics,
}

impl Execution for Recorder<'_> {
    type State = Recorded;

    fn frame(&self) -> &Frame {
        self.float.frame()
    }

    fn engine(&self) -> Engine {
        self.float.engine()
    }

    fn new_state(&self, capacity: usize) -> Result<Recorded, LlmError> {
        let config = self.frame().config();
        let sites = Site::ALL.map(|site| SiteStatistics::new(site.width(config)));
        let head = HeadStatistics { tokens: 0, keys: vec![0.0; config.head], values: vec![0.0; config.head] };
        let statistics = BlockStatistics { sites, heads: vec![head; config.key_value_heads] };
        Ok(Recorded { cache: self.float.new_state(capacity)?, statistics })
    }

    fn project(
        &self,
        state: &mut Recorded,
        block: usize,
        site: Site,
        inputs: ArrayView2<'_, f32>,
        outputs: &mut [Array2<f32>],
    ) -> Result<(), LlmError> {
        self.float.project(&mut state.cache, block, site, inputs, outputs)?;
        let without_bias: Vec<Array2<f32>> = site
            .linears()
            .iter()
            .zip(outputs.iter())
            .map(|(&linear, output)| match &self.float.model().linear(block, linear).bias {
                Some(bias) => output - &ndarray::aview1(bias),
                None => output.clone(),
            })
            .collect();
        state.statistics.sites[site.index()].add(inputs, &without_bias, &self.weights[site.index()]);
        Ok(())
    }
}

impl KeyValueCache for Recorded {
    fn append(&mut self, block: usize, keys: ArrayView2<'_, f32>, values: ArrayView2<'_, f32>) -> Result<(), LlmError> {
        self.cache.append(block, keys, values)
    }

    fn attend(
        &mut self,
        block: usize,
        queries: ArrayView2<'_, f32>,
        first_position: usize,
        outputs: &mut Array2<f32>,
    ) -> Result<(), LlmError> {
        let sequence = self.cache.sequence(block);
        let heads = self.statistics.heads.len();
        for (index, head) in self.statistics.heads.iter_mut().enumerate() {
            head.add(&sequence.keys[index], &sequence.values[index], queries, index, heads);
        }
        self.cache.attend(block, queries, first_position, outputs)
    }

    fn len(&self) -> usize {
        self.cache.len()
    }
}

impl HeadStatistics {
    /// Adds a whole sequence; `queries` are of all query heads, those of head `index` of `heads` are taken.
    fn add(&mut self, keys: &[f32], values: &[f32], queries: ArrayView2<'_, f32>, index: usize, heads: usize) {
        let (tokens, width) = (queries.nrows(), self.keys.len());
        let group = queries.ncols() / width / heads.max(1);
        let shape = (tokens, width);
        let (Ok(keys), Ok(values)) = (ArrayView2::from_shape(shape, keys), ArrayView2::from_shape(shape, values))
        else {
            return;
        };
        let mut of_keys = Array2::<f32>::zeros((width, width));
        let mut of_values = Array2::<f32>::zeros(shape);
        for member in 0..group {
            let first = (index * group + member) * width;
            let queries = queries.slice_axis(Axis(1), (first..first + width).into());
            of_keys += &queries.t().dot(&queries);
            let mut attention = queries.dot(&keys.t()) / (width as f32).sqrt();
            for (position, mut row) in attention.rows_mut().into_iter().enumerate() {
                let most = row.iter().take(position + 1).copied().fold(f32::NEG_INFINITY, f32::max);
                let mut sum = 0.0;
                for (place, share) in row.iter_mut().enumerate() {
                    *share = if place <= position { (*share - most).exp() } else { 0.0 };
                    sum += *share;
                }
                row.mapv_inplace(|share| share / sum);
            }
            of_values += &attention.t().dot(&attention.dot(&values));
        }
        let back = keys.dot(&of_keys);
        let parts = [(&mut self.keys, keys, &back), (&mut self.values, values, &of_values)];
        for (sums, numbers, back) in parts {
            for (numbers, back) in numbers.rows().into_iter().zip(back.rows()) {
                for ((sum, &x), &back) in sums.iter_mut().zip(numbers).zip(back) {
                    *sum += f64::from(x) * f64::from(back);
                }
            }
        }
        self.tokens += tokens;
    }
}

/// Statistics of a block, given as a model of its own, over the hidden states of sequences, `[tokens, hidden]` each.
///
/// # Errors
/// Those of the execution.
pub fn record(block: &Model, engine: Engine, hidden: &[Array2<f32>]) -> Result<BlockStatistics, LlmError> {
    let float = FloatExecution::new(block.clone(), engine);
    let weights = Site::ALL.map(|site| {
        let linears = site.linears().iter();
        linears.map(|&linear| block.linear(0, linear).weight.to_array()).collect()
    });
    let recorder = Recorder { float: &float, weights: &weights };
    let mut statistics = recorder.new_state(0)?.statistics;
    for hidden in hidden {
        let cache = float.new_state(hidden.nrows())?;
        let mut state = Recorded { cache, statistics };
        crate::forward::pass_block(&recorder, &mut state, 0, &mut hidden.clone())?;
        statistics = state.statistics;
    }
    Ok(statistics)
}
