//! Which data set is meant.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DatasetError;

/// A data set by name, or a folder of images.
///
/// As text: `digits`, `mnist`, `fashion-mnist`, `cifar10`, or `folder:PATH`. A text with a path
/// separator, or one that starts with a dot, is a folder too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Source {
    /// The embedded 8x8 optical digits; needs no file.
    Digits,
    /// MNIST, handwritten digits of 28x28.
    Mnist,
    /// Fashion-MNIST, articles of clothing of 28x28.
    FashionMnist,
    /// CIFAR-10, photographs of 32x32 in colour.
    Cifar10,
    /// A folder of PNG images, one sub-folder a class.
    Folder(PathBuf),
}

impl Source {
    /// The data sets known by name.
    pub const NAMED: [Self; 4] = [Self::Digits, Self::Mnist, Self::FashionMnist, Self::Cifar10];

    /// Sub-folder of the data folder that holds the files; `None` when there is none.
    pub fn folder_name(&self) -> Option<&'static str> {
        match self {
            Self::Mnist => Some("mnist"),
            Self::FashionMnist => Some("fashion-mnist"),
            Self::Cifar10 => Some("cifar-10-batches-bin"),
            Self::Digits | Self::Folder(_) => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digits => formatter.write_str("digits"),
            Self::Mnist => formatter.write_str("mnist"),
            Self::FashionMnist => formatter.write_str("fashion-mnist"),
            Self::Cifar10 => formatter.write_str("cifar10"),
            Self::Folder(path) => write!(formatter, "folder:{}", path.display()),
        }
    }
}

impl FromStr for Source {
    type Err = DatasetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(source) = Self::NAMED.into_iter().find(|s| s.to_string() == text) {
            return Ok(source);
        }
        let path = match text.strip_prefix("folder:") {
            Some(path) => path,
            None if text.starts_with('.') || text.contains(std::path::is_separator) => text,
            None => "",
        };
        if path.is_empty() {
            return Err(DatasetError::parameter(
                "data set",
                "name",
                "digits, mnist, fashion-mnist, cifar10 or folder:PATH",
                format!("\"{text}\""),
                "name one of these; a folder of images is written with a path separator",
            ));
        }
        Ok(Self::Folder(PathBuf::from(path)))
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl TryFrom<String> for Source {
    type Error = DatasetError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
