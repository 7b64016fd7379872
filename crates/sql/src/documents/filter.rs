//! From SQL's conditions to what the store is asked.
//!
//! A condition is asked of the store as one that holds for at least the same documents; where it
//! holds for exactly those, nobody checks it again.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Operator};
use vigie_store::logs::{LogColumnKind, LogFilter, LogPart, LogQuery, LogSnapshot, LogTest};

use super::columns::{Column, Columns, FieldSource, Source};
use crate::pattern::{Pattern, like_regex};

/// A condition for the store.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    filter: LogFilter,
    /// Whether it holds for exactly the documents for which SQL's condition holds.
    exact: bool,
}

/// The store's query for `conditions`, all of which must hold, and those that must be checked
/// again.
pub(crate) fn query_of(
    conditions: &[Expr],
    columns: &Columns,
    snapshot: &LogSnapshot,
) -> (LogQuery, Vec<Expr>) {
    let mut query = LogQuery::new(LogFilter::All);
    let (mut filters, mut again) = (Vec::new(), Vec::new());
    let translator = Translator { columns };
    for condition in conditions {
        if narrow_time(condition, columns, &mut query)
            || narrow_indexes(condition, columns, snapshot, &mut query)
        {
            continue;
        }
        match translator.condition(condition, 0) {
            Some(asked) => {
                filters.push(asked.filter);
                if !asked.exact {
                    again.push(condition.clone());
                }
            }
            None => again.push(condition.clone()),
        }
    }
    query.filter = match filters.len() {
        0 => LogFilter::All,
        1 => filters.pop().unwrap_or(LogFilter::All),
        _ => LogFilter::And(filters),
    };
    (query, again)
}

/// Conditions are looked into no deeper.
const DEPTH_MAX: usize = 64;

/// Narrows the query's time by `timestamp >= ...` and its like. `false`: it is no such condition.
fn narrow_time(condition: &Expr, columns: &Columns, query: &mut LogQuery) -> bool {
    let Some((column, operator, value)) = comparison(condition, columns) else { return false };
    let (Source::Time, Some(time_ns)) = (&column.source, time_of(value)) else { return false };
    match operator {
        Operator::GtEq => query.start_ns = query.start_ns.max(time_ns),
        Operator::Gt if time_ns < i64::MAX => query.start_ns = query.start_ns.max(time_ns + 1),
        Operator::LtEq => query.end_ns = query.end_ns.min(time_ns),
        Operator::Lt if time_ns > i64::MIN => query.end_ns = query.end_ns.min(time_ns - 1),
        Operator::Eq => {
            query.start_ns = query.start_ns.max(time_ns);
            query.end_ns = query.end_ns.min(time_ns);
        }
        _ => return false,
    }
    true
}

fn time_of(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampNanosecond(Some(time), _) => Some(*time),
        _ => None,
    }
}

/// Narrows the query's indices by a condition on the index alone.
fn narrow_indexes(
    condition: &Expr,
    columns: &Columns,
    snapshot: &LogSnapshot,
    query: &mut LogQuery,
) -> bool {
    let is_index =
        |expr: &Expr| column_of(expr, columns).is_some_and(|column| column.source == Source::Index);
    let test: Box<dyn Fn(&str) -> bool> = match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_index(left) => {
            let Some(wanted) = literal(right).and_then(text_of) else { return false };
            match op {
                Operator::Eq => Box::new(move |name| name == wanted),
                Operator::NotEq => Box::new(move |name| name != wanted),
                _ => return false,
            }
        }
        Expr::InList(list) if is_index(&list.expr) => {
            let wanted: Option<Vec<String>> =
                list.list.iter().map(|item| literal(item).and_then(text_of)).collect();
            let (Some(wanted), negated) = (wanted, list.negated) else { return false };
            Box::new(move |name| wanted.iter().any(|one| one == name) != negated)
        }
        Expr::Like(like) if is_index(&like.expr) && like.escape_char.is_none() => {
            let Some(pattern) = literal(&like.pattern).and_then(text_of) else { return false };
            let Some(regex) = like_regex(&pattern, like.case_insensitive) else { return false };
            let negated = like.negated;
            Box::new(move |name| regex.is_match(name) != negated)
        }
        _ => return false,
    };
    let mut names: Vec<String> = match query.indexes.take() {
        Some(names) => names,
        None => snapshot.parts().iter().flat_map(LogPart::indexes).cloned().collect(),
    };
    names.sort_unstable();
    names.dedup();
    names.retain(|name| test(name));
    query.indexes = Some(names);
    true
}

