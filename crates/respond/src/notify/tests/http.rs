//! Each provider's requests, and what becomes of answers.

use serde_json::json;

use super::schema::check;
use super::sink::{Asked, Sink};
use super::{alert, context, integration};
use crate::notify::{NotifyAlert, NotifyError, NotifyFailure, NotifyReceipt};

async fn tell(
    kind: &str,
    entry: &str,
    alerts: &[NotifyAlert],
) -> Result<NotifyReceipt, NotifyError> {
    integration(kind, entry).notifier.notify(&context(), alerts).await
}

async fn told(sink: &Sink, kind: &str, entry: &str, alerts: &[NotifyAlert]) -> Vec<Asked> {
    tell(kind, entry, alerts).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
    sink.asked()
}

#[tokio::test]
async fn a_webhook_gets_alertmanagers_json_with_basic_authentication() {
    let sink = Sink::ok().await;
    let entry = format!(
        "url: '{}/hook'\nhttp_config:\n  basic_auth: {{username: alertmanager, password: secret}}",
        sink.url
    );
    let asked = told(&sink, "webhook", &entry, &[alert("critical", None)]).await;
    assert_eq!(asked[0].line, "POST /hook");
    // alertmanager:secret
    assert!(asked[0].headers.contains("authorization: Basic YWxlcnRtYW5hZ2VyOnNlY3JldA=="));
    let body = asked[0].json();
    assert_eq!(body["version"], "4");
    assert_eq!(body["groupKey"], "{}:{alertname=\"Down\"}");
    assert_eq!(body["truncatedAlerts"], 0);
    assert_eq!(body["status"], "firing");
    assert_eq!(body["commonLabels"]["severity"], "critical");
    assert_eq!(body["alerts"][0]["startsAt"], "2023-02-05T15:04:05.012Z");
    assert_eq!(body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
}

#[tokio::test]
async fn a_webhook_may_have_a_payload_of_its_own() {
    let sink = Sink::ok().await;
    let entry = format!(
        "url: '{}/{{{{ .Status }}}}'\npayload:\n  text: '{{{{ .Status }}}}: {{{{ .CommonLabels.service }}}}'\n  count: '{{{{ len .Alerts }}}}'\n  list: [1, true, 'x']",
        sink.url
    );
    let asked = told(&sink, "webhook", &entry, &[alert("critical", None)]).await;
    assert_eq!(asked[0].line, "POST /firing");
    // "firing: api" would be a map if it were read as YAML, which Alertmanager does.
    let expected = json!({"text": {"firing": "api"}, "count": 1, "list": [1, true, "x"]});
    assert_eq!(asked[0].json(), expected);
}

/// <https://developer.pagerduty.com/docs/send-alert-event>
fn pagerduty_schema() -> serde_json::Value {
    json!({
        "type": "object",
        "required": ["routing_key", "event_action", "dedup_key", "payload"],
        "additionalProperties": false,
        "properties": {
            "routing_key": {"type": "string", "maxLength": 32},
            "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
            "dedup_key": {"type": "string", "maxLength": 255},
            "client": {"type": "string"},
            "client_url": {"type": "string"},
            "links": {"type": "array", "items": {"type": "object", "required": ["href"]}},
            "images": {"type": "array", "items": {"type": "object", "required": ["src"]}},
            "payload": {
                "type": "object",
                "required": ["summary", "source", "severity"],
                "additionalProperties": false,
                "properties": {
                    "summary": {"type": "string", "maxLength": 1024},
                    "source": {"type": "string"},
                    "severity": {"enum": ["critical", "warning", "error", "info"]},
                    "component": {"type": "string"},
                    "group": {"type": "string"},
                    "class": {"type": "string"},
                    "custom_details": {"type": "object"},
                },
            },
        },
    })
}

#[tokio::test]
async fn pagerduty_gets_events_of_its_version_two() {
    let sink = Sink::new(&[("202 Accepted", "", "{}")]).await;
    let entry = format!(
        "routing_key: 0123456789abcdef0123456789abcdef\nurl: {}/v2/enqueue\nseverity: '{{{{ .CommonLabels.severity }}}}'\nlinks: [{{href: 'http://x', text: x}}]\ndescription: '{}'\ndetails: {{who: '{{{{ .CommonLabels.service }}}}'}}",
        sink.url,
        "long ".repeat(400)
    );
    told(&sink, "pagerduty", &entry, &[alert("critical", None)]).await;
    let asked =
        told(&sink, "pagerduty", &entry, &[alert("critical", Some(1_675_609_500_000))]).await;
    let (trigger, resolve) = (asked[0].json(), asked[1].json());
    check(&pagerduty_schema(), &trigger);
    check(&pagerduty_schema(), &resolve);
    assert_eq!(
        (&trigger["event_action"], &resolve["event_action"]),
        (&json!("trigger"), &json!("resolve"))
    );
    assert_eq!(trigger["dedup_key"], resolve["dedup_key"]);
    let details = &trigger["payload"]["custom_details"];
    assert_eq!((&details["num_firing"], &details["who"]), (&json!(1), &json!("api")));
    assert_eq!(details["firing"][0]["labels"]["alertname"], "Down");
}

/// <https://api.slack.com/messaging/webhooks> and its reference of attachments.
fn slack_schema() -> serde_json::Value {
    let text = json!({"type": "string"});
    let field = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {"title": text, "value": text, "short": {"type": "boolean"}},
    });
    let action = json!({
        "type": "object",
        "required": ["type", "text"],
        "properties": {"type": {"enum": ["button"]}, "style": {"enum": ["primary", "danger"]}},
    });
    json!({
        "type": "object",
        "required": ["attachments"],
        "additionalProperties": false,
        "properties": {
            "channel": text, "username": text, "icon_emoji": text, "icon_url": text, "text": text,
            "link_names": {"type": "boolean"}, "ts": text,
            "attachments": {"type": "array", "items": {
                "type": "object",
                "required": ["fallback"],
                "additionalProperties": false,
                "properties": {
                    "title": text, "title_link": text, "pretext": text, "text": text,
                    "fallback": text, "callback_id": text, "color": text, "footer": text,
                    "image_url": text, "thumb_url": text,
                    "mrkdwn_in": {"type": "array", "items": text},
                    "fields": {"type": "array", "items": field},
                    "actions": {"type": "array", "items": action},
                },
            }},
        },
    })
}

