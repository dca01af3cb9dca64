//! Networks that learn on the chip: crossbars whose devices change with every pulse.
//!
//! A [`device::DeviceSpecification`] says what a device is like, [`device::Devices`] are many of them, an
//! [`array::LearningArray`] holds real weights in them and turns wanted changes into pulses. On it learn networks without
//! hidden layer by the delta rule of analog circuits, one example after the other ([`perceptron`]), and spiking networks
//! by SpikeGrad ([`substrate`]).

pub mod array;
pub mod device;
pub mod perceptron;
pub mod record;
pub mod substrate;
