//! Where the files of data sets lie.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::DatasetError;

/// Environment variable that names the data folder.
pub const DATA_FOLDER_VARIABLE: &str = "STERNA_DATA";

/// The data folder: `explicit` if given, else the value of [`DATA_FOLDER_VARIABLE`] as
/// `environment` tells it (an empty value counts as unset), else `sterna` in the user's cache
/// folder. The folder need not exist.
///
/// # Errors
/// [`DatasetError::Invalid`] when nothing is given and the user has no home folder.
pub fn data_folder(
    explicit: Option<&Path>,
    environment: &dyn Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, DatasetError> {
    if let Some(path) = explicit {
        return Ok(path.to_path_buf());
    }
    if let Some(path) = environment(DATA_FOLDER_VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let strategy = etcetera::base_strategy::choose_native_strategy().map_err(|error| {
        DatasetError::parameter(
            "data folder",
            "home folder",
            "a user with a home folder",
            error,
            format!("give --data-dir DIR or set {DATA_FOLDER_VARIABLE}"),
        )
    })?;
    Ok(strategy.cache_dir().join("sterna"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explicit_comes_before_environment_before_cache() {
        let set = |_: &str| Some(OsString::from("from-environment"));
        let empty = |_: &str| Some(OsString::new());
        let explicit = data_folder(Some(Path::new("given")), &set).expect("explicit");
        assert_eq!(explicit, Path::new("given"));
        let environment = data_folder(None, &set).expect("environment");
        assert_eq!(environment, Path::new("from-environment"));
        let cache = data_folder(None, &empty).expect("cache");
        assert!(cache.ends_with("sterna") && cache.is_absolute());
    }
}
