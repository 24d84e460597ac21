//! The program as an administrator meets it: configuration, start and stop,
//! TLS, data folder, output, `chat-server bench`, the book, and the files in `deploy/`.

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod book;
mod configuration;
mod data_folder;
mod deploy;
mod draining;
mod init;
mod life_cycle;
mod originals_commands;
mod originals_config;
mod packages;
mod process_output;
mod shell;
mod tls;
