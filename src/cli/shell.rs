//! What a shell and `man` know of the command line. Both come from the declaration of
//! the arguments, so they know every task and flag that there is.

use std::io;

use clap::{Command, ValueEnum};

/// The program's name, which completions are registered for.
const PROGRAM: &str = "chat-server";

/// A shell that completes command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash, with the package bash-completion.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly interactive shell.
    Fish,
}

/// The script that teaches a shell to complete a command line.
pub(super) fn completions(shell: Shell, mut program: Command) -> String {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, PROGRAM, &mut script);
    // clap_complete 4.6.12 spells the hyphen of the program's name in two ways, so that bash
    // would complete nothing after a task.
    String::from_utf8_lossy(&script).replace("chat__subcmd__server", "chat__server")
}

/// The page chat-server(1), for `man`.
pub(super) fn man_page(program: Command) -> io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(program).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
