//! The chat server's command line.

fn main() {
    env_logger::init();
    let server = match chat_server::server::Server::start(chat_server::config::Config::default()) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    };
    println!("{:?}", server.addresses());
    let mut signals = signal_hook::iterator::Signals::new([15, 2]).unwrap();
    signals.forever().next();
    server.shut_down();
}
