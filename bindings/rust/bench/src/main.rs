// SPDX-License-Identifier: Apache-2.0
//! How much the binding does in a second, and how much the usual client of Redis: called by
//! tests/bench/bindings. One in flight is a call that waits after the other; more are futures on tokio,
//! or with queue_ what a queue has.

mod cluster;
mod load;
mod redis_server;

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Instant;

use tokio::runtime::Runtime;

use load::{resident_bytes, Load};

type Failure = Box<dyn Error + Send + Sync>;
type Outcome<T = ()> = Result<T, Failure>;

const USAGE: &str =
    "usage: vasto-bench get|put|queue_get|queue_put|scan|redis_get|redis_put|memory \
                     IN_FLIGHT COUNT, in the environment of tests/bench/bindings";

fn environment(name: &str) -> Outcome<String> {
    env::var(name).map_err(|_| format!("{name} is not set; {USAGE}").into())
}

fn number<T: FromStr>(text: &str) -> Outcome<T> {
    text.parse().map_err(|_| USAGE.into())
}

/// Prints what a second saw of the `work`, which says how much it was.
fn print_per_second(work: impl FnOnce() -> Outcome<u64>) -> Outcome {
    let begin = Instant::now();
    let count = work()?;
    let per_second = count as f64 / begin.elapsed().as_secs_f64();
    println!("{{\"per_second\": {per_second:.0}}}");
    Ok(())
}

/// Prints by how much the process grew after the first tenth of the load.
fn print_growth(load: Load, run: impl Fn(Load) -> Outcome) -> Outcome {
    let first = Load {
        count: load.count / 10,
        ..load
    };
    run(first)?;
    let before = resident_bytes()?;
    run(Load {
        count: load.count - first.count,
        ..load
    })?;
    println!("{{\"grown_bytes\": {}}}", resident_bytes()? - before);
    Ok(())
}

fn measure_redis(what: &str, load: Load, runtime: &Runtime) -> Outcome {
    let keys = load.keys.min(redis_server::MOST_KEYS);
    let load = Load { keys, ..load };
    let connection = runtime.block_on(redis_server::connect(&environment("REDIS_ADDRESS")?))?;
    if what == "redis_get" {
        runtime.block_on(redis_server::fill(connection.clone(), load.keys))?;
    }
    print_per_second(|| {
        match what {
            "redis_get" => load.run(runtime, |key| redis_server::get(connection.clone(), key))?,
            _ => load.run(runtime, |key| redis_server::put(connection.clone(), key))?,
        }
        Ok(load.count)
    })
}

fn measure(what: &str, load: Load, runtime: &Runtime) -> Outcome {
    let master = environment("VASTO_TEST_MASTER")?;
    let keyspace = cluster::open(&master, &environment("VASTO_BENCH_KEYSPACE")?)?;
    let awaited = keyspace.to_async();
    if what == "memory" {
        let pairs = Load {
            count: load.count / 2,
            ..load
        };
        return print_growth(pairs, |load| {
            load.run(runtime, |key| cluster::put_and_get(&awaited, key))
        });
    }
    print_per_second(|| {
        match (what, load.in_flight) {
            ("scan", _) => return cluster::scan(&keyspace),
            ("get", 1) => cluster::get_one_by_one(&keyspace, load.random_keys())?,
            ("put", 1) => cluster::put_one_by_one(&keyspace, load.random_keys())?,
            ("queue_get", _) => cluster::get_by_queue(&awaited, load)?,
            ("queue_put", _) => cluster::put_by_queue(&awaited, load)?,
            ("get", _) => load.run(runtime, |key| cluster::get(&awaited, key))?,
            _ => load.run(runtime, |key| cluster::put(&awaited, key))?,
        }
        Ok(load.count)
    })
}

fn run() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [what, in_flight, count] = &arguments[..] else {
        return Err(USAGE.into());
    };
    let load = Load {
        in_flight: number(in_flight)?,
        count: number(count)?,
        keys: number(&environment("VASTO_BENCH_KEYS")?)?,
    };
    if load.in_flight == 0 || load.keys == 0 {
        return Err(USAGE.into());
    }
    let runtime = Runtime::new()?;
    match what.as_str() {
        "redis_get" | "redis_put" => measure_redis(what, load, &runtime),
        "get" | "put" | "queue_get" | "queue_put" | "scan" | "memory" => {
            measure(what, load, &runtime)
        }
        _ => Err(USAGE.into()),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vasto-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
