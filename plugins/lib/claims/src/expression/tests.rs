use super::*;
use serde_json::json;

fn claims() -> Claims {
    let claims = json!({
        "grp": "admin", "scope": "openid read write", "roles": ["reader", "writer", 7, true], "active": true,
        "level": 3, "ratio": 1.5, "nothing": null, "empty": "", "a.b": "dotted", r"c\d": "slashed",
        "nested": [["x"], "reader"],
        "user": { "name": "tmp-anna", "org": { "id": "o-1" }, "a.b": "inner" },
    });
    Claims::parse(claims.to_string().as_bytes()).unwrap()
}

fn check(cases: &[(&str, bool)]) {
    for (text, expected) in cases {
        let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(expression.holds(&claims()), *expected, "{text}");
    }
}

#[test]
fn functions() {
    check(&[
        ("Equals(`grp`, `admin`)", true),
        ("Equals(`grp`, `adm`)", false),
        ("Equals(`grp`, `Admin`)", false),
        ("Equals(`active`, `true`)", true),
        ("Equals(`active`, `false`)", false),
        ("Equals(`level`, `3`)", true),
        ("Equals(`ratio`, `1.5`)", true),
        ("Equals(`empty`, ``)", true),
        ("Prefix(`grp`, `adm`)", true),
        ("Prefix(`grp`, `dm`)", false),
        ("Prefix(`level`, `3`)", false),
        ("Contains(`grp`, `dmi`)", true),
        ("Contains(`roles`, `writer`)", true),
        ("Contains(`roles`, `write`)", false),
        ("Contains(`roles`, `7`)", true),
        ("Contains(`level`, `3`)", false),
        ("SplitContains(`scope`, ` `, `read`)", true),
        ("SplitContains(`scope`, ` `, `rea`)", false),
        ("SplitContains(`scope`, `,`, `read`)", false),
        ("SplitContains(`roles`, ` `, `reader`)", false),
        ("OneOf(`grp`, `user`, `admin`)", true),
        ("OneOf(`grp`, `user`)", false),
        ("OneOf(`level`, `2`, `3`)", true),
        ("OneOf(`roles`, `reader`)", false),
    ]);
}

