//! Tables of measurements with a class in the last column, such as Fisher's Iris.

use std::path::Path;

use crate::DatasetError;
use crate::random::{Purpose, generator, shuffle};

/// Largest number of columns of a table, its class included.
const MOST_COLUMNS: usize = 4096;
/// Largest number of classes: a label is a byte.
const MOST_CLASSES: usize = 256;

/// Measurements of labelled samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Name of each feature; `column 1` and so on where the file has no heading.
    pub features: Vec<String>,
    /// Names of the classes in alphabetical order; a label is an index into them.
    pub classes: Vec<String>,
    values: Vec<f32>,
    labels: Vec<u8>,
}

/// Indices of the samples of a table in two parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSplit {
    /// Samples to train on.
    pub train: Vec<usize>,
    /// Samples to test on.
    pub test: Vec<usize>,
}

impl Table {
    /// Reads comma-separated values: numbers, and in the last column the name of a class. A first line whose
    /// columns before the last are no numbers is a heading. Empty lines are left out.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`] and [`DatasetError::Read`] where there is no such file, and
    /// [`DatasetError::Invalid`] naming line and column of what is no finite number, a line of another length, or a
    /// table without two classes.
    pub fn read(path: &Path) -> Result<Self, DatasetError> {
        if !path.exists() {
            return Err(DatasetError::NotFound {
                what: "table".to_owned(),
                tried: vec![path.to_path_buf()],
                remedy: "name a file of comma-separated values with the class in the last column".to_owned(),
            });
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|error| unreadable(path, error))?;
        let mut table = Self { features: Vec::new(), classes: Vec::new(), values: Vec::new(), labels: Vec::new() };
        let mut names: Vec<String> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| unreadable(path, error))?;
            if record.len() == 1 && record.get(0) == Some("") {
                continue;
            }
            let line = record.position().map_or(0, csv::Position::line);
            let is_first = table.features.is_empty();
            if is_first {
                check_width(path, record.len())?;
                let columns = record.len() - 1;
                let is_heading = record.iter().take(columns).all(|text| text.parse::<f32>().is_err());
                table.features = match is_heading {
                    true => record.iter().take(columns).map(str::to_owned).collect(),
                    false => (1..=columns).map(|column| format!("column {column}")).collect(),
                };
                if is_heading {
                    continue;
                }
            }
            names.push(table.push(path, line, &record)?);
        }
        table.name_classes(path, &names)?;
        Ok(table)
    }

    /// Adds the numbers of a line; returns the name of its class.
    fn push(&mut self, path: &Path, line: u64, record: &csv::StringRecord) -> Result<String, DatasetError> {
        let columns = self.features.len();
        if record.len() != columns + 1 {
            return Err(DatasetError::invalid(
                path,
                format!("line {line}"),
                format!("{} columns, as in the first line", columns + 1),
                record.len(),
                "mend or remove the line",
            ));
        }
        for (column, text) in record.iter().take(columns).enumerate() {
            let value = text.parse::<f32>().ok().filter(|value| value.is_finite()).ok_or_else(|| {
                let field = format!("line {line}, {}", self.features[column]);
                DatasetError::invalid(path, field, "a finite number", format!("'{text}'"), "mend or remove the line")
            })?;
            self.values.push(value);
        }
        Ok(record.get(columns).unwrap_or_default().to_owned())
    }

    fn name_classes(&mut self, path: &Path, names: &[String]) -> Result<(), DatasetError> {
        let mut classes = names.to_vec();
        classes.sort();
        classes.dedup();
        if classes.len() < 2 || classes.len() > MOST_CLASSES {
            return Err(DatasetError::invalid(
                path,
                "last column",
                format!("the names of 2 to {MOST_CLASSES} classes"),
                classes.len(),
                "put the name of the class into the last column",
            ));
        }
        let label = |name: &String| classes.binary_search(name).unwrap_or_default() as u8;
        self.labels = names.iter().map(label).collect();
        self.classes = classes;
        Ok(())
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The features of a sample.
    pub fn sample(&self, index: usize) -> &[f32] {
        &self.values[index * self.features.len()..][..self.features.len()]
    }

    /// The class of a sample.
    pub fn label(&self, index: usize) -> usize {
        self.labels[index].into()
    }

    /// Divides the samples in two, each class in proportion: of a class with n samples, `round(n * test_share)` are
    /// for testing. A pure function of its arguments.
    pub fn split(&self, test_share: f64, seed: u64) -> TableSplit {
        let mut split = TableSplit { train: Vec::new(), test: Vec::new() };
        let mut generator = generator(seed, Purpose::Split, 0);
        for class in 0..self.classes.len() {
            let mut members: Vec<usize> = (0..self.len()).filter(|&index| self.label(index) == class).collect();
            shuffle(&mut generator, &mut members);
            let test = (members.len() as f64 * test_share.clamp(0.0, 1.0)).round() as usize;
            split.test.extend(&members[..test]);
            split.train.extend(&members[test..]);
        }
        split.test.sort_unstable();
        split.train.sort_unstable();
        split
    }
}

