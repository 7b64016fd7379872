//! Makes trees of a template's tokens.
//!
//! The grammar and the words of its errors are those of Go's `text/template/parse`. Errors name a
//! line, that of the last token looked at, as Go's do.

mod operand;

use std::sync::Arc;

use super::ast::{Branch, Call, List, Node, OperandKind, Pipe, Text, Tree};
use super::error::Error;
use super::lexer::{Keyword, Kind, Token, tokens};
use crate::promql::{go_quote, unescape};

/// How deep actions and parentheses may nest: bounds the recursion of everything that walks trees.
const DEPTH_MAX: usize = 100;
/// How long a template's text may be.
pub const TEXT_BYTES_MAX: usize = 4 << 20;

/// All templates that a text defines, itself first.
pub(super) fn parse(
    name: &str,
    text: &str,
    is_function: &dyn Fn(&str) -> bool,
) -> Result<Vec<Tree>, Error> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("template: {name}:1: text of more than {TEXT_BYTES_MAX} bytes");
        return Err(Error::Limit(message));
    }
    let mut parser = Parser {
        file: name.into(),
        text: text.into(),
        tokens: tokens(text),
        next: 0,
        furthest: 0,
        action_line: 0,
        variables: vec!["$".into()],
        range_depth: 0,
        depth: 0,
        is_function,
        trees: Vec::new(),
    };
    let root = parser.top()?;
    let tree = parser.tree(name.into(), root);
    parser.trees.insert(0, tree);
    Ok(parser.trees)
}

/// What ended a list of nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    End,
    Else,
}

impl Stop {
    fn text(self) -> &'static str {
        if self == Self::End { "{{end}}" } else { "{{else}}" }
    }
}

/// A node, or the end of the list it would stand in.
enum Item {
    Node(Node),
    Stop(Stop),
}

struct Parser<'t> {
    file: Arc<str>,
    text: Arc<str>,
    tokens: Vec<Token<'t>>,
    next: usize,
    /// The last token looked at: errors name its line.
    furthest: usize,
    /// Where the action that is being read began, or 0.
    action_line: usize,
    variables: Vec<Arc<str>>,
    range_depth: usize,
    depth: usize,
    is_function: &'t dyn Fn(&str) -> bool,
    trees: Vec<Tree>,
}

impl<'t> Parser<'t> {
    fn tree(&self, name: Arc<str>, root: List) -> Tree {
        Tree { name, file: Arc::clone(&self.file), text: Arc::clone(&self.text), root }
    }

    fn fail<T>(&self, message: &str) -> Result<T, Error> {
        let line = self.tokens.get(self.furthest).map_or(1, |token| token.line);
        Err(Error::Parse(format!("template: {}:{line}: {message}", self.file)))
    }

