//! What a transfer of many files has to do, given what is at its source and at its destination. Owns the decision and
//! nothing else: it reads and writes nothing. Invariant: each name of the source is either sent or unchanged, and a
//! surplus name is none of the source's.

use std::collections::BTreeMap;

/// What a comparison of two things of one name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They hold the same.
    Same,
    /// They differ, or nothing shows that they don't.
    Differs,
    /// They hold the same if the file has this ETag.
    SameIfETag(String),
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan<S, D> {
    /// What is sent, in the order of names.
    pub(super) send: Vec<Sending<S>>,
    /// How many are there already.
    pub(super) unchanged: u64,
    /// What the destination has and the source doesn't.
    pub(super) surplus: BTreeMap<String, D>,
}

/// Something to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sending<S> {
    pub(super) name: String,
    pub(super) source: S,
    /// It needn't be sent if the file has this ETag.
    pub(super) unless_e_tag: Option<String>,
}

/// Compares what is at the source with what is at the destination, name by name.
pub(super) fn plan<S, D>(
    source: BTreeMap<String, S>,
    mut destination: BTreeMap<String, D>,
    compare: impl Fn(&S, &D) -> Verdict,
) -> Plan<S, D> {
    let (mut send, mut unchanged) = (Vec::new(), 0);
    for (name, source) in source {
        let unless_e_tag = match destination.remove(&name).map(|there| compare(&source, &there)) {
            Some(Verdict::Same) => {
                unchanged += 1;
                continue;
            }
            Some(Verdict::SameIfETag(e_tag)) => Some(e_tag),
            Some(Verdict::Differs) | None => None,
        };
        send.push(Sending { name, source, unless_e_tag });
    }
    Plan { send, unchanged, surplus: destination }
}

/// Finds a name that needs a folder where `name` needs a file: of `a` and `a/b`, files can have one only.
pub(super) fn needs_as_folder<'a, T>(name: &str, names: &'a BTreeMap<String, T>) -> Option<&'a str> {
    let folder = format!("{name}/");
    let (first, _) = names.range(folder.clone()..).next()?;
    first.starts_with(&folder).then_some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Contents are numbers: equal ones are the same, and even ones can't be told without reading.
    fn compare(source: &u8, there: &u8) -> Verdict {
        match source % 2 {
            0 => Verdict::SameIfETag(there.to_string()),
            _ if source == there => Verdict::Same,
            _ => Verdict::Differs,
        }
    }

    fn listing() -> impl Strategy<Value = BTreeMap<String, u8>> {
        proptest::collection::btree_map("[ab/]{1,3}", 0_u8..4, 0..12)
    }

    proptest! {
        /// A destination that does what the plan says holds what the source holds, and was sent nothing that it had.
        #[test]
        fn a_plan_carried_out_makes_a_copy(source in listing(), destination in listing()) {
            let plan = plan(source.clone(), destination.clone(), compare);
            let mut copy = destination.clone();
            let mut sent = 0;
            for Sending { name, source, unless_e_tag } in plan.send {
                if unless_e_tag != Some(source.to_string()) {
                    sent += 1;
                    copy.insert(name, source);
                }
            }
            for (name, content) in plan.surplus {
                prop_assert_eq!(copy.remove(&name), Some(content), "it is there");
            }
            let needed = source.iter().filter(|(name, content)| destination.get(*name) != Some(*content)).count();
            let surely_same = source.iter().filter(|(name, content)| {
                *content % 2 == 1 && destination.get(*name) == Some(*content)
            });
            prop_assert_eq!((sent, plan.unchanged), (needed, surely_same.count() as u64));
            prop_assert_eq!(copy, source);
        }

        #[test]
        fn names_that_need_one_another_as_a_folder_are_found(names in listing()) {
            for name in names.keys() {
                let naive = names.keys().find(|other| other.starts_with(&format!("{name}/")));
                prop_assert_eq!(needs_as_folder(name, &names), naive.map(String::as_str));
            }
        }
    }
}
