//! A caller's policies, ready to be asked. Owns the rule: a prohibition wins, and what nothing allows is denied.
//! Invariant: a statement counts only if action, resource and all conditions fit; where a condition can't be judged, a
//! prohibition counts and an allowance doesn't.

use std::cell::OnceCell;

use model::{Policy, UserName, Wildcard};

use crate::Action;
use crate::condition::{self, Condition, Facts};
use crate::effect::Effect;
use crate::pattern;
use crate::policy::{InvalidPolicy, PolicyDocument, Statement};

/// What policies say of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// A statement denies it.
    Forbidden,
    /// No statement speaks of it.
    Unmentioned,
}

/// A caller's policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    effect: Effect,
    actions: ActionSet,
    resources: Vec<Wildcard>,
    conditions: Vec<Condition>,
}

/// Actions, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ActionSet(u128);

const _: () = assert!(Action::ALL.len() <= 128);

/// An action on a resource, with what conditions ask about.
pub(crate) struct Question<'a> {
    pub(crate) facts: Facts<'a>,
    arn: OnceCell<String>,
}

impl<'a> Question<'a> {
    pub(crate) fn new(facts: Facts<'a>) -> Self {
        Self { facts, arn: OnceCell::new() }
    }

    fn arn(&self) -> &str {
        self.arn.get_or_init(|| self.facts.resource.to_string())
    }
}

impl Permissions {
    /// Reads a user's policies.
    ///
    /// # Errors
    /// The first policy that can't be read, by its name: to go on without it could lose a prohibition.
    pub fn of_policies(user: &UserName, policies: &[Policy]) -> Result<Self, InvalidPolicy> {
        let mut all = Self::default();
        for policy in policies {
            let document = PolicyDocument::parse(&policy.document);
            let document = document.map_err(|error| InvalidPolicy(format!("{}: {}", policy.name, error.0)))?;
            all.rules.extend(Self::of_document(user, &document)?.rules);
        }
        Ok(all)
    }

    /// Reads one document.
    pub fn of_document(user: &UserName, document: &PolicyDocument) -> Result<Self, InvalidPolicy> {
        let rules = document.statement.iter().map(|statement| Rule::read(statement, user));
        Ok(Self { rules: rules.collect::<Result<_, String>>().map_err(InvalidPolicy)? })
    }

    /// Whether a listing may show what a narrower one may not be asked for.
    pub(crate) fn hides_listed(&self) -> bool {
        let hides = |rule: &Rule| {
            rule.effect == Effect::Deny
                && rule.actions.has(Action::ListObjects)
                && rule.conditions.iter().any(Condition::is_on_prefix)
        };
        self.rules.iter().any(hides)
    }

    /// The effects and resources of the statements that count, as far as it doesn't depend on which resource is asked about.
    pub(crate) fn counting_for_some(&self, facts: Facts<'_>) -> Vec<(Effect, Vec<Wildcard>)> {
        let counting = self.rules.iter().filter(|rule| rule.actions.has(facts.action) && rule.conditions_count(facts));
        counting.map(|rule| (rule.effect, rule.resources.clone())).collect()
    }

    pub(crate) fn judge(&self, question: &Question<'_>) -> Verdict {
        let mut verdict = Verdict::Unmentioned;
        for rule in self.rules.iter().filter(|rule| rule.counts(question)) {
            match rule.effect {
                Effect::Deny => return Verdict::Forbidden,
                Effect::Allow => verdict = Verdict::Allowed,
            }
        }
        verdict
    }
}

impl Rule {
    fn read(statement: &Statement, user: &UserName) -> Result<Self, String> {
        let resources = statement.resources()?;
        Ok(Self {
            effect: statement.effect,
            actions: ActionSet::of(&statement.action),
            resources: resources.iter().map(|resource| pattern::for_user(resource, user.as_str())).collect(),
            conditions: match &statement.condition {
                Some(conditions) => condition::read(conditions, user.as_str())?,
                None => Vec::new(),
            },
        })
    }

    fn counts(&self, question: &Question<'_>) -> bool {
        self.actions.has(question.facts.action)
            && self.resources.iter().any(|resource| resource.is_everything() || resource.matches(question.arn()))
            && self.conditions_count(question.facts)
    }

    fn conditions_count(&self, facts: Facts<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(facts).counts_for(self.effect))
    }
}

impl ActionSet {
    fn of(patterns: &[String]) -> Self {
        let patterns: Vec<_> = patterns.iter().map(|pattern| Wildcard::new(pattern)).collect();
        let chosen = Action::ALL.iter().filter(|action| patterns.iter().any(|p| p.matches(action.as_str())));
        Self(chosen.fold(0, |bits, action| bits | 1 << (*action as u32)))
    }

    fn has(self, action: Action) -> bool {
        self.0 & 1 << (action as u32) != 0
    }
}

#[cfg(test)]
mod tests;
