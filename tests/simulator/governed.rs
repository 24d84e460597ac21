//! A world of its own for channels with rules: who may come in, speak, read and change
//! what, and who may know of a channel. Its model folds the committed changes by itself.

mod asking;
mod judge;
mod law;
mod looking;
mod model;
mod reacting;
mod sabotage;
mod screens;
mod store;
mod world;

pub use world::{Fact, World};
