//! The files that `templates` names: patterns, as Go's `filepath.Glob` reads them.

use std::path::{Component, Path, PathBuf};

use vigie_language::yaml::ConfigError;
use vigie_world::{Disk, EntryKind, World};

use crate::config::LoadedConfig;

/// Files that all patterns together may name.
const FILES_MAX: usize = 1_000;
/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Names and texts of the files, and the patterns that name none.
pub fn template_files(
    config: &LoadedConfig,
    world: &World,
) -> Result<(Vec<(String, String)>, Vec<String>), ConfigError> {
    let mut files = Vec::new();
    let mut unmatched = Vec::new();
    for pattern in &config.config.templates {
        let found = matching(&*world.disk, pattern);
        if found.is_empty() {
            unmatched.push(pattern.display().to_string());
        }
        for path in found {
            let fail = |message: String| ConfigError {
                file: config.source.file.clone(),
                ..ConfigError::new(format!("template {}: {message}", path.display()))
            };
            if files.len() >= FILES_MAX {
                return Err(fail(format!("more than {FILES_MAX} files")));
            }
            let length = world.disk.open_read(&path).map_err(|e| fail(e.to_string()))?.length();
            if length > FILE_BYTES_MAX {
                return Err(fail(format!("more than {FILE_BYTES_MAX} bytes")));
            }
            let bytes = world.disk.read(&path).map_err(|e| fail(e.to_string()))?;
            let text = String::from_utf8(bytes).map_err(|_| fail("not UTF-8".to_owned()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, text));
        }
    }
    Ok((files, unmatched))
}

/// The files that `pattern` names, in order. A part that cannot be read names none.
fn matching(disk: &dyn Disk, pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    let parts: Vec<Component<'_>> = pattern.components().collect();
    for (at, part) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        let text = part.as_os_str().to_string_lossy();
        if !text.contains(['*', '?', '[', '\\']) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let mut next = Vec::new();
        for folder in &found {
            let folder_path = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            for entry in disk.list(folder_path).unwrap_or_default() {
                let is_file = matches!(entry.kind, EntryKind::File(_));
                if is_file == is_last && matches_part(text.as_bytes(), entry.name.as_bytes()) {
                    next.push(folder.join(&entry.name));
                }
            }
        }
        next.truncate(FILES_MAX + 1);
        found = next;
    }
    found.retain(|path| disk.exists(path));
    found.sort();
    found
}

/// Whether one part of a path matches: `*`, `?`, `[a-z]`, `[^a]` and escapes by `\`.
fn matches_part(pattern: &[u8], name: &[u8]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return name.is_empty() };
    match first {
        b'*' => (0..=name.len())
            .any(|taken| name.get(taken..).is_some_and(|name| matches_part(rest, name))),
        b'?' => name.split_first().is_some_and(|(_, name)| matches_part(rest, name)),
        b'[' => match (class(rest), name.split_first()) {
            (Some((is_in, rest)), Some((byte, name))) => is_in(*byte) && matches_part(rest, name),
            _ => false,
        },
        b'\\' if !rest.is_empty() => {
            let Some((wanted, rest)) = rest.split_first() else { return false };
            name.split_first()
                .is_some_and(|(byte, name)| byte == wanted && matches_part(rest, name))
        }
        wanted => name
            .split_first()
            .is_some_and(|(byte, name)| byte == wanted && matches_part(rest, name)),
    }
}

type IsIn<'a> = Box<dyn Fn(u8) -> bool + 'a>;

/// A class after its bracket: what is in it, and the rest of the pattern.
fn class(pattern: &[u8]) -> Option<(IsIn<'_>, &[u8])> {
    let end = pattern.iter().position(|byte| *byte == b']')?;
    let (inner, rest) = pattern.split_at_checked(end)?;
    let (inner, is_negated) = match inner.split_first() {
        Some((b'^', inner)) => (inner, true),
        _ => (inner, false),
    };
    let is_in = move |byte: u8| {
        let mut rest = inner;
        let mut found = false;
        while let Some((low, more)) = rest.split_first() {
            match more {
                [b'-', high, more @ ..] => {
                    found |= (*low..=*high).contains(&byte);
                    rest = more;
                }
                more => {
                    found |= *low == byte;
                    rest = more;
                }
            }
        }
        found != is_negated
    };
    Some((Box::new(is_in), rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_match_as_in_go() {
        let cases = [
            ("*.tmpl", "a.tmpl", true),
            ("*.tmpl", "a.tmp", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("[a", "a", false),
            ("**", "anything", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches_part(pattern.as_bytes(), name.as_bytes()), expected, "{pattern}");
        }
    }

    #[test]
    fn patterns_name_files_in_order() {
        let disk = vigie_world::SimDisk::from_seed(1);
        for folder in ["/c/a", "/c/b"] {
            disk.create_folder(Path::new(folder)).unwrap();
        }
        for file in ["/c/b/2.tmpl", "/c/a/1.tmpl", "/c/a/x.txt", "/c/root.tmpl"] {
            disk.write_atomic(Path::new(file), b"").unwrap();
        }
        let found = |pattern: &str| -> Vec<String> {
            let paths = matching(&disk, Path::new(pattern));
            paths.iter().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(found("/c/*/*.tmpl"), ["/c/a/1.tmpl", "/c/b/2.tmpl"]);
        assert_eq!(found("/c/*.tmpl"), ["/c/root.tmpl"]);
        assert_eq!(found("/c/root.tmpl"), ["/c/root.tmpl"]);
        assert!(found("/c/none*").is_empty() && found("/x/*").is_empty());
    }
}
