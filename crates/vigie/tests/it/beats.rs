//! A Beats client that others wrote sends: through the seed's pipeline, straight to the store, and
//! over TLS with certificates on both sides.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use vigie_testkit::{free_port, python};

use crate::logstash::{documents, seed_server_with_beats};
use crate::vigie;

/// Sends the JSON objects of the second argument in windows of two hundred, and is done when the
/// last one is acknowledged. With more arguments: TLS with this certificate, key and authority.
const SENDER: &str = r#"
import json, sys
from pylogbeat import PyLogBeatClient
port, events, *tls = sys.argv[1:]
options = {}
if tls:
    options = dict(ssl_enable=True, certfile=tls[0], keyfile=tls[1], ca_certs=tls[2])
    if not tls[0]:
        del options["certfile"], options["keyfile"]
client = PyLogBeatClient("127.0.0.1", int(port), timeout=30, **options)
events = json.loads(events)
for first in range(0, len(events), 200):
    client.send(events[first:first + 200])
client.close()
"#;

fn send(python: &Path, port: u16, events: &Value, tls: &[&Path]) -> Result<(), String> {
    let mut command = Command::new(python);
    command.args(["-c", SENDER, &port.to_string(), &events.to_string()]).args(tls);
    let output = command.output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn beats_go_through_the_seeds_pipeline() {
    const NAME: &str = "beats_go_through_the_seeds_pipeline";
    let Some(python) = python(NAME) else { return };
    let Some((mut server, _, port)) = seed_server_with_beats(NAME).await else { return };
    let event = |at: usize| {
        json!({
            "@timestamp": "2023-11-10T12:00:00.000Z",
            "@metadata": {"beat": "filebeat", "version": "8.5.0", "type": "_doc"},
            "message": json!({"timestamp": "2023-11-10T10:30:45.123Z", "n": at, "password": "do-not-keep"}).to_string(),
            "fields": {"service": "system"},
        })
    };
    let events: Vec<Value> = (0..500).map(event).collect();
    send(&python, port, &json!(events), &[]).unwrap();
    // Acknowledged is kept.
    server.kill().unwrap();
    server.launch().await.unwrap();
    let found = documents(&server, "logs-2023.11.10", 500).await;
    let mut numbers: Vec<u64> =
        found.iter().map(|hit| hit["_source"]["n"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..500));
    let source = &found[0]["_source"];
    assert_eq!(source["fields"]["service"], "system");
    assert!(source.get("password").is_none() && source.get("@metadata").is_none(), "{source}");
    let tags = source["tags"].as_array().unwrap();
    for tag in ["processed", "beats_input_codec_plain_applied"] {
        assert!(tags.contains(&json!(tag)), "{source}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beats_without_a_pipeline_are_kept() {
    const NAME: &str = "beats_without_a_pipeline_are_kept";
    let Some(python) = python(NAME) else { return };
    let mut server = vigie().door("beats_port").unwrap().start().await.unwrap();
    let event = json!({
        "@timestamp": "2024-02-03T04:05:06.789Z",
        "@metadata": {"beat": "filebeat"},
        "message": "a line",
    });
    send(&python, server.door("beats_port"), &json!([event, "no object"]), &[]).unwrap();
    server.kill().unwrap();
    server.launch().await.unwrap();
    let found = documents(&server, "logs-2024.02.03", 1).await;
    assert_eq!(found[0]["_source"]["message"], "a line");
    let found = documents(&server, "logs-*", 2).await;
    let odd = found.iter().find(|hit| hit["_source"]["message"] == "no object").unwrap();
    assert_eq!(odd["_source"]["tags"], json!(["_beatsjsonfailure"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn beats_show_their_certificates() {
    const NAME: &str = "beats_show_their_certificates";
    let Some(python) = python(NAME) else { return };
    let builder = vigie();
    let folder = builder.folder().to_path_buf();
    let file = |name: &str| folder.join(name);
    let issuer_key = rcgen::KeyPair::generate().unwrap();
    let mut issuer = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // With the name of the certificates that it signs, it would look as if they signed themselves.
    issuer.distinguished_name.push(rcgen::DnType::CommonName, "the issuer");
    issuer.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    std::fs::write(file("ca.pem"), issuer.self_signed(&issuer_key).unwrap().pem()).unwrap();
    let issuer = rcgen::Issuer::new(issuer, issuer_key);
    for name in ["server", "client"] {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(file(&format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let port = free_port().unwrap();
    let conf = format!(
        r#"input {{ beats {{ port => {port} ssl_enabled => true
             ssl_certificate => "{0}/server.pem" ssl_key => "{0}/server.key"
             ssl_certificate_authorities => ["{0}/ca.pem"]
             ssl_client_authentication => "required" }} }}
           output {{ elasticsearch {{ hosts => ["elasticsearch:9200"] index => "shown" }} }}"#,
        folder.display()
    );
    std::fs::write(file("logstash.conf"), conf).unwrap();
    let builder = builder
        .arg(file("logstash.conf").display().to_string())
        .settings(&format!("[logstash]\nport = {}\n", free_port().unwrap()));
    let server = builder.start().await.unwrap();
    let events = json!([{"message": "shown"}]);
    let (certificate, key, authority) = (file("client.pem"), file("client.key"), file("ca.pem"));
    send(&python, port, &events, &[&certificate, &key, &authority]).unwrap();
    assert_eq!(documents(&server, "shown", 1).await[0]["_source"]["message"], "shown");
    // Without a certificate, and without TLS, nothing comes in.
    let nothing = Path::new("");
    assert!(send(&python, port, &events, &[nothing, nothing, &authority]).is_err());
    assert!(send(&python, port, &events, &[]).is_err());
    assert_eq!(documents(&server, "shown", 1).await.len(), 1);
}
