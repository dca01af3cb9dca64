//! The command line of the benchmark.

use anyhow::{Context as _, bail};
use kernels::Isa;
use lexopt::prelude::*;
use snn::ShorthandPadding;

/// What the command line and the environment say.
#[derive(Clone, Debug)]
pub struct Options {
    /// The network in shorthand.
    pub topology: String,
    /// Channels of the input.
    pub channels: usize,
    /// Padding of convolutions that state none.
    pub padding: ShorthandPadding,
    /// Examples of a step.
    pub batch: usize,
    /// Threads.
    pub threads: usize,
    /// Instruction set.
    pub isa: Isa,
    /// Error scale.
    pub alpha: f64,
    /// Factor on the inputs.
    pub input_gain: f64,
    /// Share of pixels other than zero.
    pub density: f64,
    /// Steps before the measurement.
    pub warm_up: usize,
    /// Wall-clock seconds of the measurement; two steps are made in any case.
    pub seconds: f64,
}

impl Options {
    /// Reads the arguments and `STERNA_ISA`.
    pub fn from_arguments() -> anyhow::Result<Self> {
        let isa = match std::env::var("STERNA_ISA") {
            Ok(name) => name.parse()?,
            Err(_) => Isa::detect(),
        };
        let mut options = Self {
            topology: "28x28-15C5-P2-40C5-P2-300-10".to_owned(),
            channels: 1,
            padding: ShorthandPadding::Valid,
            batch: 128,
            threads: 2,
            isa,
            alpha: 100.0,
            input_gain: 1.0,
            density: 0.2,
            warm_up: 3,
            seconds: 10.0,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("topology") => options.topology = parser.value()?.string()?,
                Long("channels") => options.channels = parser.value()?.parse()?,
                Long("padding") => {
                    options.padding = match parser.value()?.string()?.as_str() {
                        "valid" => ShorthandPadding::Valid,
                        "same" => ShorthandPadding::Same,
                        other => bail!("--padding is valid or same, found {other}"),
                    }
                }
                Long("batch") => options.batch = parser.value()?.parse()?,
                Long("threads") => options.threads = parser.value()?.parse()?,
                Long("alpha") => options.alpha = parser.value()?.parse()?,
                Long("input-gain") => options.input_gain = parser.value()?.parse()?,
                Long("density") => options.density = parser.value()?.parse()?,
                Long("warm-up") => options.warm_up = parser.value()?.parse()?,
                Long("seconds") => options.seconds = parser.value()?.parse()?,
                Long("bench") => {}
                other => return Err(other.unexpected()).context("reading the arguments"),
            }
        }
        Ok(options)
    }
}
