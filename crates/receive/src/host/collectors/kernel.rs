//! `entropy`, `filefd`, `kernel_hung` and `selinux`: single files about the kernel.

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect_entropy(
    context: &Context<'_>,
    out: &mut Families,
) -> Result<(), CollectError> {
    let folder = context.options.proc("sys/kernel/random");
    for (file, name, help) in [
        ("entropy_avail", "node_entropy_available_bits", "Bits of available entropy."),
        ("poolsize", "node_entropy_pool_size_bits", "Bits of entropy pool."),
    ] {
        let text = reader::read(&folder.join(file))?;
        let bits = reader::parse_integer(text.trim())
            .ok_or_else(|| CollectError::parse("entropy", &text))?;
        out.gauge(name, help, &[], bits);
    }
    Ok(())
}

pub(super) fn collect_filefd(
    context: &Context<'_>,
    out: &mut Families,
) -> Result<(), CollectError> {
    let text = reader::read(&context.options.proc("sys/fs/file-nr"))?;
    let fields: Vec<f64> = text.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    let [allocated, _, maximum] = fields[..] else {
        return Err(CollectError::parse("file-nr", &text));
    };
    let help = "File descriptor statistics: allocated.";
    out.gauge("node_filefd_allocated", help, &[], allocated);
    let help = "File descriptor statistics: maximum.";
    out.gauge("node_filefd_maximum", help, &[], maximum);
    Ok(())
}

pub(super) fn collect_kernel_hung(
    context: &Context<'_>,
    out: &mut Families,
) -> Result<(), CollectError> {
    let path = context.options.proc("sys/kernel/hung_task_detect_count");
    let text = reader::read_or_no_data(&path)?;
    let count = reader::parse_integer(text.trim())
        .ok_or_else(|| CollectError::parse("hung_task_detect_count", &text))?;
    out.counter(
        "node_kernel_hung_tasks_total",
        "Total number of tasks that have been detected as hung since the system booted.",
        &[],
        count,
    );
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a collector")]
pub(super) fn collect_selinux(
    context: &Context<'_>,
    out: &mut Families,
) -> Result<(), CollectError> {
    let folder = context.options.sys("fs/selinux");
    let enforcing = reader::number(&folder, "enforce");
    let help = "SELinux is enabled, 1 is true, 0 is false";
    let Some(enforcing) = enforcing else {
        out.gauge("node_selinux_enabled", help, &[], 0.0);
        return Ok(());
    };
    out.gauge("node_selinux_enabled", help, &[], 1.0);
    let help = "Current SELinux enforcement mode";
    out.gauge("node_selinux_current_mode", help, &[], enforcing);
    let config = reader::read(&context.options.root("/etc/selinux/config")).unwrap_or_default();
    let mode = config.lines().find_map(|line| line.trim().strip_prefix("SELINUX="));
    let mode = match mode {
        Some("enforcing") => 1.0,
        Some("permissive") => 0.0,
        _ => -1.0,
    };
    out.gauge("node_selinux_config_mode", "Configured SELinux enforcement mode", &[], mode);
    Ok(())
}
