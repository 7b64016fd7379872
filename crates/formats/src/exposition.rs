//! What scraped targets answer: Prometheus text, OpenMetrics and Prometheus protobuf.
//!
//! [`Parser::next`] gives one [`Entry`] after the other and borrows from the body. A scraper
//! keeps what it knows of a series under [`Series::key`], and asks for labels only when the key
//! is new: from the second scrape on, a sample costs finding its end and reading a number.

mod classic;
mod entry;
mod labels;
mod negotiate;
mod openmetrics;
mod protobuf;
mod text;
pub mod write;
pub mod write_protobuf;

#[cfg(test)]
mod tests;

pub use classic::{ClassicCollector, Collected, ConvertedHistogram};
pub use entry::{
    Entry, HistogramEntry, LabelPairs, MetadataEntry, MetadataLine, ParseError, Series,
};
pub use negotiate::{ContentTypeError, Format, ScrapeProtocol, accept_header, format_of};

/// What a parser shall do with what is optional.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ParseOptions {
    /// Takes `_created` series of OpenMetrics as start timestamps of their family's series,
    /// instead of as series of their own.
    pub created_as_start: bool,
    /// Gives native histograms (protobuf only) besides or instead of classic buckets.
    pub native_histograms: bool,
    /// Gives classic buckets also where a native histogram is given.
    pub always_classic: bool,
}

/// Gives the entries of one body.
#[derive(Debug)]
pub struct Parser<'a>(Inner<'a>);

#[derive(Debug)]
enum Inner<'a> {
    Text(text::TextParser<'a>),
    OpenMetrics(openmetrics::OpenMetricsParser<'a>),
    Protobuf(Box<protobuf::ProtobufParser<'a>>),
}

impl<'a> Parser<'a> {
    /// A parser of `body`. Fails when a text is not UTF-8.
    pub fn new(format: Format, body: &'a [u8], options: ParseOptions) -> Result<Self, ParseError> {
        Ok(Self(match format {
            Format::PrometheusText => Inner::Text(text::TextParser::new(body)?),
            Format::OpenMetrics => {
                Inner::OpenMetrics(openmetrics::OpenMetricsParser::new(body, options)?)
            }
            Format::PrometheusProto => {
                Inner::Protobuf(Box::new(protobuf::ProtobufParser::new(body, options)))
            }
        }))
    }

    /// The next entry, `None` at the end. After an error there is nothing more to read.
    #[expect(clippy::should_implement_trait, reason = "an entry borrows from the parser")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, ParseError> {
        match &mut self.0 {
            Inner::Text(parser) => parser.next(),
            Inner::OpenMetrics(parser) => parser.next(),
            Inner::Protobuf(parser) => parser.next(),
        }
    }
}
