//! Integer products at the shapes of the MNIST and the CIFAR-10 network, beside `gemm` in f32, as JSON lines.
//!
//! `cargo bench -p sterna-kernels --bench products -- --network mnist --threads 2`; one line a projection, phase and
//! implementation. Counts and errors are packed within the timed call, weights before it. A multiply-accumulate
//! counts as two operations; multiplications with padding count as well, as the matrix product has them. `gemm`
//! multiplies matrices of the same sizes that already exist: what writes them out costs it nothing here. `sterna fired`
//! turns the totals into spike counts or error counts in the same call. `STERNA_ISA` chooses the instruction set.

mod floats;
mod integers;
mod shapes;
#[path = "../common/timing.rs"]
mod timing;
#[path = "../common/values.rs"]
mod values;

use std::error::Error;

use kernels::{Engine, Isa, Parallelism};
use lexopt::prelude::*;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    networks: Vec<String>,
    threads: usize,
    batch: Option<usize>,
    /// Wall-clock seconds of each measurement.
    seconds: f64,
    /// Share of counts other than zero.
    count_density: f64,
    /// Share of error counts other than zero.
    error_density: f64,
    /// Whether `gemm` is measured too.
    gemm: bool,
}

fn options() -> Result<Options, lexopt::Error> {
    let mut options = Options {
        networks: Vec::new(),
        threads: 1,
        batch: None,
        seconds: 0.3,
        count_density: 1.0,
        error_density: 1.0,
        gemm: true,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("network") => options.networks.push(parser.value()?.string()?),
            Long("threads") => options.threads = parser.value()?.parse()?,
            Long("batch") => options.batch = Some(parser.value()?.parse()?),
            Long("seconds") => options.seconds = parser.value()?.parse()?,
            Long("count-density") => options.count_density = parser.value()?.parse()?,
            Long("error-density") => options.error_density = parser.value()?.parse()?,
            Long("no-gemm") => options.gemm = false,
            Long("bench") => {}
            other => return Err(other.unexpected()),
        }
    }
    if options.networks.is_empty() {
        options.networks = vec!["mnist".to_owned(), "cifar10".to_owned()];
    }
    Ok(options)
}

/// One measured product.
struct Line<'a> {
    implementation: &'a str,
    isa: &'a str,
    network: &'a str,
    projection: &'a str,
    phase: &'a str,
    matrix: [usize; 3],
    seconds: f64,
}

impl Line<'_> {
    fn print(&self, options: &Options, batch: usize) {
        let Line { implementation, isa, network, projection, phase, matrix: [rows, inner, columns], seconds } = self;
        let gops = 2.0 * *rows as f64 * *inner as f64 * *columns as f64 / seconds / 1e9;
        println!(
            r#"{{"implementation":"{implementation}","isa":"{isa}","network":"{network}","projection":"{projection}","phase":"{phase}","rows":{rows},"inner":{inner},"columns":{columns},"batch":{batch},"threads":{},"count_density":{},"error_density":{},"seconds":{seconds:.3e},"gops":{gops:.1}}}"#,
            options.threads, options.count_density, options.error_density
        );
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let isa = std::env::var("STERNA_ISA").ok().map_or_else(|| Ok(Isa::detect()), |name| name.parse())?;
    let parallelism = if options.threads == 1 { Parallelism::Serial } else { Parallelism::Rayon };
    let engine = Engine::new(isa, parallelism)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    for name in &options.networks {
        let (projections, usual_batch) = shapes::network(name)?.ok_or_else(|| format!("no network '{name}'"))?;
        let batch = options.batch.unwrap_or(usual_batch);
        for projection in projections {
            let measured = pool.install(|| integers::measure(&engine, &projection, batch, &options))?;
            for integers::Measured { phase, fires, seconds } in measured {
                let [rows, inner, columns] = projection.matrix(batch);
                let matrix = match phase {
                    "error" => error_matrix(&projection, batch),
                    "update" => [columns, rows, inner],
                    _ => [rows, inner, columns],
                };
                let sterna = Line {
                    implementation: if fires { "sterna fired" } else { "sterna" },
                    isa: isa.name(),
                    network: name,
                    projection: projection.name,
                    phase,
                    matrix,
                    seconds,
                };
                sterna.print(&options, batch);
                if options.gemm && !fires {
                    let seconds = pool.install(|| floats::seconds(phase, matrix, options.threads, options.seconds));
                    Line { implementation: "gemm f32", isa: "any", seconds, ..sterna }.print(&options, batch);
                }
            }
        }
    }
    Ok(())
}

/// The error product as a matrix product with as many operations as the forward one.
fn error_matrix(projection: &shapes::Projection, batch: usize) -> [usize; 3] {
    match projection.kind {
        shapes::Kind::Dense { inputs, outputs } => [batch, outputs, inputs],
        shapes::Kind::Convolution(shape) => {
            let [rows, _, columns] = projection.matrix(batch);
            [rows, shape.kernel[0] * shape.kernel[1] * columns, shape.input_channels]
        }
    }
}
