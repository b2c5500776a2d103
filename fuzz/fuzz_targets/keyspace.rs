//! The target `keyspace`: see the crate's table of targets.
#![cfg_attr(fuzzing, no_main)]

eslaver_fuzz::target!("keyspace");
