//! The code in `src/grpc/generated` matches the `.proto` files in
//! `src/grpc/proto`. To regenerate it after a change:
//!
//! ```text
//! WRITE=1 cargo test --features grpc-generate --test rest grpc_generated
//! ```
//!
//! It is checked in so that building the server needs neither `protoc` nor a
//! compiler of `.proto` files, and so that the code can be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;

/// The name service also needs a client.
const CALLED: &str = "name.proto";
const SERVED: [&str; 4] = [
    "admin.proto",
    "channels.proto",
    "health.proto",
    "reflection.proto",
];
const DESCRIPTORS: &str = "descriptors.bin";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/grpc")
        .join(name)
}

/// Everything that is generated, by file name.
fn generate() -> BTreeMap<String, Vec<u8>> {
    let place = tempfile::tempdir().unwrap();
    let compile = |files: &[&str]| protox::compile(files, [folder("proto")]).unwrap();
    for (files, called) in [(&[CALLED][..], true), (&SERVED[..], false)] {
        tonic_prost_build::configure()
            .build_transport(false)
            .build_client(called)
            .build_server(true)
            .out_dir(place.path())
            .compile_fds(compile(files))
            .unwrap();
    }
    let mut written: BTreeMap<String, Vec<u8>> = fs::read_dir(place.path())
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, fs::read(file.path()).unwrap())
        })
        .collect();
    let mut all = compile(&[&[CALLED][..], &SERVED[..]].concat());
    for file in &mut all.file {
        // Comments, which take twice as much space as everything else.
        file.source_code_info = None;
    }
    written.insert(DESCRIPTORS.to_owned(), all.encode_to_vec());
    written
}

#[test]
fn the_code_is_that_of_the_proto_files() {
    let generated = folder("generated");
    let wanted = generate();
    if std::env::var_os("WRITE").is_some() {
        for (name, bytes) in &wanted {
            fs::write(generated.join(name), bytes).unwrap();
        }
    }
    for (name, bytes) in &wanted {
        let there = fs::read(generated.join(name)).unwrap_or_default();
        assert!(
            there == *bytes,
            "src/grpc/generated/{name} is out of date; see tests/rest/grpc_generated.rs"
        );
    }
    let names: Vec<String> = fs::read_dir(&generated)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in names {
        assert!(wanted.contains_key(&name), "nothing generates {name}");
    }
}
