//! `useragent`: browser and system of a `User-Agent`, by a short list of the common ones.
//!
//! The original's list of a thousand expressions is not shipped; what the short list does not know
//! is `Other`.

use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::build::{Context, Ecs};
use crate::field;
use crate::options::Options;

/// What a browser writes before its version, and its name; the first that is found wins.
const BROWSERS: [(&str, &str); 24] = [
    ("Googlebot/", "Googlebot"),
    ("bingbot/", "bingbot"),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge Mobile"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("Vivaldi/", "Vivaldi"),
    ("HeadlessChrome/", "HeadlessChrome"),
    ("CriOS/", "Chrome Mobile iOS"),
    ("FxiOS/", "Firefox iOS"),
    ("Firefox/", "Firefox"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("MSIE ", "IE"),
    ("Trident/", "IE"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("python-requests/", "Python Requests"),
    ("okhttp/", "okhttp"),
    ("Go-http-client/", "Go-http-client"),
    ("PostmanRuntime/", "PostmanRuntime"),
    ("Version/", "Safari"),
];

#[derive(Debug)]
struct UserAgent {
    source: FieldReference,
    target: Option<FieldReference>,
    prefix: String,
    is_ecs: bool,
    tags: Vec<String>,
}

pub(super) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
) -> Result<Box<dyn Filter>, ConfigError> {
    let is_ecs = context.ecs(options)? != Ecs::Disabled;
    if options.text("regexes")?.is_some() {
        context.warn(
            options.plugin(),
            "regexes: the file is not read; a short list of the common browsers is used",
        );
    }
    options.ignore(&["lru_cache_size"]);
    let target = options.field("target")?;
    Ok(Box::new(UserAgent {
        source: options.reference(&options.required("source")?)?,
        target: target.or_else(|| is_ecs.then(|| FieldReference::of_name("user_agent"))),
        prefix: options.text("prefix")?.unwrap_or_default(),
        is_ecs,
        tags: options.tags("tag_on_failure", "_useragentparsefailure")?,
    }))
}

impl Filter for UserAgent {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let agent = match field::get(event, &self.source) {
            None | Some(Value::Null) => return Verdict::Passed,
            Some(Value::String(agent)) => agent.clone(),
            Some(Value::List(items)) => {
                items.first().and_then(Value::as_str).unwrap_or_default().to_owned()
            }
            Some(_) => return fail(event, &self.tags),
        };
        if agent.is_empty() {
            return Verdict::Passed;
        }
        let (name, version) = browser(&agent);
        let (system, system_version) = system(&agent);
        let device = device(&agent);
        self.put(event, &["name"], name);
        if let Some(version) = &version {
            self.put(event, &["version"], version);
        }
        if self.is_ecs {
            self.put(event, &["original"], &agent);
            self.put(event, &["os", "name"], system);
            if let Some(version) = &system_version {
                self.put(event, &["os", "version"], version);
                self.put(event, &["os", "full"], &format!("{system} {version}"));
            }
            self.put(event, &["device", "name"], device);
        } else {
            self.put(event, &["os"], system);
            self.put(event, &["os_name"], system);
            self.put(event, &["device"], device);
            for (part, number) in ["major", "minor", "patch"]
                .iter()
                .zip(version.as_deref().unwrap_or_default().split('.'))
                .filter(|(_, number)| !number.is_empty())
            {
                self.put(event, &[part], number);
            }
        }
        Verdict::Matched
    }
}

impl UserAgent {
    fn put(&self, event: &mut Event, path: &[&str], value: &str) {
        let mut path = path.iter();
        let first = path.next().map_or_else(String::new, |name| format!("{}{name}", self.prefix));
        let mut target = match &self.target {
            Some(target) => target.child(&first),
            None => FieldReference::of_name(&first),
        };
        for name in path {
            target = target.child(name);
        }
        field::set(event, &target, Value::from(value));
    }
}

fn version_after<'a>(agent: &'a str, mark: &str) -> Option<&'a str> {
    let (_, after) = agent.split_once(mark)?;
    let end = after.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_')));
    let version = after.get(..end.unwrap_or(after.len()))?.trim_end_matches(['.', '_']);
    (!version.is_empty()).then_some(version)
}

fn browser(agent: &str) -> (&'static str, Option<String>) {
    for (mark, name) in BROWSERS {
        if !agent.contains(mark) || (name == "Safari" && !agent.contains("Safari/")) {
            continue;
        }
        let is_mobile = agent.contains("Mobile");
        let name = match name {
            "Chrome" if is_mobile && agent.contains("Android") => "Chrome Mobile",
            "Firefox" if is_mobile => "Firefox Mobile",
            "Safari" if is_mobile => "Mobile Safari",
            name => name,
        };
        let mark = if mark == "Trident/" { "rv:" } else { mark };
        return (name, version_after(agent, mark).map(str::to_owned));
    }
    ("Other", None)
}

fn system(agent: &str) -> (&'static str, Option<String>) {
    let dotted = |mark: &str| version_after(agent, mark).map(|version| version.replace('_', "."));
    if let Some(version) = version_after(agent, "Windows NT ") {
        let name = match version {
            "10.0" => "10",
            "6.3" => "8.1",
            "6.2" => "8",
            "6.1" => "7",
            "6.0" => "Vista",
            other => other,
        };
        return ("Windows", Some(name.to_owned()));
    }
    if agent.contains("Android") {
        return ("Android", dotted("Android "));
    }
    if agent.contains("iPhone") || agent.contains("iPad") {
        return ("iOS", dotted("OS "));
    }
    if agent.contains("Mac OS X") {
        return ("Mac OS X", dotted("Mac OS X "));
    }
    for (mark, name) in
        [("CrOS", "Chrome OS"), ("Ubuntu", "Ubuntu"), ("Fedora", "Fedora"), ("Linux", "Linux")]
    {
        if agent.contains(mark) {
            return (name, None);
        }
    }
    ("Other", None)
}

fn device(agent: &str) -> &'static str {
    let lower = agent.to_ascii_lowercase();
    if ["bot", "spider", "crawl"].iter().any(|word| lower.contains(word)) {
        return "Spider";
    }
    for (mark, name) in [("iPhone", "iPhone"), ("iPad", "iPad"), ("Macintosh", "Mac")] {
        if agent.contains(mark) {
            return name;
        }
    }
    if agent.contains("Android") { "Generic Smartphone" } else { "Other" }
}
