//! The search for other ways than the gates, on ways that are planted.

use crate::gates::faults;

fn found(file: &str, text: &str) -> Vec<String> {
    faults(&[(file.to_owned(), text.to_owned())])
}

/// The code in a function of a file of the hub.
fn in_a_function(code: &str) -> String {
    format!("impl Hub {{ fn planted(&self) {{ {code} }} }}")
}

#[test]
fn every_other_way_to_the_past_is_found() {
    for (file, code) in [
        (
            "session/planted.rs",
            "store.history(&conversation, window, limit)",
        ),
        ("session/planted.rs", "store.search(&search)"),
        ("session/planted.rs", "ask(Store::history)"),
        ("session/planted.rs", "<dyn Store>::search(store, &search)"),
        (
            "rest/planted.rs",
            "call.question(|store| store . search ( &search ))",
        ),
        ("grpc/planted.rs", "store.search(&search)"),
        ("hub/planted.rs", "let recent = channel.past.recent();"),
        (
            "hub/planted.rs",
            "fx.tell(id, Event::History { messages, complete })",
        ),
        ("hub/planted.rs", "self.tell_missed(id, messages, fx)"),
        ("hub/planted.rs", "fx.read(Reading { channel, window })"),
        ("hub/resume.rs", "fx.recall(Recall { channel, limit })"),
        (
            "session/planted.rs",
            "Command::AnswerFromPast { channel, after, bytes }",
        ),
        // Comments and strings do not ask.
        (
            "hub/planted.rs",
            "/* readable */ let _ = \"readable\"; channel.past.recent()",
        ),
    ] {
        let found = found(file, &in_a_function(code));
        let expected = format!("{file}: planted ");
        assert!(!found.is_empty(), "{file}: {code}");
        assert!(
            found.iter().all(|it| it.starts_with(&expected)),
            "{found:?}"
        );
    }
}

#[test]
fn every_other_way_to_decide_is_found() {
    for code in [
        "if self.role_in(index, &name) >= Some(Role::Operator) {}",
        "match role { Some(Role::Founder) => {} _ => {} }",
        "let is_op = governed.present_role(key).is_some();",
        "if rules.has(Flag::Moderated) {}",
        "if rules.has( Flag :: InviteOnly ) {}",
        "if rules.history == Visibility::Since {}",
        "if channel.is_secret() {}",
        "if let Some(governed) = &channel.governed {}",
        "if rules.grants.contains_key(&account) {}",
        "use crate::model::governance::Role::*;",
    ] {
        for file in ["hub/planted.rs", "session/planted.rs", "turn.rs"] {
            assert!(
                !found(file, &in_a_function(code)).is_empty(),
                "{file}: {code}"
            );
        }
    }
    for code in [
        "if view.role >= Some(Role::Operator) {}",
        "if view.role == Some(Role::Founder) {}",
        "if role < Role::Voice {}",
        "if role != Role::Founder {}",
    ] {
        for file in ["protocol/planted.rs", "rest/planted.rs", "grpc/planted.rs"] {
            assert!(
                !found(file, &in_a_function(code)).is_empty(),
                "{file}: {code}"
            );
        }
    }
    // Only what speaks IRC may show colours and styles.
    for code in [
        "out.push_str(message.body.styled.as_ref().map_or(\"\", Styled::as_str))",
        "if let Some(shown) = &body.styled {}",
    ] {
        for file in ["protocol/line.rs", "hub/planted.rs", "chatlog/planted.rs"] {
            assert!(!found(file, &in_a_function(code)).is_empty(), "{file}");
        }
    }
    // Outside of functions, and in one within another.
    let constant = "const ALL: &[Role] = &[Role::Operator];";
    assert_eq!(found("hub/planted.rs", constant).len(), 1);
    let inner = "fn outer() { self.readable(id); fn inner() { channel.past.recent() } }";
    let found = found("hub/planted.rs", inner);
    assert!(found[0].contains("inner shows"), "{found:?}");
}

#[test]
fn who_asks_and_who_only_shows_may_go_on() {
    for (file, code) in [
        (
            "hub/planted.rs",
            "let after = self.readable(id, index, now)?; channel.past.recent()",
        ),
        (
            "session/planted.rs",
            "self.own_room(room)?; store.search(&search)",
        ),
        (
            "hub/governance/planted.rs",
            "if role >= Some(Role::Operator) && rules.has(Flag::Secret) {}",
        ),
        ("model/governance/planted.rs", "self.has(Flag::Secret)"),
        (
            "protocol/planted.rs",
            "match role { Some(Role::Operator) => \"an operator\", _ => \"\" }",
        ),
        ("protocol/planted.rs", "fn of() -> Role { Role::Voice }"),
        ("hub/planted.rs", "match event { other => Some(history) }"),
    ] {
        assert_eq!(
            found(file, &in_a_function(code)),
            Vec::<String>::new(),
            "{code}"
        );
    }
    let tests = "#[cfg(test)] mod tests { fn f() { channel.past.recent() } }";
    assert_eq!(found("hub/planted.rs", tests), Vec::<String>::new());
}
