//! Speed of a model in spikes or floats as one JSON line; `benches/language_models.py` runs it beside other programs.
//!
//! `cargo bench -p sterna-llm --bench spiking -- make FLOAT_FOLDER SPIKED_FOLDER` makes a W4A4 model with an output head
//! of 8 bits, keys and values of 4, weights rounded to nearest, 10 % of the channels at two steps;
//! `-- run FOLDER PROMPT TOKENS THREADS` measures prefill and decoding.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use kernels::{Engine, Parallelism};
use llm::forward::{Execution, FloatExecution, Session, next_logits};
use llm::spike::configuration::{CacheSection, CalibrationSection, WeightMethod, WeightSection};
use llm::spike::{SpikeConfiguration, SpikedModel, SpikingExecution, file, spike};
use llm::{Model, Tokenizer};
use serde_json::json;

const REPEATS: usize = 4;

fn tokens(count: usize, vocabulary: usize) -> Vec<u32> {
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(((*state >> 33) % vocabulary as u64) as u32)
    };
    let mut state = 1;
    std::iter::from_fn(|| next(&mut state)).take(count).collect()
}

fn make(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let model = Model::open(from)?;
    let weights =
        WeightSection { method: WeightMethod::RoundToNearest, head: 8, clip: false, ..WeightSection::default() };
    let configuration = SpikeConfiguration {
        weights,
        cache: CacheSection { bits: 4, ..CacheSection::default() },
        calibration: CalibrationSection { sequences: 1, tokens: 128, ..CalibrationSection::default() },
        ..SpikeConfiguration::default()
    };
    let sequences = [tokens(128, model.config().vocabulary)];
    let spiked = spike(&model, &configuration, &sequences, Engine::detect(Parallelism::Rayon), |_| ())?;
    // The model has no tokenizer; an empty vocabulary stands for it.
    let tokenizer = to.with_extension("vocab");
    std::fs::write(&tokenizer, "<unk>\t0\n<s>\t0\n</s>\t0\na\t0\n")?;
    Ok(spiked.save(to, &Tokenizer::open(&tokenizer)?)?)
}

fn measure<E: Execution>(execution: &E, prompt: usize, count: usize) -> Result<[f64; 2], Box<dyn Error>> {
    let config = execution.frame().config();
    let prompt = tokens(prompt, config.vocabulary);
    let (mut prefill, mut decode) = (Vec::new(), Vec::new());
    for repeat in 0..REPEATS {
        let mut session = Session::new(execution, prompt.len() + count)?;
        let start = Instant::now();
        let mut logits = next_logits(execution, &mut session, &prompt)?;
        let between = Instant::now();
        for _ in 0..count {
            let best = (0..logits.len()).fold(0, |best, token| if logits[token] > logits[best] { token } else { best });
            logits = next_logits(execution, &mut session, &[best as u32])?;
        }
        if repeat > 0 {
            prefill.push(prompt.len() as f64 / (between - start).as_secs_f64());
            decode.push(count as f64 / between.elapsed().as_secs_f64());
        }
    }
    Ok([prefill, decode].map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }))
}

/// Largest resident memory of the process so far in MiB; 0 where the system does not say.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn run(folder: &Path, [prompt, count, threads]: [usize; 3]) -> Result<(), Box<dyn Error>> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let engine = Engine::detect(Parallelism::Rayon);
    let (program, rates) = if file::is_spiked(folder) {
        let execution = SpikingExecution::new(Arc::new(SpikedModel::open(folder)?), engine)?;
        ("Sterna W4A4 in spikes", measure(&execution, prompt, count)?)
    } else {
        ("Sterna f32", measure(&FloatExecution::new(Model::open(folder)?, engine), prompt, count)?)
    };
    let report = json!({
        "program": program, "instruction_set": engine.isa().name(), "threads": threads, "prompt": prompt,
        "prefill_tokens_per_second": rates[0], "decode_tokens_per_second": rates[1], "peak_mib": peak_mib(),
    });
    println!("{report}");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", from, to] => make(Path::new(from), Path::new(to)),
        ["run", folder, prompt, count, threads] => {
            run(Path::new(folder), [prompt.parse()?, count.parse()?, threads.parse()?])
        }
        // `cargo bench` of the whole workspace runs it without a model.
        [] => {
            println!("{}", json!({"program": "none", "reason": "make or run is missing"}));
            Ok(())
        }
        _ => Err("usage: make FLOAT_FOLDER SPIKED_FOLDER | run FOLDER PROMPT TOKENS THREADS".into()),
    }
}
