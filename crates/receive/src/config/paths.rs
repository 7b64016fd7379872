//! Paths whose last part may hold `*` and `?`.

use std::path::{Path, PathBuf};

use vigie_world::{EntryKind, World};

/// Files that `pattern` names, in order; the pattern itself when it has no `*` or `?`.
pub fn expand(pattern: &Path, world: &World) -> Vec<PathBuf> {
    let Some(name) = pattern.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    if !name.contains(['*', '?']) {
        return vec![pattern.to_path_buf()];
    }
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let Ok(entries) = world.disk.list(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .iter()
        .filter(|entry| matches!(entry.kind, EntryKind::File(_)))
        .filter(|entry| matches(name.as_bytes(), entry.name.as_bytes()))
        .map(|entry| folder.join(&entry.name))
        .collect();
    paths.sort_unstable();
    paths
}

/// Whether `name` matches `pattern`; `*` is any run, `?` any byte. Linear by the usual trick of
/// going back only to the last star.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    n = from + 1;
                    star = Some((at, n));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_match_any_run() {
        for (pattern, name, expected) in [
            ("*.yml", "a.yml", true),
            ("*.yml", "a.yaml", false),
            ("a*b*c", "aXbYbZc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
