// SPDX-License-Identifier: Apache-2.0
//! Scans that wait.

use vasto::{Code, ScanOptions};

use crate::cluster::{assert_code, fill, Cluster};

#[test]
fn rows_come_in_order_in_both_forms() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "scan");
    fill(&keyspace, 2000);
    keyspace.put("users0", "behind").unwrap();

    let mut rows = 0;
    let mut scan = keyspace.scan_prefix("users/", &ScanOptions::new()).unwrap();
    while let Some(block) = scan.next_block(300).unwrap() {
        assert!((1..=300).contains(&block.len()));
        for row in block {
            assert_eq!(row.key(), format!("users/{rows:05}").as_bytes());
            assert_eq!(row.value().unwrap(), rows.to_string().as_bytes());
            assert!(row.version() > 0 && row.updated_at_ns() > 0 && !row.is_deleted());
            rows += 1;
        }
    }
    assert_eq!(rows, 2000);
    assert!(
        scan.next_block(1).unwrap().is_none(),
        "the end stays the end"
    );

    let scan = keyspace
        .scan_range("users/00010", "users/00020", &ScanOptions::new())
        .unwrap();
    let keys: Vec<Vec<u8>> = scan.map(|row| row.unwrap().key).collect();
    let expected: Vec<Vec<u8>> = (10..20)
        .map(|row| format!("users/{row:05}").into_bytes())
        .collect();
    assert_eq!(keys, expected);
    let all = keyspace
        .scan_range("", "", &ScanOptions::new().page_bytes(1000))
        .unwrap();
    assert_eq!(all.map(Result::unwrap).count(), 2001);
}

#[test]
fn limits_and_keys_only() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "limit");
    fill(&keyspace, 50);
    let options = ScanOptions::new().limit(7).keys_only(true);
    let rows: Vec<_> = keyspace
        .scan_prefix("users/", &options)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 7);
    assert!(rows
        .iter()
        .all(|row| row.value.is_none() && row.value_size == 1));
    keyspace.put("empty", "").unwrap();
    let row = keyspace
        .scan_prefix("empty", &ScanOptions::new())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(row.value, Some(vec![]), "no bytes are not no value");
}

#[test]
fn a_scan_goes_on_where_its_token_says() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "token");
    fill(&keyspace, 40);
    let mut scan = keyspace.scan_prefix("users/", &ScanOptions::new()).unwrap();
    let taken = scan.next_block(15).unwrap().unwrap().len();
    let token = scan.resume_token().unwrap();
    drop(scan);
    let options = ScanOptions::new().resume_token(token.clone());
    let mut rest = keyspace.scan_prefix("users/", &options).unwrap();
    let next = rest.next().unwrap().unwrap();
    assert_eq!(next.key, format!("users/{taken:05}").into_bytes());

    // The iterator has fetched rows ahead: a token now would lose them.
    assert_code(rest.resume_token(), Code::InvalidArgument);
    assert_eq!(rest.by_ref().map(Result::unwrap).count(), 40 - taken - 1);
    rest.resume_token().unwrap();

    let mut other = keyspace.scan_prefix("others/", &options).unwrap();
    assert_code(other.next_block(1).map(|_| ()), Code::InvalidArgument);
}

#[test]
fn rows_that_were_fetched_are_given_in_any_form() {
    let cluster = Cluster::get();
    let keyspace = cluster.keyspace(&cluster.client(), "mixed");
    fill(&keyspace, 30);
    let mut scan = keyspace.scan_prefix("users/", &ScanOptions::new()).unwrap();
    assert_eq!(scan.next().unwrap().unwrap().key, b"users/00000");
    let mut rows = 1;
    while let Some(block) = scan.next_block(4).unwrap() {
        assert!(block.len() <= 4);
        for row in block {
            assert_eq!(row.key(), format!("users/{rows:05}").as_bytes());
            rows += 1;
        }
    }
    assert_eq!(rows, 30);
    // No room at all counts as room for one.
    let mut scan = keyspace.scan_prefix("users/", &ScanOptions::new()).unwrap();
    assert_eq!(scan.next_block(0).unwrap().unwrap().len(), 1);
}
