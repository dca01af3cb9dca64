//! The operations of the engine.

mod convolution;
mod convolution_gradient;
mod convolution_transposed;
mod dense_gradient;
mod fired;
mod gradient;
mod matmul;
mod nibbles;
mod pooling;
mod rows;
mod windows;

use std::sync::{Mutex, PoisonError};

use crate::FiringStatistics;
use crate::fire::Epilogue;
use crate::workspace::Line;

/// Runs `parts` parts, each on its own piece of the output and of the scratch; the last pieces may be shorter.
fn share<Run>(parts: usize, out: &mut [i32], out_step: usize, scratch: &mut [Line], scratch_step: usize, run: Run)
where
    Run: Fn(usize, &mut [i32], &mut [Line]) + Sync,
{
    if parts <= 1 {
        run(0, out, scratch);
        return;
    }
    rayon::scope(|scope| {
        let (mut out, mut scratch, run) = (out, scratch, &run);
        for part in 0..parts {
            let (piece, rest) = out.split_at_mut(out_step.min(out.len()));
            let (lines, rest_lines) = scratch.split_at_mut(scratch_step.min(scratch.len()));
            (out, scratch) = (rest, rest_lines);
            if !piece.is_empty() {
                scope.spawn(move |_| run(part, piece, lines));
            }
        }
    });
}

/// [`share`] for an operation that fires; returns the sum of the statistics.
fn share_fired<Run>(
    parts: usize,
    epilogue: Epilogue<'_>,
    step: usize,
    scratch: &mut [Line],
    scratch_step: usize,
    run: Run,
) -> FiringStatistics
where
    Run: Fn(usize, Epilogue<'_>, &mut [Line]) -> FiringStatistics + Sync,
{
    if parts <= 1 {
        return run(0, epilogue, scratch);
    }
    let statistics = Mutex::new(FiringStatistics::default());
    rayon::scope(|scope| {
        let (mut epilogue, mut scratch, run, statistics) = (epilogue, scratch, &run, &statistics);
        for part in 0..parts {
            let (piece, rest) = epilogue.split_at(step);
            let (lines, rest_lines) = scratch.split_at_mut(scratch_step.min(scratch.len()));
            (epilogue, scratch) = (rest, rest_lines);
            if piece.len() > 0 {
                scope.spawn(move |_| {
                    let part_statistics = run(part, piece, lines);
                    *statistics.lock().unwrap_or_else(PoisonError::into_inner) += part_statistics;
                });
            }
        }
    });
    statistics.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Applies an empty product: without accumulation the output becomes zero.
fn store_nothing(store: crate::Store, out: &mut [i32]) {
    if !store.accumulate {
        out.fill(0);
    }
}
