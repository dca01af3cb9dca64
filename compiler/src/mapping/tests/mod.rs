//! Mapping against slow references.

mod compiled;
mod deployed;
mod planned;
mod published;
