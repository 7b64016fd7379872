//! Opens what people decided, and sees to it that somebody can sign in.

use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use vigie_catalog::{Catalog, Limits};
use vigie_show::Users;
use vigie_show::grafana::GrafanaState;
use vigie_world::World;

use crate::plan::{PeoplePlan, SignIn};

/// What people decided, and who they are.
#[derive(Debug, Clone)]
pub(super) struct People {
    pub(super) catalog: Arc<Catalog>,
    pub(super) users: Arc<Users>,
}

impl People {
    /// Opens the catalog; makes the first administrator.
    pub(super) fn open(plan: &PeoplePlan, world: &World) -> Result<Self> {
        let limits = Limits { versions_max: plan.versions_max, ..Limits::default() };
        let catalog = Catalog::open(Arc::clone(&world.disk), &plan.folder, limits)
            .with_context(|| format!("opening the catalog in {}", plan.folder.display()))?;
        // Hashes of passwords and secrets lie there.
        let owner_alone = std::fs::Permissions::from_mode(0o700);
        if let Err(error) = std::fs::set_permissions(&plan.folder, owner_alone) {
            tracing::warn!(folder = %plan.folder.display(), %error, "others may read the catalog");
        }
        let catalog = Arc::new(catalog);
        let users = Users::new(Arc::clone(&catalog), world.clone(), plan.users.clone());
        if plan.makes_administrator && plan.sign_in != SignIn::Off {
            let login = &plan.administrator;
            let made_up = users
                .ensure_administrator(login, &plan.administrator_email, plan.password.clone())
                .context("making the first administrator")?;
            if let Some(password) = made_up {
                tell(login, &password, &plan.folder.join("initial-password"))?;
            }
        }
        Ok(Self { catalog, users: Arc::new(users) })
    }

    /// Those whom the front door asks.
    pub(super) fn at_the_door(&self, plan: &PeoplePlan) -> Option<Arc<Users>> {
        (plan.sign_in != SignIn::Off).then(|| Arc::clone(&self.users))
    }

    /// What Grafana's API serves from.
    pub(super) fn grafana(&self, plan: &PeoplePlan, world: &World) -> Arc<GrafanaState> {
        Arc::new(GrafanaState {
            catalog: Arc::clone(&self.catalog),
            users: Arc::clone(&self.users),
            world: world.clone(),
            options: plan.grafana.clone(),
        })
    }
}

/// Tells the password that was made up: to the person at the terminal, and in a file that only
/// they can read. Never to where logs go.
#[expect(clippy::print_stderr, reason = "a secret for the person who watches, not for the log")]
fn tell(login: &str, password: &str, path: &Path) -> Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("writing {}", path.display()))?;
    writeln!(file, "{login} {password}").with_context(|| format!("writing {}", path.display()))?;
    tracing::info!(
        user = login, file = %path.display(),
        "a password was made up for the first start; change it, then remove the file"
    );
    if std::io::stderr().is_terminal() {
        eprintln!("\n  sign in as {login} with the password {password}\n");
    }
    Ok(())
}
