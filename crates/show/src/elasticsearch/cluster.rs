//! What clients ask of the server itself: version, licence, nodes, health.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::resolve::{Missing, all_names};
use super::state::Api;
use super::{indices, settings};

const NODE: &str = "vigie-node";

/// `GET /`
pub(super) fn root(api: &Api) -> Reply {
    Reply::json(json!({
        "name": "vigie",
        "cluster_name": "vigie",
        "cluster_uuid": "vigie-cluster-uuid-000",
        "version": {
            "number": api.state.options.version,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "vigie",
            "build_date": "2022-12-05T18:22:22.226119656Z",
            "build_snapshot": false,
            "lucene_version": "9.4.2",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }))
}

/// `_license`
pub(super) fn license() -> Reply {
    Reply::json(json!({"license": {
        "status": "active",
        "uid": "00000000-0000-0000-0000-000000000000",
        "type": "basic",
        "issue_date": "2022-01-01T00:00:00.000Z",
        "issue_date_in_millis": 1_640_995_200_000_i64,
        "max_nodes": 1_000,
        "max_resource_units": null,
        "issued_to": "vigie",
        "issuer": "elasticsearch",
        "start_date_in_millis": -1,
    }}))
}

/// `_xpack`
pub(super) fn xpack() -> Reply {
    let off = json!({"available": false, "enabled": false});
    let on = json!({"available": true, "enabled": true});
    Reply::json(json!({
        "build": {"hash": "vigie", "date": "2022-12-05T18:22:22.226119656Z"},
        "license": {"uid": "00000000-0000-0000-0000-000000000000", "type": "basic", "mode": "basic", "status": "active"},
        "features": {"ilm": on, "data_streams": on, "security": off, "ml": off, "watcher": off, "monitoring": off, "sql": off},
        "tagline": "You know, for X",
    }))
}

/// `_nodes` and its parts.
pub(super) fn nodes(api: &Api, part: &str) -> Reply {
    let mut node = json!({
        "name": "vigie",
        "transport_address": "127.0.0.1:9300",
        "host": "127.0.0.1",
        "ip": "127.0.0.1",
        "version": api.state.options.version,
        "build_flavor": "default",
        "build_type": "tar",
        "build_hash": "vigie",
        "roles": ["data", "data_content", "data_hot", "ingest", "master"],
        "attributes": {},
    });
    if part == "stats" {
        node["timestamp"] = api.now_ms().into();
        node["jvm"] = json!({"mem": {"heap_used_percent": 0}});
    } else {
        node["settings"] = json!({"cluster": {"name": "vigie"}, "node": {"name": "vigie"}});
        node["plugins"] = json!([]);
        node["ingest"] = json!({"processors": []});
    }
    Reply::json(json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": "vigie",
        "nodes": {NODE: node},
    }))
}

/// `_cluster/health[/{index}]`
pub(super) fn health(api: &Api, call: &Call, index: Option<&str>) -> Result<Reply, ApiError> {
    let count = match index {
        Some(index) => api
            .resolve(call, index, Missing { ignores_unavailable: false, allows_none: true })?
            .names
            .len(),
        None => all_names(&*api.tenants.read(&call.tenant)?, &api.snapshot(call)).len(),
    };
    Ok(Reply::json(json!({
        "cluster_name": "vigie",
        "status": "green",
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": count,
        "active_shards": count,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    })))
}

/// `_cluster/stats`
pub(super) fn stats(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let resolved =
        api.resolve(call, "*,.*", Missing { ignores_unavailable: true, allows_none: true })?;
    let all = indices::stats(&resolved)?;
    let (documents, bytes) = all.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    Ok(Reply::json(json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": "vigie",
        "cluster_uuid": "vigie-cluster-uuid-000",
        "timestamp": api.now_ms(),
        "status": "green",
        "indices": {
            "count": all.len(),
            "shards": {"total": all.len(), "primaries": all.len(), "replication": 0.0},
            "docs": {"count": documents, "deleted": 0},
            "store": {"size_in_bytes": bytes},
        },
        "nodes": {"count": {"total": 1, "data": 1, "master": 1, "ingest": 1}, "versions": [api.state.options.version]},
    })))
}

/// `_cluster/settings`: kept and told, of no effect.
pub(super) fn cluster_settings(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    if call.method == Method::PUT {
        let body = call.json()?.as_object().cloned().unwrap_or_default();
        api.tenants.change(&call.tenant, |metadata| {
            for kind in ["persistent", "transient"] {
                let entry = metadata.cluster_settings.entry(kind).or_insert_with(|| json!({}));
                if let (Value::Object(known), Some(given)) = (entry, body.get(kind)) {
                    known.extend(flat(given));
                }
            }
            Ok(())
        })?;
        let mut told = body;
        told.insert("acknowledged".into(), true.into());
        return Ok(Reply::json(Value::Object(told)));
    }
    let metadata = api.tenants.read(&call.tenant)?;
    let part = |kind: &str| {
        let known = metadata
            .cluster_settings
            .get(kind)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        if call.flag("flat_settings") { known } else { settings::nested(&known) }
    };
    Ok(Reply::json(json!({"persistent": part("persistent"), "transient": part("transient")})))
}

fn flat(given: &Value) -> Map<String, Value> {
    let all = settings::flat(given);
    all.into_iter()
        .map(|(key, value)| (key.strip_prefix("index.").unwrap_or(&key).to_owned(), value))
        .collect()
}

/// `_cluster/state`: a little of it.
pub(super) fn cluster_state(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let metadata = api.tenants.read(&call.tenant)?;
    let index = |(name, index): (&String, &super::metadata::Index)| {
        let state = if index.is_closed { "close" } else { "open" };
        let aliases: Vec<&String> = index.aliases.keys().collect();
        (name.clone(), json!({"state": state, "aliases": aliases}))
    };
    let indices: Map<String, Value> = metadata.indices.iter().map(index).collect();
    Ok(Reply::json(json!({
        "cluster_name": "vigie", "cluster_uuid": "vigie-cluster-uuid-000", "master_node": NODE, "version": 1,
        "nodes": {NODE: {"name": "vigie"}}, "metadata": {"indices": indices},
    })))
}
