//! Choices that change the course of a simulation but never its result.

/// Which pending spike is delivered next.
///
/// Net spike counts after the residual phase are the same for every order; the number of
/// redundant spikes is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventOrder {
    /// The spike that was emitted first; all input spikes are emitted before the first delivery.
    #[default]
    FirstInFirstOut,
    /// Each of the pending spikes, input spikes included, with the same probability.
    Random {
        /// Seed of the choices.
        seed: u64,
    },
    /// The spike whose causing input spike came first, and of those the one emitted first: all
    /// consequences of an input spike are delivered before a later input spike arrives.
    InputTime,
}

/// How an input count becomes spikes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputEncoding {
    /// One spike that carries the whole count; of n such spikes, number i arrives at time `i / n`.
    #[default]
    Graded,
    /// |count| spikes of value +1 or -1, spread evenly over the presentation: spike k arrives at
    /// time `(2k + 1) / (2 |count|)`.
    UnitSpikes,
}

/// Options of one simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulationOptions {
    /// Which pending spike is delivered next.
    pub order: EventOrder,
    /// How an input count becomes spikes.
    pub input: InputEncoding,
    /// Whether residual spikes round every net spike count to nearest; without them a count is
    /// only within one of the exact quotient.
    pub residual_spikes: bool,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        Self { order: EventOrder::default(), input: InputEncoding::default(), residual_spikes: true }
    }
}
