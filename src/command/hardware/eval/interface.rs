//! What images need to know of a compiled network.

use std::path::Path;

use compiler::Program;
use snn::description::FORMAT;
use snn::{
    Network, NetworkDescription, NeuronKind, PopulationDescription, ProjectionDescription, ProjectionKindDescription,
    WeightFormat,
};

use crate::CommandError;

/// A network with the input and the readout of a compiled one.
///
/// # Errors
/// [`CommandError::Usage`] unless there is one of each.
pub(super) fn interface(program: &Program, folder: &Path) -> anyhow::Result<Network> {
    let one = |kind: NeuronKind| {
        let mut found = program.layout.populations.iter().filter(|population| population.neuron == kind);
        match (found.next(), found.next()) {
            (Some(population), None) => Ok(PopulationDescription {
                name: population.name.clone(),
                shape: population.shape.to_vec(),
                neuron: kind,
                fraction_bits: 0,
                threshold: None,
                bias: false,
                minimum_count: (kind == NeuronKind::Input).then_some(population.minimum_count),
                maximum_count: (kind == NeuronKind::Input).then_some(population.maximum_count),
            }),
            _ => {
                let expected = "a compiled network with one input and one readout population";
                Err(CommandError::usage("DIR", expected, folder.display().to_string()))
            }
        }
    };
    let (input, readout) = (one(NeuronKind::Input)?, one(NeuronKind::Readout)?);
    let projection = ProjectionDescription {
        name: "interface".to_owned(),
        from: input.name.clone(),
        to: readout.name.clone(),
        kind: ProjectionKindDescription::Dense,
    };
    let description = NetworkDescription {
        format: FORMAT,
        weights: WeightFormat::I8,
        populations: vec![input, readout],
        projections: vec![projection],
    };
    Ok(Network::build(&description)?)
}
