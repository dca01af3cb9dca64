//! What calibration samples say of a block.

use kernels::Engine;
use ndarray::{Array2, ArrayView2, Axis};

use super::{ChannelSums, Stop};
use crate::LlmError;
use crate::forward::{Attention, Execution, FloatCache, FloatExecution, KeyValueCache};
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
    /// Largest magnitude of each token.
    pub token_largest: Vec<f32>,
    /// Saliency `x (x W^T W)`, W of all linear maps of the site one above the other.
    pub channels: ChannelSums,
    /// Some tokens, `[tokens, channels]`.
    pub sample: Array2<f32>,
}

/// Keys and values of a key and value head.
#[derive(Clone, Debug, Default)]
pub struct HeadStatistics {
    /// Saliency `k (k Q^T Q)`, Q of all query heads that share the keys and of all tokens of a sequence, also those that
    /// do not see k (as released).
    pub keys: ChannelSums,
    /// Saliency `v (P^T P v)`, P the attention of these heads, within the window of the model.
    pub values: ChannelSums,
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
            token_largest: Vec::new(),
            channels: ChannelSums::new(channels),
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
        self.channels.add(x, back.view());
        self.token_largest.extend(x.rows().into_iter().map(|x| x.iter().fold(0.0f32, |most, x| most.max(x.abs()))));
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
    attention: Attention,
    weights: &'a [Vec<Array2<f32>>; 4],
}

struct Recorded {
    cache: FloatCache,
    attention: Attention,
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
        let head = HeadStatistics { keys: ChannelSums::new(config.head), values: ChannelSums::new(config.head) };
        let statistics = BlockStatistics { sites, heads: vec![head; config.key_value_heads] };
        Ok(Recorded { cache: self.float.new_state(capacity)?, attention: self.attention, statistics })
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
        for (index, head) in self.statistics.heads.iter_mut().enumerate() {
            head.add([&sequence.keys[index], &sequence.values[index]], queries, index, &self.attention);
        }
        self.cache.attend(block, queries, first_position, outputs)
    }

    fn len(&self) -> usize {
        self.cache.len()
    }
}

impl HeadStatistics {
    /// Adds keys and values of a whole sequence; `queries` are of all query heads, those that share key and value head
    /// `index` are taken.
    pub(super) fn add(
        &mut self,
        [keys, values]: [&[f32]; 2],
        queries: ArrayView2<'_, f32>,
        index: usize,
        attention: &Attention,
    ) {
        let (tokens, width) = (queries.nrows(), attention.head);
        let group = attention.heads / attention.key_value_heads.max(1);
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
            let mut shares = queries.dot(&keys.t()) / (width as f32).sqrt();
            for (position, mut row) in shares.rows_mut().into_iter().enumerate() {
                let seen = attention.first_seen(position)..position + 1;
                let scores = row.iter().take(seen.end).skip(seen.start);
                let most = scores.copied().fold(f32::NEG_INFINITY, f32::max);
                let mut sum = 0.0;
                for (place, share) in row.iter_mut().enumerate() {
                    *share = if seen.contains(&place) { (*share - most).exp() } else { 0.0 };
                    sum += *share;
                }
                row.mapv_inplace(|share| share / sum);
            }
            of_values += &shares.t().dot(&shares.dot(&values));
        }
        self.keys.add(keys, keys.dot(&of_keys).view());
        self.values.add(values, of_values.view());
    }
}

/// Statistics of a block, given as a model of its own, over the hidden states of sequences, `[tokens, hidden]` each.
///
/// # Errors
/// [`LlmError::Stopped`], those of the execution.
pub fn record(
    block: &Model,
    engine: Engine,
    hidden: &[Array2<f32>],
    stop: Stop<'_>,
) -> Result<BlockStatistics, LlmError> {
    let float = FloatExecution::new(block.clone(), engine);
    let weights = Site::ALL.map(|site| {
        let linears = site.linears().iter();
        linears.map(|&linear| block.linear(0, linear).weight.to_array()).collect()
    });
    let attention = Attention::new(block.config(), engine);
    let recorder = Recorder { float: &float, attention, weights: &weights };
    let mut statistics = recorder.new_state(0)?.statistics;
    for hidden in hidden {
        stop.check()?;
        let cache = float.new_state(hidden.nrows())?;
        let mut state = Recorded { cache, attention, statistics };
        crate::forward::pass_block(&recorder, &mut state, 0, &mut hidden.clone())?;
        statistics = state.statistics;
    }
    Ok(statistics)
}
