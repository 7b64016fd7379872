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
const PYTHON_PACKAGES: [&str; 16] = [
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
];

/// Installs what is missing. Returns the Python interpreter of the tests' own environment.
pub(crate) fn install() -> Result<Option<PathBuf>> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(program, _)| !installed(program))
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        install_packages(&missing);
    }
    python()
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

fn python() -> Result<Option<PathBuf>> {
    if !installed("python3") {
        eprintln!("python3 is not installed; tests that need it are skipped");
        return Ok(None);
    }
    let folder = target_folder()?.join("test-python");
    let interpreter = folder.join("bin/python");
    let marker = folder.join("installed");
    let wanted = PYTHON_PACKAGES.join(" ");
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(Some(interpreter));
    }
    println!("installing Python packages {wanted}");
    let made = check(Command::new("python3").args(["-m", "venv"]).arg(&folder)).and_then(|()| {
        let mut pip = Command::new(&interpreter);
        check(
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(PYTHON_PACKAGES),
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
