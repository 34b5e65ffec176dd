use serde_json::{Value, json};

use super::*;
use crate::tests::unsigned;

const A: &str = "https://a.example";
const B: &str = "https://b.example";

fn only(issuers: &[&str]) -> AcceptedIssuers {
    AcceptedIssuers::Only(issuers.iter().map(|&issuer| issuer.to_owned()).collect())
}

fn users(options: &Value, accepted: &AcceptedIssuers) -> Result<Users, String> {
    let options: JwtBearerOptions = serde_json::from_value(options.clone()).unwrap();
    Users::new(&options, accepted).map_err(|error| error.to_string())
}

fn user(users: &Users, claims: &Value) -> Result<(String, String), NoUser> {
    let user = users.user(unsigned(&claims.to_string()).as_bytes())?;
    Ok((user.issuer, user.name))
}

fn is(issuer: &str, name: &str) -> Result<(String, String), NoUser> {
    Ok((issuer.to_owned(), name.to_owned()))
}

#[test]
fn the_only_issuer_may_name_every_user() {
    let users = users(&json!({"subjectClaim": "sub"}), &only(&[A])).unwrap();
    assert_eq!(user(&users, &json!({"iss": A, "sub": "jane"})), is(A, "jane"));
    assert_eq!(
        user(&users, &json!({"iss": "https://a.example/", "sub": "jane"})),
        is(A, "jane"),
        "another spelling of the same issuer"
    );
    for (claims, expected) in [
        (json!({"iss": B, "sub": "jane"}), NoUser::Issuer),
        (json!({"iss": "https://A.example", "sub": "jane"}), NoUser::Issuer),
        (json!({"iss": [A], "sub": "jane"}), NoUser::Issuer),
        (json!({"sub": "jane"}), NoUser::Issuer),
        (json!({"iss": A}), NoUser::Claim),
    ] {
        assert_eq!(user(&users, &claims), Err(expected), "{claims}");
    }
}

#[test]
fn each_issuer_names_its_own_users_and_nobody_elses() {
    let options = json!({"subjectClaim": "upn", "users": [
        {"issuers": A, "names": "*@a.example,root"},
        {"issuers": [B, "https://c.example"], "names": ["*@b.example"], "subjectClaim": ["email", "sub"]},
    ]});
    let users = users(&options, &only(&[A, B, "https://c.example"])).unwrap();
    for (claims, expected) in [
        (
            json!({"iss": A, "upn": "jane@a.example"}),
            is(A, "jane@a.example"),
        ),
        (json!({"iss": A, "upn": "root"}), is(A, "root")),
        (
            json!({"iss": B, "email": "jane@b.example"}),
            is(B, "jane@b.example"),
        ),
        (
            json!({"iss": "https://c.example/", "sub": "x@b.example"}),
            is("https://c.example", "x@b.example"),
        ),
        (json!({"iss": A, "upn": "jane@b.example"}), Err(NoUser::Name)),
        (json!({"iss": B, "email": "jane@a.example"}), Err(NoUser::Name)),
        (json!({"iss": B, "email": "root"}), Err(NoUser::Name)),
        (json!({"iss": B, "upn": "jane@b.example"}), Err(NoUser::Claim)),
        (
            json!({"iss": "https://d.example", "upn": "jane@a.example"}),
            Err(NoUser::Issuer),
        ),
        (json!({"upn": "jane@a.example"}), Err(NoUser::Issuer)),
    ] {
        assert_eq!(user(&users, &claims), expected, "{claims}");
    }
}

#[test]
fn issuers_in_one_entry_name_the_same_users() {
    let options = json!({"users": [{"issuers": [A, B], "subjectClaim": "sub"}]});
    let users = users(&options, &only(&[A, B])).unwrap();
    assert_eq!(user(&users, &json!({"iss": A, "sub": "jane"})), is(A, "jane"));
    assert_eq!(user(&users, &json!({"iss": B, "sub": "jane"})), is(B, "jane"));
    // If any issuer is accepted, the entry says whose users may be named.
    let users = self::users(&options, &AcceptedIssuers::Any).unwrap();
    assert_eq!(
        user(&users, &json!({"iss": "https://c", "sub": "jane"})),
        Err(NoUser::Issuer)
    );
}

#[test]
fn two_issuers_that_could_name_one_user_are_refused() {
    let sub = json!({"subjectClaim": "sub"});
    let with = |users: Value| json!({"subjectClaim": "sub", "users": users});
    for (options, accepted, start) in [
        (sub.clone(), AcceptedIssuers::Any, "jwt.issuers: is required"),
        (
            sub.clone(),
            only(&[A, B]),
            "jwtBearer.users: is required: the block jwt accepts tokens of 2 issuers",
        ),
        (sub, only(&[]), "jwtBearer.users: is required"),
        (json!({}), only(&[A]), "jwtBearer.subjectClaim: is required"),
        (
            json!({"users": [{"issuers": A}]}),
            only(&[A]),
            "jwtBearer.subjectClaim: is required",
        ),
        (
            with(json!([{"names": "*"}])),
            only(&[A]),
            "jwtBearer.users[0].issuers: is required",
        ),
        (
            with(json!([{"issuers": [""]}])),
            only(&[A]),
            "jwtBearer.users[0].issuers: is required",
        ),
        (
            with(json!([{"issuers": [A, B]}])),
            only(&[A]),
            "jwtBearer.users[0].issuers: has https://b.example, whose tokens",
        ),
        (
            with(json!([{"issuers": A}])),
            only(&[A, B]),
            "jwtBearer.users: says nothing about https://b.example",
        ),
        (
            with(json!([{"issuers": A, "names": "*@a"}, {"issuers": "https://a.example/", "names": "*@b"}])),
            only(&[A]),
            "jwtBearer.users[1].issuers: has https://a.example/, which another entry",
        ),
        (
            with(json!([{"issuers": A, "names": "*@a"}, {"issuers": B}])),
            only(&[A, B]),
            "jwtBearer.users[1].names: is required where",
        ),
        (
            with(json!([{"issuers": A, "names": "*@a"}, {"issuers": B, "names": ["x", "*"]}])),
            only(&[A, B]),
            "jwtBearer.users[1].names: has *, and another entry has *@a",
        ),
        (
            with(json!([{"issuers": A, "names": "*@a*"}])),
            only(&[A]),
            "jwtBearer.users[0].names: must hold names",
        ),
    ] {
        let error = users(&options, &accepted).err().unwrap();
        assert!(error.starts_with(start), "{options} {accepted:?}: {error}");
    }
}
