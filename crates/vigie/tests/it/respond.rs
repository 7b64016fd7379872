//! Reacting to alerts: the real binary under Alertmanager's name, Debian's amtool and prometheus,
//! the seed's configuration, receivers that misbehave.

mod bad_input;
mod running;
mod seed;
mod tools;
