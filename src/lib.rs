//! The `sterna` command as a library: configuration, run folder, plots and subcommands.
//!
//! The way of a training run: [`configuration`] says what to do, [`samples`] turns the images of
//! `datasets` into the samples of `spikegrad`, [`command::train`] steps the trainer, and
//! [`run_folder`] keeps what it leaves behind.
#![forbid(unsafe_code)]

pub mod command;
pub mod configuration;
pub mod error;
pub mod interruption;
pub mod measurement;
pub mod output;
pub mod plots;
pub mod run_folder;
pub mod samples;

pub use error::CommandError;
