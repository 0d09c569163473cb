//! P31: numbers of impressions, from block to block, over stops, crashes and restores.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn p31_numbers_run_without_a_gap_and_blocks_are_opened_once() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 3);
    for expected in 1..=10 {
        assert_eq!(node.mark().await, expected);
    }
    assert_eq!(node.numbers("opened"), [1]);
    assert!(node.numbers("void").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_numbers_that_were_taken_and_not_used_are_void_in_the_next_group() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    node.mark().await;
    let mut refused = node.devices.begin();
    node.strike(&mut refused).await.unwrap();
    node.strike(&mut refused).await.unwrap();
    let mut batch = Batch::new();
    batch.require(Precondition::Present(b"?nothing".to_vec()));
    assert!(refused.commit(batch).await.is_err());
    let mut dropped = node.devices.begin();
    node.strike(&mut dropped).await.unwrap();
    drop(dropped);
    assert_eq!(node.mark().await, 5);
    assert_eq!(node.numbers("void"), [2, 3, 4]);
    node.mark().await;
    assert_eq!(node.numbers("void").len(), 3, "each is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_device_that_was_put_away_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    node.devices.open_postmarks(&[facility("astana-2")]).await.unwrap();
    assert_eq!((node.mark().await, node.mark().await), (1, 2));
    let mut dropped = node.devices.begin();
    node.strike(&mut dropped).await.unwrap();
    drop(dropped);
    node.devices.put_away().await.unwrap();
    let put_away = node.journal().into_iter().filter(|line| line["event"] == "put_away");
    let mut next: Vec<u64> =
        put_away.filter(|it| it["device"] == DEVICE).map(|it| it["seq"].as_u64().unwrap()).collect();
    assert_eq!((next.pop(), next.len(), node.numbers("void")), (Some(4), 0, vec![3]));
    drop(node);

    let node = Node::open(dir.path(), 7);
    node.devices.open_postmarks(&[facility("astana-2")]).await.unwrap();
    let opened = node.journal().into_iter().rfind(|it| it["device"] == DEVICE && it["event"] == "opened").unwrap();
    assert_eq!(opened["seq"], 4);
    assert_eq!(node.mark().await, 4);
    // A letter that comes after all.
    node.devices.put_away().await.unwrap();
    assert_eq!(node.mark().await, 5);
    node.devices.put_away().await.unwrap();
    node.devices.put_away().await.unwrap();
    assert_eq!(node.mark().await, 6);
}

/// A device that never came down is counted on from, too.
#[tokio::test(flavor = "multi_thread")]
async fn p31_after_a_restore_of_devices_that_were_put_away_no_number_comes_again() {
    let (dir, backup, fresh) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let node = Node::open(dir.path(), 100);
    node.devices.open_postmarks(&[facility("astana-2")]).await.unwrap();
    node.devices.put_away().await.unwrap();
    let go_on = &mut |_| ControlFlow::Continue(());
    node.store.backup(backup.path(), Timestamp::UNIX_EPOCH, go_on).unwrap();
    assert_eq!(node.mark().await, 1);
    let settings = store::Settings { watermark_bytes: 0, ..Default::default() };
    let go_on = &mut |_| ControlFlow::Continue(());
    store::restore::restore(backup.path(), fresh.path(), &settings, Timestamp::UNIX_EPOCH, go_on).unwrap();
    assert!(Node::open(fresh.path(), 100).mark().await > 1_000_000_000);
}

/// P31: the clock that a stop sees may be the very thing that is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn p31_a_stop_with_a_clock_that_is_ahead_holds_up_nobody_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open_at(dir.path(), 100, 1_795_234_500);
    node.mark().await;
    node.clock.0.store(1_795_238_100, Ordering::SeqCst);
    node.devices.put_away().await.unwrap();
    drop(node);
    let node = Node::open_at(dir.path(), 100, 1_795_234_560);
    assert_eq!(node.mark().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_a_letter_that_is_cut_off_at_the_stop_does_not_hold_it_up() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    let mut cut_off = node.devices.begin();
    node.strike(&mut cut_off).await.unwrap();
    node.devices.put_away().await.unwrap();
    // It goes on all the same, with another number, and is committed.
    assert_eq!(node.strike(&mut cut_off).await.unwrap().number(), 2);
    cut_off.commit(Batch::new()).await.unwrap();
    assert_eq!(node.mark().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_numbers_that_a_restore_gave_out_meanwhile_are_not_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    node.mark().await;
    let mut batch = Batch::new();
    batch.add(crate::store::device_keys::device_numbers(DEVICE), 1_000);
    node.store.commit(batch).await.unwrap();
    assert!(node.devices.put_away().await.is_err());
    assert_eq!(node.mark().await, 1_101);
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_void_numbers_whose_letter_failed_are_told_by_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), 100);
    drop({
        let mut strikes = node.devices.begin();
        node.strike(&mut strikes).await.unwrap();
        strikes
    });
    let mut failing = node.devices.begin();
    node.strike(&mut failing).await.unwrap();
    let mut batch = Batch::new();
    batch.require(Precondition::Present(b"?nothing".to_vec()));
    assert!(failing.commit(batch).await.is_err());
    node.mark().await;
    assert_eq!(node.numbers("void"), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_no_number_is_used_again_after_a_restart_and_the_key_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut used = BTreeSet::new();
    let mut keys = Vec::new();
    for start in 0..3 {
        let node = Node::open(dir.path(), 10);
        for _ in 0..15 {
            assert!(used.insert(node.mark().await), "a number was used twice");
        }
        assert_eq!(node.numbers("opened").len(), start + 1);
        keys.push(node.keys(DEVICE));
    }
    assert_eq!((keys[0].len(), &keys[0]), (1, &keys[2]));
}
