//! `geoip`: where an address is, from a database in MaxMind's format that the configuration names.

use std::net::IpAddr;

use maxminddb::Reader;
use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Object, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::build::{Context, Ecs};
use crate::field;
use crate::options::Options;

#[derive(Debug)]
struct Geoip {
    source: FieldReference,
    target: FieldReference,
    database: Option<Reader<Vec<u8>>>,
    fields: Option<Vec<String>>,
    is_ecs: bool,
    tags: Vec<String>,
}

/// Targets that the Elastic Common Schema has for places.
const ECS_TARGETS: [&str; 6] = ["client", "destination", "host", "observer", "server", "source"];

pub(super) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
) -> Result<Box<dyn Filter>, ConfigError> {
    let source = options.required("source")?;
    let is_ecs = context.ecs(options)? != Ecs::Disabled;
    let target = target(options, context, &source, is_ecs)?;
    let path = options.text("database")?.map(Into::into);
    let database = match path.or_else(|| context.options.geoip_database.clone()) {
        Some(path) => {
            let bytes = context.read(options, &path.to_string_lossy())?;
            Some(Reader::from_source(bytes).map_err(|error| {
                options.error(&format!("{} is no database: {error}", path.display()))
            })?)
        }
        None => {
            context.warn(
                options.plugin(),
                "no database is named and none is shipped: every event is tagged as if its address \
                 were unknown; set `database` here or [logstash] geoip_database",
            );
            None
        }
    };
    options.ignore(&["cache_size", "default_database_type"]);
    Ok(Box::new(Geoip {
        source: options.reference(&source)?,
        target,
        database,
        fields: options.list("fields")?,
        is_ecs,
        tags: options.tags("tag_on_failure", "_geoip_lookup_failure")?,
    }))
}

fn target(
    options: &Options<'_>,
    context: &mut Context<'_>,
    source: &str,
    is_ecs: bool,
) -> Result<FieldReference, ConfigError> {
    let Some(target) = options.field("target")? else {
        if !is_ecs {
            return Ok(FieldReference::of_name("geoip"));
        }
        return match source.strip_suffix("[ip]").filter(|parent| !parent.is_empty()) {
            Some(parent) => options.reference(parent),
            None => Err(options.error(
                "GeoIP Filter in ECS-Compatiblity mode requires a `target` when `source` is not an \
                 `ip` sub-field, eg. [client][ip]",
            )),
        };
    };
    if is_ecs && !matches!(target.path(), [only] if ECS_TARGETS.contains(&only.as_str())) {
        let name = target.path().join("][");
        context.warn(
            options.plugin(),
            format!("ECS expect `target` value `{name}` in {ECS_TARGETS:?}"),
        );
    }
    Ok(target)
}

impl Filter for Geoip {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let address = match field::get(event, &self.source) {
            Some(Value::String(text)) => text.trim().parse::<IpAddr>().ok(),
            Some(Value::List(items)) => {
                items.first().and_then(Value::as_str).and_then(|text| text.trim().parse().ok())
            }
            _ => None,
        };
        let found = address.and_then(|address| Some((address, self.look_up(address)?)));
        let Some((address, place)) = found else { return fail(event, &self.tags) };
        let made = if self.is_ecs { ecs(&place) } else { legacy(address, &place) };
        let made = self.wanted(made);
        if made.is_empty() {
            return fail(event, &self.tags);
        }
        for (path, value) in made {
            let target = path.iter().fold(self.target.clone(), |inner, name| inner.child(name));
            field::set(event, &target, value);
        }
        if self.is_ecs {
            field::set(event, &self.target.child("ip"), Value::String(address.to_string()));
        }
        Verdict::Matched
    }
}

type Made = Vec<(Vec<&'static str>, Value)>;

impl Geoip {
    fn look_up(&self, address: IpAddr) -> Option<Object> {
        let found = self.database.as_ref()?.lookup(address).ok()?;
        let decoded: serde_json::Value = found.decode().ok()??;
        let text = decoded.to_string();
        vigie_formats::event_json::parse_json_object(text.as_bytes()).ok()
    }

    /// Only the `fields` that are asked for.
    fn wanted(&self, made: Made) -> Made {
        let Some(fields) = &self.fields else { return made };
        let is_wanted = |path: &[&str]| {
            let name = path.last().copied().unwrap_or_default();
            fields.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
        };
        made.into_iter().filter(|(path, _)| is_wanted(path)).collect()
    }
}

fn at<'a>(place: &'a Object, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut value = place.get(first)?;
    for name in rest {
        value = match value {
            Value::Object(object) => object.get(name)?,
            Value::List(items) => items.get(name.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

fn location(place: &Object) -> Option<Value> {
    let (lat, lon) =
        (at(place, &["location", "latitude"])?, at(place, &["location", "longitude"])?);
    let mut object = Object::new();
    object.push("lat", lat.clone());
    object.push("lon", lon.clone());
    Some(Value::Object(object))
}

/// Names of the Elastic Common Schema below the target.
fn ecs(place: &Object) -> Made {
    let mut made = Made::new();
    for (path, name) in [
        (&["city", "names", "en"][..], "city_name"),
        (&["continent", "code"], "continent_code"),
        (&["country", "iso_code"], "country_iso_code"),
        (&["country", "names", "en"], "country_name"),
        (&["postal", "code"], "postal_code"),
        (&["subdivisions", "0", "names", "en"], "region_name"),
        (&["subdivisions", "0", "iso_code"], "region_iso_code"),
        (&["location", "time_zone"], "timezone"),
    ] {
        if let Some(value) = at(place, path) {
            let value = match (name, at(place, &["country", "iso_code"])) {
                ("region_iso_code", Some(Value::String(country))) => {
                    let code = value.as_str().unwrap_or_default();
                    Value::String(format!("{country}-{code}"))
                }
                _ => value.clone(),
            };
            made.push((vec!["geo", name], value));
        }
    }
    if let Some(location) = location(place) {
        made.push((vec!["geo", "location"], location));
    }
    for (path, target) in [
        (&["autonomous_system_number"][..], vec!["as", "number"]),
        (&["autonomous_system_organization"], vec!["as", "organization", "name"]),
    ] {
        if let Some(value) = at(place, path) {
            made.push((target, value.clone()));
        }
    }
    made
}

/// Names as they were before it.
fn legacy(address: IpAddr, place: &Object) -> Made {
    let mut made = Made::new();
    for (path, name) in [
        (&["city", "names", "en"][..], "city_name"),
        (&["continent", "code"], "continent_code"),
        (&["country", "iso_code"], "country_code2"),
        (&["country", "iso_code"], "country_code3"),
        (&["country", "names", "en"], "country_name"),
        (&["location", "metro_code"], "dma_code"),
        (&["location", "latitude"], "latitude"),
        (&["location", "longitude"], "longitude"),
        (&["postal", "code"], "postal_code"),
        (&["subdivisions", "0", "names", "en"], "region_name"),
        (&["subdivisions", "0", "iso_code"], "region_code"),
        (&["location", "time_zone"], "timezone"),
        (&["autonomous_system_number"], "asn"),
        (&["autonomous_system_organization"], "as_org"),
    ] {
        if let Some(value) = at(place, path) {
            made.push((vec![name], value.clone()));
        }
    }
    if let Some(location) = location(place) {
        made.push((vec!["location"], location));
    }
    if !made.is_empty() {
        made.push((vec!["ip"], Value::String(address.to_string())));
    }
    made
}
