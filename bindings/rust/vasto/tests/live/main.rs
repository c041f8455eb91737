// SPDX-License-Identifier: Apache-2.0
//! Tests against a live cluster, in the environment of `tests/bindings/with_cluster.py`.

mod admin;
mod awaited;
mod cluster;
mod data;
mod errors;
mod faults;
mod leaks;
mod library;
mod queues;
mod scans;
mod sessions;
mod watches;
