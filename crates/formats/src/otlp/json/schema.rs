//! The messages of opentelemetry-proto 1.x, as far as they are read here: JSON names, field
//! numbers and types.

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::otlp) struct Message {
    pub(super) name: &'static str,
    fields: &'static [Field],
}

/// A field of a message; lists have the type of their items.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) kind: Kind,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Hex,
    Base64,
    Bool,
    Varint,
    Zigzag,
    Fixed64,
    Fixed32,
    Double,
    Enumeration(&'static [&'static str]),
    Message(&'static Message),
}

impl Message {
    /// The field of this name, in lowerCamelCase or snake_case.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name || is_snake_of(name, field.name))
    }
}

/// Whether `snake` is `camel` in snake_case.
fn is_snake_of(snake: &str, camel: &str) -> bool {
    let mut rest = snake.bytes();
    for byte in camel.bytes() {
        let is_upper = byte.is_ascii_uppercase();
        if is_upper && rest.next() != Some(b'_') {
            return false;
        }
        if rest.next() != Some(byte.to_ascii_lowercase()) {
            return false;
        }
    }
    rest.next().is_none()
}

const fn field(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { name, number, kind }
}

macro_rules! messages {
    ($( $(#[$meta:meta])* $visibility:vis $constant:ident = $name:literal {
        $( $number:literal $field:literal $kind:expr; )*
    } )*) => {
        $( $(#[$meta])* $visibility static $constant: Message = Message {
            name: $name,
            fields: &[ $( field($number, $field, $kind), )* ],
        }; )*
    };
}

const SPAN_KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];
const TEMPORALITIES: &[&str] = &[
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];
/// `SEVERITY_NUMBER_*` names are rare enough to be left to their numbers.
const SEVERITIES: &[&str] = &["SEVERITY_NUMBER_UNSPECIFIED"];

use Kind::{
    Base64, Bool, Double, Enumeration, Fixed32, Fixed64, Hex, Message as Inner, Text, Varint,
    Zigzag,
};

