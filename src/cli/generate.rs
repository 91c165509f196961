//! What is made of the command line itself: completions for shells, and the man page.

use clap::Args;
use clap_complete::Shell;

use super::{command, exit::Exit, print};

/// The flags of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints them.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub fn run(self) -> anyhow::Result<Exit> {
        let mut out = Vec::new();
        clap_complete::generate(self.shell, &mut command(), "llm-router", &mut out);
        print(&String::from_utf8(out)?)?;
        Ok(Exit::Done)
    }
}

/// The flags of `man`.
#[derive(Debug, Args)]
pub struct Man {}

impl Man {
    /// Prints the page of the program, and then that of each command.
    ///
    /// # Errors
    /// If stdout cannot be written to.
    pub fn run(self) -> anyhow::Result<Exit> {
        let mut out = Vec::new();
        let mut whole = command().disable_help_subcommand(true);
        whole.build();
        clap_mangen::Man::new(whole.clone()).render(&mut out)?;
        for sub in whole.get_subcommands() {
            let name = sub.get_name().to_uppercase();
            out.extend(format!(".SH {name}\n").into_bytes());
            let man = clap_mangen::Man::new(sub.clone());
            man.render_synopsis_section(&mut out)?;
            man.render_description_section(&mut out)?;
            man.render_options_section(&mut out)?;
        }
        print(&String::from_utf8(out)?)?;
        Ok(Exit::Done)
    }
}
