//! Test files: what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use vigie_language::yaml::{Node, Source, Value};
use vigie_world::{EntryKind, World};

use crate::reader::Reader;

/// A file of tests.
#[derive(Debug, Default)]
pub(super) struct TestFile {
    pub(super) rule_files: Vec<PathBuf>,
    pub(super) evaluation_interval_ms: i64,
    pub(super) group_eval_order: Vec<String>,
    pub(super) fuzzy_compare: bool,
    pub(super) tests: Vec<TestGroup>,
}

/// Series and what is expected of rules over them.
#[derive(Debug, Default)]
pub(super) struct TestGroup {
    pub(super) name: String,
    pub(super) interval_ms: i64,
    /// (series, values) as written.
    pub(super) input_series: Vec<(String, String)>,
    pub(super) alerts: Vec<AlertTest>,
    pub(super) expressions: Vec<ExpressionTest>,
    pub(super) external_labels: BTreeMap<String, String>,
    pub(super) external_url: String,
    pub(super) start_ms: i64,
}

/// Which alerts fire at one time.
#[derive(Debug, Default)]
pub(super) struct AlertTest {
    pub(super) eval_time_ms: i64,
    pub(super) alert_name: String,
    pub(super) expected: Vec<ExpectedAlert>,
}

/// An alert that is expected.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExpectedAlert {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// What an expression gives at one time.
#[derive(Debug, Default)]
pub(super) struct ExpressionTest {
    pub(super) expression: String,
    pub(super) eval_time_ms: i64,
    pub(super) expected: Vec<ExpectedSample>,
}

/// A sample that is expected, as written.
#[derive(Debug, Default)]
pub(super) struct ExpectedSample {
    pub(super) labels: String,
    pub(super) value: f64,
    pub(super) histogram: String,
}

