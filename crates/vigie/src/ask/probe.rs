//! Whether a server answers.

use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Asks `url` + `path` once; an error unless the answer is 200.
#[expect(clippy::print_stdout, reason = "the answer is the output")]
pub(crate) async fn ask(url: &str, path: &str) -> Result<()> {
    let url = format!("{}{path}", url.trim_end_matches('/'));
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
    let answer = client.get(&url).send().await.with_context(|| format!("asking {url}"))?;
    let (status, text) = (answer.status(), answer.text().await?);
    if !status.is_success() {
        bail!("{url} answered {status}: {text}");
    }
    println!("{}", text.trim_end());
    Ok(())
}
