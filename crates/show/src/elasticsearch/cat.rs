//! `_cat`: tables for people, and for scripts that read them.

use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::indices;
use super::resolve::Missing;
use super::search::list;
use super::state::Api;

/// A table: names of the columns, and rows.
struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

const KINDS: [&str; 12] = [
    "aliases",
    "allocation",
    "count",
    "health",
    "indices",
    "master",
    "nodes",
    "plugins",
    "shards",
    "templates",
    "recovery",
    "segments",
];

pub(super) fn cat(
    api: &Api,
    call: &Call,
    kind: Option<&str>,
    name: Option<&str>,
) -> Result<Reply, ApiError> {
    let Some(kind) = kind else {
        let lines: String = KINDS.iter().map(|kind| format!("/_cat/{kind}\n")).collect();
        return Ok(Reply::text(format!("=^.^=\n{lines}")));
    };
    let table = match kind {
        "indices" => table_of_indices(api, call, name)?,
        "count" => count(api, call, name)?,
        "health" => health(api, call)?,
        "aliases" => aliases(api, call, name)?,
        "templates" => templates(api, call)?,
        "shards" | "segments" | "recovery" => shards(api, call, name)?,
        "nodes" => Table {
            columns: vec![
                "ip",
                "heap.percent",
                "ram.percent",
                "cpu",
                "load_1m",
                "load_5m",
                "load_15m",
                "node.role",
                "master",
                "name",
                "version",
            ],
            rows: vec![
                [
                    "127.0.0.1",
                    "0",
                    "0",
                    "0",
                    "0.00",
                    "0.00",
                    "0.00",
                    "dhim",
                    "*",
                    "vigie",
                    &api.state.options.version,
                ]
                .map(str::to_owned)
                .to_vec(),
            ],
        },
        "master" => Table {
            columns: vec!["id", "host", "ip", "node"],
            rows: vec![
                ["vigie-node", "127.0.0.1", "127.0.0.1", "vigie"].map(str::to_owned).to_vec(),
            ],
        },
        "allocation" => Table {
            columns: vec!["shards", "host", "ip", "node"],
            rows: vec![["0", "127.0.0.1", "127.0.0.1", "vigie"].map(str::to_owned).to_vec()],
        },
        "plugins" => Table { columns: vec!["name", "component", "version"], rows: Vec::new() },
        other => {
            return Err(ApiError::argument(format!(
                "request [/_cat/{other}] contains unrecognized path"
            )));
        }
    };
    Ok(table.reply(call))
}

impl Table {
    fn reply(mut self, call: &Call) -> Reply {
        for key in list(call, "s").iter().rev() {
            let (column, order) = key.rsplit_once(':').unwrap_or((key, "asc"));
            if let Some(at) = self.columns.iter().position(|known| *known == column) {
                self.rows.sort_by(|a, b| {
                    let (a, b) = (a.get(at), b.get(at));
                    let number =
                        |text: Option<&String>| text.and_then(|text| text.parse::<f64>().ok());
                    let compared = match (number(a), number(b)) {
                        (Some(a), Some(b)) => a.total_cmp(&b),
                        _ => a.cmp(&b),
                    };
                    if order == "desc" { compared.reverse() } else { compared }
                });
            }
        }
        let wanted = list(call, "h");
        let shown: Vec<usize> = if wanted.is_empty() {
            (0..self.columns.len()).collect()
        } else {
            wanted
                .iter()
                .filter_map(|name| {
                    self.columns.iter().position(|known| known == name || short(known) == *name)
                })
                .collect()
        };
        let cell = |row: &Vec<String>, at: usize| row.get(at).cloned().unwrap_or_default();
        if call.parameter("format").is_some_and(|format| format == "json")
            || (call.media_type.is_some() && call.parameter("format").is_none())
        {
            let object = |row: &Vec<String>| {
                let entries = shown.iter().filter_map(|at| {
                    Some(((*self.columns.get(*at)?).to_owned(), cell(row, *at).into()))
                });
                Value::Object(entries.collect::<Map<_, _>>())
            };
            return Reply::json(self.rows.iter().map(object).collect());
        }
        let mut lines: Vec<Vec<String>> = Vec::new();
        if call.flag("v") {
            lines.push(
                shown
                    .iter()
                    .filter_map(|at| self.columns.get(*at))
                    .map(|name| (*name).to_owned())
                    .collect(),
            );
        }
        lines.extend(self.rows.iter().map(|row| shown.iter().map(|at| cell(row, *at)).collect()));
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(String::len).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..shown.len()).map(width).collect();
        let mut text = String::new();
        for line in &lines {
            let padded: Vec<String> =
                line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.push_str(padded.join(" ").trim_end());
            text.push('\n');
        }
        Reply::text(text)
    }
}

/// Names that columns have as well.
fn short(column: &str) -> &str {
    match column {
        "index" => "i",
        "docs.count" => "dc",
        "store.size" => "ss",
        "health" => "h",
        "status" => "s",
        other => other,
    }
}

/// `1.5kb`, or bytes with `bytes=b`.
fn size(call: &Call, bytes: u64) -> String {
    if call.parameter("bytes").is_some() {
        return bytes.to_string();
    }
    let mut size = bytes as f64;
    for unit in ["b", "kb", "mb", "gb"] {
        if size < 1024.0 {
            let text = format!("{size:.1}");
            return format!("{}{unit}", text.trim_end_matches(".0"));
        }
        size /= 1024.0;
    }
    format!("{size:.1}tb")
}

