//! The doors for traces, and OTLP's for metrics and logs, which are the same.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::post;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use vigie_model::LogSink;
use vigie_model::span::SpanSink;
use vigie_process::{SpanMetrics, TailSampler};
use vigie_receive::agent::{self, AgentCounters};
use vigie_receive::config::OtlpConfig;
use vigie_show::Telemetry;
use vigie_show::collector::{self, CollectorState};
use vigie_show::jaeger::sampling::{self, SamplingState};
use vigie_show::jaeger::{self, JaegerState, health};
use vigie_show::otlp::{self, MetricOptions, OtlpState, TranslationStrategy};
use vigie_show::prometheus::PrometheusState;
use vigie_show::tempo::{self, TempoState};
use vigie_world::World;

use super::listeners::Listeners;
use super::page_routes::PageDoors;
use super::span_telemetry;
use crate::plan::{Plan, Port, TraceDoor};

/// How often traces are decided of.
const DECIDE_EVERY: Duration = Duration::from_millis(500);

/// What all doors share.
pub(super) struct Doors {
    otlp: Arc<OtlpState>,
    collector: Arc<CollectorState>,
    query: Arc<JaegerState>,
    tempo: Arc<TempoState>,
    sampling: Arc<SamplingState>,
    health: Router,
    agent: Arc<AgentCounters>,
    spans: Arc<dyn SpanSink>,
    counted: Option<Arc<SpanMetrics>>,
    sampler: Option<Arc<TailSampler>>,
}

impl Doors {
    pub(super) fn new(
        plan: &Plan,
        state: &PrometheusState,
        world: &World,
        telemetry: &Arc<Telemetry>,
    ) -> Result<Self> {
        let (store, metrics) = (&state.store, Arc::clone(&state.sink));
        let sampler = plan.tail_sampling.as_ref().map(|options| {
            TailSampler::new(options.clone(), Arc::clone(store) as _, world.clone())
        });
        let mut spans: Arc<dyn SpanSink> = match &sampler {
            Some(sampler) => Arc::clone(sampler) as _,
            None => Arc::clone(store) as _,
        };
        let counted = plan.span_metrics.as_ref().map(|options| {
            let (inner, metrics) = (Arc::clone(&spans), Arc::clone(&metrics));
            SpanMetrics::new(options.clone(), inner, metrics, world.clone())
        });
        if let Some(counted) = &counted {
            span_telemetry::register_metrics(telemetry, counted);
            spans = Arc::clone(counted) as _;
        }
        if let Some(sampler) = &sampler {
            span_telemetry::register_sampling(telemetry, sampler);
        }
        let logs: Arc<dyn LogSink> = Arc::clone(store) as _;
        let otlp = OtlpState::new(Arc::clone(&spans), metrics, logs, world.clone(), telemetry);
        let agent = Arc::new(AgentCounters::default());
        span_telemetry::register_agent(telemetry, &agent);
        let engine = Arc::clone(&state.engine);
        let sampling = SamplingState::new(plan.sampling_strategies.clone(), world.clone())
            .map_err(anyhow::Error::msg)
            .context("[process.head_sampling] strategies")?;
        Ok(Self {
            otlp,
            collector: CollectorState::new(Arc::clone(&spans), telemetry),
            query: JaegerState::new(Arc::clone(store), engine, world.clone()),
            tempo: TempoState::new(Arc::clone(store), world.clone()),
            sampling,
            health: health::router(world.clone(), Arc::clone(telemetry)),
            agent,
            spans,
            counted,
            sampler,
        })
    }

    /// Writes the metrics of spans and decides of traces, until `stop`.
    pub(super) fn start(&self, world: &World, stop: &CancellationToken) {
        if let Some(counted) = self.counted.clone() {
            let every = counted.interval();
            again(world, stop, every, move || {
                let counted = Arc::clone(&counted);
                async move { counted.flush().await }
            });
        }
        if let Some(sampler) = self.sampler.clone() {
            again(world, stop, DECIDE_EVERY, move || {
                let sampler = Arc::clone(&sampler);
                async move { sampler.tick().await }
            });
        }
    }

    /// Decides of what waits, and writes what was counted last; when nothing comes in any more.
    pub(super) async fn stop(&self) {
        if let Some(sampler) = &self.sampler {
            sampler.finish().await;
        }
        if let Some(counted) = &self.counted {
            counted.flush().await;
        }
    }

