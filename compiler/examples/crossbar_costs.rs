//! Published costs of crossbar chips beside those of the cost model, as Markdown tables.
//! Expected: without its neurons DVSNet on 64 rows takes 4.7 times more energy with 5-bit converters
//! than with comparators, and an ISAAC tile takes 329 mW and 0.372 mm².
//!
//!     cargo run -p sterna-compiler --example crossbar_costs

use compiler::HardwareSpecification;
use compiler::cost::published::{
    PublishedNetwork, dvsnet, fireflownet, resnet20, sfn, snn_resnet, snn_vgg, tile_peak, vgg9,
    with_evaluated_comparator,
};
use compiler::cost::{CostReport, Workload, evaluate};
use compiler::hardware::Timing;

type Outcome<T> = Result<T, compiler::CompilerError>;

/// Copies of early layers in the published simulator.
const SPEED_UP: usize = 8;

fn main() -> Outcome<()> {
    sparsity()?;
    hcim(
        "A, 128 rows",
        "hcim-a",
        &[
            ("adc7-a", [15.3, 28.81]),
            ("adc6-a", [3.07, 5.14]),
            ("adc4-a", [7.39, 11.95]),
            ("hcim-a-binary", [1.16, 1.27]),
        ],
    )?;
    hcim("B, 64 rows", "hcim-b", &[("adc6-b", [3.2, 3.57]), ("adc4-b", [8.0, 9.19]), ("hcim-b-binary", [1.17, 1.2])])?;
    adc_less_calibration()?;
    adc_less_workloads()?;
    isaac()
}

fn report(hardware: &HardwareSpecification, network: &PublishedNetwork) -> Outcome<CostReport> {
    let workload = Workload::assumed(hardware, &network.layers, &network.assumption)?;
    Ok(evaluate(hardware, &workload))
}

fn sparsity() -> Outcome<()> {
    println!("## HCiM: energy of one crossbar against the share of zeros (pJ)\n");
    println!("| zeros | A published | A model | B published | B model |\n|---|---|---|---|---|");
    let (a, b) = (HardwareSpecification::named("hcim-a-ternary")?, HardwareSpecification::named("hcim-b-ternary")?);
    let energy = |chip: &HardwareSpecification, zeros: f64| {
        chip.cost.scale_factor.energy_pj * chip.array.columns as f64 * chip.cost.zero_share_energy.at(zeros)
    };
    for (zeros, published_a, published_b) in
        [(0.0, 28.3, 14.2), (0.5, 21.5, 10.8), (0.6, 19.0, 9.6), (0.7, 16.7, 8.4), (0.8, 13.3, 6.7), (0.9, 9.3, 4.7)]
    {
        println!(
            "| {zeros:.1} | {published_a} | {:.1} | {published_b} | {:.1} |",
            energy(&a, zeros),
            energy(&b, zeros)
        );
    }
    Ok(())
}

fn hcim(title: &str, own: &str, rows: &[(&str, [f64; 2])]) -> Outcome<()> {
    println!("\n## HCiM {title}: energy and latency times area, relative to the ternary chip\n");
    println!("| chip | network | energy published | model | deviation | latency x area |\n|---|---|---|---|---|---|");
    let ternary = HardwareSpecification::named(&format!("{own}-ternary"))?;
    for (index, network) in [resnet20(), vgg9()].iter().enumerate() {
        let base = report(&ternary, network)?;
        let product = |report: &CostReport| report.latency.single_example_ns * report.area_um2.total();
        for (name, published) in rows {
            let chip = report(&HardwareSpecification::named(name)?, network)?;
            let model = chip.energy_pj.total() / base.energy_pj.total();
            let published = published[index];
            println!(
                "| {name} | {} | {published} | {model:.2} | {:+.0} % | {:.2} |",
                network.name,
                100.0 * (model / published - 1.0),
                product(&chip) / product(&base)
            );
        }
        let conversions: f64 =
            base.stages.iter().flat_map(|stage| &stage.projections).map(|part| part.conversions).sum();
        let shares: Vec<String> = base
            .energy_pj
            .entries()
            .filter(|(_, energy)| *energy > 0.0)
            .map(|(component, energy)| format!("{component} {:.3}", energy / conversions))
            .collect();
        println!("\n{own}-ternary, {}: pJ for each column read: {}\n", network.name, shares.join(", "));
    }
    Ok(())
}

