// SPDX-License-Identifier: Apache-2.0
//! The crate declares what the header declares: every function with its types, every constant with
//! its value.

use std::collections::BTreeMap;
use std::path::Path;

use vasto_sys::Api;

fn repository() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn read(path: &str) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The header without its comments.
fn header() -> String {
    let text = read("capi/include/vasto/vasto.h");
    text.lines()
        .map(|line| line.split("//").next().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A type of C, as the crate writes it, without spaces.
fn rust_type(c: &str) -> String {
    // What each star points to: the words before it, of which one may be const.
    let pointed: Vec<&str> = c.split('*').collect();
    let is_const = |words: &&str| words.split_whitespace().any(|word| word == "const");
    let mut words = pointed[0].split_whitespace();
    let name = words.rfind(|word| *word != "const").expect("a type");
    let name = match name {
        "int32_t" => "i32",
        "int64_t" => "i64",
        "uint32_t" => "u32",
        "uint64_t" => "u64",
        "size_t" => "usize",
        "char" => "c_char",
        "void" => "c_void",
        "int" => "c_int",
        other => other,
    };
    let mut result = name.to_owned();
    for to in &pointed[..pointed.len() - 1] {
        let mutability = if is_const(to) { "*const" } else { "*mut" };
        result = format!("{mutability}{result}");
    }
    result
}

/// Name and signature of one declaration: what stands between its macro and its semicolon.
fn parse(declaration: &str, status: bool) -> (String, String) {
    let (head, arguments) = declaration.split_once('(').expect("a function");
    let name_at = head.rfind(|c| !is_word(c)).map_or(0, |at| at + 1);
    let result = if status {
        "vasto_status_t"
    } else {
        head[..name_at].trim()
    };
    let arguments = arguments
        .trim_end()
        .strip_suffix(')')
        .expect("a closing parenthesis");
    let types: Vec<String> = arguments
        .split(',')
        .map(str::trim)
        .filter(|argument| *argument != "void")
        .map(|argument| rust_type(argument.trim_end_matches(is_word)))
        .collect();
    let mut signature = format!("({})", types.join(","));
    if result != "void" {
        signature += &format!("->{}", rust_type(result));
    }
    (head[name_at..].to_owned(), signature)
}

fn functions_of_header() -> BTreeMap<String, String> {
    let header = header();
    let mut functions = BTreeMap::new();
    for (mark, status) in [("\nVASTO_API ", false), ("\nVASTO_STATUS ", true)] {
        for rest in header.split(mark).skip(1) {
            let (name, signature) = parse(rest.split(';').next().unwrap(), status);
            functions.insert(name, signature);
        }
    }
    functions
}

#[test]
fn every_function_is_declared_alike() {
    let ours: BTreeMap<String, String> = Api::FUNCTIONS
        .iter()
        .map(|(name, signature)| {
            (
                name.to_string(),
                signature.split_whitespace().collect::<String>(),
            )
        })
        .collect();
    let theirs = functions_of_header();
    assert!(theirs.len() > 100, "the header was not understood");
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>()
    );
    for (name, signature) in &theirs {
        assert_eq!(&ours[name], signature, "{name}");
    }
}

/// NAME = value of every line that `parse` understands.
fn constants(text: &str, parse: fn(&str) -> Option<(&str, &str)>) -> BTreeMap<String, i64> {
    text.lines()
        .filter_map(parse)
        .filter_map(|(name, value)| {
            let value = value
                .trim()
                .trim_matches(|c| c == '(' || c == ')')
                .trim_end_matches('u');
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect()
}

#[test]
fn every_constant_is_equal() {
    let theirs = constants(&header(), |line| {
        line.strip_prefix("#define ")?.trim().split_once(' ')
    });
    let ours = constants(&read("bindings/rust/vasto-sys/src/constants.rs"), |line| {
        let (declared, value) = line.strip_prefix("pub const ")?.split_once(" = ")?;
        Some((declared.split(':').next()?, value.trim_end_matches(';')))
    });
    assert!(theirs.len() > 50, "the header was not understood");
    assert_eq!(ours, theirs);
}

#[test]
fn every_handle_is_declared() {
    let ours = read("bindings/rust/vasto-sys/src/types.rs");
    for line in header().lines() {
        let Some(rest) = line.strip_prefix("typedef struct ") else {
            continue;
        };
        let name = rest.split_whitespace().next().unwrap();
        assert!(
            ours.contains(&format!("    {name};")) || ours.contains(&format!("struct {name} ")),
            "{name} is not declared"
        );
    }
}
