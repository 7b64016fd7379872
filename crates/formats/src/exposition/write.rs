//! Writes text exposition: for `/metrics`, `/federate`, the host's metrics and export.

use vigie_model::{Exemplar, METRIC_NAME, MetricType};

use crate::float::{format_float, format_float_openmetrics};

/// Writes families and samples into a buffer as one of the two text formats.
///
/// The caller keeps the samples of a family together, after its [`family`](Self::family), and
/// names them as the format has it (`_total` of counters in OpenMetrics).
#[derive(Debug)]
pub struct TextWriter<'a> {
    out: &'a mut Vec<u8>,
    openmetrics: bool,
}

impl<'a> TextWriter<'a> {
    /// A writer of Prometheus text (0.0.4; 1.0.0 if names need quotes).
    pub const fn prometheus(out: &'a mut Vec<u8>) -> Self {
        Self { out, openmetrics: false }
    }

    /// A writer of OpenMetrics text; end it with [`finish`](Self::finish).
    pub const fn openmetrics(out: &'a mut Vec<u8>) -> Self {
        Self { out, openmetrics: true }
    }

    /// The lines that introduce a family. Empty `help` and `unit` are left out.
    pub fn family(&mut self, name: &str, kind: MetricType, help: &str, unit: &str) {
        if !help.is_empty() {
            self.comment(b"# HELP ", name);
            write_escaped(help, self.openmetrics, self.out);
            self.out.push(b'\n');
        }
        self.comment(b"# TYPE ", name);
        self.out.extend_from_slice(self.kind_name(kind).as_bytes());
        self.out.push(b'\n');
        if self.openmetrics && !unit.is_empty() {
            self.comment(b"# UNIT ", name);
            self.out.extend_from_slice(unit.as_bytes());
            self.out.push(b'\n');
        }
    }

    const fn kind_name(&self, kind: MetricType) -> &'static str {
        match kind {
            _ if self.openmetrics => kind.as_str(),
            MetricType::Unknown => "untyped",
            // Prometheus text does not know the newer types.
            MetricType::Info | MetricType::StateSet => "gauge",
            MetricType::GaugeHistogram => "histogram",
            _ => kind.as_str(),
        }
    }

    fn comment(&mut self, start: &[u8], name: &str) {
        self.out.extend_from_slice(start);
        write_name(name, true, self.out);
        self.out.push(b' ');
    }

    /// A sample of a series whose labels may include `__name__`; else `name` is its name.
    pub fn sample<'l>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
        value: f64,
        timestamp_ms: Option<i64>,
    ) {
        self.sample_with_exemplar(name, labels, value, timestamp_ms, None);
    }

    /// [`sample`](Self::sample) with an exemplar, which only OpenMetrics keeps.
    pub fn sample_with_exemplar<'l>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
        value: f64,
        timestamp_ms: Option<i64>,
        exemplar: Option<&Exemplar>,
    ) {
        let quoted = !is_plain_name(name, true);
        if quoted {
            self.out.push(b'{');
        }
        write_name(name, true, self.out);
        let others = labels.into_iter().filter(|(name, _)| *name != METRIC_NAME);
        write_labels(others, quoted, self.out);
        self.out.push(b' ');
        self.number(value);
        if let Some(timestamp_ms) = timestamp_ms {
            self.out.push(b' ');
            self.timestamp(timestamp_ms);
        }
        if let Some(exemplar) = exemplar.filter(|_| self.openmetrics) {
            self.out.extend_from_slice(b" # ");
            if exemplar.labels.is_empty() {
                self.out.extend_from_slice(b"{}");
            }
            write_labels(exemplar.labels.iter(), false, self.out);
            self.out.push(b' ');
            self.number(exemplar.value);
            if exemplar.timestamp_ms != 0 {
                self.out.push(b' ');
                self.timestamp(exemplar.timestamp_ms);
            }
        }
        self.out.push(b'\n');
    }

    /// Ends the text.
    pub fn finish(self) {
        if self.openmetrics {
            self.out.extend_from_slice(b"# EOF\n");
        }
    }

    fn number(&mut self, value: f64) {
        let format = if self.openmetrics { format_float_openmetrics } else { format_float };
        format(value, self.out);
    }

    fn timestamp(&mut self, timestamp_ms: i64) {
        let mut buffer = itoa::Buffer::new();
        if !self.openmetrics {
            return self.out.extend_from_slice(buffer.format(timestamp_ms).as_bytes());
        }
        if timestamp_ms < 0 {
            self.out.push(b'-');
        }
        let magnitude = timestamp_ms.unsigned_abs();
        self.out.extend_from_slice(buffer.format(magnitude / 1000).as_bytes());
        let fraction = magnitude % 1000;
        self.out.push(b'.');
        for unit in [100, 10, 1] {
            self.out.push(b'0' + (fraction / unit % 10) as u8);
        }
    }
}

fn is_plain_name(name: &str, colons: bool) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || colons && byte == b':';
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(good)
}

fn write_name(name: &str, colons: bool, out: &mut Vec<u8>) {
    if is_plain_name(name, colons) {
        return out.extend_from_slice(name.as_bytes());
    }
    write_quoted(name, out);
}

/// `{a="b"}`, or nothing without labels. `opened`: the brace and a name are written already.
fn write_labels<'l>(
    labels: impl Iterator<Item = (&'l str, &'l str)>,
    opened: bool,
    out: &mut Vec<u8>,
) {
    let mut open = opened;
    for (name, value) in labels {
        out.push(if open { b',' } else { b'{' });
        open = true;
        write_name(name, false, out);
        out.push(b'=');
        write_quoted(value, out);
    }
    if open {
        out.push(b'}');
    }
}

fn write_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, true, out);
    out.push(b'"');
}

fn write_escaped(text: &str, quotes: bool, out: &mut Vec<u8>) {
    for &byte in text.as_bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'"' if quotes => out.extend_from_slice(b"\\\""),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_written() {
        let mut out = Vec::new();
        let mut writer = TextWriter::prometheus(&mut out);
        writer.family("a", MetricType::Unknown, "x\\y\n\"z\"", "");
        writer.sample("a", [("__name__", "a"), ("b", "c\"d")], 1e6, Some(1500));
        writer.sample("my.metric", [("l.l", "1")], 1.0, None);
        writer.finish();
        let expected = "# HELP a x\\\\y\\n\"z\"\n# TYPE a untyped\na{b=\"c\\\"d\"} 1e+06 1500\n\
            {\"my.metric\",\"l.l\"=\"1\"} 1\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);

        let mut out = Vec::new();
        let mut writer = TextWriter::openmetrics(&mut out);
        writer.family("a_s", MetricType::Counter, "", "s");
        let labels = vigie_model::Labels::from_pairs([("trace_id", "1")]);
        let exemplar = Exemplar { labels, value: 2.0, timestamp_ms: -5 };
        writer.sample_with_exemplar("a_s_total", [], 1.0, Some(1500), Some(&exemplar));
        writer.finish();
        let expected = "# TYPE a_s counter\n# UNIT a_s s\n\
            a_s_total 1.0 1.500 # {trace_id=\"1\"} 2.0 -0.005\n# EOF\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
