//! The line server's `config.json`: at first an address and three ports,
//! later two addresses.

use std::path::{Path, PathBuf};

use super::reader::{EVERYWHERE, Reader};

/// Certificate and key if the file names none.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// Where the older names are described, whatever the file says.
const DESCRIPTIONS: [&str; 2] = ["/docs.json", "/api/docs.json"];

/// Translates a file of the line server that lies in `file_folder`.
pub fn translate(reader: &mut Reader<'_>, file_folder: &Path) {
    ports(reader);
    addresses(reader, file_folder);
    log_file(reader);
    match reader.text("api_doc_path") {
        None => {}
        Some("") => reader.note(
            "api_doc_path",
            "empty, but the older names are at /docs.json",
        ),
        Some(path) if DESCRIPTIONS.contains(&path) => {
            reader.note("api_doc_path", "the older names are described there");
        }
        Some(_) => {
            let what = "not carried out: the older names are described at /docs.json and \
                        /api/docs.json, today's at /openapi.json; leave it out";
            reader.note("api_doc_path", what);
        }
    }
}

fn ports(reader: &mut Reader<'_>) {
    let host = match reader.has("ip") {
        true => reader.host("ip"),
        false => Some(EVERYWHERE.to_owned()),
    };
    if reader.has("ip")
        && let Some(host) = &host
    {
        reader.note("ip", format!("{host} is the address of the ports below"));
    }
    for (key, path) in [
        ("telnet_port", "listen.telnet"),
        ("rest_port", "listen.rest"),
        ("websocket_port", "listen.web"),
    ] {
        if let Some(port) = reader.port(key)
            && let Some(host) = &host
        {
            reader.assign(key, path, format!("{host}:{port}"));
        }
    }
}

fn addresses(reader: &mut Reader<'_>, file_folder: &Path) {
    let folder = folder(reader, file_folder);
    listener(reader, "telnet_address", "listen.telnet", "0.0.0.0:4000");
    let https = reader.flag("https").unwrap_or(false);
    let web = match https {
        true => "tls.web",
        false => "listen.web",
    };
    let is_open = listener(reader, "web_address", web, "0.0.0.0:4001");
    if reader.has("https") {
        reader.note("https", format!("{https}, so web_address is {web}"));
    }
    for (key, path, default) in [
        ("tls_cert", "tls.certificate", CERTIFICATE),
        ("tls_key", "tls.key", KEY),
    ] {
        let given = reader.text(key).filter(|text| !text.is_empty());
        if https && is_open {
            let file = join(&folder, given.unwrap_or(default));
            reader.assign(key, path, file.to_string_lossy());
        } else if given.is_some() {
            reader.note(key, "not used, because nothing is open by https");
        }
    }
    match reader.text("static_web") {
        None => {}
        Some("") => reader.note("static_web", "empty: no folder is served"),
        Some(text) => {
            let served = join(&folder, text);
            reader.assign("static_web", "web.folder", served.to_string_lossy());
        }
    }
}

/// The folder that relative paths in the file start from: `cwd`, or else the
/// program's folder there, which was also the file's.
fn folder(reader: &mut Reader<'_>, file_folder: &Path) -> PathBuf {
    match reader.text("cwd").filter(|text| !text.is_empty()) {
        Some(text) => {
            reader.note(
                "cwd",
                "the folder that the other paths of this file begin at",
            );
            PathBuf::from(text)
        }
        None => file_folder.to_owned(),
    }
}

/// The older server put even absolute paths below its folder. If nothing exists
/// there, the path is taken literally.
fn join(folder: &Path, text: &str) -> PathBuf {
    let below = folder.join(text.trim_start_matches('/'));
    match Path::new(text).is_absolute() && !below.exists() {
        true => PathBuf::from(text),
        false => below,
    }
}

/// Assigns a listener's address; an empty one switches it off. Returns whether the
/// listener is open.
fn listener(reader: &mut Reader<'_>, key: &'static str, path: &'static str, example: &str) -> bool {
    if reader.is_empty(key) {
        reader.assign(key, path, "off");
        return false;
    }
    match reader.address(key, example) {
        Some(address) => {
            reader.assign(key, path, address);
            true
        }
        None => false,
    }
}

fn log_file(reader: &mut Reader<'_>) {
    match reader.text("log_file") {
        None => {}
        Some("") => reader.note("log_file", "empty: the chat log is in data/chatlog"),
        Some(file) => reader.assign("log_file", "chat_log.file", file),
    }
}
