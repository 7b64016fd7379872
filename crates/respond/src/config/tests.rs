//! Configurations read, and what is said of bad ones.

use std::fmt::Write as _;

use super::*;

const ROOT: &str = "route: {receiver: a}\nreceivers:\n- name: a\n";

fn read(text: &str) -> Result<LoadedConfig, ConfigError> {
    parse(text, &Source::default(), ConfigOptions::default())
}

fn error(text: &str) -> String {
    match read(text) {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Which configurations are refused, where, and in what words. Those without a receiver's list
/// are checked against Alertmanager 0.34's own checks.
const REFUSED: &[(&str, &str)] = &[
    ("", "no route provided in config"),
    ("receivers: []", "no routes provided"),
    (
        "route: {receiver: b}\nreceivers: [{name: a}]",
        "line 1, column 19: undefined receiver \"b\" used in route",
    ),
    (
        "route: {}\nreceivers: [{name: a}]",
        "line 1, column 8: root route must specify a default receiver",
    ),
    (
        "route: {receiver: a, continue: true}\nreceivers: [{name: a}]",
        "cannot have continue in root route",
    ),
    (
        "route: {receiver: a, matchers: [x=y]}\nreceivers: [{name: a}]",
        "root route must not have any matchers",
    ),
    (
        "route: {receiver: a, match: {x: y}}\nreceivers: [{name: a}]",
        "root route must not have any matchers",
    ),
    (
        "route: {receiver: a, mute_time_intervals: [x]}\nreceivers: [{name: a}]",
        "root route must not have any mute time intervals",
    ),
    (
        "route: {receiver: a, active_time_intervals: [x]}\nreceivers: [{name: a}]",
        "root route must not have any active time intervals",
    ),
    (
        "route:\n  receiver: a\n  routes:\n  - mute_time_intervals: [x]\nreceivers: [{name: a}]",
        "line 4, column 27: undefined time interval \"x\" used in route",
    ),
    (
        "route:\n  receiver: a\n  routes:\n  - matchers: ['x']\nreceivers: [{name: a}]",
        "line 4, column 16: bad matcher format: x",
    ),
    (
        "route:\n  receiver: a\n  routes:\n  - match_re: {x: '['}\nreceivers: [{name: a}]",
        "line 4, column 19: error parsing regexp",
    ),
    (
        "route: {receiver: a, group_by: [x, x]}\nreceivers: [{name: a}]",
        "line 1, column 36: duplicated label \"x\" in group_by",
    ),
    (
        "route: {receiver: a, group_by: [x, '...']}\nreceivers: [{name: a}]",
        "cannot have wildcard group_by",
    ),
    (
        "route: {receiver: a, group_interval: 0s}\nreceivers: [{name: a}]",
        "group_interval cannot be zero",
    ),
    (
        "route: {receiver: a, repeat_interval: 0s}\nreceivers: [{name: a}]",
        "repeat_interval cannot be zero",
    ),
    (
        "route: {receiver: a, group_wait: 5 s}\nreceivers: [{name: a}]",
        "line 1, column 34: not a valid duration string",
    ),
    (
        "route: {receiver: a, grup_by: [x]}\nreceivers: [{name: a}]",
        "line 1, column 22: field grup_by not found",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]",
        "line 2, column 31: notification config name \"a\" is not unique",
    ),
    ("route: {receiver: a}\nreceivers: [{}]", "missing name in receiver"),
    (
        "route: {receiver: a}\nreceivers: [{name: a, labels: {name: b}}]",
        "must match receiver name \"a\"",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals: [{name: x}, {name: x}]",
        "time interval \"x\" is not unique",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals: [{name: x}]\nmute_time_intervals: [{name: x}]",
        "time interval \"x\" is not unique",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{source_matchers: ['[']}]",
        "line 3, column 36: bad matcher format",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a}]\nroute_: 1",
        "line 3, column 1: field route_ not found",
    ),
    (
        "global: {smtp_auth_password: x, smtp_auth_password_file: y}\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "at most one of smtp_auth_password & smtp_auth_password_file",
    ),
    (
        "global: {slack_api_url: 'http://a', slack_app_token: y}\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "at most one of slack_app_token/slack_app_token_file",
    ),
    (
        "global: {http_config: {bearer_token: a, basic_auth: {username: b}}}\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "at most one of basic_auth, oauth2, bearer_token",
    ),
];

