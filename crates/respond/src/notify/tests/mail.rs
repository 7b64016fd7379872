//! Mail over real SMTP, to Python's aiosmtpd.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::{alert, context, integration};
use crate::notify::NotifyError;

struct Server {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    fn start(test: &str, mode: &str, way: &str) -> Option<Self> {
        let python = vigie_testkit::python(test)?;
        let has = Command::new(&python).args(["-c", "import aiosmtpd"]).output().ok()?;
        if !has.status.success() {
            eprintln!("skipped: {test} needs aiosmtpd");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/notify/tests/smtp_server.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(mode)
            .args([&cert, &key])
            .arg(way)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Some(Self { child, lines, port, folder })
    }

    fn entry(&self, more: &str) -> String {
        let ca = self.folder.path().join("cert.pem");
        format!(
            "to: 'Team <team@example.com>, b@example.com'\nfrom: alerts@example.com\n\
             smarthost: 'localhost:{}'\nauth_username: alerts@example.com\n\
             tls_config: {{ca_file: '{}'}}\n{more}",
            self.port,
            ca.display()
        )
    }

    fn mail(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

async fn tell(entry: &str) -> Result<(), NotifyError> {
    let mail = integration("email", entry);
    mail.notifier.notify(&context(), &[alert("critical", None)]).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_by_starttls_and_plain() {
    let test = "a_mail_goes_by_starttls_and_plain";
    let Some(mut server) = Server::start(test, "starttls", "PLAIN") else { return };
    let more = "auth_password: password\nsubject: \"\\n[{{ .GroupLabels.alertname }}] é\\n\"\n\
                body: '{{ range .Alerts }}Alert: {{ .Annotations.summary }}{{ end }}'";
    tell(&server.entry(more)).await.unwrap();
    let mail = server.mail();
    assert_eq!(mail["tls"], true);
    assert_eq!(mail["from"], "alerts@example.com");
    assert_eq!(mail["to"], serde_json::json!(["team@example.com", "b@example.com"]));
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("Subject: =?utf-8?q?=5BDown=5D_=C3=A9?=\r\n"), "{text}");
    assert!(text.contains("To: Team <team@example.com>, b@example.com\r\n"), "{text}");
    assert!(text.contains("Content-Type: text/plain; charset=UTF-8"), "{text}");
    assert!(text.contains("Alert: api is \"down\" <now>"), "{text}");
    // What `body` says is the mail: no default HTML beside it.
    assert!(!text.contains("text/html"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_by_tls_and_login_with_html() {
    let test = "a_mail_goes_by_tls_and_login_with_html";
    let Some(mut server) = Server::start(test, "tls", "LOGIN") else { return };
    let more = "auth_password: password\nforce_implicit_tls: true\nheaders: {X-Team: ops}";
    tell(&server.entry(more)).await.unwrap();
    let mail = server.mail();
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("Subject: [FIRING:1] Down (api critical)\r\n"), "{text}");
    assert!(text.contains("X-Team: ops\r\n"), "{text}");
    assert!(text.contains("Content-Type: text/html; charset=UTF-8"), "{text}");
    let html = text.replace("=\r\n", "");
    assert!(html.contains("api is &#34;down&#34; &lt;now&gt;"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_cannot_go_says_why_without_the_password() {
    let test = "mail_that_cannot_go_says_why_without_the_password";
    let Some(server) = Server::start(test, "starttls", "PLAIN") else { return };
    let error = tell(&server.entry("auth_password: wrong-password")).await.unwrap_err();
    assert!(
        !error.retry && error.reason.starts_with("AUTH PLAIN: the server answered 535"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("wrong-password"));
    let entry = server.entry("auth_password: password").replace("b@example", "nobody@example");
    let error = tell(&entry).await.unwrap_err();
    assert!(!error.retry && error.reason.contains("550"), "{error}");
    let entry = server
        .entry("auth_password: password")
        .replace("ca_file", "insecure_skip_verify: false, ca_file");
    let entry = entry.replace("localhost:", "127.0.0.1:");
    // The certificate is for another name.
    let error = tell(&entry).await.unwrap_err();
    assert!(error.retry && error.reason.contains("TLS"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_gets_no_mail_unless_it_may() {
    let test = "a_server_without_tls_gets_no_mail_unless_it_may";
    let Some(mut server) = Server::start(test, "plain", "PLAIN") else { return };
    let error = tell(&server.entry("auth_password: password")).await.unwrap_err();
    assert!(error.reason.contains("does not advertise the STARTTLS extension"), "{error}");
    tell(&server.entry("auth_password: password\nrequire_tls: false")).await.unwrap();
    assert_eq!(server.mail()["tls"], false);
}
