//! Who data belongs to.

use std::fmt;
use std::sync::Arc;

/// The name of a tenant, as sent in `X-Scope-OrgID`. Tenants never see each other's data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

/// Why a string cannot name a tenant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TenantError {
    /// Longer than [`TenantId::LENGTH_BYTES_MAX`].
    #[error("tenant id is {0} bytes long, more than the {max} allowed", max = TenantId::LENGTH_BYTES_MAX)]
    TooLong(usize),
    /// Holds a character that has a meaning in paths or in lists of tenants.
    #[error("tenant id holds {0:?}; allowed are letters, digits and !-_.*'()")]
    Character(char),
    /// Would be a path of its own (`.` or `..`) or is empty.
    #[error("tenant id must not be empty, \".\" or \"..\"")]
    Reserved,
}

impl TenantId {
    /// The longest tenant id accepted, as in Mimir and Loki.
    pub const LENGTH_BYTES_MAX: usize = 150;

    /// The tenant of requests that name none.
    pub fn default_tenant() -> Self {
        Self(Arc::from("default"))
    }

    /// Checks `id` by the rules of Mimir and Loki: at most 150 bytes of letters, digits and
    /// `!-_.*'()`, and neither `.` nor `..`, so that an id is safe as a folder's name.
    pub fn new(id: &str) -> Result<Self, TenantError> {
        if id.is_empty() || id == "." || id == ".." {
            return Err(TenantError::Reserved);
        }
        if id.len() > Self::LENGTH_BYTES_MAX {
            return Err(TenantError::TooLong(id.len()));
        }
        match id.chars().find(|c| !c.is_ascii_alphanumeric() && !"!-_.*'()".contains(*c)) {
            Some(c) => Err(TenantError::Character(c)),
            None => Ok(Self(Arc::from(id))),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TenantId {
    fn default() -> Self {
        Self::default_tenant()
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_leave_their_folder_are_refused() {
        assert_eq!(TenantId::new(".."), Err(TenantError::Reserved));
        assert_eq!(TenantId::new("a/b"), Err(TenantError::Character('/')));
        assert_eq!(TenantId::new(&"x".repeat(151)), Err(TenantError::TooLong(151)));
        assert_eq!(TenantId::new("seg-12").unwrap().as_str(), "seg-12");
    }
}
