//! A projection whose weights are in an array.

use kernels::{ConvolutionShape, PackedMatrix};
use snn::{Connection, Network};
use spikegrad::{Factors, Histogram, SubstrateRates};

use crate::columns::Patches;
use crate::error::CompilerError;
use crate::learning::array::{ArraySettings, LearningArray, ReadSettings, Reader, UpdateRule, Verification};
use crate::learning::device::DeviceSpecification;
use crate::learning::record::{Record, take};
use crate::program::Geometry;

/// Largest mantissa.
const LIMIT: f32 = 127.0;
/// What a device in state 1 stands for with gain 1, in grid units: a power of two, so that steps of a power of two keep
/// states on the grid exactly.
const FULL: f32 = 128.0;

/// The array of a projection and what lies between it and the network.
#[derive(Debug)]
pub(super) struct Site {
    pub name: String,
    pub to: usize,
    pub convolution: Option<ConvolutionShape>,
    pub patches: Patches,
    /// Grid units in 1.0.
    pub unit: f32,
    /// Of the population that the projection enters, one or one a channel.
    thresholds: Vec<f32>,
    array: LearningArray,
    pub reader: Reader,
    read: ReadSettings,
    rule: UpdateRule,
    seed: u64,
    place: u64,
    /// What a read gives, `[outputs][inputs]` as in the network.
    mantissas: Vec<i8>,
    /// The trainer's weights after the update before, `[outputs][inputs]`.
    before: Vec<f32>,
    /// Whether wires are to be taken anew with the next update.
    pub takes_wires: bool,
    /// Pulses that were asked for since state 0, `[outputs][inputs]`; of accumulated updates.
    asked: Vec<f32>,
    /// The product of the present mantissas.
    pub packed: PackedMatrix,
    /// Whether errors go on below the projection.
    is_crossed: bool,
}

impl Site {
    pub fn new(
        network: &Network,
        index: usize,
        specification: &DeviceSpecification,
        settings: &ArraySettings,
        seed: u64,
    ) -> Result<Self, CompilerError> {
        let projection = &network.projections()[index];
        let (source, target) = (&network.populations()[projection.from], &network.populations()[projection.to]);
        let shape = [source.shape.channels, source.shape.height, source.shape.width];
        let (convolution, geometry) = match &projection.connection {
            Connection::Convolution(shape) => {
                let (kernel, stride, padding) = (shape.kernel, shape.stride, shape.padding);
                (Some(*shape), Geometry::Convolution { kernel, stride, padding })
            }
            _ => (None, Geometry::Dense {}),
        };
        let patches = Patches::new(geometry, shape)?;
        let inputs = patches.rows();
        let outputs = projection.connection.weight_count() / inputs.max(1);
        let unit = (1u64 << target.fraction_bits) as f32;
        let scaled = ArraySettings { gain: settings.gain * f64::from(FULL / unit), ..settings.clone() };
        let place = index as u64;
        let array = LearningArray::draw(specification, &scaled, [inputs, outputs], seed, place)?;
        let reader = Reader::new(&array, &settings.read, seed, place)?;
        let weights = inputs * outputs;
        let is_crossed = !source.incoming.is_empty();
        let mut site = Self {
            name: projection.name.clone(),
            to: projection.to,
            convolution,
            patches,
            unit,
            thresholds: target.thresholds.iter().map(|&threshold| threshold as f32).collect(),
            array,
            reader,
            read: settings.read.clone(),
            rule: settings.rule,
            seed,
            place,
            mantissas: vec![0; weights],
            before: vec![0.0; weights],
            takes_wires: false,
            asked: if settings.rule == (UpdateRule::Accumulated {}) { vec![0.0; weights] } else { Vec::new() },
            packed: PackedMatrix::new(inputs, outputs)?,
            is_crossed,
        };
        site.connect()?;
        if site.disturbs_errors() && site.thresholds.len() > 1 {
            return Err(CompilerError::Device {
                place: site.name,
                field: "read.error".to_owned(),
                expected: "one threshold for the population that errors come from".to_owned(),
                found: format!("{} of them", site.thresholds.len()),
                remedy: "leave read.error out, or this projection off the chip".to_owned(),
            });
        }
        Ok(site)
    }

