//! `textfile`: metrics that others leave in files.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use vigie_formats::exposition::{Entry, Format, MetadataLine, ParseOptions, Parser};
use vigie_model::MetricType;

use super::{CollectError, Context, Families};
use crate::host::family::{Kind, Sample};
use crate::host::reader;

/// Files read in all folders together.
const FILES_MAX: usize = 10_000;

#[expect(clippy::unnecessary_wraps, reason = "the shape of a collector")]
pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let mut failed = false;
    let mut files = Vec::new();
    for pattern in &context.options.textfile_directories {
        for folder in expand(Path::new(pattern)) {
            match reader::names(&folder) {
                Ok(names) => {
                    let names = names.into_iter().filter(|name| is_metrics_file(name));
                    files.extend(names.map(|name| folder.join(name)));
                }
                Err(error) => {
                    failed = true;
                    tracing::debug!(%error, "cannot read a folder of text files");
                }
            }
        }
    }
    for path in files.iter().take(FILES_MAX) {
        match read_file(path) {
            Ok(read) => failed |= !merge(read, path, out),
            Err(error) => {
                failed = true;
                tracing::debug!(path = %path.display(), error, "cannot take over a text file");
            }
        }
    }
    out.gauge(
        "node_textfile_scrape_error",
        "1 if there was an error opening or reading a file, 0 otherwise",
        &[],
        f64::from(u8::from(failed)),
    );
    Ok(())
}

#[expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "the original takes this case only, and writers rename into it"
)]
fn is_metrics_file(name: &str) -> bool {
    name.ends_with(".prom")
}

/// Folders that a pattern with `*` and `?` in its parts stands for; the pattern itself, when it
/// is none or nothing fits.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        let text = part.to_string_lossy();
        if !text.contains(['*', '?']) {
            for folder in &mut found {
                folder.push(part);
            }
            continue;
        }
        let fits = |folder: &PathBuf| {
            let names = reader::names_or_none(folder);
            let names = names.into_iter().filter(|name| matches(text.as_bytes(), name.as_bytes()));
            names.map(|name| folder.join(name)).collect::<Vec<_>>()
        };
        found = found.iter().flat_map(fits).take(FILES_MAX).collect();
    }
    found.retain(|folder| reader::exists(folder));
    if found.is_empty() { vec![pattern.to_owned()] } else { found }
}

/// Whether `name` fits `pattern`, in time linear in both multiplied.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut star, mut from) = (0, None, 0);
    let mut position = 0;
    while position < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some(at);
                from = position;
                at += 1;
            }
            Some(b'?') => {
                at += 1;
                position += 1;
            }
            Some(byte) if Some(byte) == name.get(position) => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some(star) = star else { return false };
                at = star + 1;
                from += 1;
                position = from;
            }
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

struct ReadFamily {
    name: String,
    kind: Kind,
    help: Option<String>,
    samples: Vec<Sample>,
}

fn read_file(path: &Path) -> Result<Vec<ReadFamily>, String> {
    let text = reader::read(path).map_err(|error| error.to_string())?;
    parse(&text)
}

