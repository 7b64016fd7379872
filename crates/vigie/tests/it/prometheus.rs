//! The binary called `prometheus`, with Prometheus' flags.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use vigie_testkit::{client, free_port};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn prometheus(folder: &Path, args: &[&str]) -> Running {
    let child = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .arg("prometheus")
        .args(args)
        .current_dir(folder)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

/// The text at `url` once `until` accepts it.
async fn wait_for(url: &str, until: impl Fn(&str) -> bool) -> String {
    let client = client().unwrap();
    let mut last = String::new();
    for _ in 0..300 {
        if let Ok(answer) = client.get(url).send().await {
            last = answer.text().await.unwrap_or_default();
            if until(&last) {
                return last;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{url}: {last}");
}

#[tokio::test]
async fn everything_is_below_the_path_of_the_external_url() {
    let folder = tempfile::tempdir().unwrap();
    let write = |job: &str| {
        let text = format!("scrape_configs: [{{job_name: {job}}}]\n");
        std::fs::write(folder.path().join("prometheus.yml"), text).unwrap();
    };
    write("first");
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let external = format!("--web.external-url=http://{address}/metrics/of/us/");
    let _running = prometheus(
        folder.path(),
        &[
            "--web.listen-address",
            &address,
            &external,
            "--web.enable-lifecycle",
            "--web.console.templates=consoles",
            "--storage.tsdb.wal-compression",
            "--config.auto-reload",
            "--config.auto-reload-interval=1s",
        ],
    );
    let root = format!("http://{address}");
    let below = format!("{root}/metrics/of/us");
    wait_for(&format!("{below}/-/ready"), |text| text.contains("Ready")).await;
    let asked = wait_for(&format!("{below}/api/v1/query?query=1"), |_| true).await;
    assert!(asked.contains("\"success\""), "{asked}");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let home = client.get(&root).send().await.unwrap();
    assert_eq!(home.headers()["location"], "/metrics/of/us/");
    for outside in ["/api/v1/query?query=1", "/-/ready", "/graph", "/metrics"] {
        let answer = client.get(format!("{root}{outside}")).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{outside}");
    }
    for page in ["", "/", "/graph"] {
        let answer = client.get(format!("{below}{page}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{page:?}");
        let text = answer.text().await.unwrap();
        // A binary that was built without its page says so.
        assert!(
            text.contains("<base href=\"/metrics/of/us/\" />") || text.contains("without its page"),
            "{text}"
        );
    }

    // Changes of the file are found; what cannot be loaded leaves the old configuration running.
    let pools = format!("{below}/api/v1/scrape_pools");
    write("second");
    wait_for(&pools, |text| text.contains("second")).await;
    write("broken, static_configs: {}");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    wait_for(&pools, |text| text.contains("second")).await;
    write("third");
    wait_for(&pools, |text| text.contains("third")).await;
}

#[tokio::test]
async fn an_agent_sends_on_and_has_no_rules() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("a.yml"), text).unwrap();
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let args = ["--agent", "--config.file=a.yml", "--web.listen-address", &address];
    write("rule_files: [rules.yml]\n");
    let mut refused = prometheus(folder.path(), &args);
    assert!(!refused.0.wait().unwrap().success());

    let receiver = crate::vigie().start().await.unwrap();
    write(&format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: self, static_configs: [{{targets: ['{address}']}}]}}]\nremote_write: [{{url: '{}/api/v1/write'}}]\n",
        receiver.api
    ));
    let _running = prometheus(folder.path(), &args);
    let question = format!("{}/api/v1/query?query=up%7Bjob%3D%22self%22%7D", receiver.api);
    let answer = wait_for(&question, |text| text.contains("\"self\"")).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["data"]["result"][0]["value"][1], "1");
    assert!(folder.path().join("data-agent").is_dir());
}
