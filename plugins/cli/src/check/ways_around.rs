//! Finds routers without a guard that take, or would take, requests that another router guards.

use std::collections::BTreeSet;

use super::finding::{Finding, Severity, finding};
use super::model::{Kind, Model, Router, Step, Way};
use super::role::role_of;
use super::rule::Rule;

/// A router, and what a comparison with others needs.
struct Judged<'m> {
    router: &'m Router,
    rule: Option<Rule>,
    backends: BTreeSet<String>,
    /// Whether some way through it is guarded.
    some_guarded: bool,
    /// A way that is not guarded.
    open: Option<Way<'m>>,
}

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let is_guarded = |way: &Way<'_>| way.steps.iter().any(|step| role_of(model, step).guards);
    let judge = |router| {
        let ways = model.ways(router);
        Judged {
            router,
            rule: Rule::parse(&router.rule),
            backends: model.backends(router),
            some_guarded: ways.iter().any(is_guarded),
            open: ways.into_iter().find(|way| !is_guarded(way)),
        }
    };
    let judged: Vec<Judged<'_>> = model.routers.iter().map(judge).collect();
    for it in &judged {
        let Some(way) = &it.open else { continue };
        let mut guarded = judged.iter().filter(|other| other.some_guarded);
        let same_backend = guarded
            .clone()
            .find(|other| !other.backends.is_disjoint(&it.backends));
        let (severity, message) = match same_backend {
            Some(other) => (
                Severity::Warning,
                to_the_same_backend(it.router, way, other.router),
            ),
            None => match guarded.find(|other| is_broader(model, it, way, other)) {
                Some(other) => to_another_backend(it, other),
                None => continue,
            },
        };
        let Router { file, place, .. } = it.router;
        findings.push(finding(file, *place, severity, message));
    }
}

fn to_the_same_backend(open: &Router, way: &Way<'_>, guarded: &Router) -> String {
    let at = way.entry_point.map(|name| format!(" on entry point {name}"));
    format!(
        "router {}{} leads to the same backend as {} without jwt: requests that {} does not take, for example because \
         Traefik has dropped it, pass here unchecked",
        open.name,
        at.unwrap_or_default(),
        guarded.name,
        guarded.name
    )
}

/// Returns whether the open router takes all requests of the guarded one as soon as Traefik has dropped that one.
fn is_broader(model: &Model<'_>, open: &Judged<'_>, way: &Way<'_>, guarded: &Judged<'_>) -> bool {
    let (one, two) = (open.router, guarded.router);
    let share_an_entry_point = one.entry_points.is_empty()
        || two.entry_points.is_empty()
        || one
            .entry_points
            .iter()
            .any(|name| two.entry_points.contains(name));
    // A child takes only what its parents leave.
    let stand_alone = one.parents.is_empty() && two.parents.is_empty();
    let (Some(broad), Some(narrow)) = (&open.rule, &guarded.rule) else {
        return false;
    };
    share_an_entry_point
        && stand_alone
        && !open.backends.is_empty()
        && !way.steps.iter().any(|step| may_refuse(model, step))
        && broad.is_broader_than(narrow)
}

/// Returns whether a middleware that is not ours may keep strangers out. One that the files do not define may.
fn may_refuse(model: &Model<'_>, step: &Step) -> bool {
    const REFUSE: [&str; 7] = [
        "basicAuth",
        "digestAuth",
        "forwardAuth",
        "ipAllowList",
        "ipWhiteList",
        "redirectRegex",
        "redirectScheme",
    ];
    match model.middlewares.get(&step.reference.id).map(|it| &it.kind) {
        Some(Kind::Other(kind)) => REFUSE.contains(kind),
        Some(Kind::Plugin { name, .. }) => model.plugins.ours(name).is_none(),
        Some(Kind::Chain(_)) => false,
        Some(Kind::Broken(_)) | None => true,
    }
}

/// The open router may be meant for everybody, such as the pages of an application. If it leads to a machine that the
/// guarded router protects, it hardly is.
fn to_another_backend(open: &Judged<'_>, guarded: &Judged<'_>) -> (Severity, String) {
    let machines = |it: &Judged<'_>| -> BTreeSet<String> {
        let servers = it.backends.iter().filter(|name| !name.contains('@'));
        servers
            .filter_map(|server| Some(server.split(':').next()?.to_owned()))
            .collect()
    };
    let (open_name, guarded_name) = (&open.router.name, &guarded.router.name);
    let taken = format!(
        "router {open_name} has no jwt, and its rule also fits the requests of {guarded_name}: it takes them if Traefik drops \
         {guarded_name}"
    );
    match machines(open).is_disjoint(&machines(guarded)) {
        true => (
            Severity::Note,
            format!("{taken}. If its backend is not open to everybody, add jwt to {open_name}"),
        ),
        false => (
            Severity::Warning,
            format!(
                "{taken}, and passes them unchecked to another port of the same machine. Add jwt to {open_name}, or make its \
                 rule narrower"
            ),
        ),
    }
}