#[test]
fn what_cannot_work_is_refused_with_its_place() {
    let mut wrong = String::new();
    for (text, expected) in REFUSED {
        let message = error(text);
        if !message.contains(expected) {
            writeln!(wrong, "{text}\n  says: {message}\n  not:  {expected}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A receiver of each kind, what it needs, and what it refuses.
const NEEDED: &[(&str, &str)] = &[
    ("email_configs: [{to: a@b}]", "line 4, column 19: no global SMTP smarthost set"),
    ("email_configs: [{to: a@b, smarthost: 'h:25'}]", "no global SMTP from set"),
    ("email_configs: [{smarthost: 'h:25', from: c@d}]", "missing to address in email config"),
    ("email_configs: [{to: a, smarthost: 'h', from: c}]", "missing port in address"),
    ("email_configs: [{to: a, headers: {Subject: x, subject: y}}]", "duplicate header \"Subject\""),
    ("email_configs: [{to: a, threading: {enabled: true}}]", "thread_by_date must be either"),
    ("email_configs: [{to: a, subject: x, headers: {subject: y}}]", "cannot both be set"),
    ("webhook_configs: [{}]", "one of url or url_file must be configured"),
    ("webhook_configs: [{url: 'ftp://a'}]", "unsupported or malformed"),
    ("webhook_configs: [{url: 'http://a', url_file: b}]", "at most one of url & url_file"),
    ("webhook_configs: [{url: 'http://a', http_conf: {}}]", "field http_conf not found"),
    ("webhook_configs:\n  - ", "empty or null entry"),
    ("pagerduty_configs: [{}]", "missing service or routing key in PagerDuty config"),
    ("pagerduty_configs: [{routing_key: a, routing_key_file: b}]", "at most one of routing_key"),
    ("slack_configs: [{}]", "no Slack API URL nor App token set"),
    ("slack_configs: [{api_url: 'http://a', app_token: b}]", "at most one of api_url/api_url_file"),
    (
        "slack_configs: [{api_url: 'http://a', update_message: true}]",
        "can only be used with bot tokens",
    ),
    (
        "slack_configs: [{api_url: 'http://a', actions: [{type: b, text: c}]}]",
        "missing name or url in Slack action",
    ),
    (
        "slack_configs: [{api_url: 'http://a', fields: [{title: c}]}]",
        "missing value in Slack field",
    ),
    (
        "slack_configs: [{app_token: a, http_config: {authorization: {credentials: b}}}]",
        "can't be set when using Slack App tokens",
    ),
    ("opsgenie_configs: [{}]", "no global OpsGenie API Key set"),
    (
        "opsgenie_configs: [{api_key: a, responders: [{type: team}]}]",
        "at least one of id, username or name",
    ),
    (
        "opsgenie_configs: [{api_key: a, responders: [{type: x, id: b}]}]",
        "does not match valid options",
    ),
    ("victorops_configs: [{routing_key: a}]", "no global VictorOps API Key set"),
    ("victorops_configs: [{api_key: a}]", "missing Routing key"),
    (
        "victorops_configs: [{api_key: a, routing_key: b, custom_fields: {entity_id: c}}]",
        "custom field entity_id",
    ),
    ("pushover_configs: [{token: a}]", "one of user_key or user_key_file"),
    (
        "pushover_configs: [{token: a, user_key: b, html: true, monospace: true}]",
        "at most one of monospace & html",
    ),
    ("telegram_configs: [{chat_id: 1}]", "missing bot_token"),
    ("telegram_configs: [{bot_token: a}]", "missing chat_id"),
    ("telegram_configs: [{bot_token: a, chat_id: 1, parse_mode: x}]", "unknown parse_mode"),
    ("webex_configs: [{room_id: a}]", "missing webex_configs.http_config.authorization"),
    ("discord_configs: [{}]", "one of webhook_url or webhook_url_file"),
    ("msteams_configs: [{}]", "one of webhook_url or webhook_url_file"),
    ("msteamsv2_configs: [{webhook_url: 'http://a', summary: b}]", "field summary not found"),
    ("wechat_configs: [{api_secret: a}]", "no global Wechat CorpID set"),
    (
        "wechat_configs: [{api_secret: a, corp_id: b, message_type: c}]",
        "does not match valid options",
    ),
    ("sns_configs: [{}]", "must provide either a Target ARN"),
    ("sns_configs: [{topic_arn: a, phone_number: b}]", "must provide either a Target ARN"),
    ("sns_configs: [{topic_arn: a, sigv4: {access_key: b}}]", "must provide a AWS SigV4"),
    ("jira_configs: [{project: a, issue_type: b}]", "no global Jira Cloud URL set"),
    ("jira_configs: [{project: a, api_url: 'http://a'}]", "missing issue_type"),
    ("rocketchat_configs: [{token: a}]", "no global Rocketchat TokenID set"),
    ("mattermost_configs: [{}]", "missing webhook_url or webhook_url_file on mattermost_config"),
    (
        "incidentio_configs: [{url: 'http://a', http_config: {}}]",
        "at least one of alert_source_token",
    ),
];

#[test]
fn receivers_say_what_they_cannot_do_without() {
    for (receiver, expected) in NEEDED {
        let message = error(&format!("{ROOT}  {receiver}\n"));
        assert!(message.contains(expected), "{receiver}\n  says: {message}\n  not:  {expected}");
    }
}

const EVERYTHING: &str = r#"
global:
  smtp_smarthost: 'mail.example:587'
  smtp_from: vigie@example
  smtp_auth_username: vigie
  smtp_auth_password: s3cret-1
  slack_api_url: 'https://hooks.slack.example/s3cret-2'
  opsgenie_api_key: s3cret-3
  victorops_api_key: s3cret-4
  wechat_api_secret: s3cret-5
  wechat_api_corp_id: corp
  telegram_bot_token: s3cret-6
  jira_api_url: 'https://jira.example'
  rocketchat_token: s3cret-7
  rocketchat_token_id: s3cret-8
  mattermost_webhook_url: 'https://mattermost.example/s3cret-9'
  http_config: {proxy_url: 'http://proxy.example:3128'}
route:
  receiver: all
  labels: {team: '{{ .GroupLabels.team }}'}
  routes:
  - matchers: ['service=~"a|b"', "{x!=y, z!~w}"]
    mute_time_intervals: [night]
    active_time_intervals: [office]
inhibit_rules:
- name: node
  source_matchers: [alertname=NodeDown]
  target_match_re: {alertname: '.*'}
  equal: [instance]
time_intervals:
- name: night
  time_intervals:
  - {times: [{start_time: '22:00', end_time: '24:00'}], weekdays: ['monday:friday', saturday], days_of_month: ['1:5', '-3:-1'], months: ['january:march', '12'], years: ['2024:2030'], location: Europe/Paris}
mute_time_intervals:
- {name: office, time_intervals: [{}]}
templates: ['templates/*.tmpl']
receivers:
- name: all
  email_configs: [{to: a@example, headers: {x-y: z}}]
  slack_configs: [{channel: '#a', actions: [{type: button, text: b, url: 'http://c'}], fields: [{title: d, value: e, short: true}]}]
  pagerduty_configs: [{routing_key: s3cret-10, details: {a: b, c: {d: e}}, links: [{href: f, text: g}], images: [{src: h}]}]
  webhook_configs:
  - {url: 'http://127.0.0.1/s3cret-11', http_config: {basic_auth: {username: a, password: s3cret-12}}, payload: {a: [b]}, timeout: 5s}
  - {url: 'http://{{ .CommonLabels.host }}/'}
  opsgenie_configs: [{responders: [{name: a, type: team}], details: {a: b}}]
  victorops_configs: [{routing_key: a}]
  pushover_configs: [{user_key: s3cret-13, token: s3cret-14, retry: 1m, expire: 2h}]
  telegram_configs: [{chat_id: -100, message_thread_id: 3}]
  webex_configs: [{room_id: a, http_config: {authorization: {credentials: s3cret-15}}}]
  discord_configs: [{webhook_url: 'https://discord.example/s3cret-16'}]
  msteams_configs: [{webhook_url: 'https://teams.example/s3cret-17'}]
  msteamsv2_configs: [{webhook_url: 'https://teams.example/s3cret-18', http_config: {follow_redirects: false}}]
  wechat_configs: [{message_type: markdown}]
  sns_configs: [{topic_arn: a, sigv4: {access_key: b, secret_key: s3cret-19, region: c}}]
  jira_configs: [{project: a, issue_type: b, summary: c, description: {template: d, enable_update: false}, fields: {e: f}}]
  rocketchat_configs: [{channel: a}]
  mattermost_configs: [{channel: a, attachments: [{text: b}], priority: {priority: urgent}}]
  incidentio_configs: [{url: 'https://incident.example', alert_source_token: s3cret-20}]
"#;

#[test]
fn every_receiver_is_read_with_what_global_adds() {
    let loaded = read(EVERYTHING).unwrap();
    let all = loaded.receiver("all").unwrap();
    let email = &all.email_configs[0];
    assert_eq!(email.smarthost.to_string(), "mail.example:587");
    assert_eq!(email.auth_password.reveal(), "s3cret-1");
    assert_eq!((email.require_tls, email.send_resolved), (Some(true), false));
    assert_eq!(email.headers["X-Y"], "z");
    let slack = &all.slack_configs[0];
    assert_eq!(slack.api_url.as_ref().unwrap().reveal(), "https://hooks.slack.example/s3cret-2");
    let proxy =
        |http: &Option<vigie_dial::HttpConfig>| http.as_ref().unwrap().proxy.proxy_url.clone();
    assert_eq!(proxy(&slack.http_config), "http://proxy.example:3128");
    assert_eq!(proxy(&all.webhook_configs[0].http_config), "", "its own, whole");
    let teams = &all.msteamsv2_configs[0].http_config;
    assert_eq!(proxy(teams), "http://proxy.example:3128", "Teams inherits the proxy alone");
    assert!(!teams.as_ref().unwrap().follow_redirects);
    assert_eq!(
        all.pagerduty_configs[0].url.as_ref().unwrap().as_str(),
        "https://events.pagerduty.com/v2/enqueue"
    );
    assert!(all.jira_configs[0].summary.is_updated());
    assert!(!all.jira_configs[0].description.is_updated());
    assert_eq!(all.labels["name"], "all");
    let child = &loaded.routes.nodes()[1];
    assert_eq!(child.matchers.to_string(), r#"{service=~"a|b",x!="y",z!~"w"}"#);
    assert_eq!((child.mute.len(), child.active.len()), (1, 1));
    assert_eq!(child.labels["team"], "{{ .GroupLabels.team }}");
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
}

#[test]
fn secrets_are_hidden_and_what_is_shown_reads_back() {
    let loaded = read(EVERYTHING).unwrap();
    let yaml = loaded.to_yaml();
    let mut debug = String::new();
    write!(debug, "{loaded:?}").unwrap();
    for shown in [&yaml, &debug] {
        for number in 1..=20 {
            let secret = format!("s3cret-{number}");
            let found = shown.match_indices(&secret).any(|(at, _)| {
                !shown[at + secret.len()..].starts_with(|c: char| c.is_ascii_digit())
            });
            assert!(!found, "{secret} is shown in {shown}");
        }
    }
    let again = read(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    assert_eq!(again.to_yaml(), yaml);
    assert_eq!(again.routes.nodes()[1].key, loaded.routes.nodes()[1].key);
}

#[test]
fn the_seeds_subject_and_body_are_taken_with_a_warning() {
    let text = format!(
        "global: {{smtp_smarthost: 'h:25', smtp_from: c@d}}\n{ROOT}  email_configs:\n  \
         - to: a@b\n    subject: s\n    body: b\n"
    );
    let loaded = read(&text).unwrap();
    let email = &loaded.receiver("a").unwrap().email_configs[0];
    assert_eq!((email.headers["Subject"].as_str(), email.text.as_str()), ("s", "b"));
    assert_eq!(email.html(), "");
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].starts_with("line 7, column 14: email_configs has no field subject"));
    let strict = ConfigOptions { is_strict: true, ..ConfigOptions::default() };
    let refused = parse(&text, &Source::default(), strict).unwrap_err().to_string();
    assert_eq!(refused, "line 7, column 14: field subject not found in type config.plain");
}

#[test]
fn intervals_are_checked_where_they_stand() {
    let cases = [
        ("times: [{start_time: '25:00', end_time: '26:00'}]", "couldn't parse timestamp 25:00"),
        ("times: [{start_time: '9:00', end_time: '10:00'}]", "couldn't parse timestamp 9:00"),
        ("times: [{start_time: '10:00', end_time: '10:00'}]", "equal or greater than end time"),
        ("times: [{start_time: '10:00'}]", "both start and end times must be provided"),
        ("weekdays: ['friday:monday']", "start day cannot be before end day"),
        ("weekdays: [funday]", "funday is not a valid weekday"),
        ("days_of_month: ['0']", "0 is not a valid day of the month"),
        ("days_of_month: ['-5:5']", "end day must be negative if start day is negative"),
        ("days_of_month: ['10:-25']", "end day -25 is always before start day 10"),
        ("months: ['march:january']", "end month january is before start month march"),
        ("months: ['13']", "no months of the year"),
        ("years: ['2021:2020']", "end year 2020 is before start year 2021"),
        ("location: Mars/Base", "unknown time zone Mars/Base"),
        ("weekdays: ['Monday:FRIDAY']", "no error"),
        ("days_of_month: ['1:-1']", "no error"),
    ];
    for (interval, expected) in cases {
        let text = format!("{ROOT}time_intervals:\n- name: x\n  time_intervals:\n  - {interval}\n");
        let message = error(&text);
        assert!(message.contains(expected), "{interval} says: {message}");
        assert!(expected == "no error" || message.starts_with("line 7"), "{message}");
    }
}

#[test]
fn unnamed_things_are_read_and_named() {
    let loaded = read(&format!("{ROOT}tracing: {{endpoint: 'x:4317'}}\n")).unwrap();
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["line 4, column 10: tracing is not served"]);
}
