//! Flags of the commands that leave a run folder.

use std::path::PathBuf;

use clap::Args;

/// Where a run lies and what becomes of one that is there; beside an argument `target`.
#[derive(Args, Debug)]
pub struct RunFlags {
    /// Run folder; runs/NAME-SEED when absent
    #[arg(long, value_name = "DIR", required_unless_present = "target")]
    pub out: Option<PathBuf>,
    /// Continue the run in the run folder with its configuration
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Replace the run in the run folder; files that are not of a run stay
    #[arg(long)]
    pub overwrite: bool,
    /// Print the complete configuration and exit
    #[arg(long)]
    pub print_config: bool,
    /// Draw no plots
    #[arg(long)]
    pub no_plots: bool,
    /// End as if interrupted after N updates
    #[arg(long, value_name = "N", hide = true)]
    pub stop_after_batches: Option<u64>,
}
