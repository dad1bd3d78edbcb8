//! docs/security.md names a test for each rule: they exist.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// The text of all sources with an ending below a folder.
fn sources(folder: &Path, ending: &str, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, ending, into);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

fn words(text: &str) -> HashSet<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect()
}

#[test]
fn each_test_that_the_security_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&root.join("src"), "rs", &mut text);
    sources(&root.join("c-tests"), "c", &mut text);
    sources(&root.join("c-tests"), "h", &mut text);
    let known = words(&text);
    let programs: HashSet<String> = ["topics", "openssl", "rule", "mbedtls", "boringssl", "store"]
        .iter()
        .flat_map(|folder| fs::read_dir(root.join("c-tests").join(folder)).unwrap())
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap();
    let table = page.split("## The rules").nth(1).unwrap().split("## What nobody").next().unwrap();
    let mut checked = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(2) {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for test in tests.split([';', ',']).map(str::trim).filter(|test| !test.is_empty()) {
            let (program, case) = match test.split_once(": ") {
                Some((program, case)) => (Some(program), case),
                None => (None, test),
            };
            assert!(program.is_none_or(|program| programs.contains(program)), "{test}: {row}");
            if let Some(target) = case.strip_prefix("fuzz target ") {
                assert!(
                    root.join("fuzz/fuzz_targets")
                        .join(target.trim_matches('`'))
                        .with_extension("rs")
                        .exists()
                );
            } else if let Some(stem) = case.strip_suffix("...") {
                assert!(known.iter().any(|word| word.starts_with(stem)), "{test}: {row}");
            } else {
                assert!(known.contains(case) || programs.contains(case), "{test}: {row}");
            }
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}
