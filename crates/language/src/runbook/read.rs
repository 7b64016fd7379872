//! From YAML to runbooks.

use super::section::{Section, duration, list, text};
use super::{
    Action, BlastRadius, Condition, EscalationStep, ForEach, HttpCall, Input, Mode, Phase, Query,
    RUNBOOKS_MAX, Runbook, STEPS_MAX, Starts, Step, Text, Variable, Verify, condition, split_words,
};
use crate::yaml::{ConfigError, Node, Source, Value};

/// What the value of an input looks like unless the runbook says otherwise: nothing by which an
/// argument could be taken for an option, nor anything that a shell would understand.
const PATTERN: &str = "[A-Za-z0-9][A-Za-z0-9._:/@-]{0,252}";

pub(super) fn runbooks(root: &Node, source: &Source) -> Result<Vec<Runbook>, ConfigError> {
    let mut fields = Section::of(root, source)?;
    let mut nodes: Vec<&Node> = fields.take("runbook").into_iter().collect();
    nodes.extend(fields.take("runbooks").map(list).unwrap_or_default());
    fields.finish("a file of runbooks")?;
    if nodes.is_empty() {
        return Err(root.error(source, "there is no runbook").advise("write `runbook:`"));
    }
    if nodes.len() > RUNBOOKS_MAX {
        return Err(root.error(source, format!("more than {RUNBOOKS_MAX} runbooks")));
    }
    nodes.into_iter().map(|node| runbook(node, source)).collect()
}

fn runbook(node: &Node, source: &Source) -> Result<Runbook, ConfigError> {
    let mut fields = Section::of(node, source)?;
    let name = fields.text("name")?;
    if name.is_empty() || name.len() > 200 {
        return Err(node.error(source, "a runbook has a name of at most 200 bytes"));
    }
    let mut steps = Vec::new();
    for (phase, field) in
        [(Phase::Investigation, "investigation"), (Phase::Remediation, "remediation")]
    {
        for item in fields.take(field).map(list).unwrap_or_default() {
            steps.push(step(item, phase, source)?);
        }
    }
    if steps.len() > STEPS_MAX {
        return Err(node.error(source, format!("more than {STEPS_MAX} steps")));
    }
    let escalation = fields.take("escalation").map(list).unwrap_or_default();
    let runbook = Runbook {
        name,
        description: fields.text("description")?,
        symptoms: fields.texts("symptoms")?,
        author: fields.text("author")?,
        mode: mode(fields.take("mode"), source)?,
        starts: starts(fields.take("starts_on"), source)?,
        inputs: inputs(fields.take("inputs"), source)?,
        variables: variables(fields.take("variables"), source)?,
        target: target(fields.take("target"), source)?,
        cooldown_ms: fields.duration("cooldown")?,
        runs_per_hour_max: fields.number("runs_per_hour")?,
        concurrency_max: fields.number("concurrency")?,
        blast_radius: fields.take("blast_radius").map(|n| blast_radius(n, source)).transpose()?,
        every_ms: schedule(fields.take("schedule"), source)?,
        approvers: fields.texts("approvers")?,
        approval_ms: fields.duration("approval_timeout")?,
        steps,
        escalation: escalation.iter().map(|n| escalate(n, source)).collect::<Result<_, _>>()?,
        line: node.line,
    };
    fields.finish("a runbook")?;
    check_names(&runbook).map_err(|error| node.error(source, error))?;
    Ok(runbook)
}

