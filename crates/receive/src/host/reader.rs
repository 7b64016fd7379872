//! The one place of this module that reads files.
//!
//! Files of /proc and /sys say nothing of their length beforehand and must be read in one go, so
//! they are read with `std::fs` and not through `world::Disk`; each up to [`FILE_BYTES_MAX`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::error::CollectError;

/// Bytes read of one file; what is longer is cut.
pub(super) const FILE_BYTES_MAX: u64 = 8 << 20;
/// Entries looked at in one folder.
const FOLDER_ENTRIES_MAX: usize = 65_536;

/// The text of a file. Bytes that are no UTF-8 become U+FFFD.
pub(super) fn read(path: &Path) -> Result<String, CollectError> {
    let bytes = read_bytes(path).map_err(|source| CollectError::read(path, source))?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file, or `NoData` when there is no such file.
pub(super) fn read_or_no_data(path: &Path) -> Result<String, CollectError> {
    read(path).map_err(CollectError::missing_is_no_data)
}

/// The text of a small file without the space around it; nothing when it cannot be read (a
/// driver may refuse any single file of a device).
pub(super) fn attribute(folder: &Path, name: &str) -> Option<String> {
    read(&folder.join(name)).ok().map(|text| text.trim().to_owned())
}

/// A small file's number.
pub(super) fn number(folder: &Path, name: &str) -> Option<f64> {
    parse_integer(&attribute(folder, name)?)
}

/// A whole number, decimal or `0x` hexadecimal, as sysfs writes both.
pub(super) fn parse_integer(text: &str) -> Option<f64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(|value| value as f64);
    }
    match text.parse::<i64>() {
        Ok(value) => Some(value as f64),
        Err(_) => text.parse::<u64>().ok().map(|value| value as f64),
    }
}

/// Names in a folder, sorted.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, CollectError> {
    let entries = fs::read_dir(folder).map_err(|source| CollectError::read(folder, source))?;
    let mut names: Vec<String> = entries
        .take(FOLDER_ENTRIES_MAX)
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// Names in a folder, or `NoData` when there is no such folder.
pub(super) fn names_or_no_data(folder: &Path) -> Result<Vec<String>, CollectError> {
    names(folder).map_err(CollectError::missing_is_no_data)
}

/// Names in a folder, none when it cannot be read.
pub(super) fn names_or_none(folder: &Path) -> Vec<String> {
    names(folder).unwrap_or_default()
}

/// Seconds since the epoch when the file was last written.
pub(super) fn modified_seconds(path: &Path) -> Option<f64> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    Some(modified.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs_f64())
}

/// Whether a file or folder is there.
pub(super) fn exists(path: &Path) -> bool {
    path.exists()
}