    /// Takes the section `otlp` of `prometheus.yml`.
    pub(super) fn follow(&self, config: &OtlpConfig) {
        *self.otlp.metric_options.write() = MetricOptions {
            strategy: TranslationStrategy::parse(&config.translation_strategy).unwrap_or_default(),
            promote_all: config.promote_all_resource_attributes,
            resource_attributes: if config.promote_all_resource_attributes {
                config.ignore_resource_attributes.clone()
            } else {
                config.promote_resource_attributes.clone()
            },
            keep_identifying: config.keep_identifying_resource_attributes,
            custom_buckets: config.convert_histograms_to_nhcb,
            promote_scope: config.promote_scope_metadata,
        };
    }

    /// The address at which Prometheus takes OTLP metrics.
    pub(super) fn prometheus_router(&self) -> Router {
        Router::new()
            .route("/api/v1/otlp/v1/metrics", post(otlp::metrics_http))
            .with_state(Arc::clone(&self.otlp))
    }

    /// Jaeger's query API.
    pub(super) fn query_router(&self) -> Router {
        jaeger::router(Arc::clone(&self.query))
    }

    /// Listens on all of `ports`.
    pub(super) async fn open(
        &self,
        ports: &[(TraceDoor, Port)],
        listeners: &mut Listeners,
        (page, stop): (PageDoors, &CancellationToken),
    ) -> Result<()> {
        for (door, port) in ports {
            let (part, router) = match door {
                TraceDoor::OtlpGrpc => ("otlp_grpc", otlp::router(Arc::clone(&self.otlp))),
                TraceDoor::OtlpHttp => ("otlp_http", otlp::router(Arc::clone(&self.otlp))),
                TraceDoor::JaegerThrift => {
                    self.listen_agent(port, stop).await?;
                    ("jaeger_thrift", collector::jaeger_router(Arc::clone(&self.collector)))
                }
                TraceDoor::JaegerGrpc => {
                    let sampling = sampling::grpc_router(Arc::clone(&self.sampling));
                    let collector = collector::jaeger_router(Arc::clone(&self.collector));
                    ("jaeger_grpc", collector.merge(sampling))
                }
                TraceDoor::Zipkin => {
                    ("zipkin", collector::zipkin_router(Arc::clone(&self.collector)))
                }
                TraceDoor::JaegerSampling => {
                    ("jaeger_sampling", sampling::router(Arc::clone(&self.sampling)))
                }
                TraceDoor::JaegerQuery => {
                    ("jaeger", page.wrap("/explore/traces", self.query_router()))
                }
                TraceDoor::JaegerQueryGrpc => {
                    ("jaeger_query_grpc", jaeger::grpc_router(Arc::clone(&self.query)))
                }
                TraceDoor::Health => ("health", self.health.clone()),
                TraceDoor::Tempo => ("tempo", tempo::router(Arc::clone(&self.tempo))),
                TraceDoor::JaegerCompact | TraceDoor::JaegerBinary => {
                    self.listen_agent(port, stop).await?;
                    continue;
                }
            };
            if let Some(listener) = listeners.bind(part, port).await? {
                listeners.serve(part, listener, router);
            }
        }
        Ok(())
    }

    async fn listen_agent(&self, port: &Port, stop: &CancellationToken) -> Result<()> {
        let socket = match UdpSocket::bind(port.address).await {
            Ok(socket) => socket,
            Err(error) if port.is_explicit => {
                return Err(error)
                    .with_context(|| format!("jaeger_agent cannot listen on {}", port.address));
            }
            Err(error) => {
                let address = port.address;
                tracing::warn!(part = "jaeger_agent", %address, %error, "port is taken, this part is off");
                return Ok(());
            }
        };
        tracing::info!(part = "jaeger_agent", address = %port.address, "listening for datagrams");
        let (sink, counters) = (Arc::clone(&self.spans), Arc::clone(&self.agent));
        tokio::spawn(agent::serve(socket, sink, counters, stop.clone()));
        Ok(())
    }
}

/// Does something again and again, until `stop`.
fn again<F: Future<Output = ()> + Send>(
    world: &World,
    stop: &CancellationToken,
    every: Duration,
    mut work: impl FnMut() -> F + Send + 'static,
) {
    let (clock, stop) = (Arc::clone(&world.clock), stop.clone());
    tokio::spawn(async move {
        let ended = async {
            loop {
                clock.sleep(every).await;
                work().await;
            }
        };
        stop.run_until_cancelled(ended).await;
    });
}
