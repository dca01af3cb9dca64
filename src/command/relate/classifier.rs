//! A classifier of images, trained apart from the relation: the second rule for inferred images.

use snn::{Network, Shorthand, WeightFormat};
use spikegrad::relation::{Code, ImageBank, VariableDescription};
use spikegrad::{Inference, Resources, Samples, Trainer, TrainingSettings};

/// Neurons between image and classes.
const HIDDEN: usize = 100;
/// Least epochs, and least images presented in all of them.
const EPOCHS: usize = 5;
const PRESENTED: usize = 60_000;

/// A trained classifier of a variable's classes.
pub(super) struct Classifier {
    network: Network,
    resources: Resources,
    /// Greatest value of a pixel and greatest output count.
    scale: [f64; 2],
    /// Its accuracy on test images of the data set.
    pub accuracy: f64,
}

/// All images of some classes.
struct Labelled<'a> {
    images: Vec<(&'a [u8], usize)>,
    classes: usize,
}

impl<'a> Labelled<'a> {
    fn new(bank: &'a [Vec<Vec<u8>>]) -> Self {
        let of_class = |(class, images): (usize, &'a Vec<Vec<u8>>)| images.iter().map(move |image| (&image[..], class));
        Self { images: bank.iter().enumerate().flat_map(of_class).collect(), classes: bank.len() }
    }
}

impl Samples for Labelled<'_> {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn input_length(&self) -> usize {
        self.images.first().map_or(0, |(image, _)| image.len())
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn fill(&self, _epoch: Option<u32>, index: usize, out: &mut [u8]) {
        out.copy_from_slice(self.images[index].0);
    }

    fn label(&self, index: usize) -> usize {
        self.images[index].1
    }

    fn order(&self, epoch: u32) -> Vec<u32> {
        datasets::permutation(1, epoch.into(), self.len()).into_iter().map(|index| index as u32).collect()
    }
}

impl Classifier {
    /// Trains on the images of a variable; `None` for continuous values.
    ///
    /// # Errors
    /// Those of training.
    pub fn train(
        variable: &VariableDescription,
        bank: Option<&ImageBank>,
        seed: u64,
        resources: Resources,
    ) -> anyhow::Result<Option<Self>> {
        let (Code::Image { classes, maximum, .. }, Some(bank)) = (&variable.code, bank) else { return Ok(None) };
        let topology = format!("{}-{HIDDEN}-{}", variable.code.neurons(), classes.len());
        let shorthand = Shorthand {
            topology: &topology,
            channels: 1,
            padding: None,
            weights: WeightFormat::I8,
            input_maximum: (*maximum).into(),
            input_minimum: 0,
            input_gain: 1.0,
            output_gain: 1.0,
            fraction_bits: None,
            maximum_count: None,
        };
        let network = Network::build(&shorthand.describe()?)?;
        let (train, test) = (Labelled::new(&bank.train), Labelled::new(&bank.test));
        let epochs = EPOCHS.max(PRESENTED / train.len().max(1)) as u32;
        let settings = TrainingSettings { epochs, batch: 64, seed, ..TrainingSettings::default() };
        let mut trainer = Trainer::new(network, settings, resources)?;
        while !trainer.is_finished() {
            while !trainer.epoch_is_complete(&train) {
                trainer.step(&train)?;
            }
            trainer.finish_epoch(&test)?;
        }
        let accuracy = trainer.evaluate(&test)?.score.accuracy;
        let scale = [f64::from(*maximum), f64::from(variable.peak)];
        Ok(Some(Self { network: trainer.network().clone(), resources, scale, accuracy }))
    }

    /// The class of each image that output counts paint.
    ///
    /// # Errors
    /// When counts are not those of an image of this size.
    pub fn classes<'c>(&self, images: impl Iterator<Item = &'c [f64]>) -> anyhow::Result<Vec<usize>> {
        let mut inference = Inference::new(&self.network, self.resources.isa, 1)?;
        let [maximum, peak] = self.scale;
        let mut found = Vec::new();
        for counts in images {
            let pixels: Vec<u8> =
                counts.iter().map(|count| (count / peak * maximum).round().clamp(0.0, maximum) as u8).collect();
            inference.run(&pixels, 1)?;
            let logits = inference.logits();
            let best = (0..logits.len()).fold(0, |best, class| if logits[class] > logits[best] { class } else { best });
            found.push(best);
        }
        Ok(found)
    }
}
