//! Writers that race for one key.

use futures::future::join_all;

use crate::harness::TestGateway;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_creators_exactly_one_wins() {
    let s3 = TestGateway::start().await;
    s3.put_all(&["main/other"]).await;
    s3.commit("main").await;
    for round in 0..4 {
        let key = format!("main/_delta_log/{round:020}.json");
        let puts = (0..12).map(|i| s3.put(&key, format!("writer {i}")).header("if-none-match", "*").send());
        let answers = join_all(puts).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().enumerate().partition(|(_, answer)| answer.status == 200);
        assert_eq!(won.len(), 1, "{answers:?}");
        assert!(lost.iter().all(|(_, answer)| matches!(answer.status.as_u16(), 409 | 412)), "{answers:?}");
        assert_eq!(s3.get(&key).send().await.expect(200).text(), format!("writer {}", won[0].0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_replace_one_etag_exactly_one_wins() {
    let s3 = TestGateway::start().await;
    let e_tag = s3.put("main/a", "first").send().await.expect(200).e_tag().to_owned();
    s3.commit("main").await;
    let puts = (0..12).map(|i| s3.put("main/a", format!("writer {i}")).header("if-match", &*e_tag).send());
    let answers = join_all(puts).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 409 | 412)), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_one_writer_s_object_whole() {
    let s3 = TestGateway::start().await;
    let bodies: Vec<String> = (0..6).map(|i| i.to_string().repeat(100_000)).collect();
    s3.put("main/a", bodies[0].clone()).send().await.expect(200);
    let puts = bodies.iter().map(|body| s3.put("main/a", body.clone()).send());
    let gets = (0..12).map(|_| s3.get("main/a").send());
    let (puts, gets) = futures::join!(join_all(puts), join_all(gets));
    puts.into_iter().for_each(|put| drop(put.expect(200)));
    for got in gets {
        let got = got.expect(200);
        let body = bodies.iter().find(|body| body.as_bytes() == got.bytes().as_ref());
        assert!(body.is_some(), "an answer mixes two writers");
        assert_eq!(got.e_tag(), crate::client::md5_e_tag(got.bytes()));
    }
}
