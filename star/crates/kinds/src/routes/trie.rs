//! Rules by the segments of their templates.
//!
//! Finds the first rule of a table that takes a request, by looking at the nodes that the path
//! leads to instead of at every rule. A branch is left out when its first rule stands behind the
//! best one found so far.

use std::borrow::Cow;
use std::collections::HashMap;

use super::template::{Segment, Template, fits};

/// Rules, found by the segments of a path. The first node is the root.
#[derive(Debug, Clone)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
struct Node {
    /// The first rule in this branch.
    first: usize,
    literals: HashMap<Box<str>, usize>,
    captures: Vec<(Box<str>, Box<str>, usize)>,
    /// Rules whose templates end here, in their order.
    here: Vec<usize>,
    /// Rules whose templates take the rest from here on, in their order.
    rest: Vec<usize>,
}

impl Trie {
    /// No rule.
    pub(crate) fn new() -> Trie {
        Trie { nodes: vec![Node::new(usize::MAX)] }
    }

    /// Adds a rule; rules come in their order.
    pub(crate) fn insert(&mut self, rule: usize, template: &Template) {
        let mut at = 0;
        self.nodes[at].first = self.nodes[at].first.min(rule);
        for segment in &template.segments {
            at = self.child(at, rule, segment);
        }
        match template.rest {
            Some(_) => self.nodes[at].rest.push(rule),
            None => self.nodes[at].here.push(rule),
        }
    }

    fn child(&mut self, at: usize, rule: usize, segment: &Segment) -> usize {
        let next = self.nodes.len();
        let node = &mut self.nodes[at];
        let child = match segment {
            Segment::Literal(text) => *node.literals.entry(text.as_str().into()).or_insert(next),
            Segment::Capture { prefix, suffix, .. } => {
                let same =
                    |(before, behind, _): &&(Box<str>, Box<str>, usize)| **before == **prefix && **behind == **suffix;
                match node.captures.iter().find(same) {
                    Some((_, _, child)) => *child,
                    None => {
                        node.captures.push((prefix.as_str().into(), suffix.as_str().into(), next));
                        next
                    }
                }
            }
        };
        if child == next {
            self.nodes.push(Node::new(rule));
        }
        child
    }

    /// The first rule whose template fits the segments and which `takes` the request.
    pub(crate) fn first(&self, segments: &[Cow<'_, str>], takes: &dyn Fn(usize) -> bool) -> Option<usize> {
        let mut best = usize::MAX;
        self.visit(0, segments, takes, &mut best);
        (best != usize::MAX).then_some(best)
    }

    /// Recursion is as deep as a template has segments, which is bounded.
    fn visit(&self, at: usize, segments: &[Cow<'_, str>], takes: &dyn Fn(usize) -> bool, best: &mut usize) {
        let node = &self.nodes[at];
        if node.first >= *best {
            return;
        }
        let ending = if segments.is_empty() { &node.here } else { &node.rest };
        if let Some(rule) = ending.iter().take_while(|rule| **rule < *best).find(|rule| takes(**rule)) {
            *best = *rule;
        }
        let Some((segment, behind)) = segments.split_first() else { return };
        if let Some(child) = node.literals.get(segment.as_ref()) {
            self.visit(*child, behind, takes, best);
        }
        for (prefix, suffix, child) in &node.captures {
            if fits(prefix, suffix, segment) {
                self.visit(*child, behind, takes, best);
            }
        }
    }
}

impl Node {
    fn new(first: usize) -> Node {
        Node { first, literals: HashMap::new(), captures: Vec::new(), here: Vec::new(), rest: Vec::new() }
    }
}
