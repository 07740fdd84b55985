//! The borders between the parts, which a compiler does not see.

#![allow(clippy::unwrap_used, reason = "a test says what it expects without a detour")]

use std::path::{Path, PathBuf};

use wire::Reason;

/// A source file: where it stands below the project's folder, and its text.
type Source = (PathBuf, String);

/// The files below a folder of the project with this ending.
fn sources(folder: &str, ending: &str) -> Vec<Source> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    let mut folders = vec![project.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&project).unwrap().to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "no .{ending} file below {folder}");
    found
}

/// A text without what stands behind `//` on each line.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect()
}

/// Whether a text holds a word, not merely as part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
    })
}

/// The files whose text holds the word.
fn with_word<'s>(sources: &'s [Source], word: &str) -> Vec<&'s Path> {
    sources
        .iter()
        .filter(|(_, text)| has_word(&code(text), word))
        .map(|(path, _)| path.as_path())
        .collect()
}

#[test]
fn the_rule_has_no_dependency_no_clock_and_no_output() {
    let (_, manifest) = sources("rust-core/session", "toml").remove(0);
    let (_, behind) = manifest.split_once("[dependencies]\n").unwrap();
    let (dependencies, _) = behind.split_once('[').unwrap();
    assert_eq!(dependencies.trim(), "", "the crate session has dependencies");
    let session = sources("rust-core/session/src", "rs");
    for word in [
        "std::time",
        "std::io",
        "std::fs",
        "std::net",
        "std::env",
        "std::thread",
        "println",
        "eprintln",
        "dbg",
    ] {
        assert_eq!(with_word(&session, word), [] as [&Path; 0], "{word}");
    }
}

#[test]
fn only_the_bridge_is_unsafe() {
    for part in ["session", "wire", "scenario"] {
        let sources = sources(&format!("rust-core/{part}/src"), "rs");
        assert_eq!(with_word(&sources, "unsafe"), [] as [&Path; 0]);
        let forbids = |(path, text): &Source| {
            path.ends_with("lib.rs") && text.contains("#![forbid(unsafe_code)]")
        };
        assert!(sources.iter().any(forbids), "{part} does not forbid it");
    }
}

#[test]
fn java_crosses_into_the_core_in_one_place() {
    let java = sources("java-shim/src/main/java", "java");
    let declares = |(_, text): &&Source| {
        code(text)
            .lines()
            .any(|line| has_word(line, "native") && line.contains('(') && !line.contains('"'))
    };
    let declaring: Vec<_> = java.iter().filter(declares).map(|(path, _)| path.as_path()).collect();
    assert_eq!(declaring, [Path::new("java-shim/src/main/java/com/main/core/SessionCore.java")]);
}

#[test]
fn java_reads_no_record_and_knows_no_rule() {
    let java = sources("java-shim/src/main/java", "java");
    for (path, text) in &java {
        let json = text.lines().find(|line| {
            line.starts_with("import ")
                && ["json", "jackson", "gson"]
                    .iter()
                    .any(|library| line.to_lowercase().contains(library))
        });
        assert_eq!(json, None, "{}", path.display());
    }
    let reasons = Reason::ALL.map(Reason::as_str);
    for word in ["CIN", "COUT"].iter().chain(&reasons) {
        assert_eq!(with_word(&java, word), [] as [&Path; 0], "{word}");
    }
}
