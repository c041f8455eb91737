// SPDX-License-Identifier: Apache-2.0
//! Plays the vectors of `tests/vectors`: `vectors MODE:FILE=KEYSPACE...`, MODE `sync` or `async`. The
//! README there says what vectors are, and what is printed.

mod fields;
mod matching;
mod player;
mod running;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{json, Value as Json};
use vasto::{Client, Config};

use fields::text;
use player::Player;
use running::Mode;

/// What to play, and where.
struct Run {
    mode: Mode,
    file: PathBuf,
    keyspace: String,
}

fn parse(argument: &str) -> Result<Run, String> {
    let bad = || format!("{argument:?} is not MODE:FILE=KEYSPACE");
    let (mode, rest) = argument.split_once(':').ok_or_else(bad)?;
    let (file, keyspace) = rest.rsplit_once('=').ok_or_else(bad)?;
    let mode = match mode {
        "sync" => Mode::Sync,
        "async" => Mode::Async,
        _ => return Err(bad()),
    };
    // A bare name is one of the files of the repository.
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/vectors");
    let file = match Path::new(file).extension() {
        Some(_) => file.into(),
        None => known.join(format!("{file}.jsonl")),
    };
    Ok(Run {
        mode,
        file,
        keyspace: keyspace.to_owned(),
    })
}

fn open() -> Result<Client, String> {
    let said = |error: vasto::Error| error.to_string();
    let master = std::env::var("VASTO_TEST_MASTER").map_err(|_| "VASTO_TEST_MASTER is not set")?;
    let mut config = Config::new().map_err(said)?;
    config.set("masters", master).map_err(said)?;
    Client::open(&config).map_err(said)
}

fn play(run: &Run, client: &Client, vector: &Json) -> Result<(), String> {
    let own = vector.get("own_client").is_some_and(|own| own == true);
    let client = if own { open()? } else { client.clone() };
    let steps = vector
        .get("steps")
        .and_then(Json::as_array)
        .ok_or("no steps")?;
    let mut player = Player::new(run.mode, client, &run.keyspace)?;
    for (number, step) in steps.iter().enumerate() {
        let named = |why: String| {
            let operation = step.get("op").and_then(Json::as_str).unwrap_or("?");
            format!("step {} {operation}: {why}", number + 1)
        };
        player.step(step, own).map_err(named)?;
    }
    Ok(())
}

fn play_file(run: &Run, client: &Client) -> Result<(), String> {
    let lines = std::fs::read_to_string(&run.file)
        .map_err(|error| format!("{}: {error}", run.file.display()))?;
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let vector: Json = serde_json::from_str(line)
            .map_err(|error| format!("{}: {error}", run.file.display()))?;
        let mode = match run.mode {
            Mode::Sync => "sync",
            Mode::Async => "async",
        };
        let mut told = json!({
            "mode": mode,
            "file": run.file.file_stem().map(|name| name.to_string_lossy()),
            "vector": text(&vector, "vector")?,
            "ok": true,
        });
        if let Err(why) = play(run, client, &vector) {
            told["ok"] = json!(false);
            told["why"] = json!(why);
        }
        println!("{told}");
    }
    Ok(())
}

fn main() -> ExitCode {
    let played = || -> Result<(), String> {
        let runs: Vec<Run> = std::env::args()
            .skip(1)
            .map(|argument| parse(&argument))
            .collect::<Result<_, _>>()?;
        let client = open()?;
        runs.iter().try_for_each(|run| play_file(run, &client))
    };
    match played() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("vectors: {why}");
            ExitCode::from(2)
        }
    }
}
