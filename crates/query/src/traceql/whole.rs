//! A whole trace: its tree, and all that can be asked of a span within it.

use std::collections::HashMap;

use serde_json::Value as Json;
use vigie_language::traceql::{Field, Intrinsic, Scope};
use vigie_model::span::SpanId;

use super::evaluate::Fields;
use super::value::FieldValue;
use crate::QueryError;
use crate::traces::{SpanAttribute, TraceSpan};

/// A trace and its tree.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    pub(super) spans: &'a [TraceSpan],
    /// The place of each span's parent, where it is in the trace.
    pub(super) parents: Vec<Option<usize>>,
    /// Places in an order in which parents come before their children.
    pub(super) order: Vec<usize>,
    children: Vec<u32>,
    /// Left and right ends of nested sets, from 1; 0 for spans that hang on nothing.
    nested: Vec<(i64, i64)>,
    /// The place of the span without parent that starts first.
    pub(super) root: Option<usize>,
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
}

impl<'a> Whole<'a> {
    pub(super) fn new(spans: &'a [TraceSpan]) -> Self {
        let mut places: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
        for (at, span) in spans.iter().enumerate() {
            places.entry(span.span_id).or_insert(at);
        }
        let parent = |(at, span): (usize, &TraceSpan)| {
            let id = span.parent_span_id;
            if id.is_none() { None } else { places.get(&id).copied().filter(|found| *found != at) }
        };
        let mut parents: Vec<Option<usize>> = spans.iter().enumerate().map(parent).collect();
        let mut below: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
        for (at, parent) in parents.iter().enumerate() {
            if let Some(list) = parent.and_then(|parent| below.get_mut(parent)) {
                list.push(at);
            }
        }
        let mut walk = Walk { order: Vec::new(), nested: vec![(0, 0); spans.len()], next: 1 };
        let mut seen = vec![false; spans.len()];
        let tops = |parents: &[Option<usize>]| -> Vec<usize> {
            (0..spans.len()).filter(|at| parents.get(*at) == Some(&None)).collect()
        };
        for top in tops(&parents) {
            walk.from(top, &below, &mut seen);
        }
        // Parents in a circle: cut it where it is met first.
        for at in 0..spans.len() {
            if !seen.get(at).copied().unwrap_or(true) {
                if let Some(parent) = parents.get_mut(at) {
                    *parent = None;
                }
                walk.from(at, &below, &mut seen);
            }
        }
        let end = |span: &TraceSpan| {
            span.start_ns.saturating_add(i64::try_from(span.duration_ns).unwrap_or(i64::MAX))
        };
        let root = (0..spans.len())
            .find(|at| spans.get(*at).is_some_and(|span| span.parent_span_id.is_none()));
        Self {
            spans,
            children: below.iter().map(|list| list.len() as u32).collect(),
            parents,
            order: walk.order,
            nested: walk.nested,
            root,
            start_ns: spans.iter().map(|span| span.start_ns).min().unwrap_or(0),
            end_ns: spans.iter().map(end).max().unwrap_or(0),
        }
    }

    pub(super) const fn at(&'a self, at: usize) -> InTrace<'a> {
        InTrace { trace: self, at }
    }

    pub(super) fn root_span(&self) -> Option<&'a TraceSpan> {
        self.root.and_then(|at| self.spans.get(at))
    }
}

struct Walk {
    order: Vec<usize>,
    nested: Vec<(i64, i64)>,
    next: i64,
}

impl Walk {
    /// Goes down from `top`, without recursion: a trace may be as deep as it is long.
    fn from(&mut self, top: usize, below: &[Vec<usize>], seen: &mut [bool]) {
        let mut stack = vec![(top, false)];
        while let Some((at, is_done)) = stack.pop() {
            if is_done {
                if let Some(nested) = self.nested.get_mut(at) {
                    nested.1 = self.next;
                }
                self.next += 1;
                continue;
            }
            match seen.get_mut(at) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            self.order.push(at);
            if let Some(nested) = self.nested.get_mut(at) {
                nested.0 = self.next;
            }
            self.next += 1;
            stack.push((at, true));
            stack.extend(below.get(at).into_iter().flatten().rev().map(|child| (*child, false)));
        }
    }
}

/// A span within its trace.
#[derive(Debug, Clone, Copy)]
pub(super) struct InTrace<'a> {
    trace: &'a Whole<'a>,
    at: usize,
}

impl Fields for InTrace<'_> {
    fn value(&self, field: &Field) -> Result<FieldValue, QueryError> {
        let Some(span) = self.trace.spans.get(self.at) else { return Ok(FieldValue::Nil) };
        Ok(match field {
            Field::Intrinsic(intrinsic) => self.intrinsic(*intrinsic, span),
            Field::Attribute { scope, of_parent: false, name } => attribute(span, *scope, name),
            Field::Attribute { scope, name, .. } => {
                let parent = self.trace.parents.get(self.at).copied().flatten();
                parent
                    .and_then(|parent| self.trace.spans.get(parent))
                    .map_or(FieldValue::Nil, |parent| attribute(parent, *scope, name))
            }
        })
    }
}

