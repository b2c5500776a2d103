use super::*;
use crate::collections::element::Element;
use crate::values::NewValue;
use crate::values::list::ListBuilder;
use crate::values::set;

fn key<'p>(before: &'p str, behind: &'p str, field: Option<&'p str>) -> Pattern<'p> {
    let (before, behind) = (before.as_bytes(), behind.as_bytes());
    Pattern::Key { before, behind, field: field.map(str::as_bytes) }
}

#[test]
fn patterns() {
    for (pattern, parsed) in [
        ("#", Pattern::Element),
        ("w", Pattern::Nothing),
        ("w_*", key("w_", "", None)),
        ("*_w*", key("", "_w*", None)),
        ("h_*->f", key("h_", "", Some("f"))),
        ("h_*x->f->g", key("h_", "x", Some("f->g"))),
        ("a->*->", key("a->", "->", None)),
    ] {
        assert_eq!(Pattern::of(pattern.as_bytes()), parsed, "{pattern}");
    }
    assert_eq!(Pattern::by(b"#"), Pattern::Nothing);
}

fn list(elements: &[&str]) -> NewValue {
    let mut list = ListBuilder::default();
    for element in elements {
        list.push(Element::Bytes(element.as_bytes())).unwrap();
    }
    list.finish()
}

fn sorted(value: &NewValue, options: &Options<'_>) -> Result<Vec<String>, Failure<()>> {
    let mut lookup = |key: &[u8], field: Option<&[u8]>| {
        Ok(match (key, field) {
            (b"w_9", None) => Some(b"-1".to_vec()),
            (b"w_2.5", None) => Some(b"-2".to_vec()),
            _ => None,
        })
    };
    let source = Source::of(Some(value.as_ref()), 0).unwrap();
    let found = run(source, options, &mut lookup)?;
    let text = |got: Option<Vec<u8>>| got.map_or("-".into(), |got| String::from_utf8(got).unwrap());
    Ok(found.into_iter().map(text).collect())
}

#[test]
fn orders() {
    let all = Options::default();
    let by_weight = key("w_", "", None);
    for (options, wanted) in [
        (all.clone(), "2.5 9 9 10"),
        (Options { descending: true, ..all.clone() }, "10 9 9 2.5"),
        (Options { alpha: true, ..all.clone() }, "10 2.5 9 9"),
        (Options { by: Pattern::Nothing, ..all.clone() }, "10 9 2.5 9"),
        (Options { by: Pattern::Nothing, descending: true, limit: (1, 2), ..all.clone() }, "2.5 9"),
        (Options { limit: (1, 2), ..all.clone() }, "9 9"),
        (Options { limit: (-3, 1), ..all.clone() }, "2.5"),
        (Options { limit: (4, 1), ..all.clone() }, ""),
        (Options { limit: (3, -1), ..all.clone() }, "10"),
        (Options { limit: (0, 0), ..all.clone() }, ""),
        (Options { by: by_weight, ..all.clone() }, "2.5 9 9 10"),
        (
            Options {
                get: vec![Pattern::Element, by_weight, Pattern::Nothing],
                limit: (2, 2),
                ..all.clone()
            },
            "9 -1 - 10 - -",
        ),
    ] {
        let found = sorted(&list(&["10", "9", "2.5", "9"]), &options).unwrap();
        assert_eq!(found.join(" "), wanted, "{options:?}");
    }
}

/// What the server leaves open is not stored.
#[test]
fn what_is_open() {
    let by_none = key("none_", "", None);
    let open = Options { by: by_none, alpha: true, certain: true, ..Options::default() };
    assert_eq!(sorted(&list(&["10", "9"]), &open), Err(Failure::OrderIsOpen));
    assert_eq!(sorted(&list(&["9", "9"]), &open).unwrap(), ["9", "9"]);
    let unsorted = Options { by: Pattern::Nothing, certain: true, ..Options::default() };
    let set = set::collect(["b", "a"], 1).unwrap();
    assert_eq!(sorted(&set, &unsorted).unwrap(), ["a", "b"]);
    assert_eq!(sorted(&list(&["x"]), &Options::default()), Err(Failure::NotANumber));
}