/// Whether every placeholder and variable is one that the runbook has.
fn check_names(runbook: &Runbook) -> Result<(), String> {
    use super::Part;
    let input = |name: &str| runbook.inputs.iter().any(|input| input.name == name);
    let variable = |name: &str| runbook.variables.iter().any(|variable| variable.name == name);
    let check_text = |text: &Text, repeats: bool| {
        text.0.iter().try_for_each(|part| match part {
            Part::Input(name) if !input(name) => Err(format!("there is no input {name:?}")),
            Part::Variable(name) if !variable(name) => {
                Err(format!("there is no variable {name:?}"))
            }
            Part::Item if !repeats => Err("${item} needs for_each".to_owned()),
            _ => Ok(()),
        })
    };
    check_text(&runbook.target, false)?;
    for step in &runbook.steps {
        let repeats = step.for_each.is_some();
        let within = |error: String| format!("step {:?}: {error}", step.name);
        for action in std::iter::once(&step.action).chain(&step.rollback) {
            texts_of(action)
                .into_iter()
                .try_for_each(|text| check_text(text, repeats))
                .map_err(within)?;
        }
        for (_, text) in &step.environment {
            check_text(text, repeats).map_err(within)?;
        }
        let verify = step.verify.as_ref().map(|verify| &verify.condition);
        for condition in step.condition.iter().chain(&step.when).chain(verify) {
            for name in variables_of(condition) {
                if !variable(name) {
                    return Err(within(format!("there is no variable {name:?}")));
                }
            }
        }
        if verify.is_some_and(Condition::asks_approval) {
            return Err(within("a check after the step cannot ask for approval".to_owned()));
        }
    }
    Ok(())
}

fn texts_of(action: &Action) -> Vec<&Text> {
    match action {
        Action::Command(words) => words.iter().collect(),
        Action::Http(call) => {
            let headers = call.headers.iter().map(|(_, text)| text);
            [&call.url, &call.body].into_iter().chain(headers).collect()
        }
        Action::Notify { message, .. } => vec![message],
        Action::Script { .. } | Action::Query(_) => Vec::new(),
    }
}

fn variables_of(condition: &Condition) -> Vec<&str> {
    use super::Operand;
    fn of(operand: &Operand) -> Option<&str> {
        match operand {
            Operand::Variable(name) => Some(name),
            Operand::PercentOf(_, inner) => of(inner),
            Operand::Number(_) | Operand::Percent(_) | Operand::Query(_) => None,
        }
    }
    match condition {
        Condition::Compare { left, right, .. } => of(left).into_iter().chain(of(right)).collect(),
        Condition::And(all) | Condition::Or(all) => all.iter().flat_map(variables_of).collect(),
        Condition::Not(inner) => variables_of(inner),
        Condition::Holds(_) | Condition::Approval => Vec::new(),
    }
}

fn mode(node: Option<&Node>, source: &Source) -> Result<Mode, ConfigError> {
    let Some(node) = node else { return Ok(Mode::Execute) };
    Mode::parse(&text(node, source)?)
        .ok_or_else(|| node.mismatch(source, "off, observe or execute"))
}

fn starts(node: Option<&Node>, source: &Source) -> Result<Starts, ConfigError> {
    let Some(node) = node else { return Ok(Starts::default()) };
    let mut fields = Section::of(node, source)?;
    let starts = Starts { alerts: fields.texts("alerts")?, matchers: fields.texts("matchers")? };
    fields.finish("starts_on")?;
    Ok(starts)
}

fn inputs(node: Option<&Node>, source: &Source) -> Result<Vec<Input>, ConfigError> {
    let mut inputs = Vec::new();
    for (name, node) in named(node, source)? {
        let mut fields = Section::of(node, source)?;
        let default = fields.take("default").map(|node| text(node, source)).transpose()?;
        let mut input =
            Input { name, label: fields.text("label")?, default, pattern: fields.text("pattern")? };
        fields.finish("an input")?;
        if input.pattern.is_empty() {
            input.pattern = PATTERN.to_owned();
        }
        if let Err(error) = regex::Regex::new(&input.pattern) {
            return Err(node.error(source, format!("pattern: {error}")));
        }
        inputs.push(input);
    }
    Ok(inputs)
}

fn variables(node: Option<&Node>, source: &Source) -> Result<Vec<Variable>, ConfigError> {
    let mut variables = Vec::new();
    for (name, node) in named(node, source)? {
        let mut fields = Section::of(node, source)?;
        let query = fields.take("query");
        let query = query.ok_or_else(|| node.error(source, "a variable has a query"))?;
        let query = read_query(query, source)?;
        variables.push(Variable { name, query, label: fields.text("label")? });
        fields.finish("a variable")?;
    }
    Ok(variables)
}

