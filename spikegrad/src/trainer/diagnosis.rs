//! Notices populations that stopped learning, and names the remedy.

use snn::{Network, NeuronKind};

use super::report::{Diagnosis, PopulationReport, Severity};
use crate::inference::Score;
use crate::settings::{Gradient, TrainingSettings};

/// Below this share of open gates a population is called nearly silent.
const SILENT_SHARE: f64 = 1e-3;
/// Above this share of clipped counts information is lost.
const CLIPPED_SHARE: f64 = 0.01;
/// Above this share of clipped counts the gradient is called exploding.
const EXPLODING_SHARE: f64 = 0.10;
/// Training accuracy above which few error spikes are a sign of success.
const LEARNED_ACCURACY: f64 = 0.99;

pub(super) fn diagnose(
    network: &Network,
    settings: &TrainingSettings,
    populations: &[PopulationReport],
    train: Score,
    epoch: u32,
) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    let mut add = |report: &PopulationReport, severity, finding: String, remedy: String| {
        found.push(Diagnosis { population: report.name.clone(), severity, finding, remedy });
    };
    for (population, report) in network.populations().iter().zip(populations) {
        if population.neuron == NeuronKind::Input {
            if report.spikes == 0.0 {
                let remedy = "check the data: all inputs are zero".to_owned();
                add(report, Severity::Error, "no input in the whole epoch".to_owned(), remedy);
            }
            continue;
        }
        if population.fires() {
            let raise = "raise input_gain, lower its threshold or lower the learning rate";
            if report.spikes == 0.0 {
                add(report, Severity::Error, "silent: no spike in the whole epoch".to_owned(), raise.to_owned());
            } else if report.active_share < SILENT_SHARE {
                let finding = format!("nearly silent: {:.3} % of gates open", 100.0 * report.active_share);
                add(report, Severity::Warning, finding, raise.to_owned());
            }
            if report.clipped_spike_share > CLIPPED_SHARE {
                let finding = format!("{:.1} % of spike counts clipped", 100.0 * report.clipped_spike_share);
                add(report, Severity::Warning, finding, "lower input_gain or raise its threshold".to_owned());
            }
        }
        if report.clipped_weight_share > CLIPPED_SHARE {
            let finding = format!("{:.1} % of incoming weights at the limit", 100.0 * report.clipped_weight_share);
            let remedy = format!("lower its fraction_bits from {}, or add weight_decay", population.fraction_bits);
            add(report, Severity::Warning, finding, remedy);
        }
        let learning = train.accuracy < LEARNED_ACCURACY;
        if settings.gradient == Gradient::Spike && report.error_spikes == 0.0 && learning {
            let finding = format!("dead gradient: no error spike in epoch {epoch}");
            let remedy = format!("alpha is too small for this depth: raise it from {}", settings.alpha);
            add(report, Severity::Error, finding, remedy);
        }
        if report.clipped_error_share > CLIPPED_SHARE {
            let share = 100.0 * report.clipped_error_share;
            let is_exploding = report.clipped_error_share > EXPLODING_SHARE;
            let (severity, word) = if is_exploding {
                (Severity::Error, "exploding gradient")
            } else {
                (Severity::Warning, "large errors")
            };
            let finding = format!("{word}: {share:.1} % of error counts clipped");
            let remedy =
                format!("lower alpha from {} or the learning rate from {}", settings.alpha, settings.learning_rate);
            add(report, severity, finding, remedy);
        }
    }
    found
}