/// The column that an expression is, casts between types of text aside.
fn column_of<'a>(expr: &Expr, columns: &'a Columns) -> Option<&'a Column> {
    match expr {
        Expr::Column(column) => columns.named(&column.name),
        Expr::Cast(cast) => {
            let column = column_of(&cast.expr, columns)?;
            let is_text = column.data_type.is_string() && cast.field.data_type().is_string();
            is_text.then_some(column)
        }
        Expr::Alias(alias) => column_of(&alias.expr, columns),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) if !value.is_null() => Some(value),
        _ => None,
    }
}

fn text_of(value: &ScalarValue) -> Option<String> {
    value.try_as_str().flatten().map(str::to_owned)
}

/// A comparison of a column with a value, the column on the left.
fn comparison<'a>(
    expr: &'a Expr,
    columns: &'a Columns,
) -> Option<(&'a Column, Operator, &'a ScalarValue)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return None };
    if let (Some(column), Some(value)) = (column_of(left, columns), literal(right)) {
        return Some((column, *op, value));
    }
    let (column, value) = (column_of(right, columns)?, literal(left)?);
    Some((column, op.swap()?, value))
}

struct Translator<'a> {
    columns: &'a Columns,
}

impl Translator<'_> {
    fn condition(&self, expr: &Expr, depth: usize) -> Option<Asked> {
        if depth > DEPTH_MAX {
            return None;
        }
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.both(left, right, depth)
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                let left = self.condition(left, depth + 1)?;
                let right = self.condition(right, depth + 1)?;
                let exact = left.exact && right.exact;
                Some(Asked { filter: LogFilter::Or(vec![left.filter, right.filter]), exact })
            }
            Expr::BinaryExpr(_) => self.comparison(expr),
            Expr::Between(between) if !between.negated => {
                let compare = |operator, value: &Expr| {
                    Expr::BinaryExpr(BinaryExpr::new(
                        between.expr.clone(),
                        operator,
                        Box::new(value.clone()),
                    ))
                };
                let low = compare(Operator::GtEq, &between.low);
                let high = compare(Operator::LtEq, &between.high);
                self.both(&low, &high, depth)
            }
            Expr::InList(list) => {
                let column = self.field_column(&list.expr)?;
                let mut texts = Vec::with_capacity(list.list.len());
                for item in &list.list {
                    texts.push(plain_text(literal(item)?)?);
                }
                self.equals(column, texts, list.negated)
            }
            Expr::Like(like) => self.like(like),
            Expr::IsNotNull(inner) => {
                let column = self.field_column(inner)?;
                Some(Asked { filter: exists(fields_of(column)?), exact: self.knows(column) })
            }
            Expr::IsNull(inner) => {
                let column = self.field_column(inner)?;
                let exact = self.knows(column);
                let filter = LogFilter::Not(Box::new(exists(fields_of(column)?)));
                exact.then_some(Asked { filter, exact })
            }
            Expr::Column(_) => self.flag(expr, true),
            Expr::Not(inner) => self.flag(inner, false),
            _ => None,
        }
    }

    fn both(&self, left: &Expr, right: &Expr, depth: usize) -> Option<Asked> {
        match (self.condition(left, depth + 1), self.condition(right, depth + 1)) {
            (Some(left), Some(right)) => Some(Asked {
                exact: left.exact && right.exact,
                filter: LogFilter::And(vec![left.filter, right.filter]),
            }),
            (Some(one), None) | (None, Some(one)) => Some(Asked { exact: false, ..one }),
            (None, None) => None,
        }
    }

    /// A column that shows fields.
    fn field_column(&self, expr: &Expr) -> Option<&Column> {
        column_of(expr, self.columns).filter(|column| fields_of(column).is_some())
    }

    /// Whether the store's answers on this column are SQL's: it shows one field, whose values are
    /// all of one plain type.
    fn knows(&self, column: &Column) -> bool {
        let Some([field]) = fields_of(column) else { return false };
        !self.columns.has_overflow
            && matches!(
                field.kinds[..],
                [LogColumnKind::Text | LogColumnKind::Number | LogColumnKind::Boolean]
            )
    }

    fn comparison(&self, expr: &Expr) -> Option<Asked> {
        let (column, operator, value) = comparison(expr, self.columns)?;
        if column.source == Source::Id && operator == Operator::Eq {
            return Some(Asked { filter: LogFilter::Ids(vec![text_of(value)?]), exact: true });
        }
        fields_of(column)?;
        match operator {
            Operator::Eq => self.equals(column, vec![plain_text(value)?], false),
            Operator::NotEq => self.equals(column, vec![plain_text(value)?], true),
            Operator::Gt | Operator::GtEq | Operator::Lt | Operator::LtEq => {
                self.range(column, operator, value)
            }
            Operator::RegexMatch | Operator::RegexIMatch => {
                let text = text_of(value)?;
                let any_case = if operator == Operator::RegexIMatch { "(?i)" } else { "" };
                self.test(column, &text, &LogTest::Finds(format!("{any_case}{text}")))
            }
            _ => None,
        }
    }

    fn equals(&self, column: &Column, texts: Vec<String>, negated: bool) -> Option<Asked> {
        let fields = fields_of(column)?;
        if column.data_type.is_floating() {
            // Floats are equal when their decimals are near.
            return (!negated && texts.len() == 1).then(|| Self::near(column, &texts)).flatten();
        }
        if texts.iter().any(|text| may_be_json(fields, text)) {
            return None;
        }
        if !negated {
            let filter = any_field(fields, &LogTest::Equals(texts));
            return Some(Asked { filter, exact: self.knows(column) });
        }
        if !self.knows(column) {
            return Some(Asked { filter: exists(fields), exact: false });
        }
        let equal = any_field(fields, &LogTest::Equals(texts));
        let filter = LogFilter::And(vec![exists(fields), LogFilter::Not(Box::new(equal))]);
        Some(Asked { filter, exact: true })
    }

    fn near(column: &Column, texts: &[String]) -> Option<Asked> {
        let number: f64 = texts.first()?.parse().ok()?;
        let bound = |number: f64| Some((number.to_string(), true));
        let test =
            LogTest::Numbers { from: bound(number.next_down()), to: bound(number.next_up()) };
        number.is_finite().then(|| Asked {
            filter: any_field(fields_of(column).unwrap_or_default(), &test),
            exact: false,
        })
    }

    fn range(&self, column: &Column, operator: Operator, value: &ScalarValue) -> Option<Asked> {
        let fields = fields_of(column)?;
        let is_lower = matches!(operator, Operator::Gt | Operator::GtEq);
        let included = matches!(operator, Operator::GtEq | Operator::LtEq);
        if column.data_type.is_string() {
            let text = text_of(value)?;
            if fields.iter().any(|field| field.kinds[..] != [LogColumnKind::Text]) {
                return None;
            }
            let (from, to) = ends(is_lower, (text, included));
            let filter = any_field(fields, &LogTest::Texts { from, to });
            return Some(Asked { filter, exact: self.knows(column) });
        }
        if column.data_type.is_integer() {
            let (from, to) = ends(is_lower, (whole_text(value)?, included));
            let filter = any_field(fields, &LogTest::Numbers { from, to });
            return Some(Asked { filter, exact: self.knows(column) });
        }
        let ScalarValue::Float64(Some(number)) = value else { return None };
        let wider = if is_lower { number.next_down() } else { number.next_up() };
        if !column.data_type.is_floating() || !wider.is_finite() {
            return None;
        }
        let (from, to) = ends(is_lower, (wider.to_string(), true));
        Some(Asked { filter: any_field(fields, &LogTest::Numbers { from, to }), exact: false })
    }

    fn like(&self, like: &Like) -> Option<Asked> {
        if like.escape_char.is_some() {
            return None;
        }
        let column = self.field_column(&like.expr)?;
        let text = text_of(literal(&like.pattern)?)?;
        let test = match (Pattern::of(&text), like.case_insensitive) {
            (Pattern::Exactly(text), false) => LogTest::Equals(vec![text]),
            (Pattern::Begins(text), false) => LogTest::Prefix(text),
            (Pattern::Holds(text), false) => LogTest::Contains(text),
            (Pattern::Regex(regex), false) => LogTest::Matches(regex),
            (pattern, true) => LogTest::Matches(format!("(?i){}", pattern.regex())),
        };
        let asked = self.test(column, &text, &test)?;
        if !like.negated {
            return Some(asked);
        }
        let fields = fields_of(column)?;
        if !asked.exact {
            return Some(Asked { filter: exists(fields), exact: false });
        }
        let filter = LogFilter::And(vec![exists(fields), LogFilter::Not(Box::new(asked.filter))]);
        Some(Asked { filter, exact: true })
    }

    /// A test of texts; `text` is what it is about.
    fn test(&self, column: &Column, text: &str, test: &LogTest) -> Option<Asked> {
        let fields = fields_of(column)?;
        if may_be_json(fields, text) {
            return None;
        }
        let is_text = fields.iter().all(|field| field.kinds[..] == [LogColumnKind::Text]);
        Some(Asked { filter: any_field(fields, test), exact: is_text && self.knows(column) })
    }

    /// A boolean column that is a condition itself.
    fn flag(&self, expr: &Expr, wanted: bool) -> Option<Asked> {
        let column = self.field_column(expr)?;
        let is_flag = column.data_type == DataType::Boolean;
        is_flag.then(|| self.equals(column, vec![wanted.to_string()], false)).flatten()
    }
}

