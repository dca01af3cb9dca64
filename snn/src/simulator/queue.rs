//! Spikes that were emitted and not yet delivered.

use std::collections::VecDeque;

use super::EventOrder;
use crate::random::{Purpose, Stream};

/// Spikes of one neuron on their way to its targets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) population: u32,
    pub(super) neuron: u32,
    pub(super) spikes: i32,
    /// Arrival time of the input spike that caused it.
    pub(super) time: f32,
}

/// Pending events and the rule by which the next one is chosen.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pending: VecDeque<Event>,
    random: Option<Stream>,
}

impl Queue {
    /// Empties the queue and sets its order.
    pub(super) fn reset(&mut self, order: EventOrder) {
        self.pending.clear();
        self.random = match order {
            EventOrder::Random { seed } => Some(Stream::new(seed, Purpose::EventOrder, 0)),
            EventOrder::FirstInFirstOut | EventOrder::InputTime => None,
        };
    }

    #[inline]
    pub(super) fn push(&mut self, event: Event) {
        self.pending.push_back(event);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Event> {
        match &mut self.random {
            None => self.pending.pop_front(),
            Some(stream) => {
                let bound = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
                self.pending.swap_remove_back(stream.below(bound) as usize)
            }
        }
    }
}