    /// The lexer always ends with a token that stops the parser.
    fn peek(&mut self) -> Token<'t> {
        self.furthest = self.furthest.max(self.next);
        self.tokens.get(self.next).or(self.tokens.last()).cloned().unwrap_or(Token {
            kind: Kind::End,
            position: 0,
            text: "EOF".into(),
            line: 1,
        })
    }

    fn read(&mut self) -> Token<'t> {
        let token = self.peek();
        self.next = (self.next + 1).min(self.tokens.len());
        token
    }

    fn peek_past_space(&mut self) -> Token<'t> {
        while self.peek().kind == Kind::Space {
            self.next += 1;
        }
        self.peek()
    }

    fn read_past_space(&mut self) -> Token<'t> {
        self.peek_past_space();
        self.read()
    }

    fn unexpected<T>(&self, token: &Token<'_>, context: &str) -> Result<T, Error> {
        if token.kind == Kind::Error {
            let mut extra = String::new();
            if self.action_line != 0 && self.action_line != token.line {
                let word = if token.text.ends_with(" action") { "" } else { " in action" };
                extra = format!("{word} started at {}:{}", self.file, self.action_line);
            }
            return self.fail(&format!("{}{extra}", token.text));
        }
        self.fail(&format!("unexpected {} in {context}", describe(token)))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Token<'t>, Error> {
        let token = self.read_past_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn descend(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.fail("max expression depth exceeded");
        }
        Ok(())
    }

    fn top(&mut self) -> Result<List, Error> {
        let mut list = List::default();
        while self.peek().kind != Kind::End {
            if self.peek().kind == Kind::LeftDelimiter {
                let before = self.next;
                self.read();
                if self.read_past_space().kind == Kind::Keyword(Keyword::Define) {
                    self.definition()?;
                    continue;
                }
                self.next = before;
            }
            match self.text_or_action()? {
                Item::Node(node) => list.nodes.push(node),
                Item::Stop(stop) => return self.fail(&format!("unexpected {}", stop.text())),
            }
        }
        Ok(list)
    }

    fn definition(&mut self) -> Result<(), Error> {
        let context = "define clause";
        let token = self.read_past_space();
        let name = self.template_name(&token, context)?;
        self.expect(Kind::RightDelimiter, context)?;
        self.own_list(name, context)
    }

    /// The body of a definition or block, which sees none of the variables around it.
    fn own_list(&mut self, name: Arc<str>, context: &str) -> Result<(), Error> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let action_line = std::mem::take(&mut self.action_line);
        let (root, stop) = self.list()?;
        self.variables = variables;
        self.range_depth = range_depth;
        self.action_line = action_line;
        if stop != Stop::End {
            return self.fail(&format!("unexpected {} in {context}", stop.text()));
        }
        let tree = self.tree(name, root);
        if let Some(known) = self.trees.iter_mut().find(|known| known.name == tree.name) {
            if known.root.is_empty() {
                *known = tree;
            } else if !tree.root.is_empty() {
                let name = go_quote(&tree.name);
                return self.fail(&format!("template: multiple definition of template {name}"));
            }
        } else {
            self.trees.push(tree);
        }
        Ok(())
    }

    fn list(&mut self) -> Result<(List, Stop), Error> {
        self.descend()?;
        self.peek_past_space();
        let mut list = List::default();
        while self.peek_past_space().kind != Kind::End {
            match self.text_or_action()? {
                Item::Node(node) => list.nodes.push(node),
                Item::Stop(stop) => {
                    self.depth -= 1;
                    return Ok((list, stop));
                }
            }
        }
        self.fail("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Result<Item, Error> {
        let token = self.read_past_space();
        match token.kind {
            Kind::Text => {
                let text = Text { position: token.position, text: token.text.as_ref().into() };
                Ok(Item::Node(Node::Text(text)))
            }
            Kind::LeftDelimiter => {
                self.action_line = token.line;
                let item = self.action()?;
                self.action_line = 0;
                Ok(item)
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Result<Item, Error> {
        let token = self.peek_past_space();
        let Kind::Keyword(keyword) = token.kind else {
            return Ok(Item::Node(Node::Action(self.pipeline("command", Kind::RightDelimiter)?)));
        };
        self.read();
        let node = match keyword {
            Keyword::End => {
                self.expect(Kind::RightDelimiter, "end")?;
                return Ok(Item::Stop(Stop::End));
            }
            Keyword::Else => {
                let next = self.peek_past_space().kind;
                if !matches!(next, Kind::Keyword(Keyword::If | Keyword::With)) {
                    self.expect(Kind::RightDelimiter, "else")?;
                }
                return Ok(Item::Stop(Stop::Else));
            }
            Keyword::Block => self.block()?,
            Keyword::Break => Node::Break(self.jump(&token, "{{break}}")?),
            Keyword::Continue => Node::Continue(self.jump(&token, "{{continue}}")?),
            Keyword::If => Node::If(self.branch("if")?),
            Keyword::Range => Node::Range(self.branch("range")?),
            Keyword::With => Node::With(self.branch("with")?),
            Keyword::Template => self.call()?,
            // A definition stands at the top only; Go has read the keyword as an operand here.
            Keyword::Define => return self.unexpected(&token, "command"),
        };
        Ok(Item::Node(node))
    }

    fn jump(&mut self, token: &Token<'_>, text: &str) -> Result<usize, Error> {
        let next = self.read_past_space();
        if next.kind != Kind::RightDelimiter {
            return self.unexpected(&next, text);
        }
        if self.range_depth == 0 {
            return self.fail(&format!("{text} outside {{{{range}}}}"));
        }
        Ok(token.position)
    }

    fn branch(&mut self, context: &str) -> Result<Branch, Error> {
        self.descend()?;
        let variables = self.variables.len();
        let pipe = self.pipeline(context, Kind::RightDelimiter)?;
        let is_range = usize::from(context == "range");
        self.range_depth += is_range;
        let (list, stop) = self.list()?;
        self.range_depth -= is_range;
        let otherwise = if stop == Stop::Else { Some(self.otherwise(context)?) } else { None };
        self.variables.truncate(variables);
        self.depth -= 1;
        Ok(Branch { pipe, list, otherwise })
    }

    /// What follows `{{else`: a list up to the end, or one `if` or `with` whose end is that of all.
    fn otherwise(&mut self, context: &str) -> Result<List, Error> {
        let next = self.peek();
        let node = match (context, next.kind) {
            ("if", Kind::Keyword(Keyword::If)) => {
                self.read();
                Node::If(self.branch("if")?)
            }
            ("with", Kind::Keyword(Keyword::With)) => {
                self.read();
                Node::With(self.branch("with")?)
            }
            _ => {
                let (list, stop) = self.list()?;
                if stop != Stop::End {
                    return self.fail(&format!("expected end; found {}", stop.text()));
                }
                return Ok(list);
            }
        };
        Ok(List { nodes: vec![node] })
    }

    fn block(&mut self) -> Result<Node, Error> {
        let context = "block clause";
        let token = self.read_past_space();
        let name = self.template_name(&token, context)?;
        let pipe = self.pipeline(context, Kind::RightDelimiter)?;
        self.own_list(Arc::clone(&name), context)?;
        Ok(Node::Template(Call { position: token.position, name, pipe: Some(pipe) }))
    }

    fn call(&mut self) -> Result<Node, Error> {
        let context = "template clause";
        let token = self.read_past_space();
        let name = self.template_name(&token, context)?;
        let pipe = if self.peek_past_space().kind == Kind::RightDelimiter {
            self.read();
            None
        } else {
            Some(self.pipeline(context, Kind::RightDelimiter)?)
        };
        Ok(Node::Template(Call { position: token.position, name, pipe }))
    }

    fn template_name(&self, token: &Token<'_>, context: &str) -> Result<Arc<str>, Error> {
        match token.kind {
            Kind::QuotedText | Kind::RawText => self.unquote(token),
            _ => self.unexpected(token, context),
        }
    }

    fn unquote(&self, token: &Token<'_>) -> Result<Arc<str>, Error> {
        let quote = token.text.chars().next().unwrap_or('"');
        let inside = token.text.get(1..token.text.len() - 1).unwrap_or("");
        match unescape(inside, quote) {
            Ok(text) if quote == '`' => Ok(text.replace('\r', "").into()),
            Ok(text) => Ok(text.into()),
            Err(_) => self.fail("invalid syntax"),
        }
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe, Error> {
        let position = self.peek_past_space().position;
        let mut pipe =
            Pipe { position, assigns: false, variables: Vec::new(), commands: Vec::new() };
        while self.declaration(&mut pipe, context)? {}
        loop {
            let token = self.peek_past_space();
            match token.kind {
                kind if kind == end => {
                    self.read();
                    self.check(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::Character
                | Kind::Dot
                | Kind::Field
                | Kind::Word
                | Kind::Number
                | Kind::Nil
                | Kind::RawText
                | Kind::QuotedText
                | Kind::Variable
                | Kind::LeftParenthesis => pipe.commands.push(self.command()?),
                _ => {
                    self.read();
                    return self.unexpected(&token, context);
                }
            }
        }
    }

    /// `$x :=`, `$x =` or `$x,`. True where another variable must follow.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Result<bool, Error> {
        let variable = self.peek_past_space();
        if variable.kind != Kind::Variable {
            return Ok(false);
        }
        let before = self.next;
        self.read();
        let next = self.peek_past_space();
        let is_comma = next.kind == Kind::Sign && next.text == ",";
        if !is_comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
            self.next = before;
            return Ok(false);
        }
        self.read();
        let name: Arc<str> = variable.text.as_ref().into();
        pipe.variables.push(Arc::clone(&name));
        self.variables.push(name);
        if !is_comma {
            pipe.assigns = next.kind == Kind::Assign;
            return Ok(false);
        }
        if context == "range" && pipe.variables.len() < 2 {
            return match self.peek_past_space().kind {
                Kind::Variable | Kind::RightDelimiter | Kind::RightParenthesis => Ok(true),
                _ => self.fail("range can only initialize variables"),
            };
        }
        self.fail(&format!("too many declarations in {context}"))
    }

    fn check(&self, pipe: &Pipe, context: &str) -> Result<(), Error> {
        if pipe.commands.is_empty() {
            return self.fail(&format!("missing value for {context}"));
        }
        for (index, command) in pipe.commands.iter().enumerate().skip(1) {
            let first = command.operands.first().map(|operand| &operand.kind);
            if let Some(
                OperandKind::Bool(_)
                | OperandKind::Dot
                | OperandKind::Nil
                | OperandKind::Number(_)
                | OperandKind::Text(..),
            ) = first
            {
                let stage = index + 1;
                return self.fail(&format!("non executable command in pipeline stage {stage}"));
            }
        }
        Ok(())
    }
}

/// A token as Go's lexer prints it: keywords in brackets, others quoted, long ones cut.
fn describe(token: &Token<'_>) -> String {
    match token.kind {
        Kind::End => "EOF".to_owned(),
        Kind::Keyword(_) | Kind::Nil => format!("<{}>", token.text),
        Kind::Dot => "<.>".to_owned(),
        _ if token.text.len() > 10 => {
            let start: String = token.text.chars().take(10).collect();
            format!("{}...", go_quote(&start))
        }
        _ => go_quote(&token.text),
    }
}
