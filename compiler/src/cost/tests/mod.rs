//! The model against slow references and against published figures.

mod properties;
mod reference;
mod reproductions;
