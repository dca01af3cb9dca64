//! Error of the wire approximation and speed of the solver, as JSON lines.
//!
//! `cargo bench -p sterna-compiler --bench circuits` draws arrays of differential pairs of one-bit cells (6 kΩ and
//! 900 kΩ, as many pairs as rows, a share of them not zero) and random reads. For every size, wire resistance and
//! share of active rows, a line of `"measurement":"error"` compares the partial sums without wires and with the
//! approximation to the exact ones: root mean square and largest deviation in levels, and the share of sign decisions
//! that differ. A line of `"measurement":"speed"` gives milliseconds (one thread) and iterations. `-- 64` limits it to
//! one size.

use std::time::Instant;

use compiler::circuit::wires::ArrayCircuit;
use compiler::circuit::{ArrayLevels, ChipSeed, Conductances, EffectiveArray, realise_array};
use compiler::hardware::WireResistance;
use compiler::{CompilerError, HardwareSpecification};
use snn::random::{Purpose, Stream};

const SIZES: [usize; 3] = [32, 64, 128];
/// Ohms between two cells.
const WIRES: [f64; 3] = [0.35, 1.0, 2.82];
/// Percent of pairs that are not zero.
const NOT_ZERO: [u32; 2] = [25, 75];
/// Percent of rows that are active.
const ACTIVE: [u32; 3] = [10, 50, 90];
const READS: usize = 50;

const CHIP: &str = r#"
    name = "bench"
    description = "binary resistive cells"
    sources = []
    array = { rows = 128, columns = 256, cell_bits = 1 }
    weights = { bits = 1, signed = "differential-pair" }
    input = { coding = "bit-serial", bits = 4 }
    quantiser = { kind = "sign" }
    cost = {}
    [device]
    cell = "rram"
    technology_nm = 65.0
    on_resistance_ohm = 6000.0
    off_resistance_ohm = 900000.0
    read_voltage_v = 0.5
    read_pulse_ns = 10.0
    wire_resistance_ohm = 1.0
"#;

/// Cells of `size` rows and pairs, `not_zero` percent of which are +1 or -1.
fn cells(size: usize, not_zero: u32, hardware: &HardwareSpecification) -> Result<Conductances, CompilerError> {
    let mut random = Stream::new(size as u64, Purpose::Test, not_zero.into());
    let signs: Vec<i32> = (0..size * size)
        .map(|_| if random.below(100) < not_zero { 2 * random.below(2) as i32 - 1 } else { 0 })
        .collect();
    let cells = |sign: i32| signs.iter().map(|&found| u8::from(found == sign)).collect();
    let levels = ArrayLevels { rows: size, columns: size, positive: cells(1), negative: Some(cells(-1)) };
    realise_array(&levels, hardware, ChipSeed { seed: 1, chip: 0 }, 0)
}

fn partial_sum(array: &EffectiveArray, column: usize, active: &[bool]) -> f64 {
    let contributions = &array.contributions[column * array.rows..][..array.rows];
    contributions.iter().zip(active).filter(|(_, active)| **active).map(|(&value, _)| f64::from(value)).sum()
}

/// Deviations of partial sums, collected.
#[derive(Default)]
struct Deviations {
    squares: f64,
    largest: f64,
    flipped: usize,
    number: usize,
}

impl Deviations {
    fn add(&mut self, exact: f64, found: f64) {
        self.squares += (found - exact).powi(2);
        self.largest = self.largest.max((found - exact).abs());
        self.flipped += usize::from((found >= 0.0) != (exact >= 0.0));
        self.number += 1;
    }

    fn json(&self) -> String {
        let number = self.number as f64;
        let (rms, flipped) = ((self.squares / number).sqrt(), self.flipped as f64 / number);
        format!(r#"{{"rms":{rms:.4},"largest":{:.3},"flipped":{flipped:.5}}}"#, self.largest)
    }
}

fn errors(size: usize, not_zero: u32, hardware: &mut HardwareSpecification) -> Result<(), CompilerError> {
    hardware.non_idealities.wires = None;
    let conductances = cells(size, not_zero, hardware)?;
    let plain = EffectiveArray::new(&conductances, hardware)?;
    for wire in WIRES {
        hardware.device.wire_resistance_ohm = wire;
        hardware.non_idealities.wires = Some(WireResistance::Exact);
        let exact = EffectiveArray::new(&conductances, hardware)?;
        hardware.non_idealities.wires = Some(WireResistance::Approximate);
        let near = EffectiveArray::new(&conductances, hardware)?;
        for share in ACTIVE {
            let mut random = Stream::new(size as u64, Purpose::Test, 1000 + u64::from(share));
            let (mut without, mut with) = (Deviations::default(), Deviations::default());
            for _ in 0..READS {
                let active: Vec<bool> = (0..size).map(|_| random.below(100) < share).collect();
                for column in 0..size {
                    let expected = partial_sum(&exact, column, &active);
                    without.add(expected, partial_sum(&plain, column, &active));
                    with.add(expected, partial_sum(&near, column, &active));
                }
            }
            println!(
                r#"{{"measurement":"error","size":{size},"wire_ohm":{wire},"not_zero":{not_zero},"active":{share},"no_wires":{},"approximate":{}}}"#,
                without.json(),
                with.json()
            );
        }
    }
    Ok(())
}

fn speed(size: usize, hardware: &mut HardwareSpecification) -> Result<(), CompilerError> {
    let conductances = cells(size, 75, hardware)?;
    for wire in WIRES {
        hardware.device.wire_resistance_ohm = wire;
        let circuit = ArrayCircuit::new(&conductances, hardware)?;
        let start = Instant::now();
        let solution = circuit.solve(&vec![0.5; size])?;
        let solve = start.elapsed().as_secs_f64() * 1e3;
        let start = Instant::now();
        circuit.transfer()?;
        let transfer = start.elapsed().as_secs_f64() * 1e3;
        println!(
            r#"{{"measurement":"speed","rows":{size},"bit_lines":{},"wire_ohm":{wire},"iterations":{},"residual":{:.1e},"solve_ms":{solve:.2},"transfer_ms":{transfer:.1}}}"#,
            conductances.bit_lines, solution.iterations, solution.residual
        );
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let only: Option<usize> = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let mut hardware: HardwareSpecification = toml::from_str(CHIP)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    for size in SIZES.into_iter().filter(|&size| only.is_none_or(|only| only == size)) {
        for not_zero in NOT_ZERO {
            pool.install(|| errors(size, not_zero, &mut hardware))?;
        }
        pool.install(|| speed(size, &mut hardware))?;
    }
    Ok(())
}
