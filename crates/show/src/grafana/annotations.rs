//! Notes in charts: `/api/annotations`.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_catalog::{Annotation, Change, State as CatalogState};

use super::Shared;
use super::answer::{Answer, Body, Query, Refusal, done, login_of, ok};
use super::dashboards::dashboard_numbered;
use crate::Identity;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/annotations", get(list).post(create))
        .route("/api/annotations/graphite", post(create_graphite))
        .route("/api/annotations/tags", get(tags))
        .route("/api/annotations/mass-delete", post(mass_delete))
        .route("/api/annotations/{id}", get(show).put(replace).patch(amend).delete(remove))
}

fn shown(catalog: &CatalogState, annotation: &Annotation) -> Value {
    let dashboard = catalog.dashboard(&annotation.dashboard_uid);
    json!({
        "id": annotation.id,
        "alertId": 0,
        "alertName": "",
        "dashboardId": dashboard.map_or(0, |dashboard| dashboard.id),
        "dashboardUID": annotation.dashboard_uid,
        "panelId": annotation.panel_id,
        "userId": annotation.user_id,
        "newState": "",
        "prevState": "",
        "created": annotation.created_ms,
        "updated": annotation.updated_ms,
        "time": annotation.time_ms,
        "timeEnd": annotation.time_end_ms,
        "text": annotation.text,
        "tags": annotation.tags,
        "login": annotation.login,
        "email": "",
        "avatarUrl": "",
        "data": annotation.data,
    })
}

fn annotation_of(catalog: &CatalogState, id: u64) -> Result<Annotation, Refusal> {
    let found = catalog.annotations().get(&id);
    let found = found.ok_or_else(|| Refusal::not_found("Annotation not found"))?;
    Ok((**found).clone())
}

async fn list(State(state): State<Shared>, query: Query) -> Response {
    let catalog = state.catalog.state();
    let number = |name: &str| query.number::<i64>(name).filter(|number| *number != 0);
    let (from, to) = (number("from"), number("to"));
    let by_id = number("dashboardId").and_then(|id| {
        dashboard_numbered(&catalog, u64::try_from(id).ok()?).map(|found| found.uid.clone())
    });
    let dashboard = query.get("dashboardUID").map(str::to_owned).or(by_id);
    let wants_dashboard = dashboard.is_some() || number("dashboardId").is_some();
    let wanted_tags: Vec<&str> = query.all("tags").filter(|tag| !tag.is_empty()).collect();
    let fits = |annotation: &Annotation| {
        let has = |tag: &&str| annotation.tags.iter().any(|found| found == tag);
        let has_tags = if query.flag("matchAny") {
            wanted_tags.is_empty() || wanted_tags.iter().any(has)
        } else {
            wanted_tags.iter().all(has)
        };
        from.is_none_or(|from| annotation.time_end_ms >= from)
            && to.is_none_or(|to| annotation.time_ms <= to)
            && (!wants_dashboard || Some(&annotation.dashboard_uid) == dashboard.as_ref())
            && number("panelId").is_none_or(|panel| annotation.panel_id == panel)
            && number("userId").is_none_or(|user| i64::try_from(annotation.user_id) == Ok(user))
            // There are no annotations of alerts here.
            && query.get("type") != Some("alert")
            && has_tags
    };
    let limit = query.number("limit").unwrap_or(100_usize).min(10_000);
    let mut found: Vec<_> = catalog.annotations().values().filter(|found| fits(found)).collect();
    found.sort_by_key(|annotation| std::cmp::Reverse((annotation.time_end_ms, annotation.id)));
    ok(&found.iter().take(limit).map(|found| shown(&catalog, found)).collect::<Vec<Value>>())
}

