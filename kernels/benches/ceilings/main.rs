//! What the arithmetic units do without memory: operations per second of multiply instructions on registers, as JSON
//! lines.
//!
//! `cargo bench -p sterna-kernels --bench ceilings -- --threads 2`. A multiply-accumulate counts as two operations.
//! Each loop keeps as many independent sums as hide the latency. An instruction that the machine lacks is named with
//! the reason.

#[cfg(target_arch = "aarch64")]
mod arm;
#[path = "../common/timing.rs"]
mod timing;
#[cfg(target_arch = "x86_64")]
mod x86;

use lexopt::prelude::*;

/// An instruction and a loop of it.
#[cfg_attr(not(any(target_arch = "aarch64", target_arch = "x86_64")), expect(dead_code, reason = "no loop is written"))]
struct Loop {
    /// The instruction and its registers.
    instruction: &'static str,
    /// Operations of one pass through the loop.
    operations: u64,
    /// Runs a number of passes; `None` where the machine lacks the instruction.
    run: Option<fn(u64)>,
}

/// Passes through a loop in one call of it.
const PASSES: u64 = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut threads, mut seconds) = (1usize, 0.3f64);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("threads") => threads = parser.value()?.parse()?,
            Long("seconds") => seconds = parser.value()?.parse()?,
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    #[cfg(target_arch = "aarch64")]
    let loops: Vec<Loop> = arm::loops();
    #[cfg(target_arch = "x86_64")]
    let loops: Vec<Loop> = x86::loops();
    #[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
    let loops: Vec<Loop> = vec![];
    for Loop { instruction, operations, run } in loops {
        let Some(run) = run else {
            println!(r#"{{"instruction":"{instruction}","threads":{threads},"gops":null}}"#);
            continue;
        };
        let time = timing::median(seconds, || {
            pool.broadcast(|_| run(PASSES));
            Ok::<(), std::convert::Infallible>(())
        })?;
        let gops = operations as f64 * PASSES as f64 * threads as f64 / time / 1e9;
        println!(r#"{{"instruction":"{instruction}","threads":{threads},"gops":{gops:.1}}}"#);
    }
    Ok(())
}