fn named<'n>(
    node: Option<&'n Node>,
    source: &Source,
) -> Result<Vec<(String, &'n Node)>, ConfigError> {
    let Some(node) = node else { return Ok(Vec::new()) };
    let Value::Map(pairs) = &node.value else { return Err(node.mismatch(source, "a mapping")) };
    Ok(pairs.iter().map(|(key, node)| (key.text.clone(), node)).collect())
}

fn target(node: Option<&Node>, source: &Source) -> Result<Text, ConfigError> {
    node.map_or(Ok(Text::default()), |node| read_text(node, source))
}

fn blast_radius(node: &Node, source: &Source) -> Result<BlastRadius, ConfigError> {
    let mut fields = Section::of(node, source)?;
    let share = fields.take("share").map(|node| share(node, source)).transpose()?;
    let of = fields.take("of");
    let radius = BlastRadius {
        targets_max: fields.number("targets")?,
        share_max: share,
        of: of.map(|node| text(node, source)).transpose()?.unwrap_or_default(),
    };
    fields.finish("blast_radius")?;
    if radius.share_max.is_some() != of.is_some() {
        return Err(node.error(source, "`share` needs `of`, the query of how many there are"));
    }
    if let Some(of) = of {
        let query = read_query(of, source)?;
        if matches!(query, Query::Sql(_)) {
            return Err(of.mismatch(source, "a PromQL query"));
        }
    }
    Ok(radius)
}

fn share(node: &Node, source: &Source) -> Result<f64, ConfigError> {
    let text = text(node, source)?;
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let number = number.filter(|number| (0.0..=100.0).contains(number));
    number.map(|number| number / 100.0).ok_or_else(|| node.mismatch(source, "a share such as 30%"))
}

fn schedule(node: Option<&Node>, source: &Source) -> Result<Option<u64>, ConfigError> {
    let Some(node) = node else { return Ok(None) };
    let mut fields = Section::of(node, source)?;
    let every = fields.duration("every")?;
    fields.finish("schedule")?;
    match every {
        Some(every) if every >= 60_000 => Ok(Some(every)),
        _ => Err(node.error(source, "a schedule has `every`, at least a minute")),
    }
}

fn escalate(node: &Node, source: &Source) -> Result<EscalationStep, ConfigError> {
    let mut fields = Section::of(node, source)?;
    let (time, after) = (fields.take("time"), fields.take("after"));
    let after = time.or(after);
    let after = after.ok_or_else(|| node.error(source, "escalation has a `time`"))?;
    let step = EscalationStep {
        after_ms: duration(after, source)?,
        action: fields.text("action")?,
        line: node.line,
    };
    fields.finish("escalation")?;
    if step.action.is_empty() {
        return Err(node.error(source, "escalation has an `action`"));
    }
    Ok(step)
}

fn step(node: &Node, phase: Phase, source: &Source) -> Result<Step, ConfigError> {
    let mut fields = Section::of(node, source)?;
    let name = fields.text("name")?;
    let action = action(&mut fields, source)?;
    let condition = |node: Option<&Node>| node.map(|n| read_condition(n, source)).transpose();
    let step = Step {
        name: if name.is_empty() { action.to_string() } else { name },
        phase,
        action,
        condition: condition(fields.take("condition"))?,
        when: condition(fields.take("when"))?,
        for_each: fields.take("for_each").map(|node| for_each(node, source)).transpose()?,
        timeout_ms: fields.duration("timeout")?,
        retries: fields.number("retries")?.unwrap_or(0),
        retry_pause_ms: fields.duration("retry_pause")?.unwrap_or(10_000),
        verify: fields.take("verify").map(|node| verify(node, source)).transpose()?,
        rollback: fields.take("rollback").map(|node| rollback(node, source)).transpose()?,
        approvers: fields.texts("approvers")?,
        environment: environment(fields.take("environment"), source)?,
        continues: fields.flag("continue_on_failure")?,
        line: node.line,
    };
    fields.finish("a step")?;
    if step.retries > 10 {
        return Err(node.error(source, "a step is tried again at most 10 times"));
    }
    Ok(step)
}