fn table_of_indices(api: &Api, call: &Call, name: Option<&str>) -> Result<Table, ApiError> {
    let resolved = api.resolve(call, name.unwrap_or("*"), Missing::of(call))?;
    let mut rows = Vec::new();
    for (name, (documents, bytes)) in indices::stats(&resolved)? {
        let uuid = resolved
            .metadata
            .indices
            .get(&name)
            .map_or_else(|| "_na_".to_owned(), |index| index.uuid.clone());
        let size = size(call, bytes);
        rows.push(vec![
            "green".to_owned(),
            "open".to_owned(),
            name,
            uuid,
            "1".to_owned(),
            "0".to_owned(),
            documents.to_string(),
            "0".to_owned(),
            size.clone(),
            size,
        ]);
    }
    let columns = vec![
        "health",
        "status",
        "index",
        "uuid",
        "pri",
        "rep",
        "docs.count",
        "docs.deleted",
        "store.size",
        "pri.store.size",
    ];
    Ok(Table { columns, rows })
}

fn clock(api: &Api) -> [String; 2] {
    let now = api.now_ms();
    let text = vigie_language::search::format_strict_date_time(now);
    [(now / 1_000).to_string(), text.get(11..19).unwrap_or_default().to_owned()]
}

fn count(api: &Api, call: &Call, name: Option<&str>) -> Result<Table, ApiError> {
    let resolved = api.resolve(call, name.unwrap_or("*"), Missing::of(call))?;
    let count =
        api.searcher(&resolved, call.stop())?.count(&vigie_query::search::Query::match_all())?;
    let [epoch, time] = clock(api);
    Ok(Table {
        columns: vec!["epoch", "timestamp", "count"],
        rows: vec![vec![epoch, time, count.to_string()]],
    })
}

fn health(api: &Api, call: &Call) -> Result<Table, ApiError> {
    let count = api.resolve(call, "*", Missing::of(call))?.names.len().to_string();
    let [epoch, time] = clock(api);
    let mut row = vec![
        epoch,
        time,
        "vigie".to_owned(),
        "green".to_owned(),
        "1".to_owned(),
        "1".to_owned(),
        count.clone(),
        count,
    ];
    row.extend(["0", "0", "0", "0", "-", "100.0%"].map(str::to_owned));
    let columns = vec![
        "epoch",
        "timestamp",
        "cluster",
        "status",
        "node.total",
        "node.data",
        "shards",
        "pri",
        "relo",
        "init",
        "unassign",
        "pending_tasks",
        "max_task_wait_time",
        "active_shards_percent",
    ];
    Ok(Table { columns, rows: vec![row] })
}

fn aliases(api: &Api, call: &Call, name: Option<&str>) -> Result<Table, ApiError> {
    let metadata = api.tenants.read(&call.tenant)?;
    let pattern = vigie_language::search::Pattern::parse_name(name.unwrap_or("*"));
    let mut rows = Vec::new();
    for (index, known) in &metadata.indices {
        for (alias, options) in known.aliases.iter().filter(|(alias, _)| pattern.matches(alias)) {
            let is_write =
                options.get("is_write_index").map_or("-".to_owned(), ToString::to_string);
            rows.push(vec![
                alias.clone(),
                index.clone(),
                "-".to_owned(),
                "-".to_owned(),
                "-".to_owned(),
                is_write,
            ]);
        }
    }
    Ok(Table {
        columns: vec![
            "alias",
            "index",
            "filter",
            "routing.index",
            "routing.search",
            "is_write_index",
        ],
        rows,
    })
}

fn templates(api: &Api, call: &Call) -> Result<Table, ApiError> {
    let metadata = api.tenants.read(&call.tenant)?;
    let mut rows = Vec::new();
    for kind in ["index_template", "template"] {
        for (name, template) in metadata.named(kind).into_iter().flatten() {
            let order =
                template.get("priority").or(template.get("order")).cloned().unwrap_or(json!(0));
            let patterns = template
                .get("index_patterns")
                .map_or(String::new(), ToString::to_string)
                .replace('"', "");
            rows.push(vec![
                name.clone(),
                patterns,
                order.to_string(),
                String::new(),
                "[]".to_owned(),
            ]);
        }
    }
    Ok(Table { columns: vec!["name", "index_patterns", "order", "version", "composed_of"], rows })
}

fn shards(api: &Api, call: &Call, name: Option<&str>) -> Result<Table, ApiError> {
    let resolved = api.resolve(call, name.unwrap_or("*"), Missing::of(call))?;
    let mut rows = Vec::new();
    for (name, (documents, bytes)) in indices::stats(&resolved)? {
        rows.push(vec![
            name,
            "0".to_owned(),
            "p".to_owned(),
            "STARTED".to_owned(),
            documents.to_string(),
            size(call, bytes),
            "127.0.0.1".to_owned(),
            "vigie".to_owned(),
        ]);
    }
    Ok(Table {
        columns: vec!["index", "shard", "prirep", "state", "docs", "store", "ip", "node"],
        rows,
    })
}