    /// The circuits of reads for the present state of the array.
    fn connect(&mut self) -> Result<(), CompilerError> {
        let units: Vec<f32> = self.thresholds.iter().map(|threshold| threshold / self.unit).collect();
        let of_rows = units.first().copied().unwrap_or(1.0);
        self.reader = Reader::new(&self.array, &self.read, self.seed, self.place)?.in_units(units, of_rows);
        Ok(())
    }

    pub fn array(&self) -> &LearningArray {
        &self.array
    }

    pub fn mantissas(&self) -> &[i8] {
        &self.mantissas
    }

    /// Whether total inputs are exact products of the mantissas.
    pub fn is_exact(&self) -> bool {
        self.read.is_product()
    }

    /// Whether errors cross the array by reads that are no exact products.
    pub fn disturbs_errors(&self) -> bool {
        self.is_crossed && !self.reader.rows().is_exact()
    }

    pub fn outputs(&self) -> usize {
        self.array.array().outputs()
    }

    /// `[outputs][inputs]` to `[inputs][outputs]`.
    fn by_input(&self, values: impl Fn(usize) -> f32) -> Vec<f32> {
        let (inputs, outputs) = (self.array.array().inputs(), self.outputs());
        (0..inputs).flat_map(|input| (0..outputs).map(move |output| output * inputs + input)).map(values).collect()
    }

    /// Writes the initial weights.
    pub fn write(&mut self, mantissas: &[i8], verification: Option<Verification>) -> Result<(), CompilerError> {
        let unit = self.unit;
        self.before = mantissas.iter().map(|&mantissa| f32::from(mantissa) / unit).collect();
        let weights = self.by_input(|place| self.before[place]);
        self.array.write(&weights, verification)?;
        let step = self.array.array().step();
        let [lowest, highest] = self.memory_range();
        let asked = |weight: &f32| (weight.clamp(lowest, highest) / step).round();
        self.asked.iter_mut().zip(&self.before).for_each(|(place, weight)| *place = asked(weight));
        self.connect()?;
        self.look();
        Ok(())
    }

    /// Puts mantissas in place of what a read of the array gives, until the next update.
    pub fn hold(&mut self, mantissas: &[i8]) {
        self.mantissas.copy_from_slice(mantissas);
    }

    /// Reads the array into the mantissas.
    fn look(&mut self) {
        let (inputs, outputs) = (self.array.array().inputs(), self.outputs());
        let seen = self.reader.seen(self.array.weights());
        for (input, row) in seen.chunks_exact(outputs.max(1)).enumerate() {
            for (output, weight) in row.iter().enumerate() {
                let mantissa = (weight * self.unit).round().clamp(-LIMIT, LIMIT);
                self.mantissas[output * inputs + input] = mantissa as i8;
            }
        }
    }

    /// Packs the mantissas for products.
    pub fn pack(&mut self) -> Result<(), CompilerError> {
        match &self.convolution {
            None => self.packed.pack(&self.mantissas)?,
            Some(shape) => self.packed.pack_convolution(shape, &self.mantissas)?,
        }
        Ok(())
    }

