//! Total inputs with noise, and the factors of an update, example by example.

use kernels::{Counts, Engine, Store, Workspace, as_unsigned};
use spikegrad::{Factors, Group};

use super::site::Site;
use crate::error::CompilerError;

/// Memory of one thread.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    totals: Vec<i32>,
    currents: Vec<f32>,
    workspace: Workspace,
}

/// Adds the total inputs of a group of examples, `bits` after the point. Noise of a read follows from the number of the
/// update, the spike counts that are read and their place, so it does not depend on how examples are grouped.
pub(super) fn add_currents(
    site: &Site,
    engine: Engine,
    group: &Group<'_>,
    update: u64,
    bits: u32,
    totals: &mut [i64],
    scratch: &mut Scratch,
) -> Result<(), CompilerError> {
    let Scratch { totals: exact, currents, workspace } = scratch;
    exact.clear();
    exact.resize(totals.len(), 0);
    match &site.convolution {
        None => {
            workspace.reserve(engine.matmul_workspace(group.examples, site.patches.rows(), site.outputs()));
            engine.matmul(group.counts, group.examples, &site.packed, Store::ADD, exact, workspace)?;
        }
        Some(shape) => {
            workspace.reserve(engine.convolution_workspace(shape, group.examples));
            engine.convolution(shape, group.examples, group.counts, &site.packed, Store::ADD, exact, workspace)?;
        }
    }
    if site.is_exact() {
        totals.iter_mut().zip(exact).for_each(|(total, exact)| *total += i64::from(*exact) << bits);
        return Ok(());
    }
    let per_example = (totals.len() / group.examples.max(1)).max(1);
    let grid = f64::from(site.unit) * f64::from(1u32 << bits);
    let examples = totals.chunks_exact_mut(per_example).zip(exact.chunks_exact(per_example));
    for (example, (totals, exact)) in examples.enumerate() {
        let key = key(update, group.counts, example, site.patches.neurons());
        for (position, (totals, exact)) in
            totals.chunks_exact_mut(site.outputs()).zip(exact.chunks_exact(site.outputs())).enumerate()
        {
            currents.clear();
            currents.extend(exact.iter().map(|&total| total as f32 / site.unit));
            site.reader.disturb(key.wrapping_add(position as u64), currents);
            for (total, &current) in totals.iter_mut().zip(&*currents) {
                *total += (f64::from(current) * grid).round() as i64;
            }
        }
    }
    Ok(())
}

/// Adds the factors of every position of every example.
pub(super) fn add_factors(site: &Site, group: &Group<'_>, errors: &[i32], factors: &mut Vec<Factors>) {
    let (neurons, outputs) = (site.patches.neurons(), site.outputs());
    let bytes = bytes(group.counts);
    let is_signed = matches!(group.counts, Counts::Signed(_));
    let widen = |&byte: &u8| if is_signed { i16::from(byte as i8) } else { i16::from(byte) };
    let per_example = errors.len() / group.examples.max(1);
    let mut rows = vec![0u8; site.patches.rows()];
    for example in 0..group.examples {
        let counts = &bytes[example * neurons..][..neurons];
        for (position, errors) in errors[example * per_example..][..per_example].chunks_exact(outputs).enumerate() {
            if errors.iter().all(|&error| error == 0) {
                continue;
            }
            site.patches.gather(counts, position, &mut rows);
            factors.push(Factors { counts: rows.iter().map(widen).collect(), errors: errors.to_vec() });
        }
    }
}

/// A number that an update and the spike counts of an example determine (FNV-1a with 64 bits).
fn key(update: u64, counts: Counts<'_>, example: usize, neurons: usize) -> u64 {
    let bytes = &bytes(counts)[example * neurons..][..neurons];
    let all = update.to_le_bytes().into_iter().chain(bytes.iter().copied());
    all.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn bytes(counts: Counts<'_>) -> &[u8] {
    match counts {
        Counts::Unsigned(counts) => counts,
        Counts::Signed(counts) => as_unsigned(counts),
    }
}