fn action(fields: &mut Section<'_>, source: &Source) -> Result<Action, ConfigError> {
    let mut found = Vec::new();
    for name in ["command", "action"] {
        if let Some(node) = fields.take(name) {
            found.push(command(node, source)?);
        }
    }
    if let Some(node) = fields.take("query") {
        found.push(Action::Query(read_query(node, source)?));
    }
    let interpreter = fields.text("interpreter")?;
    if let Some(node) = fields.take("script") {
        if !interpreter.starts_with('/') {
            return Err(node.error(source, "a script has an `interpreter`, an absolute path"));
        }
        found.push(Action::Script { interpreter, text: text(node, source)? });
    }
    if let Some(node) = fields.take("http") {
        found.push(http(node, source)?);
    }
    if let Some(node) = fields.take("kubernetes") {
        found.push(kubernetes(node, source)?);
    }
    if let Some(node) = fields.take("notify") {
        found.push(notify(node, source)?);
    }
    if found.len() != 1 {
        let message = "a step does one thing: command, action, query, script, http, kubernetes or \
                       notify";
        return Err(fields.node.error(source, message));
    }
    Ok(found.remove(0))
}

/// A command line, or a list of arguments.
fn command(node: &Node, source: &Source) -> Result<Action, ConfigError> {
    let words = match &node.value {
        Value::List(items) => {
            items.iter().map(|item| text(item, source)).collect::<Result<Vec<_>, _>>()?
        }
        Value::Scalar(line, _) => {
            split_words(line).map_err(|error| node.error(source, error.to_string()))?
        }
        _ => return Err(node.mismatch(source, "a command or a list of arguments")),
    };
    if words.first().is_none_or(String::is_empty) {
        return Err(node.error(source, "the command is empty"));
    }
    let words = words.iter().map(|word| Text::parse(word)).collect::<Result<Vec<_>, _>>();
    let words = words.map_err(|error| node.error(source, error))?;
    if words.first().is_some_and(|program| !program.is_plain()) {
        return Err(node.error(source, "the program itself is written out, without placeholders"));
    }
    Ok(Action::Command(words))
}

fn rollback(node: &Node, source: &Source) -> Result<Action, ConfigError> {
    match &node.value {
        Value::Map(_) => {
            let mut fields = Section::of(node, source)?;
            let action = action(&mut fields, source)?;
            fields.finish("rollback")?;
            Ok(action)
        }
        _ => command(node, source),
    }
}

fn http(node: &Node, source: &Source) -> Result<Action, ConfigError> {
    let mut fields = Section::of(node, source)?;
    let method = fields.text("method")?.to_ascii_uppercase();
    let method = if method.is_empty() { "GET".to_owned() } else { method };
    if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
        return Err(node.error(source, format!("{method} is no method of http")));
    }
    let url = fields.take("url").ok_or_else(|| node.error(source, "http has a `url`"))?;
    let mut expect = Vec::new();
    for status in fields.take("expect").map(list).unwrap_or_default() {
        let status_text = text(status, source)?;
        expect.push(status_text.parse().map_err(|_| status.mismatch(source, "a status"))?);
    }
    let body = fields.take("body").map_or(Ok(Text::default()), |node| read_text(node, source))?;
    let headers = environment(fields.take("headers"), source)?;
    let call = HttpCall { method, url: read_text(url, source)?, headers, body, expect };
    fields.finish("http")?;
    Ok(Action::Http(call))
}

