//! The blocks of a model one after the other, with a checkpoint wherever the work may end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kernels::Engine;
use llm::spike::build::{BlockReport, Construction, Stop};
use llm::spike::{SpikeConfiguration, SpikedModel};
use llm::{LlmError, Model};
use rayon::ThreadPool;

use crate::CommandError;
use crate::command::Context;
use crate::interruption::Interruption;
use crate::output::Progress;

/// Longest time between two checkpoints, where blocks take less.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// What is made, and of what.
pub struct Making<'a> {
    /// The model as it was trained.
    pub model: &'a Model,
    /// What decides the result.
    pub configuration: &'a SpikeConfiguration,
    /// Tokens to take statistics from.
    pub sequences: &'a [Vec<u32>],
    /// Instruction set.
    pub engine: Engine,
    /// Threads.
    pub pool: &'a ThreadPool,
    /// File for what is done when the work is interrupted.
    pub checkpoint: PathBuf,
    /// Blocks until the work ends as if interrupted.
    pub remaining: Option<usize>,
}

/// The checkpoint of an output folder.
pub fn checkpoint(out: &Path) -> PathBuf {
    out.join("checkpoint.safetensors")
}

impl Making<'_> {
    /// Makes all blocks, from the checkpoint on where `resume` says so and there is one.
    ///
    /// # Errors
    /// [`CommandError::Interrupted`] after a signal, with the checkpoint written; those of every step otherwise.
    pub fn run(mut self, resume: bool, context: &Context) -> anyhow::Result<(SpikedModel, Vec<BlockReport>)> {
        let interruption = Interruption::listen()?;
        let asked = || interruption.is_requested();
        let stop = Stop::when(&asked);
        let Self { model, configuration, sequences, engine, pool, .. } = self;
        let bar = context.output.progress(model.config().blocks as u64, Progress::Steps);
        bar.set_prefix("blocks");
        let begun = pool.install(|| {
            if resume && self.checkpoint.is_file() {
                Construction::resume(model, configuration, sequences, engine, &self.checkpoint)
            } else {
                Construction::new(model, configuration, sequences, engine, stop)
            }
        });
        let mut construction = match begun {
            Err(LlmError::Stopped) => {
                bar.finish_and_clear();
                return interrupted(false, context);
            }
            begun => begun?,
        };
        let mut last_checkpoint = Instant::now();
        while !construction.is_finished() {
            let stopped = self.remaining == Some(0) || asked();
            let step = if stopped { Err(LlmError::Stopped) } else { pool.install(|| construction.step(stop)) };
            match step {
                Err(LlmError::Stopped) => {
                    bar.finish_and_clear();
                    let is_begun = !construction.reports().is_empty();
                    if is_begun {
                        self.save(&construction)?;
                    }
                    return interrupted(is_begun, context);
                }
                step => bar.set_message(format!("output error {:.4}", step?.error)),
            }
            bar.set_position(construction.reports().len() as u64);
            self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(1));
            if last_checkpoint.elapsed() >= CHECKPOINT_INTERVAL && !construction.is_finished() {
                self.save(&construction)?;
                last_checkpoint = Instant::now();
            }
        }
        bar.finish_and_clear();
        let reports = construction.reports().to_vec();
        Ok((construction.finish()?, reports))
    }

    fn save(&self, construction: &Construction<'_>) -> anyhow::Result<()> {
        if let Some(folder) = self.checkpoint.parent() {
            std::fs::create_dir_all(folder).with_context(|| {
                format!("cannot make the folder {}; choose another one with --out", folder.display())
            })?;
        }
        Ok(construction.save(&self.checkpoint, self.sequences)?)
    }
}

/// Tells how to go on.
fn interrupted<T>(is_begun: bool, context: &Context) -> anyhow::Result<T> {
    context.output.result(if is_begun {
        "interrupted; continue with the same command and --resume"
    } else {
        "interrupted before the first block was done; run the same command again"
    })?;
    Err(CommandError::Interrupted.into())
}
