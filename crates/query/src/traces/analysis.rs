//! Where the time of traces goes: the critical path, time of spans themselves, and what differs.

use std::collections::{BTreeMap, HashMap};

use vigie_model::span::{SpanId, SpanKind, StatusCode};

use super::span::TraceSpan;

/// A piece of the critical path: from `start_ns` to `end_ns` the trace waited for this span itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathPiece {
    /// Its place among the spans.
    pub span: usize,
    /// When it begins, nanoseconds since the epoch.
    pub start_ns: i64,
    /// When it ends.
    pub end_ns: i64,
}

/// What one operation of a service took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Spans.
    pub spans: u64,
    /// Those that failed.
    pub errors: u64,
    /// Their durations together.
    pub total_ns: u64,
    /// Time in which none of their children ran.
    pub self_ns: u64,
    /// Time that they themselves were on the critical path: what the trace would be faster by, were
    /// they not there and nothing else changed.
    pub critical_ns: u64,
}

/// Shares by service and operation.
pub type Shares = BTreeMap<(String, String), Share>;

/// A span whose children are being looked at, backwards.
struct Open {
    span: usize,
    /// Those that are yet to be looked at; the last to end is last.
    children: Vec<usize>,
    floor_ns: i64,
    end_ns: i64,
    /// What is before it on the path must have ended by then.
    cursor_ns: i64,
}

/// The spans of one trace as a tree.
#[derive(Debug)]
pub struct TraceTree<'a> {
    spans: &'a [TraceSpan],
    children: Vec<Vec<usize>>,
    /// Spans whose parent is not there.
    roots: Vec<usize>,
}

impl<'a> TraceTree<'a> {
    /// Puts the spans of a trace together.
    pub fn new(spans: &'a [TraceSpan]) -> Self {
        // Client and server of Zipkin may share an id: the server is the client's child, and what
        // names the id as its parent is the server's.
        let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
        let mut clients: HashMap<SpanId, usize> = HashMap::new();
        for (at, span) in spans.iter().enumerate() {
            if span.kind == SpanKind::Client {
                clients.insert(span.span_id, at);
            }
            let known = by_id.entry(span.span_id).or_insert(at);
            if span.kind == SpanKind::Server {
                *known = at;
            }
        }
        let mut tree = Self { spans, children: vec![Vec::new(); spans.len()], roots: Vec::new() };
        for (at, span) in spans.iter().enumerate() {
            let shared = (span.kind == SpanKind::Server).then(|| clients.get(&span.span_id));
            let parent = shared.flatten().or_else(|| by_id.get(&span.parent_span_id));
            match parent.copied().filter(|parent| *parent != at) {
                Some(parent) if !span.parent_span_id.is_none() || shared.flatten().is_some() => {
                    tree.children.get_mut(parent).into_iter().for_each(|list| list.push(at));
                }
                _ => tree.roots.push(at),
            }
        }
        tree
    }

    /// The span that the others belong to: of those whose parent is not there the longest.
    pub fn root(&self) -> Option<usize> {
        let duration = |at: &usize| self.spans.get(*at).map_or(0, |span| span.duration_ns);
        // The first of equals.
        self.roots.iter().copied().rev().max_by_key(duration)
    }

    fn bounds(&self, at: usize) -> (i64, i64) {
        self.spans.get(at).map_or((0, 0), |span| {
            let duration = i64::try_from(span.duration_ns).unwrap_or(i64::MAX);
            (span.start_ns, span.start_ns.saturating_add(duration))
        })
    }

    fn children_of(&self, at: usize) -> &[usize] {
        self.children.get(at).map_or(&[], Vec::as_slice)
    }

