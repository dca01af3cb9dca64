//! Images of data sets for variables that are coded by them.

use datasets::Source;
use spikegrad::relation::{Code, ImageBank, RelationDescription};

use crate::CommandError;
use crate::command::Context;

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
        // Data sets without a test part of their own are divided as in training.
        let divided = dataset.clone().split(&datasets::SplitOptions::default())?;
        let test = if dataset.test.is_empty() { &divided.test } else { &dataset.test };
        let train = if dataset.test.is_empty() { &divided.train } else { &dataset.train };
        let by_class = |samples: &datasets::Samples| {
            let of_label = |&label: &usize| {
                let indices = (0..samples.len()).filter(|&index| usize::from(samples.label(index)) == label);
                indices.map(|index| samples.image(index).to_vec()).collect::<Vec<Vec<u8>>>()
            };
            classes.iter().map(of_label).collect::<Vec<_>>()
        };
        banks.push(ImageBank { train: by_class(train), test: by_class(test) });
    }
    Ok(banks)
}
