//! Plots of spiked models.

use std::path::Path;
use std::sync::Arc;

use kernels::Engine;
use llm::model::Site;
use llm::spike::build::BlockReport;
use llm::spike::{SpikeReport, SpikedModel, SpikingExecution};

use super::chip::record;
use super::compare::Row;
use crate::plots::{Curves, RasterRow, RasterSpike, Series, curves, points, raster_over};

/// Tokens of a raster.
const RASTER_TOKENS: usize = 64;

/// Saliency of channels, spikes of the blocks, raster of a site over tokens.
pub fn spiked(
    folder: &Path,
    model: &Arc<SpikedModel>,
    blocks: &[BlockReport],
    spikes: &SpikeReport,
    engine: Engine,
    tokens: &[u32],
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (site, name) in
        Site::ALL.into_iter().zip(["attention_input", "attention_output", "feed_forward_input", "feed_forward_hidden"])
    {
        let series = blocks.iter().map(|block| {
            let mut saliency = block.saliency[site.index()].clone();
            saliency.sort_by(|a, b| b.total_cmp(a));
            Series {
                label: format!("block {}", block.block),
                points: saliency.iter().enumerate().map(|(rank, &value)| (rank as f64 + 1.0, value)).collect(),
            }
        });
        let figure = Curves {
            title: format!("Saliency of channels, {site}"),
            subtitle: "most salient first; by the rule of the configuration, on the calibration samples".to_owned(),
            labels: ["rank of the channel".to_owned(), "saliency".to_owned()],
            counts: false,
            series: series.collect(),
        };
        curves(&figure, &folder.join(format!("saliency_{name}.png")))?;
    }
    let series = Site::ALL.map(|site| {
        let of_site = spikes.sites.iter().filter(|report| report.site == site.name());
        Series {
            label: site.name().to_owned(),
            points: of_site.map(|report| (report.block as f64, report.spikes)).collect(),
        }
    });
    let figure = Curves {
        title: "Spikes per block".to_owned(),
        subtitle: "multi-level spikes of a token at the inputs of the linear maps".to_owned(),
        labels: ["block".to_owned(), "spikes of a token".to_owned()],
        counts: false,
        series: series.into(),
    };
    curves(&figure, &folder.join("spikes.png"))?;
    if model.site(0, Site::AttentionInput).coding.is_some() {
        draw_raster(model, engine, &tokens[..tokens.len().min(RASTER_TOKENS)], &folder.join("raster.png"))?;
    }
    Ok(())
}

/// Spikes of the channels of the first site, token after token, each step of a token in its turn.
fn draw_raster(model: &Arc<SpikedModel>, engine: Engine, tokens: &[u32], path: &Path) -> anyhow::Result<()> {
    let recorded = record(SpikingExecution::new(model.clone(), engine)?, &[tokens])?;
    let Some(coding) = &model.site(0, Site::AttentionInput).coding else { return Ok(()) };
    let Some(codes) = recorded[0][Site::AttentionInput.index()].first() else { return Ok(()) };
    let steps = coding.classes.iter().map(|class| class.steps).max().unwrap_or(1);
    let mut spikes = Vec::new();
    for token in 0..codes.tokens() {
        for (step, train) in codes.spikes(coding, token).iter().enumerate() {
            let time = token as f64 + step as f64 / f64::from(steps);
            let fired = train.iter().enumerate().filter(|(_, spike)| **spike != 0);
            spikes.extend(fired.map(|(neuron, &value)| RasterSpike { row: 0, neuron, time, value: value.into() }));
        }
    }
    let rows = [RasterRow { population: "attention input".to_owned(), neurons: coding.channels() }];
    let title = "Spikes of the first block over tokens, channels with the most steps on top";
    raster_over("token, its steps one after the other", &rows, &spikes, title, path)?;
    Ok(())
}

/// Perplexity against mean steps: floats, and spiked models by their names.
pub fn compared(rows: &[Row], path: &Path) -> anyhow::Result<()> {
    let mut series: Vec<Series> = Vec::new();
    for row in rows {
        let name = Path::new(&row.model).file_name().map_or(row.model.clone(), |name| name.to_string_lossy().into());
        series.push(Series { label: name, points: vec![(row.steps, row.perplexity)] });
    }
    points(
        &Curves {
            title: "Perplexity against steps".to_owned(),
            subtitle: "mean steps of a channel, weighed by the outputs it reaches".to_owned(),
            labels: ["steps".to_owned(), "perplexity".to_owned()],
            counts: false,
            series,
        },
        path,
    )?;
    Ok(())
}
