//! Signed marks from outside: what a recipient can tell years later with nothing but the message and the published
//! keys.

mod facility_vectors;
mod letter;
mod malformed_vectors;
mod relay;
mod stamps;
mod tampering;
mod vectors;
