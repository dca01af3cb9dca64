//! What the passes keep of a group of examples, allocated once.

use kernels::{FiringStatistics, Workspace};
use serde::{Deserialize, Serialize};

use crate::pass::{CarriedBuffers, PassContext};
use crate::plan::{Plan, Role};

/// Bytes of total inputs that a group of examples may fill, so that they stay in the cache.
const GROUP_BYTES: usize = 640 * 1024;
/// Examples of a group, at least, so that weights are not read anew for each.
const SMALLEST_GROUP: usize = 8;
/// Examples of a group, at most.
const LARGEST_GROUP: usize = 64;

/// Examples that pass through the network together.
pub(crate) fn group_size(largest_population: usize, share: usize) -> usize {
    let fitting = GROUP_BYTES / (largest_population.max(1) * size_of::<i32>());
    fitting.clamp(SMALLEST_GROUP, LARGEST_GROUP).min(share.max(1))
}

/// Sums over examples for one population.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statistics {
    /// sum |S|.
    pub spikes: u64,
    /// Spike counts changed by the clamp.
    pub clipped_spikes: u64,
    /// Neurons with an open gate.
    pub active: u64,
    /// sum |E|.
    pub error_spikes: u64,
    /// Error counts changed by the clamp.
    pub clipped_errors: u64,
    /// sum |S| * fan-out; for the input population nonzero counts * fan-out.
    pub forward_accumulations: u64,
    /// sum |E| * fan-in.
    pub update_accumulations: u64,
    /// sum |E| * fan-in without the projections from the input, which errors never cross.
    pub backward_accumulations: u64,
}

impl Statistics {
    pub fn add(&mut self, other: &Self) {
        self.spikes += other.spikes;
        self.clipped_spikes += other.clipped_spikes;
        self.active += other.active;
        self.error_spikes += other.error_spikes;
        self.clipped_errors += other.clipped_errors;
        self.forward_accumulations += other.forward_accumulations;
        self.update_accumulations += other.update_accumulations;
        self.backward_accumulations += other.backward_accumulations;
    }

    /// All sums.
    pub fn counts(&self) -> [u64; 8] {
        [
            self.spikes,
            self.clipped_spikes,
            self.active,
            self.error_spikes,
            self.clipped_errors,
            self.forward_accumulations,
            self.update_accumulations,
            self.backward_accumulations,
        ]
    }

    pub fn add_forward(&mut self, fired: FiringStatistics) {
        self.spikes += fired.spikes;
        self.clipped_spikes += fired.clipped;
        self.active += fired.active;
    }

    pub fn add_backward(&mut self, fired: FiringStatistics) {
        self.error_spikes += fired.spikes;
        self.clipped_errors += fired.clipped;
    }
}

/// Buffers of the float passes; empty where all is integer.
#[derive(Clone, Debug, Default)]
pub(crate) struct FloatBuffers {
    pub totals: Vec<f32>,
    /// Per population: spike counts as floats.
    pub counts: Vec<Vec<f32>>,
    /// Per population: errors.
    pub errors: Vec<Vec<f32>>,
    pub scaled: Vec<f32>,
    pub workspace: Vec<f32>,
}

/// State of a group of up to `capacity` examples: spike counts, gates and error counts of every
/// population, channels-last, one example after the other.
#[derive(Debug)]
pub(crate) struct Activity {
    pub capacity: usize,
    pub examples: usize,
    /// Bytes of u8 or i8, as the plan says for each population.
    pub counts: Vec<Vec<u8>>,
    pub gates: Vec<Vec<u8>>,
    /// Error counts of hidden populations.
    pub errors: Vec<Vec<i8>>,
    /// Error counts of the outputs, wide: they are never clipped.
    pub output_errors: Vec<Vec<i32>>,
    /// `[examples][outputs]`: total input of a readout over its threshold, or the spike count of an output that
    /// fires.
    pub logits: Vec<f64>,
    /// Total inputs of the population in work.
    pub totals: Vec<i32>,
    /// Signed base-256 digits of error counts that exceed 8 bits.
    pub digits: Vec<Vec<i8>>,
    pub float: FloatBuffers,
    pub carried: CarriedBuffers,
    pub workspace: Workspace,
    pub statistics: Vec<Statistics>,
}

impl Activity {
    /// Buffers for `capacity` examples; those of the backward pass only when `trains`.
    pub fn new(context: &PassContext<'_>, capacity: usize, trains: bool, is_float: bool) -> Self {
        let plan: &Plan = context.plan;
        let sized = |index: usize| plan.populations[index].neurons * capacity;
        let all = 0..plan.populations.len();
        let largest = plan.largest_population() * capacity;
        let errors = |index: usize, role: Role| {
            if trains && plan.populations[index].role == role { sized(index) } else { 0 }
        };
        let mut workspace = Workspace::new();
        workspace.reserve(super::forward::workspace_bytes(context, capacity, trains));
        let float = if is_float {
            FloatBuffers {
                totals: vec![0.0; largest],
                counts: all.clone().map(|index| vec![0.0; sized(index)]).collect(),
                errors: all.clone().map(|index| vec![0.0; if trains { sized(index) } else { 0 }]).collect(),
                scaled: vec![0.0; largest],
                workspace: vec![0.0; super::float::workspace_length(context)],
            }
        } else {
            FloatBuffers::default()
        };
        Self {
            capacity,
            examples: 0,
            counts: all.clone().map(|index| vec![0; sized(index)]).collect(),
            gates: all
                .clone()
                .map(|index| vec![0; if plan.populations[index].fires { sized(index) } else { 0 }])
                .collect(),
            errors: all.clone().map(|index| vec![0; errors(index, Role::Hidden)]).collect(),
            output_errors: all.clone().map(|index| vec![0; errors(index, Role::Output)]).collect(),
            logits: vec![0.0; plan.output_length() * capacity],
            totals: vec![0; largest],
            digits: Vec::new(),
            float,
            carried: CarriedBuffers::default(),
            workspace,
            statistics: vec![Statistics::default(); plan.populations.len()],
        }
    }

    /// Forgets the statistics of the examples seen so far and returns them.
    pub fn take_statistics(&mut self) -> Vec<Statistics> {
        let fresh = vec![Statistics::default(); self.statistics.len()];
        std::mem::replace(&mut self.statistics, fresh)
    }
}
