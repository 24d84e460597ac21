//! Real reverse proxies and balancers in front of a server, with the files of
//! `deploy/`.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::server::wait_until;
use super::terminal::missing;

/// A running nginx or HAProxy. Dropping it ends it.
pub struct Proxy {
    program: Child,
    _folder: TempDir,
}

impl Proxy {
    /// Starts nginx with this `http { }` section and waits until it listens.
    pub fn nginx(within_http: &str, address: SocketAddr) -> Proxy {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log;\n\
             events {{}}\n\
             http {{ access_log off; client_body_temp_path {path}/b; proxy_temp_path {path}/p;\n\
             fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;\n\
             {within_http}\n}}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let program = start("nginx", &["-c", &file.display().to_string()]);
        Proxy::once_it_listens("nginx", program, folder, address)
    }

    /// Starts HAProxy with a configuration and waits until it listens.
    pub fn haproxy(config: &str, address: SocketAddr) -> Proxy {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, config).unwrap();
        // Neither a master nor a daemon, so killing the process ends all of it.
        let program = start("haproxy", &["-db", "-f", &file.display().to_string()]);
        Proxy::once_it_listens("haproxy", program, folder, address)
    }

    fn once_it_listens(
        name: &str,
        mut program: Child,
        folder: TempDir,
        address: SocketAddr,
    ) -> Proxy {
        wait_until(&format!("{name} listens"), || {
            let ended = program.try_wait().unwrap();
            assert!(ended.is_none(), "{name} does not take its configuration");
            TcpStream::connect(address).is_ok()
        });
        Proxy {
            program,
            _folder: folder,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The text of a file in `deploy/`.
pub fn deployed(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(file);
    std::fs::read_to_string(path).unwrap()
}

fn start(program: &str, arguments: &[&str]) -> Child {
    // Debian installs them outside the PATH of ordinary users.
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("env")
        .arg(format!("PATH={path}:/usr/sbin:/sbin"))
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| missing(program, &error))
}