    /// Takes over the trainer's weights after an update, and puts what the array holds in their place where they are no
    /// digital memory.
    pub fn store(&mut self, weights: &mut [f32]) -> Result<(), CompilerError> {
        match self.rule {
            UpdateRule::Accumulated {} => {
                let step = self.array.array().step();
                let [lowest, highest] = self.memory_range();
                let inputs = self.array.array().inputs();
                let outputs = self.outputs();
                let mut pulses = vec![0i16; weights.len()];
                for (place, (&weight, asked)) in weights.iter().zip(&mut self.asked).enumerate() {
                    let wanted = (weight.clamp(lowest, highest) / step).round();
                    let change = (wanted - *asked).clamp(-32_767.0, 32_767.0);
                    *asked += change;
                    pulses[place % inputs * outputs + place / inputs] = change as i16;
                }
                self.array.pulse(&pulses)?;
            }
            UpdateRule::Rounded {} | UpdateRule::Amplitude {} => {
                let wanted = self.by_input(|place| weights[place] - self.before[place]);
                self.array.change(&wanted)?;
            }
            UpdateRule::Trains { .. } => {}
        }
        self.array.relax(1.0)?;
        if self.takes_wires && self.read.wires.is_some() {
            self.connect()?;
        }
        self.look();
        if self.rule != (UpdateRule::Accumulated {}) {
            let (inputs, outputs) = (self.array.array().inputs(), self.outputs());
            for (place, held) in self.array.weights().into_iter().enumerate() {
                weights[place % outputs * inputs + place / outputs] = held;
            }
        }
        self.before.copy_from_slice(weights);
        Ok(())
    }

    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.array.set_learning_rate(learning_rate);
    }

    /// Weights for which accumulated updates ask for pulses: what the nominal bounds hold, so that no pulses beyond them
    /// have to be taken back. All weights where the updates go to a second array.
    fn memory_range(&self) -> [f32; 2] {
        if self.array.tiki_taka().is_some() { [f32::MIN, f32::MAX] } else { self.array.array().range() }
    }

    /// Pulse trains of all examples of a batch: `W -= rate * S (outer) E 2^f / threshold`.
    pub fn learn(&mut self, factors: &[Factors], rates: &SubstrateRates) -> Result<(), CompilerError> {
        let rate = (rates.learning_rate * rates.share) as f32;
        let kept = rates.kept[self.to] as f32;
        let scales: Vec<f32> = self.thresholds.iter().map(|threshold| -self.unit / (threshold * kept)).collect();
        for factors in factors {
            let counts: Vec<f32> = factors.counts.iter().map(|&count| f32::from(count)).collect();
            let error = |(place, &error): (usize, &i32)| error as f32 * scales[place % scales.len()];
            let errors: Vec<f32> = factors.errors.iter().enumerate().map(error).collect();
            self.array.learn(&counts, &errors, rate)?;
        }
        Ok(())
    }

    /// What updates took, by name.
    pub fn figures(&self) -> Vec<(String, f64)> {
        let names = ["", "fast."];
        let statistics = self.array.statistics();
        let each = statistics.iter().zip(names).flat_map(|(statistics, part)| {
            let numbers = [
                ("pulses", Some((statistics.pulses_up + statistics.pulses_down) as f64)),
                ("saturated_share", Some(statistics.saturated_share)),
                ("energy_j", statistics.energy_j),
                ("time_s", statistics.time_s),
            ];
            let name = |figure: &str| format!("{}.{part}{figure}", self.name);
            numbers.into_iter().filter_map(move |(figure, value)| Some((name(figure), value?))).collect::<Vec<_>>()
        });
        each.collect()
    }

    /// States of its devices, by name.
    pub fn histograms(&self) -> Vec<(String, Histogram)> {
        let fast =
            self.array.tiki_taka().map(|tiki_taka| (format!("{}.fast", self.name), tiki_taka.fast().histogram()));
        std::iter::once((self.name.clone(), self.array.array().histogram())).chain(fast).collect()
    }

    pub fn record(&self) -> Record {
        let mut record = self.array.record(&self.name);
        record.insert(format!("{}.before", self.name), self.before.clone());
        record.insert(format!("{}.asked", self.name), self.asked.clone());
        record.insert(format!("{}.wires", self.name), self.reader.wires());
        record
    }

    pub fn restore(&mut self, record: &mut Record) -> Result<(), CompilerError> {
        let name = self.name.clone();
        self.array.restore(&name, record)?;
        self.before = take(record, &format!("{name}.before"), self.before.len())?;
        self.asked = take(record, &format!("{name}.asked"), self.asked.len())?;
        let wires = take(record, &format!("{name}.wires"), self.reader.wires().len())?;
        self.reader.set_wires(wires);
        self.look();
        Ok(())
    }
}