#[test]
fn a_number_is_the_digits_it_is_written_with() {
    let claims = Claims::parse(
        br#"{"id":18446744073709551616,"uid":12345678901234567890123,"e":1e2,"f":100.0,"n":-0,"list":[0.10]}"#,
    )
    .unwrap();
    for (text, expected) in [
        ("Equals(`id`, `18446744073709551616`)", true),
        ("Equals(`id`, `18446744073709551617`)", false),
        ("Equals(`id`, `18446744073709552000`)", false),
        ("Equals(`id`, `1.8446744073709552e+19`)", false),
        ("Equals(`uid`, `12345678901234567890123`)", true),
        (
            "OneOf(`uid`, `12345678901234567890124`, `1.2345678901234568e+22`)",
            false,
        ),
        ("Equals(`e`, `1e2`)", true),
        ("Equals(`e`, `100`)", false),
        ("Equals(`e`, `100.0`)", false),
        ("Equals(`f`, `100.0`)", true),
        ("Equals(`f`, `100`)", false),
        ("Equals(`n`, `-0`)", true),
        ("Equals(`n`, `0`)", false),
        ("Contains(`list`, `0.10`)", true),
        ("Contains(`list`, `0.1`)", false),
    ] {
        assert_eq!(
            Expression::parse(text).unwrap().holds(&claims),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_claim_that_is_missing_or_has_no_text_makes_a_function_false() {
    check(&[
        ("Equals(`missing`, ``)", false),
        ("Prefix(`missing`, ``)", false),
        ("Contains(`missing`, ``)", false),
        ("Equals(`nothing`, `null`)", false),
        ("Equals(`nothing`, ``)", false),
        ("Equals(`user`, ``)", false),
        ("Equals(`grp.name`, `admin`)", false),
        ("!Equals(`missing`, `x`)", true),
    ]);
}

#[test]
fn a_claim_of_another_type_satisfies_neither_a_function_nor_its_negation() {
    for function in [
        "Equals(`roles`, `reader`)",
        "Equals(`user`, `x`)",
        "OneOf(`roles`, `reader`, `x`)",
        "OneOf(`user`, `x`)",
        "Prefix(`roles`, `x`)",
        "Prefix(`level`, `x`)",
        "Prefix(`active`, `x`)",
        "Contains(`level`, `x`)",
        "Contains(`user`, `x`)",
        "Contains(`nested`, `x`)",
        "SplitContains(`roles`, ` `, `x`)",
        "SplitContains(`level`, ` `, `x`)",
    ] {
        check(&[(function, false)]);
        check(&[(&format!("!{function}"), false)]);
        check(&[(&format!("!!{function}"), false)]);
        let (yes, no) = ("Equals(`grp`, `admin`)", "Equals(`grp`, `x`)");
        for (form, expected) in [
            ("!F || Y", true),
            ("Y || !F", true),
            ("!F || N", false),
            ("!F && Y", false),
            ("!(F && N)", true),
            ("!(N && F)", true),
            ("!(F || Y)", false),
            ("!(F || N)", false),
            ("!(F && Y)", false),
        ] {
            let text = form.replace('F', function).replace('Y', yes).replace('N', no);
            check(&[(&text, expected)]);
        }
    }
    check(&[
        // Once the value is found, the other members of the list do not matter.
        ("Contains(`nested`, `reader`)", true),
        ("!Contains(`nested`, `reader`)", false),
        ("!Contains(`roles`, `admin`)", true),
        ("!Equals(`nothing`, `x`)", true),
        ("!Equals(`grp.name`, `x`)", true),
        ("!Equals(`missing`, `x`)", true),
    ]);
}

#[test]
fn the_claims_that_it_looks_at_can_be_asked_for() {
    for (text, expected) in [
        ("Equals(`iss`, `a`)", true),
        (
            "!(Equals(`sub`, `a`) || Prefix(`iss`, `a`)) && Equals(`b`, `c`)",
            true,
        ),
        ("Equals(`iss.a`, `a`)", true),
        ("Equals(`a.iss`, `a`)", false),
        ("Equals(`sub`, `iss`)", false),
    ] {
        assert_eq!(
            Expression::parse(text).unwrap().mentions("iss"),
            expected,
            "{text}"
        );
    }
}

#[test]
fn keys_descend_at_dots() {
    check(&[
        ("Equals(`user.name`, `tmp-anna`)", true),
        ("Equals(`user.org.id`, `o-1`)", true),
        ("Equals(`user.org.other`, `o-1`)", false),
        (r"Equals(`a\.b`, `dotted`)", true),
        ("Equals(`a.b`, `dotted`)", false),
        (r"Equals(`user.a\.b`, `inner`)", true),
        (r"Equals(`c\\d`, `slashed`)", true),
        (r#"Equals("c\\\\d", "slashed")"#, true),
        (r#"Equals("a\\.b", "dotted")"#, true),
    ]);
}

#[test]
fn operators_bind_as_in_go() {
    let (yes, no) = ("Equals(`grp`, `admin`)", "Equals(`grp`, `x`)");
    for (form, expected) in [
        ("Y && Y", true),
        ("Y && N", false),
        ("N || Y", true),
        ("N || N", false),
        ("!N", true),
        ("!!Y", true),
        ("Y || Y && N", true),
        ("(Y || Y) && N", false),
        ("N && Y || Y", true),
        ("!N && Y", true),
        ("!(N || Y)", false),
        ("!N || N", true),
        ("((Y))", true),
        (" Y\n\t&&\r\n Y ", true),
        ("Y&&!N||N", true),
    ] {
        let text = form.replace('Y', yes).replace('N', no);
        check(&[(&text, expected)]);
    }
}