/// All families of a file or, when one line is wrong, none: half a file is worse than the old
/// value's age. Timestamps are refused, as the original does: the value would look fresh.
fn parse(text: &str) -> Result<Vec<ReadFamily>, String> {
    let error = |error: vigie_formats::exposition::ParseError| error.to_string();
    let options = ParseOptions::default();
    let mut parser =
        Parser::new(Format::PrometheusText, text.as_bytes(), options).map_err(error)?;
    let mut families: Vec<ReadFamily> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut pairs = Vec::new();
    while let Some(entry) = parser.next().map_err(error)? {
        match entry {
            Entry::Metadata(metadata) => {
                let place = place_of(&mut families, &mut places, &metadata.name);
                let Some(family) = families.get_mut(place) else { continue };
                match metadata.line {
                    MetadataLine::Type(kind) => family.kind = kind_of(kind),
                    MetadataLine::Help(help) => family.help = Some(help.into_owned()),
                    MetadataLine::Unit(_) => {}
                }
            }
            Entry::Series(series) => {
                if series.timestamp_ms.is_some() {
                    return Err("timestamps are not supported".to_owned());
                }
                let mut labels = std::mem::take(&mut pairs);
                series.labels(&mut labels).map_err(error)?;
                let mut name = String::new();
                let mut own: Vec<(Cow<'static, str>, String)> = Vec::new();
                for (label, value) in labels {
                    if label == vigie_model::METRIC_NAME {
                        name = value.into_owned();
                    } else {
                        own.push((Cow::Owned(label.into_owned()), value.into_owned()));
                    }
                }
                // Bounds come last, as the original writes them.
                own.sort_by_cached_key(|(name, _)| {
                    (name == "le" || name == "quantile", name.clone())
                });
                let (place, suffix) = sample_place(&mut families, &mut places, &name);
                if let Some(family) = families.get_mut(place) {
                    family.samples.push(Sample { suffix, labels: own, value: series.value });
                }
            }
            Entry::Histogram(_) => {}
        }
    }
    Ok(families)
}

fn kind_of(kind: MetricType) -> Kind {
    match kind {
        MetricType::Counter => Kind::Counter,
        MetricType::Gauge => Kind::Gauge,
        MetricType::Histogram => Kind::Histogram,
        MetricType::Summary => Kind::Summary,
        _ => Kind::Untyped,
    }
}

fn place_of(
    families: &mut Vec<ReadFamily>,
    places: &mut HashMap<String, usize>,
    name: &str,
) -> usize {
    if let Some(place) = places.get(name) {
        return *place;
    }
    places.insert(name.to_owned(), families.len());
    let family =
        ReadFamily { name: name.to_owned(), kind: Kind::Untyped, help: None, samples: Vec::new() };
    families.push(family);
    families.len() - 1
}

/// The family of a sample: of a histogram's or a summary's parts, the one without their suffix.
fn sample_place(
    families: &mut Vec<ReadFamily>,
    places: &mut HashMap<String, usize>,
    name: &str,
) -> (usize, &'static str) {
    for suffix in ["_bucket", "_sum", "_count"] {
        if let Some(base) = name.strip_suffix(suffix)
            && let Some(place) = places.get(base)
            && let Some(family) = families.get(*place)
            && matches!(family.kind, Kind::Histogram | Kind::Summary)
        {
            return (*place, suffix);
        }
    }
    (place_of(families, places, name), "")
}

/// Adds a file's families. Whether each could be: a family that is there with another type or
/// help is left out, the first stays.
fn merge(read: Vec<ReadFamily>, path: &Path, out: &mut Families) -> bool {
    let mut all = true;
    for family in read.into_iter().filter(|family| !family.samples.is_empty()) {
        if let Some(ours) = out.get(&family.name) {
            let other_help = family.help.as_ref().is_some_and(|help| *help != ours.help);
            if ours.kind != family.kind || other_help {
                all = false;
                continue;
            }
        }
        let help = family.help.unwrap_or_else(|| format!("Metric read from {}", path.display()));
        out.family(family.kind, family.name, help).samples.extend(family.samples);
    }
    if let Some(seconds) = reader::modified_seconds(path) {
        out.gauge(
            "node_textfile_mtime_seconds",
            "Unixtime mtime of textfiles successfully read.",
            &[("file", &path.to_string_lossy())],
            seconds.floor(),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_taken_over_and_broken_ones_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "a.prom",
            "# HELP job_seconds Took.\n# TYPE job_seconds histogram\n\
             job_seconds_bucket{le=\"+Inf\",job=\"x\"} 1\njob_seconds_sum{job=\"x\"} 2\n\
             job_seconds_count{job=\"x\"} 1\nplain 3\n",
        );
        write("b.prom", "fresh 1 1700000000000\n");
        write("c.txt", "ignored 1\n");
        let mut options = crate::host::HostOptions::default();
        options.disable_all();
        options.enable("textfile", true);
        options.process_metrics = false;
        let pattern = folder.path().to_string_lossy().into_owned();
        options.textfile_directories.push(format!("{}*", &pattern[..pattern.len() - 2]));
        let host = crate::host::Host::new(options, vigie_world::World::real());
        let text = String::from_utf8(host.collect().to_text()).unwrap();
        assert!(text.contains("job_seconds_bucket{job=\"x\",le=\"+Inf\"} 1\n"), "{text}");
        assert!(text.contains("# TYPE plain untyped\nplain 3\n"), "{text}");
        assert!(text.contains("node_textfile_scrape_error 1\n"), "{text}");
        assert!(!text.contains("fresh"), "{text}");
        assert_eq!(text.matches("node_textfile_mtime_seconds{").count(), 1);
    }

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a?c", "abc", true),
            ("a?c", "abbc", false),
            ("*.prom", "x.prom.tmp", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
    }
}