messages! {
    pub(in crate::otlp) TRACES_REQUEST = "ExportTraceServiceRequest" {
        1 "resourceSpans" Inner(&RESOURCE_SPANS);
    }
    pub(in crate::otlp) METRICS_REQUEST = "ExportMetricsServiceRequest" {
        1 "resourceMetrics" Inner(&RESOURCE_METRICS);
    }
    pub(in crate::otlp) LOGS_REQUEST = "ExportLogsServiceRequest" {
        1 "resourceLogs" Inner(&RESOURCE_LOGS);
    }

    // common and resource
    ANY_VALUE = "AnyValue" {
        1 "stringValue" Text;
        2 "boolValue" Bool;
        3 "intValue" Varint;
        4 "doubleValue" Double;
        5 "arrayValue" Inner(&ARRAY_VALUE);
        6 "kvlistValue" Inner(&KEY_VALUE_LIST);
        7 "bytesValue" Base64;
    }
    ARRAY_VALUE = "ArrayValue" { 1 "values" Inner(&ANY_VALUE); }
    KEY_VALUE_LIST = "KeyValueList" { 1 "values" Inner(&KEY_VALUE); }
    KEY_VALUE = "KeyValue" {
        1 "key" Text;
        2 "value" Inner(&ANY_VALUE);
    }
    SCOPE = "InstrumentationScope" {
        1 "name" Text;
        2 "version" Text;
        3 "attributes" Inner(&KEY_VALUE);
    }
    RESOURCE = "Resource" { 1 "attributes" Inner(&KEY_VALUE); }

    // traces
    RESOURCE_SPANS = "ResourceSpans" {
        1 "resource" Inner(&RESOURCE);
        2 "scopeSpans" Inner(&SCOPE_SPANS);
        3 "schemaUrl" Text;
    }
    SCOPE_SPANS = "ScopeSpans" {
        1 "scope" Inner(&SCOPE);
        2 "spans" Inner(&SPAN);
        3 "schemaUrl" Text;
    }
    SPAN = "Span" {
        1 "traceId" Hex;
        2 "spanId" Hex;
        3 "traceState" Text;
        4 "parentSpanId" Hex;
        5 "name" Text;
        6 "kind" Enumeration(SPAN_KINDS);
        7 "startTimeUnixNano" Fixed64;
        8 "endTimeUnixNano" Fixed64;
        9 "attributes" Inner(&KEY_VALUE);
        11 "events" Inner(&SPAN_EVENT);
        13 "links" Inner(&SPAN_LINK);
        15 "status" Inner(&STATUS);
        16 "flags" Fixed32;
    }
    SPAN_EVENT = "Event" {
        1 "timeUnixNano" Fixed64;
        2 "name" Text;
        3 "attributes" Inner(&KEY_VALUE);
    }
    SPAN_LINK = "Link" {
        1 "traceId" Hex;
        2 "spanId" Hex;
        3 "traceState" Text;
        4 "attributes" Inner(&KEY_VALUE);
        6 "flags" Fixed32;
    }
    STATUS = "Status" {
        2 "message" Text;
        3 "code" Enumeration(STATUS_CODES);
    }

    // metrics
    RESOURCE_METRICS = "ResourceMetrics" {
        1 "resource" Inner(&RESOURCE);
        2 "scopeMetrics" Inner(&SCOPE_METRICS);
        3 "schemaUrl" Text;
    }
    SCOPE_METRICS = "ScopeMetrics" {
        1 "scope" Inner(&SCOPE);
        2 "metrics" Inner(&METRIC);
        3 "schemaUrl" Text;
    }
    METRIC = "Metric" {
        1 "name" Text;
        2 "description" Text;
        3 "unit" Text;
        5 "gauge" Inner(&GAUGE);
        7 "sum" Inner(&SUM);
        9 "histogram" Inner(&HISTOGRAM);
        10 "exponentialHistogram" Inner(&EXPONENTIAL_HISTOGRAM);
        11 "summary" Inner(&SUMMARY);
        12 "metadata" Inner(&KEY_VALUE);
    }
    GAUGE = "Gauge" { 1 "dataPoints" Inner(&NUMBER_POINT); }
    SUM = "Sum" {
        1 "dataPoints" Inner(&NUMBER_POINT);
        2 "aggregationTemporality" Enumeration(TEMPORALITIES);
        3 "isMonotonic" Bool;
    }
    HISTOGRAM = "Histogram" {
        1 "dataPoints" Inner(&HISTOGRAM_POINT);
        2 "aggregationTemporality" Enumeration(TEMPORALITIES);
    }
    EXPONENTIAL_HISTOGRAM = "ExponentialHistogram" {
        1 "dataPoints" Inner(&EXPONENTIAL_POINT);
        2 "aggregationTemporality" Enumeration(TEMPORALITIES);
    }
    SUMMARY = "Summary" { 1 "dataPoints" Inner(&SUMMARY_POINT); }
    NUMBER_POINT = "NumberDataPoint" {
        7 "attributes" Inner(&KEY_VALUE);
        2 "startTimeUnixNano" Fixed64;
        3 "timeUnixNano" Fixed64;
        4 "asDouble" Double;
        6 "asInt" Fixed64;
        5 "exemplars" Inner(&EXEMPLAR);
        8 "flags" Varint;
    }
    HISTOGRAM_POINT = "HistogramDataPoint" {
        9 "attributes" Inner(&KEY_VALUE);
        2 "startTimeUnixNano" Fixed64;
        3 "timeUnixNano" Fixed64;
        4 "count" Fixed64;
        5 "sum" Double;
        6 "bucketCounts" Fixed64;
        7 "explicitBounds" Double;
        8 "exemplars" Inner(&EXEMPLAR);
        10 "flags" Varint;
        11 "min" Double;
        12 "max" Double;
    }
    EXPONENTIAL_POINT = "ExponentialHistogramDataPoint" {
        1 "attributes" Inner(&KEY_VALUE);
        2 "startTimeUnixNano" Fixed64;
        3 "timeUnixNano" Fixed64;
        4 "count" Fixed64;
        5 "sum" Double;
        6 "scale" Zigzag;
        7 "zeroCount" Fixed64;
        8 "positive" Inner(&EXPONENTIAL_BUCKETS);
        9 "negative" Inner(&EXPONENTIAL_BUCKETS);
        10 "flags" Varint;
        11 "exemplars" Inner(&EXEMPLAR);
        12 "min" Double;
        13 "max" Double;
        14 "zeroThreshold" Double;
    }
    EXPONENTIAL_BUCKETS = "Buckets" {
        1 "offset" Zigzag;
        2 "bucketCounts" Varint;
    }
    SUMMARY_POINT = "SummaryDataPoint" {
        7 "attributes" Inner(&KEY_VALUE);
        2 "startTimeUnixNano" Fixed64;
        3 "timeUnixNano" Fixed64;
        4 "count" Fixed64;
        5 "sum" Double;
        6 "quantileValues" Inner(&VALUE_AT_QUANTILE);
        8 "flags" Varint;
    }
    VALUE_AT_QUANTILE = "ValueAtQuantile" {
        1 "quantile" Double;
        2 "value" Double;
    }
    EXEMPLAR = "Exemplar" {
        7 "filteredAttributes" Inner(&KEY_VALUE);
        2 "timeUnixNano" Fixed64;
        3 "asDouble" Double;
        6 "asInt" Fixed64;
        4 "spanId" Hex;
        5 "traceId" Hex;
    }

    // logs
    RESOURCE_LOGS = "ResourceLogs" {
        1 "resource" Inner(&RESOURCE);
        2 "scopeLogs" Inner(&SCOPE_LOGS);
        3 "schemaUrl" Text;
    }
    SCOPE_LOGS = "ScopeLogs" {
        1 "scope" Inner(&SCOPE);
        2 "logRecords" Inner(&LOG_RECORD);
        3 "schemaUrl" Text;
    }
    LOG_RECORD = "LogRecord" {
        1 "timeUnixNano" Fixed64;
        11 "observedTimeUnixNano" Fixed64;
        2 "severityNumber" Enumeration(SEVERITIES);
        3 "severityText" Text;
        5 "body" Inner(&ANY_VALUE);
        6 "attributes" Inner(&KEY_VALUE);
        8 "flags" Fixed32;
        9 "traceId" Hex;
        10 "spanId" Hex;
        12 "eventName" Text;
    }
}
