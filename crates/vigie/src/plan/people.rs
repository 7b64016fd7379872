//! Users and Grafana's settings: from `vigie.toml` and from Grafana's environment variables.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use vigie_catalog::Role;
use vigie_show::UsersOptions;
use vigie_show::grafana::GrafanaOptions;

use crate::config::{Settings, duration, environment};

/// Who has to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// Nobody, on no port.
    Off,
    /// Whoever changes what people decided: dashboards, folders, annotations, users, tokens. All
    /// else on the page's port is as open as the other ports.
    Changes,
    /// Whoever asks on the page's port.
    Page,
    /// Whoever asks on any port.
    Everywhere,
}

impl SignIn {
    fn parse(text: &str, listen: IpAddr) -> Result<Self> {
        Ok(match text {
            // Who reaches a port of this machine alone is on it already.
            "auto" if listen.is_loopback() => Self::Changes,
            "auto" | "always" => Self::Page,
            "everywhere" => Self::Everywhere,
            "never" => Self::Off,
            other => {
                bail!("[users] sign_in: {other:?} is none of auto, always, everywhere, never")
            }
        })
    }

    /// Whether the page's port is open, but for what people decided.
    pub(crate) const fn leaves_page_open(self) -> bool {
        matches!(self, Self::Off | Self::Changes)
    }
}

/// Users and what Grafana's API tells.
#[derive(Debug, Clone)]
pub(crate) struct PeoplePlan {
    /// Folder of its own.
    pub(crate) folder: PathBuf,
    pub(crate) sign_in: SignIn,
    /// The first administrator's login.
    pub(crate) administrator: String,
    pub(crate) administrator_email: String,
    /// Their password; none: one is made up.
    pub(crate) password: Option<String>,
    /// Whether there shall be a first administrator at all.
    pub(crate) makes_administrator: bool,
    pub(crate) users: UsersOptions,
    pub(crate) grafana: GrafanaOptions,
    /// How many versions of a dashboard are kept.
    pub(crate) versions_max: usize,
}

/// A variable of Grafana: `GF_<SECTION>_<KEY>`, or the content of the file that the same name
/// with `__FILE` gives.
fn variable(name: &str) -> Result<Option<String>> {
    if let Some(value) = environment(name).filter(|value| !value.is_empty()) {
        return Ok(Some(value));
    }
    let Some(path) = environment(&format!("{name}__FILE")).filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path).with_context(|| format!("{name}__FILE: {path}"))?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}

fn flag(name: &str, default: bool) -> Result<bool> {
    match variable(name)?.as_deref() {
        None => Ok(default),
        Some("true" | "1" | "True" | "TRUE") => Ok(true),
        Some("false" | "0" | "False" | "FALSE") => Ok(false),
        Some(other) => bail!("{name}: {other:?} is neither true nor false"),
    }
}

fn time(name: &str, default: Duration) -> Result<Duration> {
    match variable(name)? {
        Some(text) => duration(&text).with_context(|| name.to_owned()),
        None => Ok(default),
    }
}

impl PeoplePlan {
    /// `vigie run`
    pub(super) fn from_settings(
        settings: &Settings,
        data: &std::path::Path,
        listen: IpAddr,
    ) -> Result<Self> {
        let sign_in = SignIn::parse(&settings.users.sign_in, listen)?;
        let users = UsersOptions::default();
        let users = UsersOptions {
            anonymous: anonymous(sign_in)?,
            cookie_name: variable("GF_AUTH_LOGIN_COOKIE_NAME")?.unwrap_or(users.cookie_name),
            cookie_secure: flag("GF_SECURITY_COOKIE_SECURE", false)?,
            session_idle: time(
                "GF_AUTH_LOGIN_MAXIMUM_INACTIVE_LIFETIME_DURATION",
                users.session_idle,
            )?,
            session_lifetime: time(
                "GF_AUTH_LOGIN_MAXIMUM_LIFETIME_DURATION",
                users.session_lifetime,
            )?,
            basic_auth: flag("GF_AUTH_BASIC_ENABLED", true)?,
        };
        let name = &users.cookie_name;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        {
            bail!("GF_AUTH_LOGIN_COOKIE_NAME: {name:?} is no name of a cookie");
        }
        let mut grafana = GrafanaOptions::default();
        let root_url = variable("GF_SERVER_ROOT_URL")?.or(settings.show.external_url.clone());
        if let Some(url) = root_url {
            grafana.cookie_secure = url.starts_with("https://");
            grafana.root_url = format!("{}/", url.trim_end_matches('/'));
        }
        grafana.version.clone_from(&settings.show.grafana_version);
        let versions = variable("GF_DASHBOARDS_VERSIONS_TO_KEEP")?;
        let versions = versions.map(|text| text.parse().context("GF_DASHBOARDS_VERSIONS_TO_KEEP"));
        Ok(Self {
            folder: data.join("catalog"),
            sign_in,
            administrator: variable("GF_SECURITY_ADMIN_USER")?.unwrap_or_else(|| "admin".into()),
            administrator_email: variable("GF_SECURITY_ADMIN_EMAIL")?
                .unwrap_or_else(|| "admin@localhost".into()),
            password: variable("GF_SECURITY_ADMIN_PASSWORD")?,
            makes_administrator: !flag("GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION", false)?,
            users,
            grafana,
            versions_max: versions.transpose()?.unwrap_or(20),
        })
    }
}

/// What somebody may do who has not signed in.
fn anonymous(sign_in: SignIn) -> Result<Role> {
    if variable("GF_AUTH_ANONYMOUS_ENABLED")?.is_none() && sign_in == SignIn::Changes {
        return Ok(Role::Viewer);
    }
    if !flag("GF_AUTH_ANONYMOUS_ENABLED", false)? {
        return Ok(Role::None);
    }
    match variable("GF_AUTH_ANONYMOUS_ORG_ROLE")?.as_deref() {
        None | Some("Viewer") => Ok(Role::Viewer),
        Some("Editor") => Ok(Role::Editor),
        Some("Admin") => Ok(Role::Administrator),
        Some(other) => bail!("GF_AUTH_ANONYMOUS_ORG_ROLE: there is no role {other:?}"),
    }
}
