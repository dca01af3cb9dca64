//! Error spikes that were emitted and not yet delivered.

use std::collections::VecDeque;

use snn::random::{Purpose, Stream};

use super::ErrorOrder;

/// Error spikes of one neuron on their way to its sources.
#[derive(Clone, Copy, Debug)]
pub(super) struct ErrorEvent {
    pub population: usize,
    pub neuron: usize,
    pub spikes: i32,
}

/// Pending error spikes and the rule by which the next one is chosen.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pending: VecDeque<ErrorEvent>,
    random: Option<Stream>,
    unit_spikes: bool,
}

impl Queue {
    pub fn new(order: ErrorOrder, unit_spikes: bool) -> Self {
        let random = match order {
            ErrorOrder::FirstInFirstOut => None,
            ErrorOrder::Random { seed } => Some(Stream::new(seed, Purpose::EventOrder, 1)),
        };
        Self { pending: VecDeque::new(), random, unit_spikes }
    }

    pub fn push(&mut self, event: ErrorEvent) {
        if self.unit_spikes {
            let unit = ErrorEvent { spikes: event.spikes.signum(), ..event };
            self.pending.extend((0..event.spikes.unsigned_abs()).map(|_| unit));
        } else {
            self.pending.push_back(event);
        }
    }

    pub fn pop(&mut self) -> Option<ErrorEvent> {
        match &mut self.random {
            None => self.pending.pop_front(),
            Some(stream) => {
                let bound = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
                self.pending.swap_remove_back(stream.below(bound) as usize)
            }
        }
    }
}
