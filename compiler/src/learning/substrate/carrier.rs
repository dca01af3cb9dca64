//! Total inputs with noise, and the factors of an update, example by example.

use kernels::{Counts, Engine, Store, Workspace, as_signed, as_unsigned};
use spikegrad::{Factors, GradientSums, Group};

use super::site::Site;
use crate::error::CompilerError;
use crate::learning::array::Codes;

/// Memory of one thread.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    totals: Vec<i32>,
    currents: Vec<f32>,
    workspace: Workspace,
    /// Codes of spike counts, and what 1 of them stands for in each example.
    codes: Vec<u8>,
    steps: Vec<f32>,
    products: Vec<i64>,
}

/// Errors that cross an array are in units of 1 over this: a part of what noise and converters leave of whole numbers.
pub(super) const ERROR_UNITS: i64 = 256;

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
    let Scratch { totals: exact, currents, workspace, codes, steps, .. } = scratch;
    exact.clear();
    exact.resize(totals.len(), 0);
    encode(site, group, codes, steps);
    let driven = match group.counts {
        counts if steps.is_empty() => counts,
        Counts::Unsigned(_) => Counts::Unsigned(codes),
        Counts::Signed(_) => Counts::Signed(as_signed(codes)),
    };
    match &site.convolution {
        None => {
            workspace.reserve(engine.matmul_workspace(group.examples, site.patches.rows(), site.outputs()));
            engine.matmul(driven, group.examples, &site.packed, Store::ADD, exact, workspace)?;
        }
        Some(shape) => {
            workspace.reserve(engine.convolution_workspace(shape, group.examples));
            engine.convolution(shape, group.examples, driven, &site.packed, Store::ADD, exact, workspace)?;
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
        let step = steps.get(example).copied().unwrap_or(1.0);
        for (position, (totals, exact)) in
            totals.chunks_exact_mut(site.outputs()).zip(exact.chunks_exact(site.outputs())).enumerate()
        {
            currents.clear();
            currents.extend(exact.iter().map(|&total| total as f32 * step / site.unit));
            site.reader.columns().sense(key.wrapping_add(position as u64), currents);
            for (total, &current) in totals.iter_mut().zip(&*currents) {
                *total += (f64::from(current) * grid).round() as i64;
            }
        }
    }
    Ok(())
}

/// Codes of the spike counts of a group, and what 1 stands for in each example; no steps without a converter.
fn encode(site: &Site, group: &Group<'_>, codes: &mut Vec<u8>, steps: &mut Vec<f32>) {
    codes.clear();
    steps.clear();
    let Some(converter) = site.reader.columns().input else { return };
    let is_signed = matches!(group.counts, Counts::Signed(_));
    let count = |byte: u8| if is_signed { f64::from(byte as i8) } else { f64::from(byte) };
    for counts in bytes(group.counts).chunks_exact(site.patches.neurons()).take(group.examples) {
        let largest = counts.iter().fold(0.0, |largest: f64, &byte| largest.max(count(byte).abs()));
        let of_counts = Codes::of_counts(converter.bits, converter.range(largest), is_signed);
        let code = |&byte: &u8| of_counts.code(count(byte));
        codes.extend(counts.iter().map(code).map(|code| if is_signed { code as i8 as u8 } else { code as u8 }));
        steps.push(of_counts.step as f32);
    }
}

/// Adds weight gradients and the errors that cross an array backwards, both times [`ERROR_UNITS`]. Weight gradients are
/// exact: errors and spike counts that meet in an array are pulses. Errors are read position by position; positions
/// without errors are not read.
pub(super) fn add_gradients(
    site: &Site,
    group: &Group<'_>,
    errors: &[i32],
    update: u64,
    sums: &mut GradientSums,
    scratch: &mut Scratch,
) {
    let (neurons, outputs, rows) = (site.patches.neurons(), site.outputs(), site.patches.rows());
    let (bytes, is_signed) = (bytes(group.counts), matches!(group.counts, Counts::Signed(_)));
    let widen = |byte: u8| if is_signed { i64::from(byte as i8) } else { i64::from(byte) };
    let per_example = errors.len() / group.examples.max(1);
    let GradientSums { weights, errors: arriving, .. } = sums;
    let Scratch { currents, codes: patch, products, .. } = scratch;
    patch.clear();
    patch.resize(rows, 0);
    for example in 0..group.examples {
        let counts = &bytes[example * neurons..][..neurons];
        let errors = &errors[example * per_example..][..per_example];
        let largest = errors.iter().fold(0, |largest, error| largest.max(error.unsigned_abs()));
        let lines = site.reader.rows();
        let codes =
            lines.input.map(|converter| Codes::of_counts(converter.bits, converter.range(largest.into()), true));
        let key = fold(update, errors.iter().flat_map(|error| error.to_le_bytes()));
        for (position, errors) in errors.chunks_exact(outputs).enumerate() {
            if errors.iter().all(|&error| error == 0) {
                continue;
            }
            site.patches.gather(counts, position, patch);
            for (&error, weights) in errors.iter().zip(weights.chunks_exact_mut(rows)).filter(|(error, _)| **error != 0)
            {
                let error = i64::from(error) * ERROR_UNITS;
                weights.iter_mut().zip(&*patch).for_each(|(sum, &count)| *sum += error * widen(count));
            }
            if arriving.is_empty() {
                continue;
            }
            products.clear();
            products.resize(rows, 0);
            for (&error, mantissas) in errors.iter().zip(site.mantissas().chunks_exact(rows)) {
                let code = codes.map_or(i64::from(error), |codes| codes.code(error.into()) as i64);
                if code != 0 {
                    products.iter_mut().zip(mantissas).for_each(|(sum, &weight)| *sum += code * i64::from(weight));
                }
            }
            let step = codes.map_or(1.0, |codes| codes.step);
            currents.clear();
            currents.extend(products.iter().map(|&sum| (sum as f64 * step / f64::from(site.unit)) as f32));
            lines.sense(key.wrapping_add(position as u64), currents);
            let unit = f64::from(site.unit) * ERROR_UNITS as f64;
            products
                .iter_mut()
                .zip(&*currents)
                .for_each(|(sum, &current)| *sum = (f64::from(current) * unit).round() as i64);
            site.patches.scatter(products, position, 0, &mut arriving[example * neurons..][..neurons]);
        }
    }
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

/// A number that an update and the spike counts of an example determine.
fn key(update: u64, counts: Counts<'_>, example: usize, neurons: usize) -> u64 {
    fold(update, bytes(counts)[example * neurons..][..neurons].iter().copied())
}

/// A number that an update and some bytes determine (FNV-1a with 64 bits).
fn fold(update: u64, bytes: impl Iterator<Item = u8>) -> u64 {
    let all = update.to_le_bytes().into_iter().chain(bytes);
    all.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn bytes(counts: Counts<'_>) -> &[u8] {
    match counts {
        Counts::Unsigned(counts) => counts,
        Counts::Signed(counts) => as_unsigned(counts),
    }
}
