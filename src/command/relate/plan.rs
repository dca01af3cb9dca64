//! What a run will do, from its arguments, a preset or a file, and an earlier run.

use std::path::Path;

use anyhow::Context as _;
use spikegrad::relation::RelationDescription;

use super::RelateArguments;
use crate::CommandError;
use crate::command::Context;
use crate::run_folder::{Existing, RunFolder};

/// Tasks by name.
const PRESETS: [(&str, &str); 5] = [
    ("add", include_str!("presets/add.toml")),
    ("multiply", include_str!("presets/multiply.toml")),
    ("xor", include_str!("presets/xor.toml")),
    ("digits-add", include_str!("presets/digits-add.toml")),
    ("fusion", include_str!("presets/fusion.toml")),
];
/// A task is text written by hand; nothing near this size is one.
const LARGEST: u64 = 1 << 20;

/// The task of a run and where it lies.
pub(super) struct Plan {
    /// First part of the name of the default run folder.
    pub name: String,
    pub description: RelationDescription,
    pub folder: RunFolder,
    pub existing: Existing,
}

impl Plan {
    pub fn new(arguments: &RelateArguments, context: &Context) -> anyhow::Result<Self> {
        let named = arguments.target.as_deref().map(load).transpose()?;
        if arguments.run.resume {
            return Self::resumed(arguments, named, context);
        }
        let Some((name, mut description)) = named else {
            return Err(CommandError::usage("argument TASK", "a task", "nothing").into());
        };
        apply(arguments, context, &mut description);
        description.relation.name = Some(name.clone());
        description.check()?;
        let folder = folder(arguments, &name, description.training.seed);
        let existing = if arguments.run.overwrite { Existing::Overwrite } else { Existing::Refuse };
        Ok(Self { name, description, folder, existing })
    }

    /// The task of the run in the folder, of which only the epochs may change.
    fn resumed(
        arguments: &RelateArguments,
        named: Option<(String, RelationDescription)>,
        context: &Context,
    ) -> anyhow::Result<Self> {
        let name = named.as_ref().map_or_else(|| "task".to_owned(), |(name, _)| name.clone());
        let seed = context.seed.or(named.map(|(_, description)| description.training.seed)).unwrap_or_default();
        let folder = folder(arguments, &name, seed);
        folder.check(Existing::Resume)?;
        let stored = read(&folder.configuration())?;
        let mut description = stored.clone();
        apply(arguments, context, &mut description);
        let mut comparable = description.clone();
        comparable.training.epochs = stored.training.epochs;
        if comparable != stored {
            let expected = format!("the values of {} (only --epochs may change)", folder.configuration().display());
            return Err(CommandError::usage("--resume", expected, "flags that say otherwise").into());
        }
        description.check()?;
        let name = stored.relation.name.unwrap_or(name);
        Ok(Self { name, description, folder, existing: Existing::Resume })
    }
}

/// A task by name or from a file.
fn load(text: &str) -> anyhow::Result<(String, RelationDescription)> {
    if let Some((name, preset)) = PRESETS.iter().find(|(name, _)| *name == text) {
        return Ok(((*name).to_owned(), RelationDescription::from_toml(preset)?));
    }
    if !text.ends_with(".toml") {
        let names = PRESETS.map(|(name, _)| name).join(", ");
        let expected = format!("{names} or a file TASK.toml");
        return Err(CommandError::usage("argument TASK", expected, format!("'{text}'")).into());
    }
    let path = Path::new(text);
    let stem = path.file_stem().map_or_else(|| "task".to_owned(), |stem| stem.to_string_lossy().into_owned());
    Ok((stem, read(path)?))
}

fn read(path: &Path) -> anyhow::Result<RelationDescription> {
    let place = path.display().to_string();
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {place}"))?.len();
    if size > LARGEST {
        let problem = format!("expected a TOML file of at most {LARGEST} bytes, found {size} bytes");
        return Err(CommandError::Configuration { place, line: None, problem }.into());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
    RelationDescription::from_toml(&text).with_context(|| place)
}

fn apply(arguments: &RelateArguments, context: &Context, description: &mut RelationDescription) {
    let training = &mut description.training;
    training.epochs = arguments.epochs.unwrap_or(training.epochs);
    training.batch = arguments.batch.map_or(training.batch, |batch| batch as usize);
    training.learning_rate = arguments.learning_rate.unwrap_or(training.learning_rate);
    training.alpha = arguments.alpha.unwrap_or(training.alpha);
    training.gradient = arguments.gradient.map_or(training.gradient, Into::into);
    training.seed = context.seed.unwrap_or(training.seed);
    let section = &mut description.relation;
    section.max_spikes = arguments.max_spikes.unwrap_or(section.max_spikes);
    description.relation.weights = arguments.weights.map_or(description.relation.weights, Into::into);
}

fn folder(arguments: &RelateArguments, name: &str, seed: u64) -> RunFolder {
    let default = || Path::new("runs").join(format!("relate-{name}-{seed}"));
    RunFolder::new(arguments.run.out.clone().unwrap_or_else(default))
}