/// Reads the file at `path`.
pub(super) fn read(
    path: &Path,
    world: &World,
    warnings: &mut Vec<String>,
) -> Result<TestFile, String> {
    let bytes = world.disk.read(path).map_err(|e| format!("open {}: {e}", path.display()))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{}: not UTF-8", path.display()))?;
    let node = Node::parse(&text, &Source::default()).map_err(|error| error.to_string())?;
    let mut reader = Reader::default();
    let mut file = test_file(&mut reader, &node);
    reader
        .finish()
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let mut found = Vec::new();
    for pattern in file.rule_files.iter().map(|file| folder.join(file)) {
        let files = expand(&pattern, world);
        if files.is_empty() {
            warnings.push(format!("no file match pattern {}", pattern.display()));
        }
        found.extend(files);
    }
    file.rule_files = found;
    if file.evaluation_interval_ms == 0 {
        file.evaluation_interval_ms = 60_000;
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = file.group_eval_order.iter().find(|name| !seen.insert(*name)) {
        return Err(format!("group name repeated in evaluation order: {twice}"));
    }
    for test in &mut file.tests {
        if test.interval_ms == 0 {
            test.interval_ms = file.evaluation_interval_ms;
        }
    }
    Ok(file)
}

fn test_file(reader: &mut Reader, node: &Node) -> TestFile {
    const TYPE: &str = "main.unitTestFile";
    let mut file = TestFile::default();
    for (key, value) in reader.fields(node, TYPE) {
        match key.text.as_str() {
            "rule_files" => {
                file.rule_files = texts(reader, value).into_iter().map(PathBuf::from).collect();
            }
            "evaluation_interval" => file.evaluation_interval_ms = reader.duration(value),
            "group_eval_order" => file.group_eval_order = texts(reader, value),
            "fuzzy_compare" => file.fuzzy_compare = boolean(reader, value),
            "tests" => {
                for test in reader.list(value, "[]main.testGroup") {
                    let group = test_group(reader, test);
                    file.tests.push(group);
                }
            }
            _ => reader.unknown(key, TYPE),
        }
    }
    file
}

fn test_group(reader: &mut Reader, node: &Node) -> TestGroup {
    const TYPE: &str = "main.testGroup";
    let mut group = TestGroup::default();
    for (key, value) in reader.fields(node, TYPE) {
        match key.text.as_str() {
            "name" => group.name = reader.text(value).text,
            "interval" => group.interval_ms = reader.duration(value),
            "input_series" => {
                for series in reader.list(value, "[]main.series") {
                    let series = input_series(reader, series);
                    group.input_series.push(series);
                }
            }
            "alert_rule_test" => {
                for test in reader.list(value, "[]main.alertTestCase") {
                    let test = alert_test(reader, test);
                    group.alerts.push(test);
                }
            }
            "promql_expr_test" => {
                for test in reader.list(value, "[]main.promqlTestCase") {
                    let test = expression_test(reader, test);
                    group.expressions.push(test);
                }
            }
            "external_labels" => group.external_labels = reader.map(value),
            "external_url" => group.external_url = reader.text(value).text,
            "start_timestamp" => group.start_ms = timestamp(reader, value),
            _ => reader.unknown(key, TYPE),
        }
    }
    group
}

fn input_series(reader: &mut Reader, node: &Node) -> (String, String) {
    const TYPE: &str = "main.series";
    let (mut series, mut values) = (String::new(), String::new());
    for (key, value) in reader.fields(node, TYPE) {
        match key.text.as_str() {
            "series" => series = reader.text(value).text,
            "values" => values = reader.text(value).text,
            _ => reader.unknown(key, TYPE),
        }
    }
    (series, values)
}

fn alert_test(reader: &mut Reader, node: &Node) -> AlertTest {
    const TYPE: &str = "main.alertTestCase";
    let mut test = AlertTest::default();
    for (key, value) in reader.fields(node, TYPE) {
        match key.text.as_str() {
            "eval_time" => test.eval_time_ms = reader.duration(value),
            "alertname" => test.alert_name = reader.text(value).text,
            "exp_alerts" => {
                for alert in reader.list(value, "[]main.alert") {
                    let alert = expected_alert(reader, alert);
                    test.expected.push(alert);
                }
            }
            _ => reader.unknown(key, TYPE),
        }
    }
    test
}

fn expected_alert(reader: &mut Reader, node: &Node) -> ExpectedAlert {
    const TYPE: &str = "main.alert";
    let mut alert = ExpectedAlert::default();
    for (key, value) in reader.fields(node, TYPE) {
        match key.text.as_str() {
            "exp_labels" => alert.labels = reader.map(value),
            "exp_annotations" => alert.annotations = reader.map(value),
            _ => reader.unknown(key, TYPE),
        }
    }
    alert
}

fn expression_test(reader: &mut Reader, node: &Node) -> ExpressionTest {
    const TYPE: &str = "main.promqlTestCase";
    let mut test = ExpressionTest::default();
    for (key, value) in reader.fields(node, TYPE) {
        match key.text.as_str() {
            "expr" => test.expression = reader.text(value).text,
            "eval_time" => test.eval_time_ms = reader.duration(value),
            "exp_samples" => {
                for sample in reader.list(value, "[]main.sample") {
                    let sample = expected_sample(reader, sample);
                    test.expected.push(sample);
                }
            }
            _ => reader.unknown(key, TYPE),
        }
    }
    test
}

fn expected_sample(reader: &mut Reader, node: &Node) -> ExpectedSample {
    const TYPE: &str = "main.sample";
    let mut sample = ExpectedSample::default();
    for (key, value) in reader.fields(node, TYPE) {
        match key.text.as_str() {
            "labels" => sample.labels = reader.text(value).text,
            "value" => sample.value = float(reader, value),
            "histogram" => sample.histogram = reader.text(value).text,
            _ => reader.unknown(key, TYPE),
        }
    }
    sample
}

fn texts(reader: &mut Reader, node: &Node) -> Vec<String> {
    reader.list(node, "[]string").iter().map(|item| reader.text(item).text).collect()
}

fn boolean(reader: &mut Reader, node: &Node) -> bool {
    match &node.value {
        Value::Null => false,
        Value::Scalar(text, true) if matches!(text.as_str(), "true" | "True" | "yes" | "on") => {
            true
        }
        Value::Scalar(text, true) if matches!(text.as_str(), "false" | "False" | "no" | "off") => {
            false
        }
        _ => {
            reader.mismatch(node, "bool");
            false
        }
    }
}

/// A float as YAML writes it: `.inf` and `.nan` too.
fn float(reader: &mut Reader, node: &Node) -> f64 {
    let Value::Scalar(text, true) = &node.value else {
        if !node.is_null() {
            reader.mismatch(node, "float64");
        }
        return 0.0;
    };
    let lower = text.to_ascii_lowercase().replace('_', "");
    match lower.trim_start_matches('+') {
        ".inf" => f64::INFINITY,
        "-.inf" => f64::NEG_INFINITY,
        ".nan" => f64::NAN,
        number if number.starts_with("0x") => {
            i64::from_str_radix(number.trim_start_matches("0x"), 16).unwrap_or_default() as f64
        }
        number => match number.parse::<f64>() {
            Ok(value) if !number.contains("inf") && !number.contains("nan") => value,
            _ => {
                reader.mismatch(node, "float64");
                0.0
            }
        },
    }
}

/// RFC 3339, or seconds since the epoch.
fn timestamp(reader: &mut Reader, node: &Node) -> i64 {
    let text = reader.text(node).text;
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds * 1000.0) as i64;
    }
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => time.as_millisecond(),
        Err(_) if text.is_empty() => 0,
        Err(_) => {
            reader.mismatch(node, "time.Time");
            0
        }
    }
}

/// The files that a pattern names; `*` and `?` may stand in its last part.
fn expand(pattern: &Path, world: &World) -> Vec<PathBuf> {
    let Some(name) = pattern.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    if !name.contains(['*', '?']) {
        return Some(pattern.to_path_buf()).filter(|p| world.disk.exists(p)).into_iter().collect();
    }
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let Ok(entries) = world.disk.list(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .iter()
        .filter(|entry| matches!(entry.kind, EntryKind::File(_)) && glob(name, &entry.name))
        .map(|entry| folder.join(&entry.name))
        .collect();
    found.sort_unstable();
    found
}

/// Whether `name` matches `pattern` of `*` and `?`.
fn glob(pattern: &str, name: &str) -> bool {
    let text: String = pattern
        .chars()
        .map(|c| match c {
            '*' => ".*".to_owned(),
            '?' => ".".to_owned(),
            c => regex::escape(c.encode_utf8(&mut [0; 4])),
        })
        .collect();
    regex::Regex::new(&format!("^{text}$")).is_ok_and(|regex| regex.is_match(name))
}