async fn show(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    let catalog = state.catalog.state();
    Ok(ok(&shown(&catalog, &annotation_of(&catalog, id)?)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    #[serde(rename = "dashboardUID")]
    dashboard_uid: Option<String>,
    dashboard_id: Option<u64>,
    panel_id: Option<i64>,
    time: Option<i64>,
    time_end: Option<i64>,
    text: Option<String>,
    tags: Option<Vec<String>>,
    data: Option<Value>,
}

const TEXT_BYTES_MAX: usize = 64 << 10;

fn check(annotation: &Annotation) -> Result<(), Refusal> {
    if annotation.text.len() > TEXT_BYTES_MAX || annotation.tags.len() > 100 {
        return Err(Refusal::bad("the annotation is too long"));
    }
    if annotation.time_end_ms < annotation.time_ms {
        return Err(Refusal::bad("timeEnd must not be before time"));
    }
    Ok(())
}

/// A new annotation of who asks.
fn new_annotation(
    state: &Shared,
    identity: &Identity,
    given: Given,
) -> Result<Annotation, Refusal> {
    let now_ms = state.now_ms();
    let time_ms = given.time.filter(|time| *time != 0).unwrap_or(now_ms);
    let annotation = Annotation {
        id: 0,
        dashboard_uid: given.dashboard_uid.unwrap_or_default(),
        panel_id: given.panel_id.unwrap_or(0),
        time_ms,
        time_end_ms: given.time_end.filter(|end| *end != 0).unwrap_or(time_ms),
        text: given.text.unwrap_or_default(),
        tags: given.tags.unwrap_or_default(),
        data: given.data.unwrap_or(json!({})),
        created_ms: now_ms,
        updated_ms: now_ms,
        login: login_of(identity),
        user_id: super::user::user_id(identity).unwrap_or(0),
    };
    if annotation.text.is_empty() {
        return Err(Refusal::bad("Failed to save annotation: text field should not be empty"));
    }
    check(&annotation)?;
    Ok(annotation)
}

async fn add(
    state: &Shared,
    mut annotation: Annotation,
    dashboard_id: u64,
) -> Result<u64, Refusal> {
    state
        .change(move |catalog| {
            if annotation.dashboard_uid.is_empty() && dashboard_id != 0 {
                let found = dashboard_numbered(catalog, dashboard_id);
                let found = found.ok_or_else(|| Refusal::not_found("Dashboard not found"))?;
                annotation.dashboard_uid.clone_from(&found.uid);
            }
            annotation.id = catalog.free_number(0);
            let id = annotation.id;
            Ok((vec![Change::Annotation(annotation)], id))
        })
        .await
}

async fn create(
    State(state): State<Shared>,
    identity: Identity,
    Body(given): Body<Given>,
) -> Answer {
    let dashboard_id = given.dashboard_id.unwrap_or(0);
    let annotation = new_annotation(&state, &identity, given)?;
    let id = add(&state, annotation, dashboard_id).await?;
    Ok(ok(&json!({"id": id, "message": "Annotation added"})))
}

#[derive(Debug, Deserialize)]
struct Graphite {
    what: String,
    #[serde(default)]
    data: String,
    when: Option<i64>,
    #[serde(default)]
    tags: Value,
}

async fn create_graphite(
    State(state): State<Shared>,
    identity: Identity,
    Body(given): Body<Graphite>,
) -> Answer {
    if given.what.is_empty() {
        return Err(Refusal::bad(
            "Failed to save Graphite annotation: what field should not be empty",
        ));
    }
    let text = match given.data.as_str() {
        "" => given.what,
        data => format!("{}\n{data}", given.what),
    };
    // Old clients send one text of tags with spaces between.
    let tags = match given.tags {
        Value::String(tags) => tags.split_whitespace().map(str::to_owned).collect(),
        Value::Array(tags) => {
            tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    let given = Given {
        dashboard_uid: None,
        dashboard_id: None,
        panel_id: None,
        time: given.when.map(|seconds| seconds.saturating_mul(1000)),
        time_end: None,
        text: Some(text),
        tags: Some(tags),
        data: None,
    };
    let annotation = new_annotation(&state, &identity, given)?;
    let id = add(&state, annotation, 0).await?;
    Ok(ok(&json!({"id": id, "message": "Graphite annotation added"})))
}

async fn change(state: &Shared, id: u64, given: Given, anew: bool) -> Answer {
    let now_ms = state.now_ms();
    state
        .change(move |catalog| {
            let mut annotation = annotation_of(catalog, id)?;
            if anew {
                annotation.tags = Vec::new();
                annotation.text = String::new();
            }
            if let Some(time) = given.time.filter(|time| *time != 0) {
                let was_moment = annotation.time_end_ms == annotation.time_ms;
                annotation.time_ms = time;
                if was_moment {
                    annotation.time_end_ms = time;
                }
            }
            if let Some(end) = given.time_end.filter(|end| *end != 0) {
                annotation.time_end_ms = end;
            }
            annotation.text = given.text.unwrap_or(annotation.text);
            annotation.tags = given.tags.unwrap_or(annotation.tags);
            annotation.data = given.data.unwrap_or(annotation.data);
            annotation.updated_ms = now_ms;
            check(&annotation)?;
            Ok((vec![Change::Annotation(annotation)], ()))
        })
        .await?;
    Ok(done(if anew { "Annotation updated" } else { "Annotation patched" }))
}

async fn replace(
    State(state): State<Shared>,
    Path(id): Path<u64>,
    Body(given): Body<Given>,
) -> Answer {
    change(&state, id, given, true).await
}

async fn amend(
    State(state): State<Shared>,
    Path(id): Path<u64>,
    Body(given): Body<Given>,
) -> Answer {
    change(&state, id, given, false).await
}

async fn remove(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    state
        .change(move |catalog| {
            annotation_of(catalog, id)?;
            Ok((vec![Change::AnnotationGone(id)], ()))
        })
        .await?;
    Ok(done("Annotation deleted"))
}

async fn mass_delete(State(state): State<Shared>, Body(given): Body<Value>) -> Answer {
    let number = |name: &str| given.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (id, dashboard_id, panel_id) =
        (number("annotationId"), number("dashboardId"), number("panelId"));
    let uid = given.get("dashboardUID").and_then(Value::as_str).unwrap_or_default().to_owned();
    if id == 0 && dashboard_id == 0 && uid.is_empty() {
        return Err(Refusal::bad("DashboardID and PanelID are required"));
    }
    state
        .change(move |catalog| {
            let by_id = dashboard_numbered(catalog, dashboard_id).map(|found| found.uid.clone());
            let uid = if uid.is_empty() { by_id.unwrap_or_default() } else { uid };
            let fits = |found: &Annotation| {
                if id != 0 {
                    return found.id == id;
                }
                !uid.is_empty()
                    && found.dashboard_uid == uid
                    && i64::try_from(panel_id) == Ok(found.panel_id)
            };
            let found = catalog.annotations().values().filter(|found| fits(found));
            Ok((found.map(|found| Change::AnnotationGone(found.id)).collect(), ()))
        })
        .await?;
    Ok(done("Annotations deleted"))
}

async fn tags(State(state): State<Shared>, query: Query) -> Response {
    let wanted = query.get("tag").unwrap_or_default().to_lowercase();
    let catalog = state.catalog.state();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for tag in catalog.annotations().values().flat_map(|annotation| &annotation.tags) {
        if tag.to_lowercase().contains(&wanted) {
            *counts.entry(tag).or_default() += 1;
        }
    }
    let limit = query.number("limit").unwrap_or(100_usize);
    let tags = counts.iter().take(limit).map(|(tag, count)| json!({"tag": tag, "count": count}));
    ok(&json!({"result": {"tags": tags.collect::<Vec<Value>>()}}))
}