fn fields_of(column: &Column) -> Option<&[FieldSource]> {
    match &column.source {
        Source::Fields(fields) => Some(fields),
        _ => None,
    }
}

fn any_field(fields: &[FieldSource], test: &LogTest) -> LogFilter {
    let mut filters: Vec<_> =
        fields.iter().map(|field| LogFilter::field(field.path.clone(), test.clone())).collect();
    match filters.len() {
        0 => LogFilter::None,
        1 => filters.pop().unwrap_or(LogFilter::None),
        _ => LogFilter::Or(filters),
    }
}

fn exists(fields: &[FieldSource]) -> LogFilter {
    // What is plain JSON is not found by the store.
    if fields.iter().any(|field| field.kinds.contains(&LogColumnKind::Raw)) {
        return LogFilter::All;
    }
    any_field(fields, &LogTest::Exists)
}

/// Whether a text may stand in a list or in JSON otherwise than as one of its values: SQL sees
/// lists as JSON, the store sees their values.
fn may_be_json(fields: &[FieldSource], text: &str) -> bool {
    let special = |character: char| "[]{}\",\\:".contains(character) || character.is_control();
    let plain = |kind: &LogColumnKind| !matches!(kind, LogColumnKind::List | LogColumnKind::Raw);
    let kinds = fields.iter().flat_map(|field| &field.kinds);
    let is_raw = fields.iter().any(|field| field.kinds.contains(&LogColumnKind::Raw));
    // The field's own time is written in a way of its own.
    let is_time = fields.iter().any(|field| field.kinds.contains(&LogColumnKind::Time));
    is_raw || is_time || (!kinds.clone().all(plain) && text.contains(special))
}

/// A bound, and whether it belongs to the range.
type Bound = (String, bool);

fn ends(is_lower: bool, bound: Bound) -> (Option<Bound>, Option<Bound>) {
    if is_lower { (Some(bound), None) } else { (None, Some(bound)) }
}

fn plain_text(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Boolean(Some(flag)) => Some(flag.to_string()),
        ScalarValue::Float64(Some(number)) => Some(number.to_string()),
        value => text_of(value).or_else(|| whole_text(value)),
    }
}

fn whole_text(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Int64(Some(number)) => Some(number.to_string()),
        ScalarValue::Int32(Some(number)) => Some(number.to_string()),
        ScalarValue::UInt64(Some(number)) => Some(number.to_string()),
        _ => None,
    }
}
