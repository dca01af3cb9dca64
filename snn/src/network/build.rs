//! From a description to a checked network with zero weights.

use kernels::{ConvolutionShape, PoolingShape};

use super::shape::LARGEST_POPULATION;
use super::{Bias, Connection, Network, Population, Projection, Shape, Weights};
use crate::description::{
    FORMAT, NetworkDescription, NeuronKind, PopulationDescription, ProjectionDescription, ProjectionKindDescription,
    Threshold, WeightFormat,
};
use crate::error::SnnError;

/// The largest number of trained weights of one network.
const LARGEST_WEIGHT_COUNT: usize = 1 << 31;

impl Network {
    /// Checks a description and builds the network with all weights and biases zero.
    ///
    /// # Errors
    /// [`SnnError`] naming the population or projection that is wrong, both shapes where two
    /// have to fit, and [`SnnError::Overflow`] where fixed weights alone exceed 32 bits.
    pub fn build(description: &NetworkDescription) -> Result<Self, SnnError> {
        if description.format != FORMAT {
            return Err(SnnError::Description(format!(
                "format {} is not supported, this version reads format {FORMAT}",
                description.format
            )));
        }
        let order = topological_order(description)?;
        let mut populations = Vec::with_capacity(order.len());
        for &index in &order {
            populations.push(check_population(&description.populations[index], description.weights)?);
        }
        let position = |name: &str| populations.iter().position(|population: &Population| population.name == name);
        let mut projections = Vec::with_capacity(description.projections.len());
        for projection in &description.projections {
            let missing = |name: &str| unknown_population(&projection.name, name);
            let from = position(&projection.from).ok_or_else(|| missing(&projection.from))?;
            let to = position(&projection.to).ok_or_else(|| missing(&projection.to))?;
            projections.push(check_projection(projection, &populations, from, to)?);
        }
        projections.sort_by_key(|projection| projection.to);
        check_weight_count(&projections)?;
        for projection in &mut projections {
            let count = projection.connection.weight_count();
            projection.weights = (count > 0).then(|| Weights::zeros(description.weights, count));
        }
        for (index, projection) in projections.iter().enumerate() {
            populations[projection.from].outgoing.push(index);
            populations[projection.to].incoming.push(index);
        }
        for population in &populations {
            check_ends(population)?;
        }
        let network = Self { description: description.clone(), populations, projections };
        network.check_bounds()?;
        Ok(network)
    }
}

fn unknown_population(projection: &str, population: &str) -> SnnError {
    SnnError::Description(format!(
        "projection '{projection}' names the population '{population}', which does not exist; \
         declare it or correct the name"
    ))
}

/// Kahn's algorithm; ties are broken by the order of the description.
fn topological_order(description: &NetworkDescription) -> Result<Vec<usize>, SnnError> {
    let names: Vec<&str> = description.populations.iter().map(|population| population.name.as_str()).collect();
    unique("population", &names)?;
    let projection_names: Vec<&str> = description.projections.iter().map(|p| p.name.as_str()).collect();
    unique("projection", &projection_names)?;
    let mut edges = Vec::with_capacity(description.projections.len());
    for projection in &description.projections {
        let find = |name: &str| {
            names.iter().position(|&other| other == name).ok_or_else(|| unknown_population(&projection.name, name))
        };
        edges.push((find(&projection.from)?, find(&projection.to)?));
    }
    let mut order = Vec::with_capacity(names.len());
    let mut placed = vec![false; names.len()];
    while order.len() < names.len() {
        let ready = |index: usize| !placed[index] && edges.iter().all(|&(from, to)| to != index || placed[from]);
        let Some(next) = (0..names.len()).find(|&index| ready(index)) else {
            let stuck: Vec<&str> = (0..names.len()).filter(|&index| !placed[index]).map(|index| names[index]).collect();
            return Err(SnnError::Description(format!(
                "the projections form a cycle through or before {}; networks must be acyclic",
                stuck.join(", ")
            )));
        };
        placed[next] = true;
        order.push(next);
    }
    Ok(order)
}

fn unique(what: &str, names: &[&str]) -> Result<(), SnnError> {
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
            return Err(SnnError::Description(format!(
                "{what} number {} has the name {name:?}; names have 1 to 200 printable characters",
                index + 1
            )));
        }
        if names[..index].contains(name) {
            return Err(SnnError::Description(format!("the {what} name '{name}' is used twice; names are unique")));
        }
    }
    Ok(())
}

