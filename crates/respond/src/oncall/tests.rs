//! Who is called, at which hour.

use std::path::Path;

use vigie_world::{Disk, SimDisk};

use super::*;

const FILE: &str = r#"
oncall:
  people: {alice: {receiver: alice-pager}, bob: {}}
  schedules:
    database:
      time_zone: Europe/Paris
      layers:
        - {name: week, start: "2026-10-19T09:00", rotation: weekly, people: [alice, bob]}
        - name: night
          start: "2026-10-19"
          rotation: daily
          people: [nina]
          restrictions: [{days: [saturday], from: "22:00", to: "06:00"}]
      overrides: [{person: olga, from: "2026-11-02T12:00", to: "2026-11-02T13:00"}]
    shared: {time_zone: UTC, calendar: shared.ics}
  notify:
    notify_oncall_engineer: {schedule: database, receiver: pager}
  policies: [{name: all, steps: [{after: 5m, notify: notify_oncall_engineer}]}]
"#;

const CALENDAR: &str = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261123T090000Z\r\n\
    DTEND:20261123T170000Z\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3\r\nSUMMARY:ca\r\n rla\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

fn on_call() -> OnCall {
    let disk = SimDisk::from_seed(1);
    disk.create_folder(Path::new("/etc")).unwrap();
    disk.write_atomic(Path::new("/etc/shared.ics"), CALENDAR.as_bytes()).unwrap();
    read_oncall(FILE, Path::new("/etc/oncall.yml"), &disk).unwrap()
}

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn turns_keep_their_hour_and_later_layers_and_overrides_count() {
    let on_call = on_call();
    let cases = [
        ("database", "2026-10-19T06:59:00Z", &[][..]),
        ("database", "2026-10-19T07:00:00Z", &["alice"]),
        // Clocks were set back on the 25th: nine in Paris is an hour later in UTC.
        ("database", "2026-10-26T07:59:00Z", &["alice"]),
        ("database", "2026-10-26T08:00:00Z", &["bob"]),
        ("database", "2026-11-02T08:00:00Z", &["alice"]),
        ("database", "2026-11-02T11:30:00Z", &["olga"]),
        // Saturday 22:00 to Sunday 06:00 in Paris.
        ("database", "2026-10-31T20:59:00Z", &["bob"]),
        ("database", "2026-10-31T21:00:00Z", &["nina"]),
        ("database", "2026-11-01T04:59:00Z", &["nina"]),
        ("database", "2026-11-01T05:00:00Z", &["bob"]),
        ("shared", "2026-11-23T09:00:00Z", &["carla"]),
        ("shared", "2026-11-24T09:00:00Z", &[]),
        ("shared", "2026-11-25T16:59:00Z", &["carla"]),
        ("shared", "2026-11-25T17:00:00Z", &[]),
        ("shared", "2026-11-30T09:00:00Z", &["carla"]),
        ("shared", "2026-12-02T09:00:00Z", &[]),
    ];
    for (schedule, time, people) in cases {
        assert_eq!(on_call.on_call(schedule, at(time), &[]).unwrap(), people, "{schedule} {time}");
    }
}

#[test]
fn actions_reach_people_by_their_own_receiver_else_by_that_of_the_action() {
    let on_call = on_call();
    let of = |time| on_call.receivers_of("notify_oncall_engineer", at(time), &[]);
    let alice = ("alice-pager".to_owned(), Some("alice".to_owned()));
    assert_eq!(of("2026-10-20T12:00:00Z"), [alice]);
    assert_eq!(of("2026-10-27T12:00:00Z"), [("pager".to_owned(), Some("bob".to_owned()))]);
    assert_eq!(of("2026-01-01T00:00:00Z"), [("pager".to_owned(), None)]);
    assert_eq!(on_call.receivers_of("team", 0, &[]), [("team".to_owned(), None)]);
}