    /// What the end of the root waited for, backwards: the child that ended last, before it the
    /// one that ended last before that one began, and so on down. Pieces in the order of time.
    pub fn critical_path(&self) -> Vec<PathPiece> {
        let Some(root) = self.root() else { return Vec::new() };
        let mut pieces = Vec::new();
        let mut open: Vec<Open> = vec![self.enter(root, (i64::MIN, i64::MAX))];
        let mut piece = |span: usize, start_ns: i64, end_ns: i64| {
            if start_ns < end_ns {
                pieces.push(PathPiece { span, start_ns, end_ns });
            }
        };
        while let Some(last) = open.last_mut() {
            let Some(child) = last.children.pop() else {
                piece(last.span, last.floor_ns, last.cursor_ns);
                open.pop();
                continue;
            };
            let (child_start, child_end) = self.bounds(child);
            // A child that outlives its parent counts up to the parent's end; one that ran beside
            // a child that is on the path was not waited for.
            let is_end = last.cursor_ns == last.end_ns;
            let limit = if is_end { child_end.min(last.end_ns) } else { child_end };
            if limit > last.cursor_ns || child_start >= last.cursor_ns || limit <= last.floor_ns {
                continue;
            }
            piece(last.span, limit, last.cursor_ns);
            last.cursor_ns = child_start.max(last.floor_ns);
            let entered = self.enter(child, (last.floor_ns, limit));
            open.push(entered);
        }
        pieces.sort_by_key(|piece| (piece.start_ns, piece.end_ns));
        pieces
    }

    /// Goes into a span, of which only what is between `from` and `to` counts.
    fn enter(&self, span: usize, (from, to): (i64, i64)) -> Open {
        let mut children = self.children_of(span).to_vec();
        children.sort_by_key(|child| self.bounds(*child).1);
        let (start_ns, end_ns) = self.bounds(span);
        let end_ns = end_ns.min(to);
        Open { span, children, floor_ns: start_ns.max(from), end_ns, cursor_ns: end_ns }
    }

    /// For each span the time in which none of its children ran.
    pub fn self_times_ns(&self) -> Vec<u64> {
        let of = |at: usize| {
            let (start, end) = self.bounds(at);
            let mut inner: Vec<(i64, i64)> = self
                .children_of(at)
                .iter()
                .map(|child| self.bounds(*child))
                .map(|(from, to)| (from.max(start), to.min(end)))
                .filter(|(from, to)| from < to)
                .collect();
            inner.sort_unstable();
            let (mut covered, mut upto) = (0_i64, start);
            for (from, to) in inner {
                covered += (to - from.max(upto)).max(0);
                upto = upto.max(to);
            }
            u64::try_from(end - start - covered).unwrap_or(0)
        };
        (0..self.spans.len()).map(of).collect()
    }

