//! `os`: which distribution this is.

use std::collections::HashMap;

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Labels of the info metric; each is a field of os-release in lower case.
const LABELS: [&str; 12] = [
    "build_id",
    "id",
    "id_like",
    "image_id",
    "image_version",
    "name",
    "pretty_name",
    "variant",
    "variant_id",
    "version",
    "version_codename",
    "version_id",
];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let options = context.options;
    let text = reader::read(&options.root("/etc/os-release"))
        .or_else(|_| reader::read_or_no_data(&options.root("/usr/lib/os-release")))?;
    add(&parse(&text), out);
    Ok(())
}

fn parse(text: &str) -> HashMap<String, String> {
    let field = |line: &str| {
        let line = line.trim();
        let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some((name.to_ascii_lowercase(), unquote(value)))
    };
    text.lines().filter_map(field).collect()
}

/// A shell word: os-release(5) allows quotes, and a backslash before what is special.
fn unquote(value: &str) -> String {
    let single = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    if let Some(inner) = single {
        return inner.to_owned();
    }
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let mut word = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            word.push(character);
        }
    }
    word
}

fn add(fields: &HashMap<String, String>, out: &mut Families) {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let labels = LABELS.map(|name| (name, field(name)));
    out.gauge(
        "node_os_info",
        "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, \
         image_version, name, pretty_name, variant, variant_id, version, version_codename, \
         version_id.",
        &labels,
        1.0,
    );
    if let Some(version) = major_minor(field("version_id")) {
        let labels = ["id", "id_like", "name"].map(|name| (name, field(name)));
        let help = "Metric containing the major.minor part of the OS version.";
        out.gauge("node_os_version", help, &labels, version);
    }
    if let Ok(end) = field("support_end").parse::<jiff::civil::Date>()
        && let Ok(end) = jiff::tz::TimeZone::UTC.to_timestamp(end.at(0, 0, 0, 0))
    {
        out.gauge(
            "node_os_support_end_timestamp_seconds",
            "Metric containing the end-of-life date timestamp of the OS.",
            &[],
            end.as_second() as f64,
        );
    }
}

fn major_minor(version: &str) -> Option<f64> {
    let mut dots = 0;
    let end = version.find(|character: char| {
        dots += u8::from(character == '.');
        !(character.is_ascii_digit() || (character == '.' && dots == 1))
    });
    let number: f64 = version[..end.unwrap_or(version.len())].parse().ok()?;
    (number > 0.0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_versions() {
        let fields = parse(
            "NAME=\"A \\\"B\\\"\"\nID=debian\n# x=y\nVERSION_ID='20.04.3'\nSUPPORT_END=2025-12-31\n",
        );
        let mut out = Families::new();
        add(&fields, &mut out);
        let version = &out.get("node_os_version").unwrap().samples[0];
        assert_eq!(version.value, 20.04);
        assert_eq!(version.labels[2].1, "A \"B\"");
        let end = &out.get("node_os_support_end_timestamp_seconds").unwrap().samples[0];
        assert_eq!(end.value, 1_767_139_200.0);
        assert_eq!(major_minor("rolling"), None);
        assert_eq!(major_minor("12"), Some(12.0));
    }
}
