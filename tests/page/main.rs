//! The page in a real browser, and the web port behind the proxies of `deploy/`.

#[path = "../support/mod.rs"]
mod support;

mod behind_a_proxy;
mod behind_haproxy;
mod below_a_path;
mod browser;
mod sign_in_by_proxy;
