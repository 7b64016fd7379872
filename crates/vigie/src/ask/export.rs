//! `vigie export`.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use super::sql::answered;
use crate::args::ExportArgs;
use crate::log::say;

/// A server that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_mins(5);
/// How often progress is shown.
const PROGRESS: Duration = Duration::from_millis(500);

/// Writes the answer to a file, which has its name only once it is whole.
pub(crate) async fn export(args: ExportArgs) -> Result<()> {
    let statement = match args.what.as_str() {
        table @ ("logs" | "spans" | "metrics") => format!("SELECT * FROM {table}"),
        statement => statement.to_owned(),
    };
    let url = format!("{}/api/v1/sql?format=parquet", args.server.address());
    let client = reqwest::Client::builder().read_timeout(SILENCE).build()?;
    let request = client.post(&url).json(&json!({"query": statement}));
    let answer = answered(request, &args.server).await?;
    let mut name = args.output.file_name().context("the output has no file name")?.to_owned();
    name.push(".part");
    let unfinished = args.output.with_file_name(name);
    let written = receive(answer, &unfinished).await.and_then(|bytes| {
        std::fs::rename(&unfinished, &args.output)
            .with_context(|| format!("naming {}", args.output.display()))?;
        Ok(bytes)
    });
    let bytes = written.inspect_err(|_| {
        // What is left is of no use, and what went wrong is told already.
        std::fs::remove_file(&unfinished).ok();
    })?;
    say(&format!("{}: {bytes} bytes", args.output.display()));
    Ok(())
}

async fn receive(mut answer: reqwest::Response, path: &Path) -> Result<u64> {
    let writing = || format!("writing {}", path.display());
    let mut file = std::fs::File::create(path).with_context(writing)?;
    let is_seen = std::io::stderr().is_terminal();
    let (mut bytes, mut shown) = (0_u64, Instant::now());
    while let Some(piece) = answer.chunk().await.context("the server broke the export off")? {
        file.write_all(&piece).with_context(writing)?;
        bytes += piece.len() as u64;
        if is_seen && shown.elapsed() > PROGRESS {
            eprint!("\r{:.1} MiB", bytes as f64 / f64::from(1 << 20));
            shown = Instant::now();
        }
    }
    if is_seen {
        eprint!("\r");
    }
    file.sync_all().with_context(writing)?;
    Ok(bytes)
}
