//! How many operations a network costs: accumulations along the synapses that exist, and the
//! measures of NeuroBench (harness version 2 definitions).

mod neurobench;
mod synapses;

pub use neurobench::{
    OperationCounter, Report, SynapticOperations, activation_sparsity, connection_sparsity, footprint,
};
pub use synapses::{accumulations, fan_in, fan_out, nonzero_fan_out};
