//! Images of data sets for variables that are coded by them.

use datasets::Source;
use spikegrad::relation::{Code, ImageBank, RelationDescription};

use crate::CommandError;
use crate::command::Context;
use crate::samples::image_bank;

/// One bank for each variable that is coded by images, in their order; a data set is read once.
pub(super) fn banks(description: &RelationDescription, context: &Context) -> anyhow::Result<Vec<ImageBank>> {
    let mut read: Vec<(String, datasets::Dataset)> = Vec::new();
    let mut banks = Vec::new();
    for variable in &description.variables {
        let Code::Image { source, classes, shape, maximum } = &variable.code else { continue };
        if !read.iter().any(|(name, _)| name == source) {
            let parsed: Source = source.parse()?;
            read.push((source.clone(), context.load(&parsed)?));
        }
        let Some((_, dataset)) = read.iter().find(|(name, _)| name == source) else { continue };
        let field = |key: &str| format!("variable.{}.code.{key}", variable.name);
        let found = [dataset.channels, dataset.height, dataset.width];
        if *shape != found || *maximum != dataset.pixel_maximum {
            let expected = format!("shape {found:?} and maximum {} as the images of {source}", dataset.pixel_maximum);
            return Err(CommandError::usage(field("shape"), expected, format!("{shape:?} and {maximum}")).into());
        }
        if let Some(&label) = classes.iter().find(|&&label| label >= dataset.classes.len()) {
            let expected = format!("labels of {source}, 0 to {}", dataset.classes.len() - 1);
            return Err(CommandError::usage(field("classes"), expected, label.to_string()).into());
        }
        banks.push(image_bank(dataset, classes)?);
    }
    Ok(banks)
}