impl InTrace<'_> {
    fn intrinsic(&self, intrinsic: Intrinsic, span: &TraceSpan) -> FieldValue {
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let list = |items: Vec<FieldValue>| match items.len() {
            0 => FieldValue::Nil,
            _ => FieldValue::List(items),
        };
        let duration = |value: u64| FieldValue::Duration(i64::try_from(value).unwrap_or(i64::MAX));
        let nested = |at: Option<usize>| {
            at.and_then(|at| self.trace.nested.get(at)).copied().unwrap_or((0, 0))
        };
        match intrinsic {
            Intrinsic::Duration => duration(span.duration_ns),
            Intrinsic::Name => text(&span.name),
            Intrinsic::Status => FieldValue::of_status(span.status),
            Intrinsic::StatusMessage => text(&span.status_message),
            Intrinsic::Kind => FieldValue::of_kind(span.kind),
            Intrinsic::Id => text(&span.span_id.to_string()),
            Intrinsic::ParentId if span.parent_span_id.is_none() => text(""),
            Intrinsic::Parent if span.parent_span_id.is_none() => FieldValue::Nil,
            Intrinsic::ParentId | Intrinsic::Parent => text(&span.parent_span_id.to_string()),
            Intrinsic::ChildCount => {
                FieldValue::Integer(self.trace.children.get(self.at).copied().unwrap_or(0).into())
            }
            Intrinsic::NestedSetLeft => FieldValue::Integer(nested(Some(self.at)).0),
            Intrinsic::NestedSetRight => FieldValue::Integer(nested(Some(self.at)).1),
            Intrinsic::NestedSetParent if span.parent_span_id.is_none() => FieldValue::Integer(-1),
            Intrinsic::NestedSetParent => {
                let parent = self.trace.parents.get(self.at).copied().flatten();
                FieldValue::Integer(nested(parent).0)
            }
            Intrinsic::TraceDuration => {
                FieldValue::Duration(self.trace.end_ns.saturating_sub(self.trace.start_ns))
            }
            Intrinsic::TraceRootName => {
                self.trace.root_span().map_or(FieldValue::Nil, |root| text(&root.name))
            }
            Intrinsic::TraceRootService => {
                self.trace.root_span().map_or(FieldValue::Nil, |root| text(&root.service))
            }
            Intrinsic::TraceId => text(&span.trace_id.to_string()),
            Intrinsic::EventName => {
                list(span.events.iter().map(|event| text(&event.name)).collect())
            }
            Intrinsic::EventTimeSinceStart => list(
                span.events
                    .iter()
                    .map(|event| {
                        let time = i64::try_from(event.time_ns).unwrap_or(i64::MAX);
                        FieldValue::Duration(time.saturating_sub(span.start_ns))
                    })
                    .collect(),
            ),
            Intrinsic::LinkSpanId => {
                list(span.links.iter().map(|link| text(&link.span_id.to_string())).collect())
            }
            Intrinsic::LinkTraceId => {
                list(span.links.iter().map(|link| text(&link.trace_id.to_string())).collect())
            }
            Intrinsic::InstrumentationName => text(&span.scope_name),
            Intrinsic::InstrumentationVersion => text(&span.scope_version),
        }
    }
}

fn find<'a>(attributes: &'a [SpanAttribute], name: &str) -> Option<&'a Json> {
    attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// An attribute of a span.
pub(super) fn attribute(span: &TraceSpan, scope: Scope, name: &str) -> FieldValue {
    let of = |attributes: &[SpanAttribute]| find(attributes, name).map(FieldValue::of_json);
    let service = || {
        (name == "service.name" && !span.service.is_empty())
            .then(|| FieldValue::Text(span.service.clone()))
    };
    let all = |each: Vec<&[SpanAttribute]>| {
        let values: Vec<FieldValue> = each.into_iter().filter_map(of).collect();
        (!values.is_empty()).then_some(FieldValue::List(values))
    };
    let found = match scope {
        Scope::Any => of(&span.attributes).or_else(|| of(&span.resource)).or_else(service),
        Scope::Span => of(&span.attributes),
        Scope::Resource => service().or_else(|| of(&span.resource)),
        Scope::Event => all(span.events.iter().map(|event| &event.attributes[..]).collect()),
        Scope::Link => all(span.links.iter().map(|link| &link.attributes[..]).collect()),
        Scope::Instrumentation => None,
    };
    found.unwrap_or(FieldValue::Nil)
}