fn check_width(path: &Path, columns: usize) -> Result<(), DatasetError> {
    if (2..=MOST_COLUMNS).contains(&columns) {
        return Ok(());
    }
    Err(DatasetError::invalid(
        path,
        "line 1",
        format!("2 to {MOST_COLUMNS} columns separated by commas"),
        columns,
        "write one sample a line: its numbers, then its class",
    ))
}

fn unreadable(path: &Path, error: csv::Error) -> DatasetError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(source) => DatasetError::read(path, source),
        kind => DatasetError::invalid(
            path,
            format!("line {line}"),
            "comma-separated values in UTF-8",
            format!("{kind:?}"),
            "mend or remove the line",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Table, DatasetError> {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).expect("written");
        Table::read(&path)
    }

    #[test]
    fn headings_are_optional() {
        let with = read(b"length,width,kind\n1,2.5,b\n\n3,4,a\n").expect("table");
        assert_eq!((with.features.join(" "), with.classes.join(" ")), ("length width".into(), "a b".into()));
        assert_eq!((with.sample(0), with.label(0), with.label(1)), (&[1.0, 2.5][..], 1, 0));
        let without = read(b"1,2.5,b\n3,4,a\n").expect("table");
        assert_eq!((without.features[1].as_str(), without.len()), ("column 2", 2));
        assert_eq!(without.sample(1), with.sample(1));
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, part) in [
            (&b"1,2,a\n1,b\n"[..], "line 2: expected 3 columns"),
            (b"1,2,a\n1,nan,b\n", "line 2, column 2: expected a finite number, found 'nan'"),
            (b"1,2,a\nx,2,b\n", "line 2, column 1"),
            (b"1,2,a\n1,2,a\n", "last column: expected the names of 2 to 256 classes, found 1"),
            (b"", "last column"),
            (b"alone\n", "line 1: expected 2 to 4096 columns"),
            (b"1,\xff,a\n", "comma-separated values in UTF-8"),
        ] {
            let error = read(text).expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        }
        let missing = Table::read(Path::new("no/such.csv")).expect_err("missing").to_string();
        assert!(missing.contains("no/such.csv"), "{missing}");
    }

    #[test]
    fn splits_keep_the_share_of_each_class() {
        let text: String = (0..30).map(|index| format!("{index},{}\n", ["a", "b", "c"][index % 3])).collect();
        let table = read(text.as_bytes()).expect("table");
        let split = table.split(0.3, 7);
        for class in 0..3 {
            assert_eq!(split.test.iter().filter(|&&index| table.label(index) == class).count(), 3);
        }
        let mut all = [split.train.clone(), split.test.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..30).collect::<Vec<_>>());
        assert_eq!(split, table.split(0.3, 7));
        assert_ne!(split, table.split(0.3, 8));
    }

    #[test]
    fn iris() {
        let Some(folder) = std::env::var_os(crate::DATA_FOLDER_VARIABLE) else {
            eprintln!("skipped: {} is not set", crate::DATA_FOLDER_VARIABLE);
            return;
        };
        let table = Table::read(&Path::new(&folder).join("iris").join("iris.csv")).expect("iris");
        assert_eq!((table.len(), table.features.len()), (150, 4));
        assert_eq!(table.classes, ["setosa", "versicolor", "virginica"]);
    }
}
