//! Services that page people: PagerDuty, Opsgenie, VictorOps, Pushover, incident.io.

use std::collections::BTreeMap;
use std::path::PathBuf;

use vigie_dial::HttpConfig;
use vigie_language::section;
use vigie_language::yaml::{DurationMs, Opaque, Secret};

use super::is_set;
use crate::config::url::Url;

section! {
    /// Tells PagerDuty.
    pub struct PagerdutyConfig("config.plain", check = check_pagerduty) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// Key of the Events API v1.
        service_key: Secret = Secret::default(),
        /// File of the key.
        service_key_file: PathBuf = PathBuf::new(),
        /// Key of the Events API v2.
        routing_key: Secret = Secret::default(),
        /// File of the key.
        routing_key_file: PathBuf = PathBuf::new(),
        /// Where PagerDuty is.
        url: Option<Url> = None,
        /// Who tells.
        client: String = "{{ template \"pagerduty.default.client\" . }}".to_owned(),
        /// Link to who tells.
        client_url: String = "{{ template \"pagerduty.default.clientURL\" . }}".to_owned(),
        /// Summary.
        description: String = "{{ template \"pagerduty.default.description\" .}}".to_owned(),
        /// More; texts in it are templates.
        details: BTreeMap<String, Opaque> = BTreeMap::new(),
        /// Pictures.
        images: Vec<PagerdutyImage> = Vec::new(),
        /// Links.
        links: Vec<PagerdutyLink> = Vec::new(),
        /// What is affected; `client` when it is empty.
        source: String = String::new(),
        /// How bad; `error` when it is empty.
        severity: String = String::new(),
        /// Class of the event.
        class: String = String::new(),
        /// Component.
        component: String = String::new(),
        /// Group of components.
        group: String = String::new(),
        /// Longest wait; 0 for none.
        timeout: DurationMs = DurationMs(0),
    }
}

section! {
    /// A link.
    pub struct PagerdutyLink("pagerduty.PagerdutyLink") {
        /// Where it leads.
        href: String = String::new(),
        /// Text.
        text: String = String::new(),
    }
}

section! {
    /// A picture.
    pub struct PagerdutyImage("pagerduty.PagerdutyImage") {
        /// Where it is.
        src: String = String::new(),
        /// What it shows.
        alt: String = String::new(),
        /// Where it leads.
        href: String = String::new(),
    }
}

section! {
    /// Tells Opsgenie or Jira Service Management.
    pub struct OpsgenieConfig("config.plain", check = check_opsgenie) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// The key.
        api_key: Secret = Secret::default(),
        /// File of the key.
        api_key_file: PathBuf = PathBuf::new(),
        /// Where it is.
        api_url: Option<Url> = None,
        /// Title.
        message: String = "{{ template \"opsgenie.default.message\" . }}".to_owned(),
        /// Description.
        description: String = "{{ template \"opsgenie.default.description\" . }}".to_owned(),
        /// Who tells.
        source: String = "{{ template \"opsgenie.default.source\" . }}".to_owned(),
        /// More.
        details: BTreeMap<String, String> = BTreeMap::new(),
        /// What is affected.
        entity: String = String::new(),
        /// Who should respond.
        responders: Vec<OpsgenieResponder> = Vec::new(),
        /// What can be done, comma separated.
        actions: String = String::new(),
        /// Tags, comma separated.
        tags: String = String::new(),
        /// A note.
        note: String = String::new(),
        /// `P1` to `P5`.
        priority: String = String::new(),
        /// Whether message and description of a known alert are changed.
        update_alerts: bool = false,
    }
}

section! {
    /// Who should respond.
    pub struct OpsgenieResponder("opsgenie.OpsGenieConfigResponder", check = check_responder) {
        /// By id.
        id: String = String::new(),
        /// By name.
        name: String = String::new(),
        /// By user name.
        username: String = String::new(),
        /// `team`, `teams`, `user`, `escalation`, `schedule`, or a template.
        kind as "type": String = String::new(),
    }
}

section! {
    /// Tells VictorOps.
    pub struct VictorOpsConfig("config.plain", check = check_victorops) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// The key.
        api_key: Secret = Secret::default(),
        /// File of the key.
        api_key_file: PathBuf = PathBuf::new(),
        /// Where it is.
        api_url: Option<Url> = None,
        /// Who is paged.
        routing_key: String = String::new(),
        /// `CRITICAL`, `WARNING` or `INFO`.
        message_type: String = "CRITICAL".to_owned(),
        /// Text.
        state_message: String = "{{ template \"victorops.default.state_message\" . }}".to_owned(),
        /// Title.
        entity_display_name: String =
            "{{ template \"victorops.default.entity_display_name\" . }}".to_owned(),
        /// Who tells.
        monitoring_tool: String =
            "{{ template \"victorops.default.monitoring_tool\" . }}".to_owned(),
        /// More.
        custom_fields: BTreeMap<String, String> = BTreeMap::new(),
    }
}

