//! Which format an asker of `/federate` takes best.

/// How names that are not plain words are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// As they are (in text: in quotes), for those who say that they read that.
    Full,
    /// With underscores instead.
    Escaped,
}

/// A format and its way with names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// Whether protobuf is written, else text.
    pub(super) is_protobuf: bool,
    /// How names are written.
    pub(super) names: Names,
}

impl Answer {
    pub(super) const fn content_type(self) -> &'static str {
        match (self.is_protobuf, self.names) {
            (false, Names::Full) => {
                "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            }
            (false, Names::Escaped) => {
                "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
            }
            (true, Names::Full) => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8"
            }
            (true, Names::Escaped) => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores"
            }
        }
    }
}

/// The first of the accepted formats, by weight, that is one of ours; text when none is.
pub(super) fn answer_for(accept: &str) -> Answer {
    let names = if accept.contains("escaping=allow-utf-8") { Names::Full } else { Names::Escaped };
    let mut clauses: Vec<(f64, &str)> =
        accept.split(',').map(|clause| (weight(clause), clause)).collect();
    // Stable: what stands first wins among equals.
    clauses.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, clause) in clauses.iter().filter(|(weight, _)| *weight > 0.0) {
        let media_type = clause.split(';').next().unwrap_or_default().trim();
        match media_type.to_ascii_lowercase().as_str() {
            "application/vnd.google.protobuf" if is_delimited_family(clause) => {
                return Answer { is_protobuf: true, names };
            }
            "text/plain" => break,
            _ => {}
        }
    }
    Answer { is_protobuf: false, names }
}

fn parameter<'a>(clause: &'a str, wanted: &str) -> Option<&'a str> {
    clause.split(';').skip(1).find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

fn weight(clause: &str) -> f64 {
    parameter(clause, "q").and_then(|text| text.parse().ok()).unwrap_or(1.0)
}

fn is_delimited_family(clause: &str) -> bool {
    parameter(clause, "proto") == Some("io.prometheus.client.MetricFamily")
        && parameter(clause, "encoding") == Some("delimited")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    #[test]
    fn protobuf_is_given_only_when_it_is_liked_best() {
        let cases = [
            (String::new(), false),
            ("*/*".to_owned(), false),
            // What Prometheus 3 sends with native histograms on.
            (
                format!(
                    "{PROTOBUF};q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
                ),
                true,
            ),
            (format!("text/plain;version=0.0.4;q=0.6,{PROTOBUF};q=0.5"), false),
            (format!("{PROTOBUF};q=0,text/plain"), false),
            (PROTOBUF.replace("delimited", "text"), false),
        ];
        for (accept, expected) in cases {
            assert_eq!(answer_for(&accept).is_protobuf, expected, "{accept}");
        }
        assert_eq!(answer_for("text/plain;escaping=allow-utf-8").names, Names::Full);
    }
}
