//! The model against slow references and against published figures.

mod language;
mod properties;
mod reference;
mod reproductions;
