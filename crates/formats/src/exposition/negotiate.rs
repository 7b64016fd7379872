//! Which format is asked for, and which one came.

/// A format that bodies can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text, 0.0.4 and 1.0.0.
    PrometheusText,
    /// OpenMetrics text, 0.0.1 and 1.0.0.
    OpenMetrics,
    /// Length-delimited `io.prometheus.client.MetricFamily` messages.
    PrometheusProto,
}

/// A name in `scrape_protocols`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrapeProtocol {
    /// `PrometheusProto`
    PrometheusProto,
    /// `OpenMetricsText1.0.0`
    OpenMetricsText100,
    /// `OpenMetricsText0.0.1`
    OpenMetricsText001,
    /// `PrometheusText1.0.0`
    PrometheusText100,
    /// `PrometheusText0.0.4`
    PrometheusText004,
}

impl ScrapeProtocol {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PrometheusProto,
        Self::OpenMetricsText100,
        Self::OpenMetricsText001,
        Self::PrometheusText100,
        Self::PrometheusText004,
    ];

    /// The name in configurations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrometheusProto => "PrometheusProto",
            Self::OpenMetricsText100 => "OpenMetricsText1.0.0",
            Self::OpenMetricsText001 => "OpenMetricsText0.0.1",
            Self::PrometheusText100 => "PrometheusText1.0.0",
            Self::PrometheusText004 => "PrometheusText0.0.4",
        }
    }

    /// The protocol of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.as_str() == name)
    }

    /// The format in which the protocol's bodies are.
    pub const fn format(self) -> Format {
        match self {
            Self::PrometheusProto => Format::PrometheusProto,
            Self::OpenMetricsText100 | Self::OpenMetricsText001 => Format::OpenMetrics,
            Self::PrometheusText100 | Self::PrometheusText004 => Format::PrometheusText,
        }
    }

    /// The media type, as `Content-Type` and `Accept` have it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
            Self::OpenMetricsText100 => "application/openmetrics-text;version=1.0.0",
            Self::OpenMetricsText001 => "application/openmetrics-text;version=0.0.1",
            Self::PrometheusText100 => "text/plain;version=1.0.0",
            Self::PrometheusText004 => "text/plain;version=0.0.4",
        }
    }

    /// Whether the version of the format knows escaping.
    const fn takes_escaping(self) -> bool {
        matches!(self, Self::OpenMetricsText100 | Self::PrometheusText100)
    }
}

/// The `Accept` header for these protocols, the best first. `escaping` is the name of the
/// escaping scheme that is asked for (`allow-utf-8`, `underscores`, ...).
pub fn accept_header(protocols: &[ScrapeProtocol], escaping: &str) -> String {
    let mut weight = ScrapeProtocol::ALL.len() + 1;
    let mut header = String::new();
    for protocol in protocols {
        header.push_str(protocol.media_type());
        if protocol.takes_escaping() {
            header.push_str(";escaping=");
            header.push_str(escaping);
        }
        push_weight(&mut header, weight);
        header.push(',');
        weight = weight.saturating_sub(1);
    }
    header.push_str("*/*");
    push_weight(&mut header, weight);
    header
}

fn push_weight(header: &mut String, weight: usize) {
    header.push_str(";q=0.");
    header.push_str(itoa::Buffer::new().format(weight));
}

/// A body whose format is not known, and for which no fallback is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ContentTypeError(String);

/// The format that `content_type` names. When it names none: the fallback's and a warning.
pub fn format_of(
    content_type: Option<&str>,
    fallback: Option<ScrapeProtocol>,
) -> Result<(Format, Option<String>), ContentTypeError> {
    let content_type = content_type.unwrap_or_default().trim();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    match media_type.to_ascii_lowercase().as_str() {
        "text/plain" => return Ok((Format::PrometheusText, None)),
        "application/openmetrics-text" => return Ok((Format::OpenMetrics, None)),
        "application/vnd.google.protobuf" => return Ok((Format::PrometheusProto, None)),
        _ => {}
    }
    let problem = if content_type.is_empty() {
        "non-compliant scrape target sending blank Content-Type".to_owned()
    } else {
        format!("received unsupported Content-Type {content_type:?}")
    };
    match fallback {
        Some(protocol) => {
            let warning =
                format!("{problem}, using fallback_scrape_protocol {:?}", protocol.as_str());
            Ok((protocol.format(), Some(warning)))
        }
        None => Err(ContentTypeError(format!(
            "{problem} and no fallback_scrape_protocol specified for target"
        ))),
    }
}
