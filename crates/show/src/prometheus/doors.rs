//! Doors for senders of other systems: InfluxDB's line protocol and OpenTSDB's `/api/put`.
//!
//! Series are named as VictoriaMetrics names them. What is wrong in a request does not keep what
//! is right in it from being written; the answer tells both, in the form that the system's own
//! clients read.

mod influx;
mod opentsdb;

use axum::Router;
use axum::routing::{get, post};
use vigie_formats::lines::LineRow;
use vigie_model::{Acknowledge, LabelsBuilder, MetricBatch, WriteErrorKind};

use super::Shared;
use super::import::{Batches, Rules};
use crate::Identity;

/// Addresses of both systems, as their clients and VictoriaMetrics have them.
pub(super) fn routes() -> Router<Shared> {
    let query = || get(influx::query).post(influx::query);
    Router::new()
        .route("/write", post(influx::write))
        .route("/api/v2/write", post(influx::write))
        .route("/influx/write", post(influx::write))
        .route("/influx/api/v2/write", post(influx::write))
        .route("/query", query())
        .route("/influx/query", query())
        .route("/ping", get(influx::ping))
        .route("/influx/ping", get(influx::ping))
        .route("/api/put", post(opentsdb::put))
        .route("/opentsdb/api/put", post(opentsdb::put))
        .route("/api/version", get(opentsdb::version))
}

/// Adds a row to the batches, with the labels that the address asks for.
fn push(row: &LineRow, rules: &Rules, batches: &mut Batches) {
    let mut labels = LabelsBuilder::from_labels(&row.labels());
    rules.extend(&mut labels);
    let time_ms = row.timestamp_ms.unwrap_or_else(|| rules.now_ms());
    batches.next().push_series(&labels.build()).sample(time_ms, row.value);
}

/// Why nothing was kept.
struct Failed {
    is_temporary: bool,
    message: String,
}

/// Writes all batches durably. Gives what single samples were left out for.
async fn write_all(
    state: &Shared,
    identity: &Identity,
    batches: Vec<MetricBatch>,
) -> Result<Vec<String>, Failed> {
    let mut reasons = Vec::new();
    for batch in batches {
        let written = state.sink.write(&identity.tenant, batch, Acknowledge::Durable).await;
        let report = written.map_err(|error| Failed {
            is_temporary: error.kind == WriteErrorKind::Unavailable,
            message: error.message,
        })?;
        reasons.extend(report.rejections.into_iter().map(|rejection| rejection.message));
    }
    Ok(reasons)
}
