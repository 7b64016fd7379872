//! Which request is which.

use std::sync::Arc;

use axum::http::Method;
use serde_json::json;

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::state::Api;
use super::write::Asked;
use super::{
    aliases, async_search, bulk, by_query, cat, cluster, contexts, data_streams, document,
    field_caps, indices, ingest, mapping, multi_search, named, search, settings, templates,
    validate,
};

/// Answers a request.
pub(super) fn dispatch(api: &Arc<Api>, call: &Call) -> Result<Reply, ApiError> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match path.first() {
        None => Ok(cluster::root(api)),
        Some(first) if first.starts_with('_') && *first != "_all" => of_server(api, call, &path),
        Some(_) => of_index(api, call, &path),
    }
}

fn unknown(call: &Call) -> ApiError {
    let path = call.path.join("/");
    ApiError::argument(format!("no handler found for uri [/{path}] and method [{}]", call.method))
}

/// Requests that begin with no index.
fn of_server(api: &Arc<Api>, call: &Call, path: &[&str]) -> Result<Reply, ApiError> {
    let is_get = matches!(call.method, Method::GET | Method::HEAD);
    match path {
        ["_license"] => Ok(cluster::license()),
        ["_xpack", ..] => Ok(cluster::xpack()),
        ["_nodes"] => Ok(cluster::nodes(api, "")),
        ["_nodes", .., part] => Ok(cluster::nodes(api, part)),
        ["_cluster", "health"] => cluster::health(api, call, None),
        ["_cluster", "health", index] => cluster::health(api, call, Some(index)),
        ["_cluster", "stats"] => cluster::stats(api, call),
        ["_cluster", "settings"] => cluster::cluster_settings(api, call),
        ["_cluster", "state", ..] => cluster::cluster_state(api, call),
        ["_cat"] => cat::cat(api, call, None, None),
        ["_cat", kind] => cat::cat(api, call, Some(kind), None),
        ["_cat", kind, name] => cat::cat(api, call, Some(kind), Some(name)),
        ["_bulk"] => bulk::bulk(api, call, None),
        ["_mget"] => document::multi_get(api, call, None),
        ["_search", "scroll"] if call.method == Method::DELETE => {
            contexts::clear_scroll(api, call, None)
        }
        ["_search", "scroll", id] if call.method == Method::DELETE => {
            contexts::clear_scroll(api, call, Some(id))
        }
        ["_search", "scroll"] => search::scroll(api, call, None),
        ["_search", "scroll", id] => search::scroll(api, call, Some(id)),
        ["_pit"] if call.method == Method::DELETE => contexts::close_point_in_time(api, call),
        ["_async_search", id] if is_get || call.method == Method::DELETE => {
            Err(async_search::missing(id))
        }
        ["_aliases"] if !is_get => aliases::actions(api, call),
        ["_aliases" | "_alias"] => aliases::get(api, call, "*", None),
        ["_alias", alias] => aliases::get(api, call, "*", Some(alias)),
        ["_index_template"] => named::serve(api, call, named::INDEX_TEMPLATES, None),
        ["_index_template", "_simulate_index", name] => templates::simulate(api, call, name),
        ["_index_template", name] => named::serve(api, call, named::INDEX_TEMPLATES, Some(name)),
        ["_component_template"] => named::serve(api, call, named::COMPONENTS, None),
        ["_component_template", name] => named::serve(api, call, named::COMPONENTS, Some(name)),
        ["_template"] => named::serve(api, call, named::LEGACY_TEMPLATES, None),
        ["_template", name] => named::serve(api, call, named::LEGACY_TEMPLATES, Some(name)),
        ["_ilm", "policy"] => named::serve(api, call, named::POLICIES, None),
        ["_ilm", "policy", name] => named::serve(api, call, named::POLICIES, Some(name)),
        ["_ilm", "status"] => Ok(Reply::json(json!({"operation_mode": "RUNNING"}))),
        ["_ilm", "start" | "stop"] => Ok(Reply::acknowledged()),
        ["_ingest", "pipeline"] => named::serve(api, call, named::PIPELINES, None),
        ["_ingest", "pipeline", "_simulate"] => ingest::simulate(api, call, None),
        ["_ingest", "pipeline", name, "_simulate"] => ingest::simulate(api, call, Some(name)),
        ["_ingest", "pipeline", name] => named::serve(api, call, named::PIPELINES, Some(name)),
        ["_data_stream"] => data_streams::get(api, call, None),
        ["_data_stream", name] => data_stream(api, call, name),
        ["_resolve", "index", name] => indices::resolve(api, call, name),
        ["_tasks", ..] => Ok(Reply::json(json!({"nodes": {}}))),
        ["_security", "_authenticate"] => {
            Ok(Reply::json(json!({"username": "vigie", "roles": ["superuser"], "enabled": true})))
        }
        [
            "_query" | "_sql" | "_scripts" | "_snapshot" | "_ml" | "_watcher" | "_transform"
            | "_rollup" | "_security" | "_eql" | "_enrich" | "_slm",
            ..,
        ] => {
            Err(ApiError::argument(format!("[{}] is not supported by this server", path.join("/"))))
        }
        [
            "_search" | "_msearch" | "_count" | "_mapping" | "_mappings" | "_settings" | "_stats"
            | "_refresh" | "_flush" | "_forcemerge" | "_field_caps" | "_validate" | "_async_search"
            | "_cache" | "_delete_by_query" | "_update_by_query",
            ..,
        ] => of_indices(api, call, "*", path),
        _ => Err(unknown(call)),
    }
}

