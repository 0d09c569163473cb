//! M22: who told something of themselves confirms it before official letters come and go; who told nothing has nothing
//! to confirm.

use super::*;
use crate::store::Batch;
use crate::store::accounts as rows;
use crate::store::profiles::{self, ProfileRow};
use crate::store::vault::Personal;

impl Post {
    async fn tells_of_themselves(&self, login: &str) {
        let id = self.accounts.find_login(login).await.unwrap().unwrap().id;
        let mut batch = Batch::new();
        let data = Personal::Plain(Vec::new());
        profiles::add(&mut batch, id, &ProfileRow { data, changed_us: 0, confirmed: None }).unwrap();
        self.store.commit(batch).await.unwrap();
    }

    async fn confirms(&self, login: &str, confirmed: bool) {
        let account = self.accounts.find_login(login).await.unwrap().unwrap();
        let mut changed = account.clone();
        changed.eds_confirmed = confirmed;
        let mut batch = Batch::new();
        rows::replace(&mut batch, &account, &changed).unwrap();
        self.store.commit(batch).await.unwrap();
    }

    async fn may(&self, origin: &Origin, to: &str) -> Result<(), String> {
        let asked = self.intake.check_recipient(origin, &[], &to.parse().unwrap()).await;
        asked.map(drop).map_err(|refusal| refusal.to_string())
    }
}

#[tokio::test]
async fn m22_official_letters_come_in_for_who_confirmed_their_data() {
    let post = Post::open().await;
    let aigul = "aigul@poshta.example";
    assert_eq!(post.may(&peer(true), aigul).await, Ok(()), "a mailbox without data of a user is not asked");
    post.tells_of_themselves("aigul").await;
    let refused = post.may(&peer(true), aigul).await.unwrap_err();
    assert!(refused.contains(aigul) && refused.contains("https://post.example/cabinet/confirm"), "{refused}");
    assert_eq!(post.may(&peer(false), aigul).await, Ok(()), "what is not official is not asked");
    post.confirms("aigul", true).await;
    assert_eq!(post.may(&peer(true), aigul).await, Ok(()));
    post.confirms("aigul", false).await;
    assert!(post.may(&peer(true), aigul).await.is_err(), "a change takes it back");
}

#[tokio::test]
async fn m22_letters_to_state_bodies_go_out_from_who_confirmed_their_data() {
    let post = Post::open().await;
    post.tells_of_themselves("aigul").await;
    let aigul = post.user("aigul").await;
    let refused = post.may(&aigul, "court@sud.gov.kz").await.unwrap_err();
    assert!(refused.contains("https://post.example/cabinet/confirm"), "{refused}");
    assert_eq!(post.may(&aigul, "court@notgov.kz").await, Ok(()));
    assert_eq!(post.may(&post.user("bolat").await, "court@sud.gov.kz").await, Ok(()), "no data of a user");
    post.confirms("aigul", true).await;
    assert_eq!(post.may(&aigul, "court@sud.gov.kz").await, Ok(()));
}

#[tokio::test]
async fn m22_an_operator_can_switch_the_question_off() {
    let post = Post::with(Settings { official_needs_confirmation: false, ..Settings::default() }, None).await;
    post.tells_of_themselves("aigul").await;
    assert_eq!(post.may(&peer(true), "aigul@poshta.example").await, Ok(()));
    assert_eq!(post.may(&post.user("aigul").await, "court@sud.gov.kz").await, Ok(()));
}