fn check_population(description: &PopulationDescription, format: WeightFormat) -> Result<Population, SnnError> {
    let fail = |problem: String, remedy: &str| SnnError::Population {
        population: description.name.clone(),
        problem,
        remedy: remedy.to_owned(),
    };
    let shape = Shape::from_sizes(&description.shape).ok_or_else(|| {
        let problem = format!("the shape {:?} is not usable", description.shape);
        fail(problem, &format!("give [channels, height, width] or [units], at most {LARGEST_POPULATION} neurons"))
    })?;
    if description.fraction_bits > 24 {
        let problem = format!("fraction_bits is {}", description.fraction_bits);
        return Err(fail(problem, "choose 0 to 24"));
    }
    let thresholds = match &description.threshold {
        None => vec![1i64 << description.fraction_bits],
        Some(Threshold::Uniform(threshold)) => vec![*threshold],
        Some(Threshold::PerChannel(thresholds)) => thresholds.clone(),
    };
    if thresholds.len() != 1 && thresholds.len() != shape.channels {
        let problem = format!("{} thresholds for {} channels", thresholds.len(), shape.channels);
        return Err(fail(problem, "give one threshold, or one per channel"));
    }
    if let Some(wrong) = thresholds.iter().find(|&&threshold| threshold < 1 || threshold > i64::from(i32::MAX)) {
        return Err(fail(format!("a threshold is {wrong}"), "thresholds are integers from 1 to 2147483647"));
    }
    let (lowest, highest, low, high) = match description.neuron {
        NeuronKind::Input => (-128, 255, 0, 255),
        NeuronKind::Relu => (0, 127, 0, 127),
        NeuronKind::Linear => (-127, 127, -127, 127),
        NeuronKind::Readout => (0, 0, 0, 0),
    };
    let minimum_count = description.minimum_count.unwrap_or(low);
    let maximum_count = description.maximum_count.unwrap_or(if minimum_count < 0 { high.min(127) } else { high });
    let fits_byte = minimum_count >= 0 || maximum_count <= 127;
    if minimum_count > 0 || minimum_count < lowest || maximum_count > highest || maximum_count < 0 || !fits_byte {
        let problem = format!("spike counts of {minimum_count}..={maximum_count}");
        return Err(fail(problem, &format!("choose a range that holds 0 within {lowest}..={highest} and one byte")));
    }
    if description.bias && description.neuron == NeuronKind::Input {
        return Err(fail("an input population has no bias".to_owned(), "remove bias = true"));
    }
    Ok(Population {
        name: description.name.clone(),
        shape,
        neuron: description.neuron,
        fraction_bits: description.fraction_bits,
        thresholds,
        bias: description.bias.then(|| Bias::zeros(format, shape.channels)),
        minimum_count,
        maximum_count,
        incoming: Vec::new(),
        outgoing: Vec::new(),
    })
}

fn check_projection(
    description: &ProjectionDescription,
    populations: &[Population],
    from: usize,
    to: usize,
) -> Result<Projection, SnnError> {
    let (source, target) = (&populations[from], &populations[to]);
    let fail = |problem: String| SnnError::Projection {
        projection: description.name.clone(),
        from: source.name.clone(),
        from_shape: source.shape.to_string(),
        to: target.name.clone(),
        to_shape: target.shape.to_string(),
        problem,
    };
    let expect = |[channels, height, width]: [usize; 3]| {
        let expected = Shape { channels, height, width };
        if target.shape == expected {
            Ok(())
        } else {
            Err(fail(format!("it delivers the shape {expected}; make '{}' that shape", target.name)))
        }
    };
    let connection = match description.kind {
        ProjectionKindDescription::Dense => {
            let (inputs, outputs) = (source.shape.neurons(), target.shape.neurons());
            if inputs.checked_mul(outputs).is_none_or(|count| count > LARGEST_WEIGHT_COUNT) {
                return Err(fail(format!("more than {LARGEST_WEIGHT_COUNT} weights; make one of them smaller")));
            }
            Connection::Dense { inputs, outputs }
        }
        ProjectionKindDescription::Convolution { kernel, stride, padding } => {
            let (from, to) = (&source.shape, &target.shape);
            let shape =
                ConvolutionShape::new([from.height, from.width, from.channels], to.channels, kernel, stride, padding)
                    .map_err(|error| fail(error.to_string()))?;
            if padding[0] >= kernel[0] || padding[1] >= kernel[1] {
                return Err(fail(format!("padding {padding:?} reaches the kernel {kernel:?}; keep it smaller")));
            }
            expect([to.channels, shape.output_height(), shape.output_width()])?;
            Connection::Convolution(shape)
        }
        ProjectionKindDescription::SumPooling { window, stride, weight } => {
            let from = &source.shape;
            let shape = PoolingShape::new([from.height, from.width, from.channels], window, stride)
                .map_err(|error| fail(error.to_string()))?;
            expect([from.channels, shape.output_height(), shape.output_width()])?;
            Connection::SumPooling { shape, weight }
        }
        ProjectionKindDescription::Identity { weight } => {
            expect([source.shape.channels, source.shape.height, source.shape.width])?;
            Connection::Identity { neurons: source.shape.neurons(), weight }
        }
    };
    if matches!(connection, Connection::SumPooling { weight: 0, .. } | Connection::Identity { weight: 0, .. }) {
        return Err(fail("its fixed weight is 0; give a weight other than 0 or remove the projection".to_owned()));
    }
    Ok(Projection { name: description.name.clone(), from, to, connection, weights: None })
}

fn check_weight_count(projections: &[Projection]) -> Result<(), SnnError> {
    let mut total = 0usize;
    for projection in projections {
        total = total.saturating_add(projection.connection.weight_count());
    }
    if total > LARGEST_WEIGHT_COUNT {
        return Err(SnnError::Description(format!(
            "the network has {total} weights, more than the limit of {LARGEST_WEIGHT_COUNT}; make populations smaller"
        )));
    }
    Ok(())
}

fn check_ends(population: &Population) -> Result<(), SnnError> {
    let fail = |problem: &str, remedy: &str| SnnError::Population {
        population: population.name.clone(),
        problem: problem.to_owned(),
        remedy: remedy.to_owned(),
    };
    match (population.neuron, population.incoming.is_empty(), population.outgoing.is_empty()) {
        (NeuronKind::Input, false, _) => Err(fail("a projection ends in an input population", "remove it")),
        (NeuronKind::Readout, _, false) => Err(fail("a projection leaves a readout, which never fires", "remove it")),
        (NeuronKind::Relu | NeuronKind::Linear | NeuronKind::Readout, true, _) => {
            Err(fail("no projection ends here", "add one, or make it an input population"))
        }
        _ => Ok(()),
    }
}
