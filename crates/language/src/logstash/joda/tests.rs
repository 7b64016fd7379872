//! What Joda-Time 2 reads and writes, from its documentation; the `date` filter's guesses.

use jiff::tz::TimeZone;

use super::{JodaPattern, read_iso8601};
use crate::search::format_strict_date_time;

/// 2025-11-26T12:00:00Z
const NOW_MS: i64 = 1_764_158_400_000;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn read(pattern: &str, text: &str, zone_name: &str) -> Option<String> {
    let pattern = JodaPattern::parse(pattern).unwrap();
    pattern.read(text, &zone(zone_name), NOW_MS).map(format_strict_date_time)
}

#[test]
fn patterns_read() {
    for (pattern, text, zone, expected) in [
        ("yyyy-MM-dd HH:mm:ss,SSS", "2023-11-10 14:30:45,123", "UTC", "2023-11-10T14:30:45.123Z"),
        ("YYYY-MM-dd HH:mm:ss,SSS", "2023-1-2 4:3:5,1", "UTC", "2023-01-02T04:03:05.100Z"),
        ("dd/MMM/yyyy:HH:mm:ss Z", "10/Nov/2023:14:30:45 +0200", "UTC", "2023-11-10T12:30:45.000Z"),
        (
            "dd/MMM/yyyy:HH:mm:ss Z",
            "10/nov/2023:14:30:45 -05:30",
            "UTC",
            "2023-11-10T20:00:45.000Z",
        ),
        (
            "dd/MMM/yyyy:HH:mm:ss Z",
            "10/NOVEMBER/2023:14:30:45 Z",
            "UTC",
            "2023-11-10T14:30:45.000Z",
        ),
        ("yyyy-MM-dd HH:mm:ss", "2023-07-01 12:00:00", "Europe/Paris", "2023-07-01T10:00:00.000Z"),
        ("MMM dd HH:mm:ss", "Nov 10 14:30:45", "UTC", "2025-11-10T14:30:45.000Z"),
        ("MMM  d HH:mm:ss", "Jan  1 00:00:01", "UTC", "2025-01-01T00:00:01.000Z"),
        ("yyMMddHHmmss", "231110143045", "UTC", "2023-11-10T14:30:45.000Z"),
        ("yyyyMMdd", "20231110", "UTC", "2023-11-10T00:00:00.000Z"),
        ("yy-MM-dd", "99-01-02", "UTC", "1999-01-02T00:00:00.000Z"),
        ("yy-MM-dd", "2023-01-02", "UTC", "2023-01-02T00:00:00.000Z"),
        ("hh:mm a, dd.MM.yyyy", "12:05 am, 10.11.2023", "UTC", "2023-11-10T00:05:00.000Z"),
        ("K:mm a yyyy", "11:05 PM 2023", "UTC", "2023-01-01T23:05:00.000Z"),
        ("EEE MMM dd HH:mm:ss yyyy", "Fri Nov 10 14:30:45 2023", "UTC", "2023-11-10T14:30:45.000Z"),
        ("EEEE, d MMMM yyyy", "Friday, 3 March 2023", "UTC", "2023-03-03T00:00:00.000Z"),
        ("yyyy-DDD", "2024-366", "UTC", "2024-12-31T00:00:00.000Z"),
        ("xxxx-'W'ww-e Y", "2025-W01-1 2025", "UTC", "2024-12-30T00:00:00.000Z"),
        (
            "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
            "2023-11-10T14:30:45.123456",
            "UTC",
            "2023-11-10T14:30:45.123Z",
        ),
        (
            "yyyy-MM-dd HH:mm:ss ZZZ",
            "2023-11-10 14:30:45 Asia/Tokyo",
            "UTC",
            "2023-11-10T05:30:45.000Z",
        ),
        ("yyyy 'o''clock'", "2023 O'CLOCK", "UTC", "2023-01-01T00:00:00.000Z"),
        ("yyyy-MM-dd HH:mm z", "2023-07-01 12:00 PDT", "UTC", "2023-07-01T19:00:00.000Z"),
        ("yyyy-MM-dd kk", "2023-07-01 24", "UTC", "2023-07-01T00:00:00.000Z"),
    ] {
        let found = read(pattern, text, zone);
        assert_eq!(found.as_deref(), Some(expected), "{pattern} {text}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for (pattern, text) in [
        ("yyyy-MM-dd", "2023-11-10 "),
        ("yyyy-MM-dd", "2023-13-10"),
        ("yyyy-MM-dd", "2023-02-30"),
        ("HH:mm:ss,SSS yyyy", "14:30:45,1234 2023"),
        ("HH yyyy", "24 2023"),
        ("hh yyyy", "13 2023"),
        ("MMM yyyy", "nOv 2023"),
        ("Z yyyy", "+25 2023"),
        ("yyyy", ""),
        ("yyyy é", "2023 e"),
        ("yyMM", "2"),
    ] {
        assert_eq!(read(pattern, text, "UTC"), None, "{pattern} {text}");
    }
    // The hour that clocks in Paris skip.
    assert_eq!(read("yyyy-MM-dd HH:mm", "2023-03-26 02:30", "Europe/Paris"), None);
    assert_eq!(JodaPattern::parse("yyyy-ff").unwrap_err(), "Illegal pattern component: ff");
    assert!(JodaPattern::parse("").is_err());
}

#[test]
fn a_missing_year_is_guessed_around_its_turn() {
    let pattern = JodaPattern::parse("MMM dd HH:mm").unwrap();
    let read = |text: &str, now: &str| {
        let now: jiff::Timestamp = now.parse().unwrap();
        let found = pattern.read(text, &TimeZone::UTC, now.as_millisecond());
        found.map(format_strict_date_time)
    };
    let january = "2026-01-01T00:00:05Z";
    assert_eq!(read("Dec 31 23:59", january).as_deref(), Some("2025-12-31T23:59:00.000Z"));
    let december = "2025-12-31T23:59:58Z";
    assert_eq!(read("Jan 01 00:00", december).as_deref(), Some("2026-01-01T00:00:00.000Z"));
    assert_eq!(read("Nov 01 00:00", december).as_deref(), Some("2025-11-01T00:00:00.000Z"));
    assert_eq!(read("Feb 29 00:00", december).as_deref(), Some("2025-02-28T00:00:00.000Z"));
}

#[test]
fn iso8601_is_read() {
    for (text, expected) in [
        ("2023-11-10T14:30:45.123Z", Some("2023-11-10T14:30:45.123Z")),
        ("2023-11-10T14:30:45,123456789+01:00", Some("2023-11-10T13:30:45.123Z")),
        ("2023-11-10T14:30", Some("2023-11-10T14:30:00.000Z")),
        ("2023-11-10T14:30.5", Some("2023-11-10T14:30:30.000Z")),
        ("2023-11-10T14", Some("2023-11-10T14:00:00.000Z")),
        ("2023-11-10", Some("2023-11-10T00:00:00.000Z")),
        ("2023-11", Some("2023-11-01T00:00:00.000Z")),
        ("2023-314", Some("2023-11-10T00:00:00.000Z")),
        ("2023-W45-5T01:00-02", Some("2023-11-10T03:00:00.000Z")),
        ("2023-11-10 14:30:45.123", Some("2023-11-10T14:30:45.123Z")),
        ("2023-11-10 14:30:45,123+0100", Some("2023-11-10T13:30:45.123Z")),
        ("2023-11-10 14:30:45", None),
        ("10/11/2023", None),
        ("", None),
        ("T", None),
        ("yesterday", None),
    ] {
        let found = read_iso8601(text, &TimeZone::UTC).map(format_strict_date_time);
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}

#[test]
fn patterns_write() {
    let time_ms = 1_699_626_645_007;
    for (pattern, zone_name, expected) in [
        ("YYYY.MM.dd", "UTC", "2023.11.10"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSZ", "UTC", "2023-11-10T14:30:45.007+0000"),
        ("ZZ ZZZ", "Europe/Paris", "+01:00 Europe/Paris"),
        ("xxxx.ww", "UTC", "2023.45"),
        ("yy D e E EEEE MMM MMMM", "UTC", "23 314 5 Fri Friday Nov November"),
        ("h:mm a K k H", "UTC", "2:30 PM 2 14 14"),
        ("SSSSS C G", "UTC", "00700 20 AD"),
        ("'it''s' z", "UTC", "it's UTC"),
    ] {
        let pattern = JodaPattern::parse(pattern).unwrap();
        assert_eq!(pattern.write(time_ms, &zone(zone_name)), expected, "{}", pattern.as_str());
    }
}

/// The jar of Joda-Time in Maven's folder, if somebody has it.
fn jar() -> Option<std::path::PathBuf> {
    let home = std::env::var_os("HOME")?;
    let folder = std::path::Path::new(&home).join(".m2/repository/joda-time/joda-time");
    let versions = std::fs::read_dir(folder).ok()?.flatten();
    versions
        .flat_map(|version| std::fs::read_dir(version.path()).into_iter().flatten().flatten())
        .map(|file| file.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "jar"))
}

/// What is asked: read or write, pattern, zone, text or milliseconds.
fn questions() -> Vec<[String; 4]> {
    const PATTERNS: [&str; 24] = [
        "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        "YYYY.MM.dd",
        "yyyy-MM-dd HH:mm:ss,SSS",
        "dd/MMM/yyyy:HH:mm:ss Z",
        "yyMMddHHmmss",
        "EEE, d MMMM yyyy h:mm:ss a",
        "yyyy-DDD HH",
        "xxxx-'W'ww-e",
        "yyyyMMddHHmmssSSS",
        "d.M.yy k:m:s",
        "yyyy-MM-dd'T'HH:mm:ss.SSSSSSZZ",
        "M/d/yyyy K a",
        "EEEE yyyy MMM dd HH:mm:ss",
        "yyyy 'at' HH'h'",
        "SS yyyy",
        "yyyy-MM",
        "HH:mm yyyy",
        "yyyy G",
        "ZZ yyyy-MM-dd",
        "yy/MM/dd HH",
        "C yyyy",
        "yyyy-MM-dd HH:mm:ss ZZZ",
        "e xxxx ww",
        "yyyy-MM-dd'Z'",
    ];
    const ZONES: [&str; 4] = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata"];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut questions = Vec::new();
    for _ in 0..1_500 {
        let pattern = PATTERNS[next(24) as usize];
        let zone_name = ZONES[next(4) as usize];
        let time_ms = next(4_000_000_000_000) as i64 - 500_000_000_000;
        let ask = |what: &str, text: String| {
            [what.to_owned(), pattern.to_owned(), zone_name.to_owned(), text]
        };
        questions.push(ask("write", time_ms.to_string()));
        let written = JodaPattern::parse(pattern).unwrap().write(time_ms, &zone(zone_name));
        // As it is, with a character less, doubled, or changed.
        let mut chars: Vec<char> = written.chars().collect();
        let at = next(chars.len() as u64) as usize;
        match next(4) {
            0 => drop(chars.remove(at)),
            1 => chars.insert(at, chars[at]),
            2 => chars[at] = ['0', '9', ' ', 'x', '-'][next(5) as usize],
            _ => {}
        }
        questions.push(ask("read", chars.into_iter().collect()));
    }
    for text in [
        "2023-11-10T14:30:45.123Z",
        "2023-W45-5",
        "2023-314T12",
        "T12:30",
        "2023-11-10T14:30.25",
        "2023-11-10T24:00",
        "23-1-1",
    ] {
        questions.push(["read", "ISO8601", "Europe/Paris", text].map(str::to_owned));
    }
    questions
}

#[test]
fn joda_itself_says_the_same() {
    use std::io::Write;
    const NAME: &str = "joda_itself_says_the_same";
    let Some(java) = vigie_testkit::program(NAME, "java") else { return };
    let Some(jar) = jar() else {
        eprintln!(
            "skipped: {NAME} needs joda-time (mvn dependency:get -Dartifact=joda-time:joda-time:2.14.0)"
        );
        return;
    };
    let script =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/logstash/joda/Joda.java");
    let child = std::process::Command::new(java)
        .arg("-cp")
        .args([jar, script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    let questions = questions();
    let lines: String = questions.iter().map(|question| question.join("\t") + "\n").collect();
    let mut input = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    if answers.is_empty() {
        eprintln!("skipped: {NAME} needs a Java that compiles");
        return;
    }
    assert_eq!(answers.lines().count(), questions.len());
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let mut wrong = Vec::new();
    for (question, said) in questions.iter().zip(answers.lines()) {
        let [what, pattern, zone_name, text] = question;
        // Years beyond 9999 are not read here; before 1600 Joda's calendar is another one.
        let is_far = said.parse().is_ok_and(|ms: i64| {
            !(-11_676_000_000_000..253_402_300_000_000).contains(&ms) && what == "read"
        });
        if is_far {
            continue;
        }
        let zone = zone(zone_name);
        let ours = match (what.as_str(), pattern.as_str()) {
            ("write", _) => {
                JodaPattern::parse(pattern).unwrap().write(text.parse().unwrap(), &zone)
            }
            (_, "ISO8601") => read_iso8601(text, &zone).map_or("error".into(), |ms| ms.to_string()),
            // Without the filter's guess of a year.
            _ => {
                let found = JodaPattern::parse(pattern).unwrap().read_plain(text, &zone, now_ms);
                found.map_or("error".into(), |ms| ms.to_string())
            }
        };
        if ours != said {
            wrong.push(format!("{what} {pattern} {zone_name} {text}: Joda {said}, here {ours}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), questions.len(), wrong.join("\n"));
}