fn data_stream(api: &Api, call: &Call, name: &str) -> Result<Reply, ApiError> {
    match call.method {
        Method::PUT => data_streams::put(api, call, name),
        Method::DELETE => data_streams::delete(api, call, name),
        _ => data_streams::get(api, call, Some(name)),
    }
}

fn of_index(api: &Arc<Api>, call: &Call, path: &[&str]) -> Result<Reply, ApiError> {
    let Some((index, rest)) = path.split_first() else { return Err(unknown(call)) };
    match (&call.method, rest) {
        (&Method::HEAD, []) => indices::exists(api, call, index),
        (&Method::PUT, []) => indices::put(api, call, index),
        (&Method::DELETE, []) => indices::delete(api, call, index),
        (_, []) => indices::get(api, call, index),
        (_, ["_bulk"]) => bulk::bulk(api, call, Some(index)),
        (_, ["_mget"]) => document::multi_get(api, call, Some(index)),
        (_, ["_doc"]) => document::put(api, call, index, None, Asked::Index),
        (_, ["_doc", id]) => document::by_method(api, call, index, id),
        (_, ["_create"]) => document::put(api, call, index, None, Asked::Create),
        (_, ["_create", id]) => document::put(api, call, index, Some(id), Asked::Create),
        (_, ["_source", id]) => document::get(api, call, index, id, true),
        (_, ["_update", id]) => document::change(api, call, index, id),
        (_, ["_explain", id]) => validate::explain(api, call, index, id),
        (_, ["_pit"]) => contexts::open_point_in_time(api, call, index),
        (_, ["_open"]) => indices::set_closed(api, call, index, false),
        (_, ["_close"]) => indices::set_closed(api, call, index, true),
        (_, ["_rollover"]) => indices::roll_over(api, call, index, None),
        (_, ["_rollover", name]) => indices::roll_over(api, call, index, Some(name)),
        (&Method::GET | &Method::HEAD, ["_alias" | "_aliases"]) => {
            aliases::get(api, call, index, None)
        }
        (&Method::GET | &Method::HEAD, ["_alias" | "_aliases", name]) => {
            aliases::get(api, call, index, Some(name))
        }
        (&Method::DELETE, ["_alias" | "_aliases", name]) => {
            aliases::set(api, call, index, name, false)
        }
        (_, ["_alias" | "_aliases", name]) => aliases::set(api, call, index, name, true),
        _ => of_indices(api, call, index, rest),
    }
}

/// Requests that mean all indices when they name none.
fn of_indices(api: &Arc<Api>, call: &Call, index: &str, rest: &[&str]) -> Result<Reply, ApiError> {
    let is_get = matches!(call.method, Method::GET | Method::HEAD);
    match rest {
        ["_search"] => search::search(api, call, index),
        ["_msearch"] => multi_search::multi_search(api, call, index),
        ["_async_search"] => async_search::submit(api, call, index),
        ["_count"] => search::count(api, call, index),
        ["_field_caps"] => field_caps::field_caps(api, call, index),
        ["_validate", "query"] => validate::validate(api, call, index),
        ["_mapping" | "_mappings"] if is_get => mapping::get(api, call, index),
        ["_mapping" | "_mappings"] => mapping::put(api, call, index),
        ["_mapping" | "_mappings", "field", names] => mapping::fields(api, call, index, names),
        ["_settings"] if !is_get => settings::put(api, call, index),
        ["_settings"] => settings::get(api, call, index, None),
        ["_settings", name] => settings::get(api, call, index, Some(name)),
        ["_stats", ..] => indices::statistics(api, call, index),
        ["_refresh" | "_flush" | "_forcemerge", ..] | ["_cache", "clear"] => {
            indices::maintain(api, call, index)
        }
        ["_delete_by_query"] => by_query::delete(api, call, index),
        ["_update_by_query"] => by_query::update(api, call, index),
        _ => Err(unknown(call)),
    }
}
