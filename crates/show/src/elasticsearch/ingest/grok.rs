//! `grok`: named patterns, as regular expressions.
//!
//! The names are those of Logstash's pattern files; the expressions here are written for the
//! crate `regex`, which knows neither look-around nor atomic groups and never explodes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::text_of;
use super::text::regex;

/// How deep patterns may refer to each other.
const DEPTH_MAX: usize = 20;
/// Longest expression that comes of it.
const LENGTH_MAX: usize = 64 << 10;

const PATTERNS: [(&str, &str); 62] = [
    ("USERNAME", r"[a-zA-Z0-9._-]+"),
    ("USER", "%{USERNAME}"),
    ("EMAILLOCALPART", r"[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~]+)*"),
    ("EMAILADDRESS", "%{EMAILLOCALPART}@%{HOSTNAME}"),
    ("INT", r"[+-]?[0-9]+"),
    ("BASE10NUM", r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"),
    ("NUMBER", "%{BASE10NUM}"),
    ("BASE16NUM", r"[+-]?(?:0x)?[0-9A-Fa-f]+"),
    ("POSINT", r"\b[1-9][0-9]*\b"),
    ("NONNEGINT", r"\b[0-9]+\b"),
    ("WORD", r"\b\w+\b"),
    ("NOTSPACE", r"\S+"),
    ("SPACE", r"\s*"),
    ("DATA", ".*?"),
    ("GREEDYDATA", ".*"),
    ("GREEDYMULTILINE", r"(?s:.*)"),
    ("QUOTEDSTRING", r#"(?:"(?:\\.|[^\\"])*"|'(?:\\.|[^\\'])*'|`(?:\\.|[^\\`])*`)"#),
    ("QS", "%{QUOTEDSTRING}"),
    ("UUID", r"[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}"),
    ("MAC", r"(?:[A-Fa-f0-9]{2}[:-]){5}[A-Fa-f0-9]{2}"),
    ("IPV4", r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"),
    ("IPV6", r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:%[0-9A-Za-z]+)?"),
    ("IP", "(?:%{IPV6}|%{IPV4})"),
    ("HOSTNAME", r"\b[0-9A-Za-z][0-9A-Za-z_-]{0,62}(?:\.[0-9A-Za-z][0-9A-Za-z_-]{0,62})*\.?"),
    ("HOST", "%{HOSTNAME}"),
    ("IPORHOST", "(?:%{IP}|%{HOSTNAME})"),
    ("HOSTPORT", "%{IPORHOST}:%{POSINT}"),
    ("UNIXPATH", r"(?:/[\w_%!$@:.,+~-]*)+"),
    ("WINPATH", r"(?:[A-Za-z]+:|\\)(?:\\[^\\?*]*)+"),
    ("PATH", "(?:%{UNIXPATH}|%{WINPATH})"),
    ("URIPROTO", r"[A-Za-z]+(?:[+\-.][A-Za-z0-9+\-.]+)?"),
    ("URIHOST", "%{IPORHOST}(?::%{POSINT})?"),
    ("URIPATH", r"(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%&_\-]*)+"),
    ("URIPARAM", r"\?[A-Za-z0-9$.+!*'|(){},~@#%&/=:;_?\-\[\]<>]*"),
    ("URIPATHPARAM", "%{URIPATH}(?:%{URIPARAM})?"),
    ("URI", "%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?"),
    (
        "MONTH",
        r"\b(?:[Jj]an(?:uary)?|[Ff]eb(?:ruary)?|[Mm]ar(?:ch)?|[Aa]pr(?:il)?|[Mm]ay|[Jj]une?|[Jj]uly?|[Aa]ug(?:ust)?|[Ss]ep(?:tember)?|[Oo]ct(?:ober)?|[Nn]ov(?:ember)?|[Dd]ec(?:ember)?)\b",
    ),
    ("MONTHNUM", "(?:0?[1-9]|1[0-2])"),
    ("MONTHNUM2", "(?:0[1-9]|1[0-2])"),
    ("MONTHDAY", "(?:0[1-9]|[12][0-9]|3[01]|[1-9])"),
    (
        "DAY",
        "(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)",
    ),
    ("YEAR", r"[0-9]{2}(?:[0-9]{2})?"),
    ("HOUR", "(?:2[0123]|[01]?[0-9])"),
    ("MINUTE", "[0-5][0-9]"),
    ("SECOND", r"(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?"),
    ("TIME", "%{HOUR}:%{MINUTE}(?::%{SECOND})?"),
    ("DATE_US", "%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}"),
    ("DATE_EU", "%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}"),
    ("DATE", "(?:%{DATE_US}|%{DATE_EU})"),
    ("ISO8601_TIMEZONE", "(?:Z|[+-]%{HOUR}(?::?%{MINUTE}))"),
    (
        "TIMESTAMP_ISO8601",
        "%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?",
    ),
    ("DATESTAMP", "%{DATE}[- ]%{TIME}"),
    ("HTTPDATE", "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"),
    ("SYSLOGTIMESTAMP", "%{MONTH} +%{MONTHDAY} %{TIME}"),
    ("PROG", r"[!-Z\\^-~]+"),
    ("SYSLOGPROG", r"%{PROG:process.name}(?:\[%{POSINT:process.pid:int}\])?"),
    ("SYSLOGHOST", "%{IPORHOST}"),
    ("SYSLOGBASE", "%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGHOST:host.hostname} )?%{SYSLOGPROG}:"),
    (
        "LOGLEVEL",
        r"(?:[Aa]lert|ALERT|[Tt]race|TRACE|[Dd]ebug|DEBUG|[Nn]otice|NOTICE|[Ii]nfo?(?:rmation)?|INFO?(?:RMATION)?|[Ww]arn?(?:ing)?|WARN?(?:ING)?|[Ee]rr?(?:or)?|ERR?(?:OR)?|[Cc]rit?(?:ical)?|CRIT?(?:ICAL)?|[Ff]atal|FATAL|[Ss]evere|SEVERE|EMERG(?:ENCY)?|[Ee]merg(?:ency)?)",
    ),
    (
        "COMMONAPACHELOG",
        r#"%{IPORHOST:source.address} (?:-|%{USER:apache.access.user.identity}) (?:-|%{USER:user.name}) \[%{HTTPDATE:timestamp}\] "(?:%{WORD:http.request.method} %{NOTSPACE:url.original}(?: HTTP/%{NUMBER:http.version})?|%{DATA})" (?:-|%{INT:http.response.status_code:int}) (?:-|%{INT:http.response.body.bytes:int})"#,
    ),
    (
        "COMBINEDAPACHELOG",
        r#"%{COMMONAPACHELOG} "(?:-|%{DATA:http.request.referrer})" "(?:-|%{DATA:user_agent.original})""#,
    ),
    ("HTTPD_COMBINEDLOG", "%{COMBINEDAPACHELOG}"),
];

/// An expression and the fields of its groups.
#[derive(Debug)]
struct Compiled {
    regex: regex::Regex,
    /// Field and type of each named group.
    fields: Vec<(String, Option<String>)>,
}

/// The fields that the first fitting pattern finds in `text`.
pub(super) fn find(
    options: &Map<String, Value>,
    text: &str,
) -> Result<Vec<(String, Value)>, String> {
    let patterns = options
        .get("patterns")
        .and_then(Value::as_array)
        .ok_or("[patterns] required property is missing")?;
    let own: BTreeMap<String, String> = options
        .get("pattern_definitions")
        .and_then(Value::as_object)
        .map(|map| map.iter().map(|(name, pattern)| (name.clone(), text_of(pattern))).collect())
        .unwrap_or_default();
    for pattern in patterns {
        let compiled = compile(&text_of(pattern), &own)?;
        let Some(captures) = compiled.regex.captures(text) else { continue };
        let mut found: Vec<(String, Value)> = Vec::new();
        for (at, (field, kind)) in compiled.fields.iter().enumerate() {
            let Some(value) = captures.name(&format!("g{at}")).map(|group| group.as_str()) else {
                continue;
            };
            let value = match kind.as_deref() {
                Some("int" | "long") => {
                    value.parse::<i64>().map_or(Value::from(value), Value::from)
                }
                Some("float" | "double") => {
                    value.parse::<f64>().map_or(Value::from(value), Value::from)
                }
                Some("boolean") => Value::Bool(value.eq_ignore_ascii_case("true")),
                _ => Value::from(value),
            };
            if !found.iter().any(|(known, _)| known == field) {
                found.push((field.clone(), value));
            }
        }
        return Ok(found);
    }
    Err(format!("Provided Grok expressions do not match field value: [{text:.200}]"))
}

/// Whether the patterns of a processor can be used.
pub(super) fn check(options: &Map<String, Value>) -> Result<(), String> {
    match find(options, "") {
        Err(reason) if !reason.starts_with("Provided Grok") => Err(reason),
        _ => Ok(()),
    }
}

fn compile(pattern: &str, own: &BTreeMap<String, String>) -> Result<Compiled, String> {
    let mut fields = Vec::new();
    let expression = expand(pattern, own, &mut fields, 0)?;
    // Named groups as Oniguruma writes them.
    let mut out = String::new();
    let mut rest = expression.as_str();
    while let Some((before, after)) = rest.split_once("(?<") {
        out.push_str(before);
        match after.split_once('>') {
            Some((name, after)) if !name.starts_with(['=', '!']) && !name.starts_with("g_") => {
                out.push_str(&format!("(?P<g{}>", fields.len()));
                fields.push((name.to_owned(), None));
                rest = after;
            }
            _ => {
                out.push_str("(?<");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Ok(Compiled { regex: regex(&out)?, fields })
}

fn expand(
    pattern: &str,
    own: &BTreeMap<String, String>,
    fields: &mut Vec<(String, Option<String>)>,
    depth: usize,
) -> Result<String, String> {
    if depth > DEPTH_MAX {
        return Err("circular reference in pattern".to_owned());
    }
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("%{") {
        out.push_str(before);
        let (reference, after) =
            after.split_once('}').ok_or("a reference to a pattern is not closed")?;
        rest = after;
        let mut parts = reference.splitn(3, ':');
        let (name, field, kind) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let built_in =
            || PATTERNS.iter().find(|(known, _)| *known == name).map(|(_, pattern)| *pattern);
        let inner = own.get(name).map(String::as_str).or_else(built_in);
        let inner = inner.ok_or_else(|| {
            format!("Unable to find pattern [{name}] in Grok's pattern dictionary")
        })?;
        let group = field.map(|field| {
            fields.push((field.to_owned(), kind.map(str::to_owned)));
            fields.len() - 1
        });
        let inner = expand(inner, own, fields, depth + 1)?;
        match group {
            Some(at) => out.push_str(&format!("(?P<g{at}>{inner})")),
            None => out.push_str(&format!("(?:{inner})")),
        }
        if out.len() > LENGTH_MAX {
            return Err("the pattern is too long".to_owned());
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_patterns_compile() {
        for (name, _) in PATTERNS {
            compile(&format!("%{{{name}}}"), &BTreeMap::new())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn fields_are_found() {
        let options = json!({"patterns": ["%{IP:client} %{WORD:method} %{URIPATHPARAM:request} %{NUMBER:bytes:int} (?<rest>.*)"]});
        let found =
            find(options.as_object().unwrap(), "55.3.244.1 GET /index.html 15824 0.043").unwrap();
        let found: Map<String, Value> = found.into_iter().collect();
        assert_eq!(
            Value::Object(found),
            json!({"client": "55.3.244.1", "method": "GET", "request": "/index.html", "bytes": 15824, "rest": "0.043"})
        );
        let options = json!({"patterns": ["%{COMBINEDAPACHELOG}"]});
        let line =
            r#"127.0.0.1 - bob [21/Nov/2025:10:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl""#;
        let found: Map<String, Value> =
            find(options.as_object().unwrap(), line).unwrap().into_iter().collect();
        assert_eq!(found["http.response.status_code"], 200);
        assert_eq!(found["user_agent.original"], "curl");
        assert!(find(options.as_object().unwrap(), "no").is_err());
    }
}