#[tokio::test]
async fn slack_gets_an_attachment() {
    let sink = Sink::ok().await;
    let entry = format!(
        "api_url: {}/services/T/B/secret\nchannel: '#db'\nsend_resolved: true\ntext: '{{{{ range .Alerts }}}}{{{{ .Annotations.summary }}}}{{{{ end }}}}'\nfields: [{{title: Service, value: '{{{{ .CommonLabels.service }}}}', short: true}}]\nactions: [{{type: button, text: Go, url: 'http://x', style: danger}}]",
        sink.url
    );
    let asked = told(&sink, "slack", &entry, &[alert("critical", None)]).await;
    let body = asked[0].json();
    check(&slack_schema(), &body);
    let attachment = &body["attachments"][0];
    assert_eq!(body["channel"], "#db");
    assert_eq!(attachment["color"], "danger");
    assert_eq!(attachment["title"], "[FIRING:1] Down (api critical)");
    assert_eq!(attachment["text"], "api is \"down\" <now>");
}

#[tokio::test]
async fn a_refusal_that_comes_with_status_200_is_one() {
    let headers = "content-type: application/json\r\n";
    let sink =
        Sink::new(&[("200 OK", headers, r#"{"ok":false,"error":"channel_not_found"}"#)]).await;
    let entry = format!("api_url: {}/services/T/B/secret\nchannel: '#db'", sink.url);
    let error = tell("slack", &entry, &[alert("critical", None)]).await.unwrap_err();
    assert!(!error.retry);
    assert_eq!(error.reason, "error response from Slack: channel_not_found");
}

#[tokio::test]
async fn answers_are_final_or_not_and_never_tell_secrets() {
    for (status, retry, failure) in [
        ("400 Bad Request", false, NotifyFailure::ClientError),
        ("403 Forbidden", false, NotifyFailure::ClientError),
        ("429 Too Many Requests", true, NotifyFailure::ClientError),
        ("500 Internal Server Error", true, NotifyFailure::ServerError),
        ("503 Service Unavailable", true, NotifyFailure::ServerError),
    ] {
        let sink = Sink::new(&[(status, "", "no: very-secret-key is not\nwelcome")]).await;
        let entry = format!("routing_key: very-secret-key\nurl: {}/v2", sink.url);
        let error = tell("pagerduty", &entry, &[alert("critical", None)]).await.unwrap_err();
        assert_eq!((error.retry, error.failure), (retry, failure), "{status}");
        assert!(!format!("{error:?}").contains("very-secret-key"), "{error:?}");
        assert!(error.reason.ends_with("no: <secret> is not welcome"), "{error}");
    }
    // Nobody listens: the address, which may be a secret, is not told.
    let entry = "webhook_url: http://127.0.0.1:1/very-secret-key";
    let error = tell("discord", entry, &[alert("critical", None)]).await.unwrap_err();
    assert!(error.retry);
    assert!(!format!("{error:?}").contains("very-secret"), "{error:?}");
    assert!(!format!("{:?}", integration("discord", entry)).contains("very-secret"));
}

#[tokio::test]
async fn link_local_addresses_are_never_asked() {
    let entry = "url: http://169.254.169.254/latest/meta-data";
    let error = tell("webhook", entry, &[alert("critical", None)]).await.unwrap_err();
    assert!(!error.retry && error.reason.contains("link-local"), "{error:?}");
    for target in ["http://169.254.169.254/latest", "http://[fe80::1]/", "http://example.invalid/"]
    {
        let headers = format!("location: {target}\r\n");
        let sink = Sink::new(&[("307 Temporary Redirect", headers.as_str(), "")]).await;
        let entry = format!("url: {}/hook", sink.url);
        let error = tell("webhook", &entry, &[alert("critical", None)]).await.unwrap_err();
        assert!(error.reason.contains("refused"), "{target}: {error:?}");
        assert_eq!(sink.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_hangs_or_babbles_is_not_waited_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let webhook = integration("webhook", &format!("url: {url}\ntimeout: 200ms"));
    let error = webhook.notifier.notify(&context(), &[alert("critical", None)]).await.unwrap_err();
    assert_eq!((error.retry, error.failure), (true, NotifyFailure::Timeout));
    let sink = Sink::new(&[("400 Bad Request", "", &"x".repeat(5 << 20))]).await;
    let entry = format!("url: {}", sink.url);
    let error = tell("webhook", &entry, &[alert("critical", None)]).await.unwrap_err();
    assert!(error.reason.len() < 1_000, "{}", error.reason.len());
}

#[tokio::test]
async fn opsgenie_alerts_are_made_and_closed() {
    let sink = Sink::new(&[("202 Accepted", "", "{}")]).await;
    let entry = format!(
        "api_key: genie\napi_url: {}/\ntags: 'a,,b'\nresponders: [{{type: teams, name: 'x,y'}}]\nupdate_alerts: true\nmessage: '{}'",
        sink.url,
        "m".repeat(200)
    );
    told(&sink, "opsgenie", &entry, &[alert("critical", None)]).await;
    let asked =
        told(&sink, "opsgenie", &entry, &[alert("critical", Some(1_675_609_500_000))]).await;
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    let create = asked[0].json();
    let alias = create["alias"].as_str().unwrap();
    assert_eq!(
        lines,
        [
            "POST /v2/alerts".to_owned(),
            format!("PUT /v2/alerts/{alias}/message?identifierType=alias"),
            format!("PUT /v2/alerts/{alias}/description?identifierType=alias"),
            format!("POST /v2/alerts/{alias}/close?identifierType=alias"),
        ]
    );
    assert!(asked.iter().all(|asked| asked.headers.contains("authorization: GenieKey genie")));
    // <https://docs.opsgenie.com/docs/alert-api#create-alert>
    check(
        &json!({
            "type": "object",
            "required": ["message"],
            "properties": {
                "message": {"type": "string", "maxLength": 130},
                "alias": {"type": "string", "maxLength": 512},
                "description": {"type": "string", "maxLength": 15_000},
                "responders": {"type": "array", "items": {"type": "object", "required": ["type"]}},
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 50}},
                "details": {"type": "object"},
                "source": {"type": "string"},
            },
        }),
        &create,
    );
    assert_eq!(create["tags"], json!(["a", "b"]));
    assert_eq!(create["responders"][1], json!({"name": "y", "type": "team"}));
}

#[tokio::test]
async fn messengers_get_what_they_document() {
    let json_ok = "content-type: application/json\r\n";
    let sink = Sink::new(&[("200 OK", json_ok, r#"{"ok":true,"success":true}"#)]).await;
    let url = &sink.url;
    let firing = [alert("critical", None)];
    let entries = [
        (
            "telegram",
            format!(
                "api_url: {url}\nbot_token: t0ken\nchat_id: -100\nparse_mode: HTML\nmessage: '<b>{{{{ .CommonAnnotations.summary }}}}</b>'"
            ),
        ),
        ("msteamsv2", format!("webhook_url: {url}/workflow")),
        ("msteams", format!("webhook_url: {url}/connector")),
        ("discord", format!("webhook_url: {url}/discord")),
        (
            "webex",
            format!(
                "api_url: {url}/webex\nroom_id: room\nhttp_config: {{authorization: {{credentials: w}}}}"
            ),
        ),
        ("victorops", format!("api_url: {url}\napi_key: key\nrouting_key: team")),
        ("rocketchat", format!("api_url: {url}\ntoken: tok\ntoken_id: id\nchannel: '#ops'")),
        (
            "mattermost",
            format!(
                "webhook_url: {url}/hooks/x\npriority: {{priority: urgent, requested_ack: true}}"
            ),
        ),
        ("incidentio", format!("url: {url}/incident\nalert_source_token: inc")),
    ];
    let mut bodies = Vec::new();
    for (kind, entry) in &entries {
        let asked = told(&sink, kind, entry, &firing).await;
        bodies.push(asked.last().unwrap().clone());
    }
    let [telegram, teams, connector, discord, webex, victorops, rocketchat, mattermost, incidentio] =
        bodies.as_slice()
    else {
        panic!("all of them")
    };
    assert_eq!(telegram.line, "POST /bott0ken/sendMessage");
    assert_eq!(telegram.json()["text"], "<b>api is &#34;down&#34; &lt;now&gt;</b>");
    assert_eq!(telegram.json()["chat_id"], "-100");
    let card = &teams.json()["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(card["content"]["body"][0]["color"], "Attention");
    assert_eq!(connector.json()["@context"], "http://schema.org/extensions");
    assert_eq!(discord.json()["embeds"][0]["title"], "[FIRING:1] Down (api critical)");
    assert_eq!(webex.json()["roomId"], "room");
    assert!(webex.headers.contains("authorization: Bearer w"));
    assert_eq!(victorops.line, "POST /key/team");
    assert_eq!(victorops.json()["message_type"], "CRITICAL");
    assert_eq!(rocketchat.line, "POST /api/v1/chat.postMessage");
    assert!(rocketchat.headers.contains("x-auth-token: tok"));
    assert_eq!(mattermost.json()["priority"], json!({"priority": "urgent", "requested_ack": true}));
    assert_eq!(mattermost.json()["attachments"][0]["color"], "danger");
    assert!(incidentio.headers.contains("authorization: Bearer inc"));
    assert_eq!(incidentio.json()["version"], "1");
}

#[tokio::test]
async fn wechat_asks_for_a_token_once() {
    let token = ("200 OK", "", r#"{"access_token":"wx","errcode":0}"#);
    let sink = Sink::new(&[token, ("200 OK", "", r#"{"errcode":0}"#)]).await;
    let entry = format!("api_url: {}/\napi_secret: s3cret\ncorp_id: corp\nagent_id: '1'", sink.url);
    let wechat = integration("wechat", &entry);
    for _ in 0..2 {
        wechat.notifier.notify(&context(), &[alert("critical", None)]).await.unwrap();
    }
    let lines: Vec<String> = sink.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        lines,
        [
            "GET /gettoken?corpsecret=s3cret&corpid=corp",
            "POST /message/send?access_token=wx",
            "POST /message/send?access_token=wx",
        ]
    );
    assert_eq!(sink.asked()[1].json()["msgtype"], "text");
}

#[tokio::test]
async fn jira_issues_are_made_changed_and_closed() {
    let sink = Sink::new(&[
        ("200 OK", "", r#"{"issues":[]}"#),
        ("201 Created", "", r#"{"key":"OPS-1"}"#),
        (
            "200 OK",
            "",
            r#"{"issues":[{"key":"OPS-1","fields":{"status":{"statusCategory":{"key":"new"}}}}]}"#,
        ),
        ("204 No Content", "", ""),
        ("200 OK", "", r#"{"transitions":[{"id":"31","name":"Done"}]}"#),
        ("204 No Content", "", ""),
    ])
    .await;
    let entry = format!(
        "api_url: {}/rest/api/2\nproject: OPS\nissue_type: Bug\nresolve_transition: Done\nfields: {{customfield_1: {{value: '{{{{ .Status }}}}'}}}}",
        sink.url
    );
    let jira = integration("jira", &entry);
    let made = jira.notifier.notify(&context(), &[alert("critical", None)]).await.unwrap();
    assert_eq!(made.detail, "made issue OPS-1");
    jira.notifier.notify(&context(), &[alert("critical", Some(1_675_609_500_000))]).await.unwrap();
    let asked = sink.asked();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "POST /rest/api/2/search",
            "POST /rest/api/2/issue",
            "POST /rest/api/2/search",
            "PUT /rest/api/2/issue/OPS-1",
            "GET /rest/api/2/issue/OPS-1/transitions",
            "POST /rest/api/2/issue/OPS-1/transitions",
        ]
    );
    let fields = &asked[1].json()["fields"];
    assert_eq!(fields["project"], json!({"key": "OPS"}));
    assert_eq!(fields["priority"], json!({"name": "High"}));
    assert_eq!(fields["customfield_1"], json!({"value": "firing"}));
    assert!(fields["labels"][0].as_str().unwrap().starts_with("ALERT{"));
    assert_eq!(asked[5].json(), json!({"transition": {"id": "31"}}));
}

#[tokio::test]
async fn sns_requests_are_signed() {
    let sink = Sink::new(&[("200 OK", "", "<R><MessageId>m-1</MessageId></R>")]).await;
    let entry = format!(
        "api_url: {}/\nsigv4: {{region: eu-west-1, access_key: AKID, secret_key: s3cret}}\ntopic_arn: arn:aws:sns:eu-west-1:1:t.fifo\nattributes: {{severity: '{{{{ .CommonLabels.severity }}}}'}}",
        sink.url
    );
    let receipt = tell("sns", &entry, &[alert("critical", None)]).await.unwrap();
    assert_eq!(receipt.detail, "message m-1");
    let asked = sink.asked();
    let credential = "authorization: AWS4-HMAC-SHA256 Credential=AKID/";
    assert!(asked[0].headers.contains(credential), "{}", asked[0].headers);
    assert!(asked[0].headers.contains("/eu-west-1/sns/aws4_request, SignedHeaders="));
    for part in ["Action=Publish", "MessageGroupId=", "MessageAttributes.entry.1.Name=severity"] {
        assert!(asked[0].body.contains(part), "{}", asked[0].body);
    }
}

#[test]
fn previews_hide_keys() {
    let pushover = integration("pushover", "token: app-token\nuser_key: user-key-1");
    let shown = pushover.notifier.render(&context(), &[alert("critical", None)]).unwrap();
    let (name, body) = &shown.parts[0];
    assert_eq!(name, "body");
    assert!(body.contains("priority=2") && body.contains("expire=3600"), "{body}");
    assert!(!body.contains("app-token") && !body.contains("user-key-1"), "{body}");
}
