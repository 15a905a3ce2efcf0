//! The wire: what every peer says, and the checks that everything from outside passes. Pure: no socket, file or clock.

pub mod algebra;
pub mod codec;
pub mod decode;
pub mod descriptor;
pub(crate) mod descriptor_check;
pub mod encode;
pub mod entropy;
pub mod errors;
pub mod fields;
pub mod frames;
pub mod ids;
pub mod json;
pub mod liveness;
pub mod messages;
pub mod npy;
pub mod params;
pub mod parts;
pub mod sample;
