//! What happens to data between a door and the store: parse, enrich, redact, sample.
//!
//! A `logstash.conf`, read by `vigie_language::logstash`, is compiled here into a [`Pipeline`]:
//! filters in their order, with conditions compiled once, and outputs. A batch of events enters as
//! [`EventBatch`](vigie_model::event::EventBatch) through [`PipelineSink`], which is an
//! [`EventSink`](vigie_model::event::EventSink) and answers when every output has what it takes.
//! Filters are synchronous and know no socket; outputs are asynchronous. Nothing here writes to the
//! store's log: what a filter removes is on no disk, unless the pipeline's own queue is switched on.

mod build;
mod codec;
mod common;
mod condition;
mod correlate;
mod dead_letters;
mod error;
mod field;
mod filter;
mod head_sampling;
mod input;
mod options;
mod output;
mod pipeline;
mod processor;
mod rubydebug;
mod sample;
mod sink;
mod span_metrics;
mod tail_sampling;
mod text;

pub use build::{BuildOptions, Built, Ecs, Warning, build};
pub use codec::event_of_json;
pub use correlate::{TraceContext, correlate, id_of_field, trace_context};
pub use dead_letters::{DeadLetter, DeadLetterQueue, DeadLetterReader, KeptLetter};
pub use error::{ErrorKind, ProcessError};
pub use filter::names as filter_names;
pub use head_sampling::{HeadStrategies, HeadStrategy, ServiceStrategy};
pub use input::{
    BeatsPairs, DecodeBeats, DecodeText, Decoder, GelfOptions, HttpInputOptions, HttpRequestFacts,
    Input, InputTls, SyslogOptions, TellLoss, decode_beats, decode_from, decode_gelf,
    decode_syslog, inputs,
};
pub use output::{LumberjackSink, OutputContext, Outputs, OutputsSink, VigieHosts, WriteOut};
pub use pipeline::{Observer, Pipeline, PluginStats, StepView};
pub use processor::{ProcessorContext, ProcessorSink, Processors};
pub use rubydebug::rubydebug;
pub use sample::{Deduplicate, SampleRule, StageConfig, Stages, ValueLimit};
pub use sink::PipelineSink;
pub use span_metrics::{SpanMetrics, SpanMetricsOptions, SpanMetricsStatistics};
pub use tail_sampling::{TailSampler, TailSamplingOptions, TailSamplingStatistics};

#[cfg(test)]
mod tests;