    /// Adds what each operation took to `shares`.
    pub fn add_shares(&self, shares: &mut Shares) {
        let mut critical: HashMap<usize, u64> = HashMap::new();
        for piece in self.critical_path() {
            let took = u64::try_from(piece.end_ns - piece.start_ns).unwrap_or(0);
            *critical.entry(piece.span).or_default() += took;
        }
        for ((at, span), self_ns) in self.spans.iter().enumerate().zip(self.self_times_ns()) {
            let share = shares.entry((span.service.clone(), span.name.clone())).or_default();
            share.spans += 1;
            share.errors += u64::from(span.status == StatusCode::Error);
            share.total_ns = share.total_ns.saturating_add(span.duration_ns);
            share.self_ns = share.self_ns.saturating_add(self_ns);
            share.critical_ns += critical.get(&at).copied().unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spans as `id parent start end`, in microseconds.
    fn spans(lines: &str) -> Vec<TraceSpan> {
        let span = |line: &str| {
            let numbers: Vec<i64> = line.split_whitespace().map(|n| n.parse().unwrap()).collect();
            let [id, parent, start, end] = numbers[..] else { panic!("{line}") };
            TraceSpan {
                span_id: SpanId([id as u8; 8]),
                parent_span_id: SpanId([parent as u8; 8]),
                name: format!("op{id}"),
                service: "shop".into(),
                start_ns: start * 1_000,
                duration_ns: (end - start) as u64 * 1_000,
                ..TraceSpan::default()
            }
        };
        lines.split(',').map(span).collect()
    }

    /// The path as `id:start-end`.
    fn path(lines: &str) -> String {
        let spans = spans(lines);
        let pieces = TraceTree::new(&spans).critical_path();
        let shown = pieces.iter().map(|piece| {
            let name = &spans[piece.span].name[2..];
            format!("{name}:{}-{}", piece.start_ns / 1_000, piece.end_ns / 1_000)
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_path_goes_through_what_was_waited_for() {
        for (lines, expected) in [
            ("1 0 0 10", "1:0-10"),
            // One after the other.
            ("1 0 0 10, 2 1 1 4, 3 1 5 9", "1:0-1 2:1-4 1:4-5 3:5-9 1:9-10"),
            // Side by side: the longer one was waited for.
            ("1 0 0 10, 2 1 1 5, 3 1 1 9", "1:0-1 3:1-9 1:9-10"),
            // Down two levels.
            ("1 0 0 10, 2 1 2 8, 3 2 3 7", "1:0-2 2:2-3 3:3-7 2:7-8 1:8-10"),
            // A child that outlives its parent counts up to its end; one that begins after it not.
            ("1 0 0 10, 2 1 6 15", "1:0-6 2:6-10"),
            ("1 0 0 10, 2 1 11 15", "1:0-10"),
            // A child that begins before its parent.
            ("1 0 5 10, 2 1 3 8", "2:5-8 1:8-10"),
            // Of two roots the longer one; a parent that is not there.
            ("1 9 0 3, 2 0 4 10", "2:4-10"),
            // A circle is no part of anything.
            ("1 0 0 4, 2 3 0 9, 3 2 0 9", "1:0-4"),
            ("1 1 0 4", "1:0-4"),
        ] {
            assert_eq!(path(lines), expected, "{lines}");
        }
        assert!(TraceTree::new(&[]).critical_path().is_empty());
    }

    #[test]
    fn the_path_is_as_long_as_the_root_and_self_times_leave_children_out() {
        let spans = spans("1 0 0 100, 2 1 10 40, 3 1 30 60, 4 2 15 20, 5 1 90 120");
        let tree = TraceTree::new(&spans);
        let sum: i64 = tree.critical_path().iter().map(|piece| piece.end_ns - piece.start_ns).sum();
        assert_eq!(sum, 100_000);
        assert_eq!(tree.self_times_ns(), [40_000, 25_000, 30_000, 5_000, 30_000]);
        let mut shares = Shares::new();
        tree.add_shares(&mut shares);
        let critical: u64 = shares.values().map(|share| share.critical_ns).sum();
        assert_eq!(critical, 100_000);
    }

    #[test]
    fn a_deep_trace_is_walked_without_recursion() {
        let span = |at: u64| TraceSpan {
            span_id: SpanId((at + 1).to_be_bytes()),
            parent_span_id: SpanId(at.to_be_bytes()),
            start_ns: at as i64,
            duration_ns: 1_000_000 - 2 * at,
            ..TraceSpan::default()
        };
        let spans: Vec<TraceSpan> = (0..100_000).map(span).collect();
        let sum: i64 = TraceTree::new(&spans)
            .critical_path()
            .iter()
            .map(|piece| piece.end_ns - piece.start_ns)
            .sum();
        assert_eq!(sum, 1_000_000);
    }

    #[test]
    fn a_shared_id_is_a_client_and_its_server() {
        let mut spans = spans("1 0 0 10, 1 0 2 8, 2 1 3 4");
        spans[0].kind = SpanKind::Client;
        spans[1].kind = SpanKind::Server;
        let tree = TraceTree::new(&spans);
        assert_eq!(tree.roots, [0]);
        assert_eq!(tree.children, [vec![1], vec![2], vec![]]);
    }
}
