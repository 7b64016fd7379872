//! Installs what the tests need and a fresh machine with Rust, Node and Python lacks.
//!
//! What cannot be installed (no root, no such package here) is no error: the tests that need it
//! say "skipped" by name.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::shell::{check, installed, target_folder};

/// Debian packages by the program they bring: the real peers that tests compare with.
const PACKAGES: [(&str, &str); 9] = [
    ("prometheus", "prometheus"),
    ("amtool", "prometheus-alertmanager"),
    ("prometheus-node-exporter", "prometheus-node-exporter"),
    ("chromium", "chromium"),
    ("curl", "curl"),
    ("jq", "jq"),
    ("bc", "bc"),
    ("pg_ctlcluster", "postgresql"),
    ("rsyslogd", "rsyslog-elasticsearch"),
];

/// Python packages: official clients that tests send and ask with, and a stand-in for S3.
const PYTHON_PACKAGES: [&str; 23] = [
    "prometheus_client",
    "flask",
    "cramjam",
    "aiosmtpd",
    "moto[s3]",
    "flask-cors",
    "requests",
    "influxdb",
    "influxdb-client",
    "elasticsearch>=8,<9",
    "opensearch-py",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry-exporter-zipkin-json",
    "pygrok",
    "pylogbeat",
    "python-json-logger",
    "pygelf",
    "fluent-logger",
    "psycopg[binary]",
    "asyncpg",
    "duckdb",
];

/// The packages that the seed's `tracing.py` asks for: the last exporter to Jaeger, which has not
/// been made since 2023, and the Flask of its day.
const SEED_PYTHON_PACKAGES: [&str; 7] = [
    "opentelemetry-exporter-jaeger-thrift==1.21.0",
    "opentelemetry-instrumentation-flask==0.42b0",
    "opentelemetry-instrumentation-requests==0.42b0",
    "flask<3",
    "werkzeug<3",
    "requests",
    "setuptools<81",
];

/// The packages that the seed's `instrumentation.js` asks for, in the last versions that have the
/// calls it makes.
const SEED_NODE_PACKAGES: [&str; 8] = [
    "@opentelemetry/api@1",
    "@opentelemetry/sdk-trace-node@1",
    "@opentelemetry/sdk-trace-base@1",
    "@opentelemetry/exporter-jaeger@1",
    "@opentelemetry/instrumentation@0.57",
    "@opentelemetry/instrumentation-http@0.57",
    "@opentelemetry/instrumentation-express@0.47",
    "express@4",
];

/// A variable that tells tests where something is, and its value.
pub(crate) type Variable = (&'static str, PathBuf);

/// Installs what is missing. Returns where the tests find it.
pub(crate) fn install() -> Result<Vec<Variable>> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(program, _)| !installed(program))
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        install_packages(&missing);
    }
    let python = python("test-python", &PYTHON_PACKAGES)?;
    let of_seed = self::python("test-python-seed", &SEED_PYTHON_PACKAGES)?;
    let all = [
        ("VIGIE_TEST_PYTHON", python),
        ("VIGIE_TEST_PYTHON_SEED", of_seed),
        ("VIGIE_TEST_NODE_SEED", node("test-node-seed", &SEED_NODE_PACKAGES)?),
    ];
    Ok(all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

fn install_packages(packages: &[&str]) {
    if !installed("apt-get") {
        eprintln!("not installed here: {}; tests that need them are skipped", packages.join(", "));
        return;
    }
    println!("installing {}", packages.join(", "));
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "-y", "-o", "Dpkg::Use-Pty=0"]).args(args);
        command.env("DEBIAN_FRONTEND", "noninteractive").stdout(std::process::Stdio::null());
        command
    };
    if let Err(error) = check(&mut apt(&["update"])) {
        eprintln!("{error:#}; tests that need {} may be skipped", packages.join(", "));
    }
    // One by one: a package that this machine's archive lacks does not hinder the others.
    for package in packages {
        if let Err(error) = check(apt(&["install", "--no-install-recommends"]).arg(package)) {
            eprintln!("{error:#}; tests that need {package} are skipped");
        }
    }
}

/// The interpreter of an environment with `packages`, in `folder` of the target folder.
fn python(folder: &str, packages: &[&str]) -> Result<Option<PathBuf>> {
    if !installed("python3") {
        eprintln!("python3 is not installed; tests that need it are skipped");
        return Ok(None);
    }
    let folder = target_folder()?.join(folder);
    let interpreter = folder.join("bin/python");
    let marker = folder.join("installed");
    let wanted = packages.join(" ");
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(Some(interpreter));
    }
    println!("installing Python packages {wanted}");
    let made = check(Command::new("python3").args(["-m", "venv"]).arg(&folder)).and_then(|()| {
        let mut pip = Command::new(&interpreter);
        check(
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(packages),
        )
    });
    match made {
        Ok(()) => {
            std::fs::write(&marker, wanted)?;
            Ok(Some(interpreter))
        }
        Err(error) => {
            eprintln!("{error:#}; tests that need Python clients are skipped");
            Ok(None)
        }
    }
}

/// A `node_modules` with `packages`, in `folder` of the target folder.
fn node(folder: &str, packages: &[&str]) -> Result<Option<PathBuf>> {
    if !installed("npm") {
        eprintln!("npm is not installed; tests that need it are skipped");
        return Ok(None);
    }
    let folder = target_folder()?.join(folder);
    let marker = folder.join("installed");
    let wanted = packages.join(" ");
    let modules = folder.join("node_modules");
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(Some(modules));
    }
    println!("installing Node packages {wanted}");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("package.json"), r#"{"name": "test", "private": true}"#)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund"]).args(packages);
    match check(npm.current_dir(&folder)) {
        Ok(()) => {
            std::fs::write(&marker, wanted)?;
            Ok(Some(modules))
        }
        Err(error) => {
            eprintln!("{error:#}; tests that need Node clients are skipped");
            Ok(None)
        }
    }
}
