//! What this machine offers: its instruction sets, which one is in use, and why.

use std::fmt::Write as _;

use kernels::Isa;
use serde_json::json;

use super::Finding;
use crate::command::{Context, ISA_VARIABLE};

/// The instruction sets, fastest first, and the threads.
pub fn machine(context: &Context) -> Finding {
    let (chosen, fastest) = (context.resources.isa, Isa::detect());
    let reason = if std::env::var_os(ISA_VARIABLE).is_some_and(|value| !value.is_empty()) {
        format!("forced by {ISA_VARIABLE}")
    } else {
        "the fastest that is available".to_owned()
    };
    let mut text = String::from("instruction sets, fastest first:\n");
    for isa in Isa::ALL.into_iter().rev() {
        let _ = writeln!(text, "  {:<12}  {}", isa.name(), isa.availability());
    }
    let _ = write!(text, "in use: {chosen} ({reason})\nthreads: {}", context.resources.threads);
    let states: Vec<_> = Isa::ALL
        .into_iter()
        .map(|isa| {
            let availability = isa.availability();
            json!({ "name": isa.name(), "available": availability.is_available(), "state": availability.to_string() })
        })
        .collect();
    let names: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
    let object = json!({
        "kind": "machine", "instruction_sets": names, "states": states, "fastest": fastest.name(),
        "instruction_set": chosen.name(), "reason": reason, "threads": context.resources.threads,
    });
    Finding { object, text }
}
