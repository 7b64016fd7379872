//! `uname`: which kernel this is.

use super::{CollectError, Context, Families};

#[expect(clippy::unnecessary_wraps, reason = "the shape of a collector")]
pub(super) fn collect(_: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let uname = rustix::system::uname();
    out.gauge(
        "node_uname_info",
        "Labeled system information as provided by the uname system call.",
        &[
            ("sysname", &uname.sysname().to_string_lossy()),
            ("release", &uname.release().to_string_lossy()),
            ("version", &uname.version().to_string_lossy()),
            ("machine", &uname.machine().to_string_lossy()),
            ("nodename", &uname.nodename().to_string_lossy()),
            ("domainname", &uname.domainname().to_string_lossy()),
        ],
        1.0,
    );
    Ok(())
}
