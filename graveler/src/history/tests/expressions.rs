//! The grammar of ref expressions.

use proptest::prelude::*;

use crate::RefExpr;
use crate::history::Suffix;
use crate::tree::tests::cases;

fn parsed(text: &str) -> (String, Vec<Suffix>) {
    let expr: RefExpr = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    (expr.base().to_string(), expr.suffixes)
}

#[test]
fn expressions_are_names_with_suffixes() {
    use Suffix::{Ancestor, At, Head, Parent, Previous, Staged};
    let time = At(model::Timestamp::from_millis(1_793_491_200_000));
    for (text, name, suffixes) in [
        ("main", "main", vec![]),
        ("main~", "main", vec![Ancestor(1)]),
        ("main~2^2~0", "main", vec![Ancestor(2), Parent(2), Ancestor(0)]),
        ("main^^", "main", vec![Parent(1), Parent(1)]),
        ("main@", "main", vec![Head]),
        ("main@~3", "main", vec![Head, Ancestor(3)]),
        ("main@{0}", "main", vec![Previous(0)]),
        ("main@{12}~", "main", vec![Previous(12), Ancestor(1)]),
        ("main$", "main", vec![Staged]),
        ("main@{2026-11-01T00:00:00Z}^", "main", vec![time, Parent(1)]),
        ("v1.0@rc~1", "v1.0@rc", vec![Ancestor(1)]),
        ("main@{2026-11-01T01:00:00+01:00}", "main", vec![time]),
    ] {
        assert_eq!(parsed(text), (name.to_owned(), suffixes), "{text}");
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    for text in [
        "",
        "~1",
        "@",
        "main~x",
        "main^-1",
        "main~99999999999999999999",
        "main@{",
        "main@{yesterday}",
        "main@{}",
        "main@{-1}",
        "main@{99999999999999999999}",
        "main~1@{1}",
        "main$~1",
        "main~1$",
        "main~1@",
        "a b",
        "a/b",
        "main@{2026-11-01T00:00:00Z",
        "$",
    ] {
        assert!(text.parse::<RefExpr>().is_err(), "{text}");
    }
    assert!(format!("main{}", "^".repeat(33)).parse::<RefExpr>().is_err());
}

#[test]
fn any_text_parses_to_what_it_shows_or_not_at_all() {
    proptest!(cases(256), |(text in "[a-c@~^$0-9.{}é]{0,12}")| {
        if let Ok(expr) = text.parse::<RefExpr>() {
            let shown = expr.to_string();
            prop_assert_eq!(shown.parse::<RefExpr>().ok(), Some(expr), "{} {}", text, shown);
        }
    });
}