fn adc_less_calibration() -> Outcome<()> {
    println!("## ADC-less RRAM: DVSNet, 20 steps, beside the authors' configuration of NeuroSim\n");
    println!(
        "| chip | energy µJ published | model | stage ms published | model | mm² published | model |\n|---|---|---|---|---|---|---|"
    );
    let network = dvsnet().replicated(SPEED_UP);
    let mut splits = Vec::new();
    for (name, energy, time, area) in [
        ("adcless-rram-64", 229.0, 1.063, 259),
        ("adc5-rram-64", 1050.9, 13.61, 159),
        ("adcless-rram-128", 140.8, 0.696, 155),
        ("adc5-rram-128", 553.2, 8.829, 108),
    ] {
        let chip = report(&HardwareSpecification::named(name)?, &network)?;
        println!(
            "| {name} | {energy} | {:.1} | {time} | {:.3} | {area} | {:.1} |",
            (chip.energy_pj.total() - chip.energy_pj.neurons) / 1e6,
            chip.latency.pipeline_ns / 1e6,
            chip.area_um2.total() / 1e6
        );
        let parts: Vec<String> = chip
            .energy_pj
            .entries()
            .filter(|(_, energy)| *energy > 0.0)
            .map(|(component, energy)| format!("{component} {:.1}", energy / 1e6))
            .collect();
        splits.push(format!("{name}: {}", parts.join(", ")));
    }
    println!("\nNeurons are not part of the published figures, nor of the model's column. Split of the model (µJ):\n");
    for split in splits {
        println!("- {split}");
    }
    Ok(())
}

fn adc_less_workloads() -> Outcome<()> {
    println!("\n## 5-bit converters over comparators; published: energy 2 to 7, latency 8.9 to 24.6\n");
    println!(
        "| network | rows | energy, neurons left out as published | energy | latency, published timing | with the comparator's delay | latency, physical |\n|---|---|---|---|---|---|---|"
    );
    let networks = [
        dvsnet().replicated(SPEED_UP),
        fireflownet().replicated(SPEED_UP),
        sfn(),
        snn_vgg().replicated(SPEED_UP),
        snn_resnet().replicated(SPEED_UP),
    ];
    for network in &networks {
        for rows in [32, 64, 128] {
            let own = HardwareSpecification::named(&format!("adcless-rram-{rows}"))?;
            let baseline = HardwareSpecification::named(&format!("adc5-rram-{rows}"))?;
            let ratio = |own: &HardwareSpecification, baseline: &HardwareSpecification| -> Outcome<([f64; 2], f64)> {
                let (own, baseline) = (report(own, network)?, report(baseline, network)?);
                let (all, other) = (own.energy_pj.total(), baseline.energy_pj.total());
                let published = (other - baseline.energy_pj.neurons) / (all - own.energy_pj.neurons);
                Ok(([published, other / all], baseline.latency.pipeline_ns / own.latency.pipeline_ns))
            };
            let ([without, energy], published) =
                ratio(&with(&own, Timing::Published), &with(&baseline, Timing::Published))?;
            let evaluated = with_evaluated_comparator(&with(&own, Timing::Published));
            let (_, evaluated) = ratio(&evaluated, &with(&baseline, Timing::Published))?;
            let (_, physical) = ratio(&with(&own, Timing::Physical), &with(&baseline, Timing::Physical))?;
            println!(
                "| {} | {rows} | {without:.1} | {energy:.1} | {published:.1} | {evaluated:.2} | {physical:.1} |",
                network.name
            );
        }
    }
    Ok(())
}

fn with(hardware: &HardwareSpecification, timing: Timing) -> HardwareSpecification {
    let mut changed = hardware.clone();
    changed.cost.timing = timing;
    changed
}

fn isaac() -> Outcome<()> {
    let peak = tile_peak(&HardwareSpecification::named("isaac")?, 128, 100.0);
    println!(
        "\n## ISAAC tile: 330 mW and 0.372 mm² published, {:.1} mW and {:.4} mm² from the constants",
        peak.power_mw, peak.area_mm2
    );
    Ok(())
}
