//! What others have put there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

#[test]
fn what_is_no_record_is_not_opened_and_goes() {
    type Replace = fn(&Path);
    let replace: [Replace; 5] = [
        |path| symlink("/etc/passwd", path).unwrap(),
        |path| symlink("/dev/zero", path).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| {
            let path = path.to_str().unwrap();
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        },
        |path| fs::File::create(path).unwrap().set_len(1 << 40).unwrap(),
    ];
    for replace in replace {
        let place = Place::new();
        let files = place.files();
        put(&files, &name(1), 1);
        let path = only(&place);
        fs::remove_file(&path).unwrap();
        replace(&path);
        let mut shown = 0;
        let taken = files.take(&name(1), &mut |_| {
            shown += 1;
            Verdict::Take
        });
        assert_eq!((taken.unwrap(), shown), (false, 0));
        assert!(path.symlink_metadata().is_err(), "it is gone");
        assert!(Path::new("/etc/passwd").exists());
        put(&files, &name(1), 2);
        assert_eq!(take(&files, &name(1), Verdict::Take), Some(2));
    }
}

#[test]
fn links_in_the_place_of_directories_lead_nowhere() {
    for level in 1..=3 {
        let place = Place::new();
        let files = place.files();
        put(&files, &name(1), 1);
        let dir = only(&place).ancestors().nth(level).unwrap().to_owned();
        let elsewhere = place.0.join("elsewhere");
        fs::rename(&dir, &elsewhere).unwrap();
        symlink(&elsewhere, &dir).unwrap();
        put(&files, &name(1), 2);
        assert!(!dir.symlink_metadata().unwrap().is_symlink(), "level {level}");
        assert_eq!(take(&files, &name(1), Verdict::Copy), Some(2));
        let mut there = Vec::new();
        walk(&elsewhere, &mut there);
        assert_eq!(there.len(), 1, "what is elsewhere is as it was");
    }
}

#[test]
fn a_directory_that_was_removed_is_made_again_but_for_the_first() {
    let place = Place::new();
    let files = place.files();
    put(&files, &name(1), 1);
    fs::remove_dir_all(only(&place).ancestors().nth(3).unwrap()).unwrap();
    assert_eq!(take(&files, &name(1), Verdict::Copy), None);
    put(&files, &name(1), 2);
    assert_eq!(take(&files, &name(1), Verdict::Copy), Some(2));
    fs::remove_dir_all(place.path()).unwrap();
    assert_eq!(take(&files, &name(1), Verdict::Copy), None);
    assert!(files.put(&name(1), &label(1), b"record").is_err(), "it was the user who made it");
    assert!(files.remove(&name(1), Labelled::All).is_ok());
    assert!(files.flush(&[7; 16]).is_ok());
}

#[test]
fn a_directory_full_of_anything_is_endured() {
    let place = Place::new();
    let files = place.files();
    put(&files, &name(1), 1);
    let dir = only(&place).parent().unwrap().to_owned();
    for number in 0..5000 {
        fs::write(dir.join(format!("{number}")), b"").unwrap();
    }
    let _ = take(&files, &name(1), Verdict::Copy);
    put(&files, &name(1), 2);
    for bits in 0..64u8 {
        let name =
            [b'-', bits, 0xff, b'0'].map(|byte| if byte == 0 || byte == b'/' { 1 } else { byte });
        let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&name);
        fs::write(dir.join(name), b"").unwrap();
    }
    let _ = take(&files, &name(1), Verdict::Copy);
    files.forget(&name(1)).unwrap();
    files.flush(&[7; 16]).unwrap();
    assert!(place.all().is_empty());
}

#[test]
fn directories_of_others_are_not_used() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for level in 1..=3 {
        let place = Place::new();
        let files = place.files();
        put(&files, &name(1), 1);
        let dir = only(&place).ancestors().nth(level).unwrap().to_owned();
        std::os::unix::fs::chown(&dir, Some(1), None).unwrap();
        let mut shown = 0;
        let taken = files.take(&name(1), &mut |_| {
            shown += 1;
            Verdict::Take
        });
        assert!(taken.is_err() && shown == 0, "level {level}");
        assert!(files.put(&name(1), &label(2), b"record").is_err(), "level {level}");
    }
}
