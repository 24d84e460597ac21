//! What follows for accounts from what a reverse proxy says of their owners.

use crate::model::ServerRole;

/// What follows for an account from what a proxy says of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRules {
    /// Whether accounts are made.
    pub creates: bool,
    /// The group of administrators; empty for none.
    pub administrators: String,
    /// The group of moderators; empty for none.
    pub moderators: String,
    /// Where those who sign out are led; empty for nowhere.
    pub logout_url: String,
}

impl Default for RemoteRules {
    fn default() -> RemoteRules {
        RemoteRules {
            creates: true,
            administrators: String::new(),
            moderators: String::new(),
            logout_url: String::new(),
        }
    }
}

impl RemoteRules {
    /// The role of a user in these groups, if groups decide about roles.
    pub(super) fn role(&self, groups: &[String]) -> Option<Option<ServerRole>> {
        let has = |group: &String| !group.is_empty() && groups.contains(group);
        if self.administrators.is_empty() && self.moderators.is_empty() {
            return None;
        }
        Some(match (has(&self.administrators), has(&self.moderators)) {
            (true, _) => Some(ServerRole::Administrator),
            (false, true) => Some(ServerRole::Moderator),
            (false, false) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_decide_about_roles_if_they_are_named() {
        let mut rules = RemoteRules::default();
        let of = |rules: &RemoteRules, groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
            rules.role(&groups)
        };
        assert_eq!(of(&rules, &["", "admins"]), None);
        rules.moderators = "mods".to_owned();
        assert_eq!(of(&rules, &["", "admins"]), Some(None));
        assert_eq!(of(&rules, &["mods"]), Some(Some(ServerRole::Moderator)));
        rules.administrators = "admins".to_owned();
        let administrator = Some(Some(ServerRole::Administrator));
        assert_eq!(of(&rules, &["mods", "admins"]), administrator);
        assert_eq!(of(&rules, &["Admins", "admin"]), Some(None));
    }
}
