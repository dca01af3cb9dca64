//! Neurons of a population: their rules, prepared once, and their state.

use super::total::{self, FiringRule, Total};
use crate::description::NeuronKind;
use crate::network::Population;

/// Rules and initial state of a population.
#[derive(Clone, Debug)]
pub(super) struct PreparedPopulation<T> {
    pub(super) neuron: NeuronKind,
    pub(super) outgoing: Vec<usize>,
    pub(super) neurons: usize,
    channels: usize,
    thresholds: Vec<i64>,
    pub(super) minimum: i32,
    pub(super) maximum: i32,
    initial: Neurons<T>,
    /// Neurons that fire because of their bias alone.
    pub(super) biased: Vec<u32>,
}

/// State of the neurons of one population.
#[derive(Clone, Debug, Default)]
pub(super) struct Neurons<T> {
    pub(super) totals: Vec<T>,
    pub(super) counts: Vec<i32>,
    upper: Vec<T>,
    lower: Vec<T>,
}

impl<T: Total> PreparedPopulation<T> {
    pub(super) fn new(population: &Population, bias: impl Fn(usize) -> T) -> Self {
        let neurons = population.shape.neurons();
        let channels = population.shape.channels;
        let (minimum, maximum) =
            if population.fires() { (population.minimum_count, population.maximum_count) } else { (0, 0) };
        let mut prepared = Self {
            neuron: population.neuron,
            outgoing: population.outgoing.clone(),
            neurons,
            channels,
            thresholds: population.thresholds.clone(),
            minimum,
            maximum,
            initial: Neurons::default(),
            biased: Vec::new(),
        };
        let mut initial = Neurons { counts: vec![0; neurons], ..Neurons::default() };
        for neuron in 0..neurons {
            let rule = prepared.rule(neuron);
            let (bias, upper, lower) = (bias(neuron % channels), T::upper(rule, 0), T::lower(rule, 0));
            if bias.crosses(upper, lower) {
                prepared.biased.push(neuron as u32);
            }
            initial.totals.push(bias);
            initial.upper.push(upper);
            initial.lower.push(lower);
        }
        prepared.initial = initial;
        prepared
    }

    /// Threshold and count range of a neuron.
    #[inline]
    pub(super) fn rule(&self, neuron: usize) -> FiringRule {
        let channel = if self.thresholds.len() == 1 { 0 } else { neuron % self.channels };
        FiringRule { threshold: self.thresholds[channel], minimum: self.minimum, maximum: self.maximum }
    }

    /// Whether neurons fire when driven.
    pub(super) fn fires(&self) -> bool {
        matches!(self.neuron, NeuronKind::Relu | NeuronKind::Linear)
    }

    /// Sets the state before the first event: `A = bias`, `S = 0`.
    pub(super) fn reset(&self, neurons: &mut Neurons<T>) {
        fn copy<V: Copy>(to: &mut Vec<V>, from: &[V]) {
            to.clear();
            to.extend_from_slice(from);
        }
        copy(&mut neurons.totals, &self.initial.totals);
        copy(&mut neurons.counts, &self.initial.counts);
        copy(&mut neurons.upper, &self.initial.upper);
        copy(&mut neurons.lower, &self.initial.lower);
    }

    /// Fires a neuron until it is below its threshold; returns its spikes.
    #[inline]
    pub(super) fn fire(&self, neurons: &mut Neurons<T>, neuron: usize) -> i32 {
        let rule = self.rule(neuron);
        let spikes = total::drain(neurons.totals[neuron], rule, neurons.counts[neuron]);
        neurons.emit(neuron, rule, spikes);
        spikes
    }

    /// Fires the residual spike of a neuron, if it has one; returns it.
    #[inline]
    pub(super) fn fire_residual(&self, neurons: &mut Neurons<T>, neuron: usize) -> i32 {
        let rule = self.rule(neuron);
        let spikes = total::residual(neurons.totals[neuron], rule, neurons.counts[neuron]);
        neurons.emit(neuron, rule, spikes);
        spikes
    }

    /// Number of neurons whose range of counts hides part of their response.
    pub(super) fn saturated(&self, neurons: &Neurons<T>) -> u64 {
        let states = neurons.totals.iter().zip(&neurons.counts).enumerate();
        states.filter(|&(neuron, (&total, &count))| total::is_saturated(total, self.rule(neuron), count)).count() as u64
    }
}

impl<T: Total> Neurons<T> {
    #[inline]
    fn emit(&mut self, neuron: usize, rule: FiringRule, spikes: i32) {
        if spikes != 0 {
            let count = self.counts[neuron] + spikes;
            self.counts[neuron] = count;
            self.upper[neuron] = T::upper(rule, count);
            self.lower[neuron] = T::lower(rule, count);
        }
    }

    /// Adds `weights * spikes` to the totals from `start` on and lists the neurons that may fire.
    #[inline]
    pub(super) fn add_run<W: super::total::Weight<T>>(
        &mut self,
        start: usize,
        weights: &[W],
        spikes: i16,
        crossed: &mut Vec<u32>,
    ) {
        let end = start + weights.len();
        let totals = &mut self.totals[start..end];
        for (total, weight) in totals.iter_mut().zip(weights) {
            *total = total.plus(weight.times(spikes));
        }
        let blocks =
            totals.chunks(BLOCK).zip(self.upper[start..end].chunks(BLOCK)).zip(self.lower[start..end].chunks(BLOCK));
        for (block, ((totals, upper), lower)) in blocks.enumerate() {
            if may_fire(totals, upper, lower) {
                list_crossed(start + block * BLOCK, totals, upper, lower, crossed);
            }
        }
    }

    /// Adds to one total and lists the neuron if it may fire.
    #[inline]
    pub(super) fn add_one(&mut self, neuron: usize, input: T, crossed: &mut Vec<u32>) {
        let total = self.totals[neuron].plus(input);
        self.totals[neuron] = total;
        if total.crosses(self.upper[neuron], self.lower[neuron]) {
            crossed.push(neuron as u32);
        }
    }
}

/// Totals that are compared together before any is looked at alone.
const BLOCK: usize = 64;

/// Whether any neuron of a block may fire; free of branches, so that it compiles to vector
/// comparisons.
#[inline]
fn may_fire<T: Total>(totals: &[T], upper: &[T], lower: &[T]) -> bool {
    let states = totals.iter().zip(upper).zip(lower);
    states.fold(0, |any, ((total, &upper), &lower)| any | i32::from(total.crosses(upper, lower))) != 0
}

fn list_crossed<T: Total>(start: usize, totals: &[T], upper: &[T], lower: &[T], crossed: &mut Vec<u32>) {
    for (offset, ((total, &upper), &lower)) in totals.iter().zip(upper).zip(lower).enumerate() {
        if total.crosses(upper, lower) {
            crossed.push((start + offset) as u32);
        }
    }
}
