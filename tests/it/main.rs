//! The whole server over real sockets of the loopback interface: the library in this process, nothing replaced.
//!
//! Linked once. What a part does by itself is tested where the part is.

// The attribute tells clippy that these are tests, helpers included.
#[cfg(test)]
mod contract;
#[cfg(test)]
mod deadline;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod embedding;
#[cfg(test)]
mod fidelity;
#[cfg(test)]
mod guards;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod lookups;
#[cfg(test)]
mod performing;
mod refusals;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod shadow;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod support;
#[cfg(test)]
mod systems;
#[cfg(test)]
mod trust;
