//! Flags of `sterna relate`.

use clap::Args;

use crate::command::run_flags::RunFlags;
use crate::configuration::{GradientChoice, WeightsChoice, above_zero, alpha};

/// Train a network that infers what is missing, and test every direction
///
/// Variables tied by a relation are shown to populations of inputs; the network infers the spike counts of those that
/// are missing. The run folder then holds config.toml (complete), metrics.jsonl, checkpoint.safetensors,
/// model.safetensors (best on validation), plots and summary.json. Ctrl-C and SIGTERM end the run after the current
/// batch with a checkpoint and exit code 130.
#[derive(Args, Debug)]
#[command(args_override_self = true)]
#[command(after_help = "Tasks:\n  \
    add         c = (a + b) mod 1 on a circle, 100 neurons a variable\n  \
    multiply    c = a b on a line\n  \
    xor         images of handwritten 0 and 1 (MNIST); the missing one is inferred as an image\n  \
    digits-add  images of all ten digits, c = (a + b) mod 10\n  \
    fusion      odometry, sonar and a dim camera look at one position\n\n\
    Examples:\n  \
    sterna relate add\n  \
    sterna relate add --sizes 10:20,25:50,50:100 --gradients spike,float\n  \
    sterna relate xor --seed 2 --out runs/xor-2 --json\n  \
    sterna relate fusion --hardware adc7-a\n  \
    sterna relate add --print-config > mine.toml && sterna relate mine.toml\n  \
    sterna relate --resume --out runs/xor-2")]
pub struct RelateArguments {
    /// add, multiply, xor, digits-add, fusion or a task TASK.toml
    #[arg(value_name = "TASK", required_unless_present = "resume")]
    pub target: Option<String>,
    /// The run folder.
    #[command(flatten)]
    pub run: RunFlags,
    /// Passes over as many new examples as the task says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub epochs: Option<u32>,
    /// Examples per update of the weights, 1 to 65536
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub batch: Option<u32>,
    /// Base learning rate, above 0
    #[arg(long, value_name = "RATE", value_parser = above_zero, allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// Error scale, above 0: factor on the loss gradient before it is rounded to error spikes
    #[arg(long, value_name = "ALPHA", value_parser = alpha, allow_negative_numbers = true)]
    pub alpha: Option<f64>,
    /// How errors travel backwards
    #[arg(long, value_name = "KIND")]
    pub gradient: Option<GradientChoice>,
    /// Number format of the weights
    #[arg(long, value_name = "FORMAT")]
    pub weights: Option<WeightsChoice>,
    /// Largest spike count of the neurons between codes, 1 to 127; crossbars of 4-bit inputs take 15
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=127))]
    pub max_spikes: Option<u8>,
    /// Test examples of each direction
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub test: u32,
    /// Train one network for each HIDDEN:UNITS too, neurons of every variable's own populations and of the relation
    #[arg(long, value_name = "SIZES", value_delimiter = ',', value_parser = size)]
    pub sizes: Vec<[usize; 2]>,
    /// Gradients that networks of --sizes are trained with
    #[arg(long, value_name = "KINDS", value_delimiter = ',', requires = "sizes", default_value = "spike")]
    pub gradients: Vec<GradientChoice>,
    /// Compile the network for a chip and tell what an inference costs there
    #[arg(long, value_name = "NAME|FILE")]
    pub hardware: Option<String>,
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let fail = || format!("expected HIDDEN:UNITS, two numbers of 1 to 65536, found {text}");
    let (hidden, units) = text.split_once(':').ok_or_else(fail)?;
    let number = |text: &str| text.parse().ok().filter(|number| (1..=65536usize).contains(number)).ok_or_else(fail);
    Ok([number(hidden)?, number(units)?])
}
