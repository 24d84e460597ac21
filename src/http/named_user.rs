//! The user whom a reverse proxy names, which has checked who it is. Only a trusted proxy is
//! believed, and only in the one header that the settings name: clients can send any header.

use super::head::Head;

/// The most groups of a user that are read; further ones are left out.
const MAX_GROUPS: usize = 256;

/// The header in which proxies name the user. Address and groups are in its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserHeader {
    /// `Remote-User`, as Authelia sends it.
    Remote,
    /// `X-Forwarded-User`, as oauth2-proxy sends it when it is the proxy.
    XForwarded,
    /// `X-Auth-Request-User`, as oauth2-proxy answers it to another proxy.
    XAuthRequest,
}

/// A user, in the words of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedUser {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
}

/// Whom a trusted proxy says a request is from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Named {
    /// No proxy is asked.
    #[default]
    NotAsked,
    /// It was not said by a trusted proxy.
    Nobody,
    /// This one.
    User(NamedUser),
}

impl UserHeader {
    /// The fields with the name, the e-mail address and the groups.
    fn fields(self) -> (&'static str, &'static str, &'static str) {
        match self {
            UserHeader::Remote => ("remote-user", "remote-email", "remote-groups"),
            UserHeader::XForwarded => (
                "x-forwarded-user",
                "x-forwarded-email",
                "x-forwarded-groups",
            ),
            UserHeader::XAuthRequest => (
                "x-auth-request-user",
                "x-auth-request-email",
                "x-auth-request-groups",
            ),
        }
    }

    /// The user that a request names.
    pub(super) fn user(self, head: &Head) -> Option<NamedUser> {
        let (name, email, groups) = self.fields();
        let field = |name| head.field(name).filter(|value| !value.is_empty());
        let groups = field(groups).unwrap_or_default().split(',').map(str::trim);
        let groups = groups.filter(|group| !group.is_empty()).take(MAX_GROUPS);
        Some(NamedUser {
            name: field(name)?.to_owned(),
            email: field(email).map(str::to_owned),
            groups: groups.map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(header: UserHeader, fields: &str) -> Option<NamedUser> {
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        let (head, _) = Head::parse(head.as_bytes(), 4096).unwrap().unwrap();
        header.user(&head)
    }

    #[test]
    fn a_user_is_read_from_one_header_and_its_neighbours() {
        let mina = "Remote-User: mina\r\nRemote-Groups: staff, dev,,\r\nRemote-Email: m@x.org\r\n";
        let user = named(UserHeader::Remote, mina).unwrap();
        assert_eq!(user.name, "mina");
        assert_eq!(user.email.as_deref(), Some("m@x.org"));
        assert_eq!(user.groups, ["staff", "dev"]);
        assert_eq!(named(UserHeader::XForwarded, mina), None);
        let named = |fields| named(UserHeader::Remote, fields).map(|user| user.name);
        assert_eq!(named("REMOTE-USER: mina\r\n").as_deref(), Some("mina"));
        assert_eq!(named("remote-user: Zoë\r\n").as_deref(), Some("Zoë"));
        for none in [
            "",
            "Remote_User: mina\r\n",
            "Remote-User:\r\n",
            "Remote-Users: x\r\n",
        ] {
            assert_eq!(named(none), None, "{none}");
        }
        // Two are no name at all.
        let two = named("Remote-User: mina\r\nRemote-User: eve\r\n");
        assert_eq!(two.as_deref(), Some("mina, eve"));
    }
}