section! {
    /// Tells by Pushover.
    pub struct PushoverConfig("config.plain", check = check_pushover) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// The user's key.
        user_key: Secret = Secret::default(),
        /// File of the user's key.
        user_key_file: PathBuf = PathBuf::new(),
        /// The application's token.
        token: Secret = Secret::default(),
        /// File of the token.
        token_file: PathBuf = PathBuf::new(),
        /// Title.
        title: String = "{{ template \"pushover.default.title\" . }}".to_owned(),
        /// Text.
        message: String = "{{ template \"pushover.default.message\" . }}".to_owned(),
        /// Link.
        url: String = "{{ template \"pushover.default.url\" . }}".to_owned(),
        /// The link's text.
        url_title: String = String::new(),
        /// Which device.
        device: String = String::new(),
        /// Which sound.
        sound: String = String::new(),
        /// Priority.
        priority: String = "{{ if eq .Status \"firing\" }}2{{ else }}0{{ end }}".to_owned(),
        /// How often an emergency is repeated.
        retry: DurationMs = DurationMs::seconds(60),
        /// For how long it is repeated.
        expire: DurationMs = DurationMs::seconds(3_600),
        /// How long the message is kept.
        ttl: DurationMs = DurationMs(0),
        /// Whether the text is HTML.
        html: bool = false,
        /// Whether the text is in a fixed font.
        monospace: bool = false,
    }
}

section! {
    /// Tells incident.io.
    pub struct IncidentioConfig("config.plain", check = check_incidentio) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// Where it is.
        url: Option<Url> = None,
        /// File with the address.
        url_file: PathBuf = PathBuf::new(),
        /// Token of the alert source.
        alert_source_token: Secret = Secret::default(),
        /// File of the token.
        alert_source_token_file: PathBuf = PathBuf::new(),
        /// Most alerts in a message; 0 for all.
        max_alerts: u64 = 0,
        /// Longest wait; 0 for none.
        timeout: DurationMs = DurationMs(0),
    }
}

fn check_pagerduty(config: &mut PagerdutyConfig) -> Result<(), String> {
    super::not_both("routing_key", !config.routing_key.is_empty(), &config.routing_key_file)?;
    super::not_both("service_key", !config.service_key.is_empty(), &config.service_key_file)?;
    let is_empty = config.routing_key.is_empty()
        && config.service_key.is_empty()
        && !is_set(&config.routing_key_file)
        && !is_set(&config.service_key_file);
    if is_empty {
        return Err("missing service or routing key in PagerDuty config".into());
    }
    Ok(())
}

fn check_opsgenie(config: &mut OpsgenieConfig) -> Result<(), String> {
    super::not_both("api_key", !config.api_key.is_empty(), &config.api_key_file)
}

fn check_responder(responder: &mut OpsgenieResponder) -> Result<(), String> {
    if responder.id.is_empty() && responder.username.is_empty() && responder.name.is_empty() {
        return Err("opsGenieConfig responder has to have at least one of id, username or name \
                    specified"
            .into());
    }
    let kind = responder.kind.to_lowercase();
    let is_known = ["team", "teams", "user", "escalation", "schedule"].contains(&kind.as_str());
    if !is_known && !kind.contains("{{") {
        return Err(format!(
            "opsGenieConfig responder type {:?} does not match valid options team, teams, user, \
             escalation, schedule",
            responder.kind
        ));
    }
    Ok(())
}

fn check_victorops(config: &mut VictorOpsConfig) -> Result<(), String> {
    if config.routing_key.is_empty() {
        return Err("missing Routing key in VictorOps config".into());
    }
    super::not_both("api_key", !config.api_key.is_empty(), &config.api_key_file)?;
    let fixed = [
        "routing_key",
        "message_type",
        "state_message",
        "entity_display_name",
        "monitoring_tool",
        "entity_id",
        "entity_state",
    ];
    match fixed.iter().find(|name| config.custom_fields.contains_key(**name)) {
        Some(name) => Err(format!(
            "victorOps config contains custom field {name} which cannot be used as it conflicts \
             with the fixed/static fields"
        )),
        None => Ok(()),
    }
}

fn check_pushover(config: &mut PushoverConfig) -> Result<(), String> {
    super::one_of("user_key", !config.user_key.is_empty(), &config.user_key_file)?;
    super::one_of("token", !config.token.is_empty(), &config.token_file)?;
    if config.html && config.monospace {
        return Err("at most one of monospace & html must be configured".into());
    }
    Ok(())
}

fn check_incidentio(config: &mut IncidentioConfig) -> Result<(), String> {
    super::one_of("url", config.url.is_some(), &config.url_file)?;
    let has_token = !config.alert_source_token.is_empty();
    super::not_both("alert_source_token", has_token, &config.alert_source_token_file)?;
    let has_token = has_token || is_set(&config.alert_source_token_file);
    match config.http_config.as_ref().map(|http| http.authorization.is_some()) {
        Some(true) if has_token => Err("cannot specify alert_source_token or \
                                        alert_source_token_file when using \
                                        http_config.authorization"
            .into()),
        Some(false) if !has_token => Err("at least one of alert_source_token, \
                                          alert_source_token_file or \
                                          http_config.authorization must be configured"
            .into()),
        _ => Ok(()),
    }
}
