//! Files of data sets and spike traces.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context as _;
use flate2::read::MultiGzDecoder;
use serde_json::json;

use super::{Finding, unknown};
use crate::CommandError;

/// First line of a spike trace.
const TRACE_HEADER: &str = "event,time,population,neuron,channel,y,x,spikes,residual";
/// Bytes of an image of a CIFAR-10 batch with its label.
const CIFAR_RECORD: usize = 1 + 3 * 32 * 32;
/// Longest line of a trace that is read.
const LONGEST_LINE: u64 = 1 << 16;

/// An IDX file, plain or compressed; `None` when it is none.
pub(super) fn idx(path: &Path, start: &[u8]) -> anyhow::Result<Option<Finding>> {
    let is_compressed = start.starts_with(&[0x1f, 0x8b]);
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader: Box<dyn Read> = if is_compressed {
        Box::new(MultiGzDecoder::new(BufReader::new(file)))
    } else {
        Box::new(BufReader::new(file))
    };
    let mut magic = [0; 4];
    if let Err(error) = reader.read_exact(&mut magic) {
        return if is_compressed { Err(wrong(path, "gzip stream", "a whole one", error).into()) } else { Ok(None) };
    }
    let [0, 0, kind, axes] = magic else { return Ok(None) };
    let element = match kind {
        0x08 | 0x09 => 1u64,
        0x0b => 2,
        0x0c | 0x0d => 4,
        0x0e => 8,
        _ => return Ok(None),
    };
    let mut sizes = Vec::with_capacity(axes.into());
    for axis in 0..axes {
        let mut size = [0; 4];
        let read = reader.read_exact(&mut size);
        read.map_err(|error| wrong(path, &format!("size of axis {axis}"), "4 bytes", error))?;
        sizes.push(u32::from_be_bytes(size));
    }
    let product = sizes.iter().try_fold(element, |product, &size| product.checked_mul(size.into()));
    let expected = product.map_or("more than can be".to_owned(), |bytes| bytes.to_string());
    let found = std::io::copy(&mut reader, &mut std::io::sink())
        .map_err(|error| wrong(path, "content", &format!("{expected} bytes"), error))?;
    if product != Some(found) {
        return Err(
            wrong(path, "content", &format!("{expected} bytes as {sizes:?} says"), format!("{found} bytes")).into()
        );
    }
    let content = match sizes.len() {
        1 => "labels",
        3 => "images",
        _ => "numbers",
    };
    let object = json!({
        "kind": "idx", "file": path.display().to_string(), "compressed": is_compressed, "content": content,
        "sizes": sizes, "bytes_per_element": element,
    });
    let compressed = if is_compressed { ", compressed" } else { "" };
    Ok(Some(Finding { object, text: format!("IDX file{compressed}: {content} of sizes {sizes:?}, {found} bytes") }))
}

/// A CIFAR-10 batch: records of a label and 3,072 pixels.
pub(super) fn cifar(path: &Path, length: u64) -> anyhow::Result<Finding> {
    let record = CIFAR_RECORD as u64;
    if length == 0 || !length.is_multiple_of(record) {
        return Err(
            wrong(path, "length", "a multiple of 3073 bytes (a CIFAR-10 batch)", format!("{length} bytes")).into()
        );
    }
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let mut image = [0; CIFAR_RECORD];
    let mut classes: BTreeMap<u8, u64> = BTreeMap::new();
    for number in 0..length / record {
        reader.read_exact(&mut image).map_err(|error| wrong(path, &format!("image {number}"), "3073 bytes", error))?;
        if image[0] > 9 {
            return Err(wrong(path, &format!("label of image {number}"), "0 to 9", image[0]).into());
        }
        *classes.entry(image[0]).or_default() += 1;
    }
    let images = length / record;
    let object = json!({
        "kind": "cifar10 batch", "file": path.display().to_string(), "images": images, "images_of_class": classes,
    });
    Ok(Finding {
        object,
        text: format!("CIFAR-10 batch: {images} images of 32x32 in colour, {} classes", classes.len()),
    })
}

/// A spike trace as `sterna simulate` writes it.
pub(super) fn trace(path: &Path, start: &[u8]) -> anyhow::Result<Finding> {
    if !start.starts_with(TRACE_HEADER.as_bytes()) {
        return Err(unknown(path, "a CSV file with other columns").into());
    }
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let mut populations: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut records = 0u64;
    loop {
        let mut line = String::new();
        let read = (&mut reader).take(LONGEST_LINE).read_line(&mut line);
        if read.with_context(|| format!("cannot read {}", path.display()))? == 0 {
            break;
        }
        if line.trim_end() == TRACE_HEADER {
            continue;
        }
        let fields: Vec<&str> = line.trim_end().rsplitn(7, ',').collect();
        let spikes = fields.get(1).and_then(|spikes| spikes.parse::<i64>().ok());
        let name = fields.last().and_then(|head| head.splitn(3, ',').nth(2));
        let (Some(spikes), Some(name)) = (spikes, name) else {
            let field = format!("line {}", records + 2);
            return Err(wrong(path, &field, TRACE_HEADER, format!("'{}'", line.trim_end())).into());
        };
        records += 1;
        let entry = populations.entry(name.to_owned()).or_default();
        entry.0 += 1;
        entry.1 = entry.1.saturating_add(spikes.unsigned_abs());
    }
    let counts: Vec<_> = populations
        .iter()
        .map(|(name, (records, spikes))| json!({ "name": name, "records": records, "spikes": spikes }))
        .collect();
    let object =
        json!({ "kind": "spike trace", "file": path.display().to_string(), "records": records, "populations": counts });
    let lines: String = populations
        .iter()
        .map(|(name, (records, spikes))| format!("  {name}: {records} records, {spikes} spikes\n"))
        .collect();
    Ok(Finding { object, text: format!("spike trace of {records} records\n{lines}") })
}

fn wrong(path: &Path, field: &str, expected: &str, found: impl std::fmt::Display) -> CommandError {
    CommandError::File {
        path: path.to_owned(),
        field: field.to_owned(),
        expected: expected.to_owned(),
        found: found.to_string(),
    }
}