/// What is asked of Kubernetes becomes `kubectl` with its arguments, for which the allow-list of
/// programs holds as for any other.
fn kubernetes(node: &Node, source: &Source) -> Result<Action, ConfigError> {
    let mut fields = Section::of(node, source)?;
    let mut words = vec![Text::plain("kubectl")];
    for option in ["context", "namespace"] {
        if let Some(node) = fields.take(option) {
            words.push(Text::plain(format!("--{option}")));
            words.push(read_text(node, source)?);
        }
    }
    let mut verbs: Vec<Vec<Text>> = Vec::new();
    let replicas = fields.take("replicas").map(|node| read_text(node, source)).transpose()?;
    for (verb, before) in [
        ("restart", &["rollout", "restart"][..]),
        ("undo", &["rollout", "undo"]),
        ("scale", &["scale"]),
        ("delete", &["delete"]),
        ("get", &["get", "-o", "wide"]),
        ("describe", &["describe"]),
        ("logs", &["logs", "--tail", "200"]),
        ("cordon", &["cordon"]),
        ("uncordon", &["uncordon"]),
    ] {
        let Some(node) = fields.take(verb) else { continue };
        let mut verb_words: Vec<Text> = before.iter().map(|word| Text::plain(*word)).collect();
        verb_words.push(read_text(node, source)?);
        if verb == "scale" {
            let replicas = replicas.as_ref();
            let replicas = replicas.ok_or_else(|| node.error(source, "scale has `replicas`"))?;
            let mut option = Text::plain("--replicas=");
            option.0.extend(replicas.0.iter().cloned());
            verb_words.push(option);
        }
        verbs.push(verb_words);
    }
    fields.finish("kubernetes")?;
    if verbs.len() != 1 {
        let message = "kubernetes does one thing: restart, undo, scale, delete, get, describe, \
                       logs, cordon or uncordon";
        return Err(node.error(source, message));
    }
    words.extend(verbs.remove(0));
    Ok(Action::Command(words))
}

fn notify(node: &Node, source: &Source) -> Result<Action, ConfigError> {
    if let Value::Scalar(receiver, _) = &node.value {
        return Ok(Action::Notify { receiver: receiver.clone(), message: Text::default() });
    }
    let mut fields = Section::of(node, source)?;
    let receiver = fields.text("receiver")?;
    let message = fields.take("message").map_or(Ok(Text::default()), |n| read_text(n, source))?;
    fields.finish("notify")?;
    if receiver.is_empty() {
        return Err(node.error(source, "notify has a `receiver`"));
    }
    Ok(Action::Notify { receiver, message })
}

fn for_each(node: &Node, source: &Source) -> Result<ForEach, ConfigError> {
    if let Value::Map(_) = &node.value {
        let mut fields = Section::of(node, source)?;
        let query = fields.take("query");
        let query = query.ok_or_else(|| node.error(source, "for_each has a `query`"))?;
        let each =
            ForEach::Query { query: read_query(query, source)?, label: fields.text("label")? };
        fields.finish("for_each")?;
        return Ok(each);
    }
    let values = list(node).iter().map(|item| text(item, source));
    Ok(ForEach::Values(values.collect::<Result<_, _>>()?))
}

fn verify(node: &Node, source: &Source) -> Result<Verify, ConfigError> {
    if let Value::Scalar(..) = &node.value {
        return Ok(Verify { condition: read_condition(node, source)?, within_ms: 300_000 });
    }
    let mut fields = Section::of(node, source)?;
    let condition = fields.take("condition");
    let condition = condition.ok_or_else(|| node.error(source, "verify has a `condition`"))?;
    let condition = read_condition(condition, source)?;
    let within_ms = fields.duration("within")?.unwrap_or(300_000);
    fields.finish("verify")?;
    Ok(Verify { condition, within_ms })
}

fn environment(node: Option<&Node>, source: &Source) -> Result<Vec<(String, Text)>, ConfigError> {
    let pairs = named(node, source)?.into_iter();
    pairs.map(|(name, node)| Ok((name, read_text(node, source)?))).collect()
}

fn read_text(node: &Node, source: &Source) -> Result<Text, ConfigError> {
    Text::parse(&text(node, source)?).map_err(|error| node.error(source, error))
}

fn read_query(node: &Node, source: &Source) -> Result<Query, ConfigError> {
    Query::parse(&text(node, source)?).map_err(|error| node.error(source, error))
}

fn read_condition(node: &Node, source: &Source) -> Result<Condition, ConfigError> {
    condition::parse(&text(node, source)?).map_err(|error| node.error(source, error))
}
