//! `meminfo`: what memory is used for.

use super::{CollectError, Context, Families};
use crate::host::family::Kind;
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    parse(&reader::read(&context.options.proc("meminfo"))?, out)
}

/// `Active(anon):  123 kB`: a gauge `node_memory_Active_anon_bytes` for each line, without
/// `_bytes` when the line has no unit.
fn parse(text: &str, out: &mut Families) -> Result<(), CollectError> {
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let wrong = || CollectError::parse("meminfo", line);
        let (name, rest) = line.split_once(':').ok_or_else(wrong)?;
        let mut fields = rest.split_whitespace();
        let value: f64 = fields.next().and_then(|field| field.parse().ok()).ok_or_else(wrong)?;
        let mut name = name.replace('(', "_").replace(')', "");
        let value = match fields.next() {
            Some("kB") => {
                name.push_str("_bytes");
                value * 1024.0
            }
            _ => value,
        };
        // Counters by the original's choice are those that end so; meminfo has none today.
        let kind = if name.ends_with("_total") { Kind::Counter } else { Kind::Gauge };
        let help = format!("Memory information field {name}.");
        out.add(kind, format!("node_memory_{name}"), help, &[], value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_brackets() {
        let mut out = Families::new();
        let text = "MemTotal:       24684092 kB\nActive(anon):  2 kB\nHugePages_Total:       3\n";
        parse(text, &mut out).unwrap();
        let value = |name: &str| out.get(name).unwrap().samples[0].value;
        assert_eq!(value("node_memory_MemTotal_bytes"), 24_684_092.0 * 1024.0);
        assert_eq!(value("node_memory_Active_anon_bytes"), 2048.0);
        assert_eq!(value("node_memory_HugePages_Total"), 3.0);
        assert!(parse("nonsense\n", &mut out).is_err());
    }
}
