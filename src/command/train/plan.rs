//! What a training run will do, from its arguments, a recipe or a file, and an earlier run.

use std::path::{Path, PathBuf};

use datasets::Source;

use super::TrainArguments;
use crate::CommandError;
use crate::command::Context;
use crate::command::run_flags::RunFlags;
use crate::configuration::{Configuration, RECIPES, Recipe, first_difference, unnamed};
use crate::run_folder::{Existing, RunFolder};

/// The effective configuration and where its run lies.
pub(super) struct Plan {
    pub configuration: Configuration,
    /// The file or recipe that errors of the configuration name.
    pub place: String,
    pub folder: RunFolder,
    pub existing: Existing,
}

/// What the argument WHAT means.
enum Target {
    Recipe(Recipe),
    Folder(Source),
    File(PathBuf),
}

impl Target {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let is_file = text.ends_with(".toml") && !text.starts_with("folder:");
        if is_file {
            return Ok(Self::File(PathBuf::from(text)));
        }
        if let Some(recipe) = Recipe::named(text) {
            return Ok(Self::Recipe(recipe));
        }
        text.parse().map(Self::Folder).map_err(|_| {
            let names = RECIPES.map(|recipe| recipe.name).join(", ");
            let expected = format!("{names}, a file CONFIG.toml or a folder of images (with a path separator)");
            CommandError::usage("argument WHAT", expected, format!("'{text}'")).into()
        })
    }

    fn configuration(&self) -> anyhow::Result<Configuration> {
        match self {
            Self::File(path) => Configuration::load(path),
            Self::Recipe(recipe) => Ok(recipe.configuration()?),
            Self::Folder(source) => Ok(unnamed(source.clone())),
        }
    }

    /// The first part of the name of the default run folder.
    fn stem(&self) -> String {
        let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = match self {
            Self::Recipe(recipe) => Some(recipe.name.to_owned()),
            Self::Folder(Source::Folder(path)) => stem(path),
            Self::Folder(source) => Some(source.to_string()),
            Self::File(path) => stem(path),
        };
        name.unwrap_or_else(|| "run".to_owned())
    }
}

impl Plan {
    /// Of a whole configuration; the folder is that of the flags.
    pub fn of(configuration: Configuration, flags: &RunFlags) -> Self {
        let folder = RunFolder::new(flags.out.clone().unwrap_or_default());
        let existing = match (flags.resume, flags.overwrite) {
            (true, _) => Existing::Resume,
            (_, true) => Existing::Overwrite,
            _ => Existing::Refuse,
        };
        Self { configuration, place: "flags".to_owned(), folder, existing }
    }

    pub fn new(arguments: &TrainArguments, context: &Context) -> anyhow::Result<Self> {
        let target = arguments.target.as_deref().map(Target::parse).transpose()?;
        if arguments.run.resume {
            return Self::resumed(arguments, target, context);
        }
        let Some(target) = target else {
            return Err(CommandError::usage("argument WHAT", "a data set or a configuration", "nothing").into());
        };
        let mut configuration = target.configuration()?;
        arguments.overrides.apply(context.seed, &mut configuration);
        let place = match &target {
            Target::Recipe(recipe) => format!("recipe {}", recipe.name),
            Target::Folder(source) => format!("settings of {source}"),
            Target::File(path) => path.display().to_string(),
        };
        configuration.check(&place).map_err(|error| as_usage(error, &target))?;
        let folder = folder(arguments, Some(&target), configuration.training.seed);
        let existing = if arguments.run.overwrite { Existing::Overwrite } else { Existing::Refuse };
        Ok(Self { configuration, place, folder, existing })
    }

    /// The configuration of the run in the folder, which flags must not contradict.
    fn resumed(arguments: &TrainArguments, target: Option<Target>, context: &Context) -> anyhow::Result<Self> {
        let wanted = target.as_ref().map(Target::configuration).transpose()?;
        let seed = context.seed.or(wanted.as_ref().map(|wanted| wanted.training.seed)).unwrap_or_default();
        let folder = folder(arguments, target.as_ref(), seed);
        folder.check(Existing::Resume)?;
        let path = folder.configuration();
        let stored = Configuration::load(&path)?;
        let place = path.display().to_string();
        if let Some(wanted) = wanted.filter(|wanted| wanted.data.source != stored.data.source) {
            let expected = format!("'{}' as in {place}", stored.data.source);
            let found = format!("'{}'", wanted.data.source);
            return Err(CommandError::usage("--resume, data.source", expected, found).into());
        }
        let mut configuration = stored.clone();
        arguments.overrides.apply(context.seed, &mut configuration);
        let mut comparable = configuration.clone();
        comparable.training.epochs = stored.training.epochs;
        if let Some((key, before, after)) = first_difference(&stored, &comparable) {
            let expected = format!("{before} as in {place} (only --epochs may change)");
            return Err(CommandError::usage(format!("--resume, {key}"), expected, after).into());
        }
        configuration.check(&place)?;
        Ok(Self { configuration, place, folder, existing: Existing::Resume })
    }
}

fn folder(arguments: &TrainArguments, target: Option<&Target>, seed: u64) -> RunFolder {
    let default = || {
        let stem = target.map_or_else(|| "run".to_owned(), Target::stem);
        Path::new("runs").join(format!("{stem}-{seed}"))
    };
    RunFolder::new(arguments.run.out.clone().unwrap_or_else(default))
}

/// A recipe is right in itself, so what is wrong with it came from a flag.
fn as_usage(error: CommandError, target: &Target) -> CommandError {
    match (target, error) {
        (Target::Recipe(_) | Target::Folder(_), CommandError::Configuration { problem, .. }) => {
            CommandError::usage("flags", "values that fit the recipe", problem)
        }
        (_, error) => error,
    }
}
