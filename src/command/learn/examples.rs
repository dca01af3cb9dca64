//! Examples of the delta rule from tables and images.

use std::borrow::Cow;
use std::path::Path;

use compiler::learning::perceptron::Examples;
use datasets::{Dataset, Samples, Source, SplitOptions, Table};

use crate::CommandError;
use crate::command::Context;

/// What is learned from.
pub(super) enum Material {
    /// Divided anew for every seed.
    Table(Table),
    /// Divided once.
    Images(Box<Parts>),
}

/// Examples of a run.
#[derive(Clone)]
pub(super) struct Parts {
    pub train: Examples,
    /// Empty for tables.
    pub validation: Examples,
    pub test: Examples,
}

impl Material {
    /// Reads what a name or a file stands for.
    pub fn load(name: &str, context: &Context) -> anyhow::Result<Self> {
        if name == "iris" {
            return Ok(Self::Table(Table::read(&context.data_folder()?.join("iris").join("iris.csv"))?));
        }
        if name.ends_with(".csv") {
            return Ok(Self::Table(Table::read(Path::new(name))?));
        }
        let source: Source = name.parse().map_err(|_| {
            let expected = "iris, mnist, fashion-mnist, digits, cifar10, a folder of images or a table FILE.csv";
            CommandError::usage("argument DATA", expected, format!("'{name}'"))
        })?;
        let dataset = context.load(&source)?;
        Ok(Self::Images(Box::new(images(dataset)?)))
    }

    /// The examples of a seed.
    ///
    /// # Errors
    /// [`CommandError::Usage`] where a part that is needed has none.
    pub fn parts(&self, test_share: f64, seed: u64) -> anyhow::Result<Cow<'_, Parts>> {
        let parts = match self {
            Self::Images(parts) => Cow::Borrowed(&**parts),
            Self::Table(table) => Cow::Owned(of_table(table, test_share, seed)?),
        };
        if parts.train.is_empty() || parts.test.is_empty() {
            let found = format!("{} and {}", parts.train.len(), parts.test.len());
            let expected = "at least 1 example to learn and 1 to test with";
            return Err(CommandError::usage("argument DATA", expected, found).into());
        }
        Ok(parts)
    }
}

/// Pixels from 0 to 1.
fn images(dataset: Dataset) -> anyhow::Result<Parts> {
    let (classes, largest) = (dataset.classes.len(), f32::from(dataset.pixel_maximum));
    let splits = dataset.split(&SplitOptions::default())?;
    let examples = |samples: &Samples| -> anyhow::Result<Examples> {
        let mut examples = Examples::new(samples.image_len(), classes);
        for index in 0..samples.len() {
            let pixels = samples.image(index).iter().map(|&pixel| f32::from(pixel) / largest);
            examples.push(pixels, samples.label(index).into())?;
        }
        Ok(examples)
    };
    Ok(Parts {
        train: examples(&splits.train)?,
        validation: examples(&splits.validation)?,
        test: examples(&splits.test)?,
    })
}

/// Features from -1 to 1 between their least and greatest value in the training part.
fn of_table(table: &Table, test_share: f64, seed: u64) -> anyhow::Result<Parts> {
    let split = table.split(test_share, seed);
    let features = table.features.len();
    let range = |feature: usize| {
        let values = || split.train.iter().map(|&index| table.sample(index)[feature]);
        (values().fold(f32::INFINITY, f32::min), values().fold(f32::NEG_INFINITY, f32::max))
    };
    let ranges: Vec<(f32, f32)> = (0..features).map(range).collect();
    let examples = |indices: &[usize]| -> anyhow::Result<Examples> {
        let mut examples = Examples::new(features, table.classes.len());
        for &index in indices {
            let scaled =
                table.sample(index).iter().zip(&ranges).map(|(&value, &(low, high))| {
                    if high > low { 2.0 * (value - low) / (high - low) - 1.0 } else { 0.0 }
                });
            examples.push(scaled, table.label(index))?;
        }
        Ok(examples)
    };
    let nothing = Examples::new(features, table.classes.len());
    Ok(Parts { train: examples(&split.train)?, validation: nothing, test: examples(&split.test)? })
}
