//! Flags of `sterna train`.

use clap::Args;

use crate::command::run_flags::RunFlags;
use crate::configuration::Overrides;

/// Train a network with spikes, forward and backward
///
/// The run folder then holds config.toml (complete), metrics.jsonl (one object an epoch),
/// checkpoint.safetensors, model.safetensors (best on validation), plots and summary.json.
/// Ctrl-C and SIGTERM end the run after the current batch with a checkpoint and exit code 130;
/// a second signal ends it at once, with the checkpoint before.
#[derive(Args, Debug)]
#[command(args_override_self = true)]
#[command(after_help = "Examples:\n  \
    sterna train digits\n  \
    sterna train mnist --seed 3 --out runs/mnist-3\n  \
    sterna train mnist --resume --epochs 80\n  \
    sterna train digits --topology 64-100-10 --alpha 50 --json\n  \
    sterna train mnist --print-config > mine.toml && sterna train mine.toml\n  \
    sterna train ./photos --topology 3x32x32-16C3-P2-32C3-P2-5 --padding same")]
pub struct TrainArguments {
    /// digits, mnist, fashion-mnist, cifar10, cifar10-evening, cifar10-crossbar, a configuration CONFIG.toml, or a folder of images
    #[arg(value_name = "WHAT", required_unless_present = "resume")]
    pub target: Option<String>,
    /// The run folder.
    #[command(flatten)]
    pub run: RunFlags,
    #[command(flatten)]
    /// Single values of the configuration.
    pub overrides: Overrides,
}
