//! `bench`: puts load on a server and measures what it does.
//!
//! One thread with one epoll set serves all clients, whatever the protocol, so that the generator
//! takes little of a machine it shares with the server. It measures from outside only: bytes, and
//! what the kernel reports about the server's process. It must never know the server's internals,
//! wait for anything without a limit, or leave a server running that it started.

mod arrival;
mod check;
mod client;
mod enter;
mod error;
mod figure_file;
mod latency;
mod login;
mod mark;
mod options;
mod people;
mod process;
mod progress;
mod protocol;
mod random;
mod register;
mod report;
mod scenario;
mod swarm;
mod target;
mod trust;
mod wire;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

pub use error::BenchError;
pub use options::Bench;

use figure_file::FigureFile;
use progress::Progress;
use report::Report;
use target::Target;

/// Exit code after Ctrl-C, as shells use it.
const INTERRUPTED: u8 = 130;
/// Stands for standard output.
const STDOUT: &str = "-";

/// What every scenario needs.
struct Run<'a> {
    options: &'a Bench,
    target: Target,
    progress: Progress,
    /// Set when the run should end.
    stop: Arc<AtomicBool>,
}

/// Writes to standard output. If that is closed, the error has no one to reach.
fn show(text: &str) -> Result<(), BenchError> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(BenchError::Unwritable("standard output".into(), error))
        }
        _ => Ok(()),
    }
}

impl Run<'_> {
    /// An error once the run should end.
    fn go_on(&self) -> Result<(), BenchError> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(BenchError::Interrupted),
            false => Ok(()),
        }
    }
}

impl Bench {
    /// Runs the scenario and prints its figures.
    pub fn main(&self) -> ExitCode {
        match self.measure() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(io::stderr(), "chat-server bench: {error}");
                match error {
                    BenchError::Interrupted => ExitCode::from(INTERRUPTED),
                    _ => ExitCode::FAILURE,
                }
            }
        }
    }

    fn measure(&self) -> Result<(), BenchError> {
        let is_stdout = self.json.as_deref() == Some(Path::new(STDOUT));
        let file = self.json.as_deref().filter(|_| !is_stdout);
        // Opened before the run, which may be long.
        let figures = file.map(FigureFile::open).transpose()?;
        let report = self.run()?;
        let shown = match is_stdout {
            true => report.json(),
            false => report.to_string(),
        };
        let written = figures.map_or(Ok(()), |file| file.write(&report.json()));
        show(&shown).and(written)
    }

    fn run(&self) -> Result<Report, BenchError> {
        let stop = Arc::new(AtomicBool::new(false));
        // Under nohup the run should continue after SIGHUP.
        let ends = [SIGINT, SIGTERM, SIGHUP];
        for signal in ends.into_iter().filter(|&it| !process::ignores(it)) {
            // A second signal ends it at once: writing to a pipe may block.
            let code = i32::from(INTERRUPTED);
            signal_hook::flag::register_conditional_shutdown(signal, code, stop.clone())
                .and_then(|_| signal_hook::flag::register(signal, stop.clone()))
                .map_err(BenchError::io("signals cannot be caught"))?;
        }
        process::need_descriptors(self.scenario.connections())?;
        let target = match self.has_server() {
            true => Target::find(self, &stop)?,
            false => Target::none(),
        };
        let mut run = Run {
            options: self,
            target,
            progress: Progress::new(),
            stop,
        };
        let report = scenario::run(&mut run);
        run.progress.clear();
        if report.is_err()
            && let Some(log) = run.target.log()
        {
            let _ = write!(io::stderr(), "the log of its server:\n{log}");
        }
        report
    }
}
