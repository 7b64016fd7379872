//! `scrape_failure_log_file`: a line of JSON for each scrape that failed, with the fields that
//! Prometheus writes.

use std::path::{Path, PathBuf};

use vigie_world::World;

/// Where failed scrapes of a job are logged.
#[derive(Debug, Clone)]
pub(super) struct FailureLog {
    path: PathBuf,
    job: String,
}

/// A failed scrape.
#[derive(Debug)]
pub(super) struct Failure<'a> {
    /// When it began.
    pub timestamp_ms: i64,
    /// What was asked.
    pub target_url: &'a str,
    /// Why it failed.
    pub error: &'a str,
}

impl FailureLog {
    /// The log of a job, `None` when no file is named. Fails when the file cannot be written.
    pub(super) fn open(path: &Path, job: &str, world: &World) -> Result<Option<Self>, String> {
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        let opened = world.disk.open_append(path);
        opened.map_err(|error| {
            format!("can't create json log file: open {}: {error}", path.display())
        })?;
        Ok(Some(Self { path: path.to_owned(), job: job.to_owned() }))
    }

    /// Appends a line. The file is opened for each, so that it can be moved away at any time;
    /// whole lines are appended, so that jobs can share a file.
    pub(super) fn write(&self, failure: &Failure<'_>, world: &World) {
        let mut line = self.line(failure).into_bytes();
        line.push(b'\n');
        let appended = world.disk.open_append(&self.path).and_then(|mut f| f.append(&line));
        if let Err(error) = appended {
            let path = self.path.display();
            tracing::warn!(%path, %error, "a failed scrape could not be logged");
        }
    }

    fn line(&self, failure: &Failure<'_>) -> String {
        let time = jiff::Timestamp::from_millisecond(failure.timestamp_ms).unwrap_or_default();
        serde_json::json!({
            "time": format!("{time:.3}"),
            "level": "ERROR",
            "msg": failure.error,
            "job_name": self.job,
            "target": failure.target_url,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_with_the_fields_of_prometheus() {
        let log = FailureLog { path: PathBuf::from("x"), job: "j".to_owned() };
        let failure = Failure { timestamp_ms: 1_500, target_url: "http://t/m", error: "no \"x\"" };
        let line: serde_json::Value = serde_json::from_str(&log.line(&failure)).unwrap();
        assert_eq!(line["time"], "1970-01-01T00:00:01.500Z");
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["msg"], "no \"x\"");
        assert_eq!(line["job_name"], "j");
        assert_eq!(line["target"], "http://t/m");
    }
}
