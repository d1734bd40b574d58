//! Forms as they come over the wire.

use super::*;

const BOUNDARY: &str = "----b";

fn parts() -> Parts {
    let request =
        http::Request::post("/trips").header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    request.body(()).unwrap().into_parts().0
}

fn encoded(fields: &[(&str, &str)], file: Option<(&str, &str)>) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        form += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    if let Some((name, bytes)) = file {
        form += &format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: text/html\r\n\r\n{bytes}\r\n"
        );
    }
    form + &format!("--{BOUNDARY}--\r\n")
}

async fn read(form: String, piece: usize) -> Result<(Form, BodyStream), S3Error> {
    let pieces: Vec<_> = form.as_bytes().chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Form::read(&parts(), stream::iter(pieces)).await
}

fn bytes(file: BodyStream) -> Vec<u8> {
    let pieces: Vec<_> = futures::executor::block_on(file.map(Result::unwrap).collect());
    pieces.concat()
}

#[tokio::test]
async fn fields_are_read_and_the_file_streams() {
    let fields = [("Key", "main/${filename}"), ("success_action_status", "201"), ("policy", "${filename}")];
    for piece in [1, 7, 10_000] {
        let (form, file) =
            read(encoded(&fields, Some(("C:\\photos\\a b.png", "\r\n--bytes\r\n"))), piece).await.unwrap();
        assert_eq!(form.fields["key"], "main/a b.png");
        assert_eq!(form.fields["policy"], "${filename}", "what is signed stays");
        assert_eq!(form.answer(), FormAnswer::Created);
        assert_eq!(bytes(file), b"\r\n--bytes\r\n");
    }
}

#[tokio::test]
async fn what_comes_after_the_file_is_not_read() {
    let form = encoded(&[], Some(("a", "x"))).replace("------b--\r\n", "") + &encoded(&[("submit", "Upload")], None);
    let (form, file) = read(form, 5).await.unwrap();
    assert!(form.fields.is_empty());
    assert_eq!(bytes(file), b"x");
}

#[tokio::test]
async fn forms_that_cant_be_read_are_refused() {
    let large = "v".repeat(FIELDS_BYTES_MAX);
    let half = FIELDS_BYTES_MAX / 2;
    let file = Some(("a", "x"));
    for (form, code) in [
        (String::new(), ErrorCode::MalformedPOSTRequest),
        ("no form".to_owned(), ErrorCode::MalformedPOSTRequest),
        (encoded(&[("key", "main/a")], None), ErrorCode::InvalidArgument),
        (encoded(&[("key", "a"), ("Key", "b")], file), ErrorCode::InvalidArgument),
        (encoded(&[("key", &large)], file), ErrorCode::MaxPostPreDataLengthExceededError),
        (encoded(&[("a", &large[..half]), ("b", &large[..half])], file), ErrorCode::MaxPostPreDataLengthExceededError),
        (format!("--{BOUNDARY}\r\nx: {large}{large}"), ErrorCode::MaxPostPreDataLengthExceededError),
    ] {
        let shown = form.chars().take(80).collect::<String>();
        assert_eq!(read(form, 1000).await.err().map(|error| error.code()), Some(code), "{shown}");
    }
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_no_file() {
    let whole = encoded(&[], Some(("a", "0123456789")));
    let cut = whole[..whole.len() - 20].to_owned();
    let (_, file) = read(cut, 1000).await.unwrap();
    let failed = file.filter_map(async |piece| piece.err()).boxed().next().await;
    assert!(failed.is_some());
}

#[test]
fn a_request_is_a_form_only_without_another_signature() {
    let form = parts();
    assert!(is_form(&form));
    let with = |change: fn(&mut Parts)| {
        let mut parts = form.clone();
        change(&mut parts);
        is_form(&parts)
    };
    assert!(!with(|parts| parts.method = Method::PUT));
    assert!(!with(|parts| parts.uri = "/trips?delete".parse().unwrap()));
    assert!(!with(|parts| drop(parts.headers.insert("authorization", HeaderValue::from_static("AWS4-HMAC-SHA256 x")))));
    assert!(!with(|parts| drop(parts.headers.insert("content-type", HeaderValue::from_static("text/plain")))));
}

#[test]
fn fields_are_known_or_refused_by_their_names() {
    assert_eq!(header_of("content-type").unwrap(), Some("content-type"));
    assert_eq!(header_of("acl").unwrap(), Some("x-amz-acl"));
    assert_eq!(header_of("success_action_status").unwrap(), None);
    for signing in ["tagging", "awsaccesskeyid", "signature", "x-amz-signature"] {
        assert_eq!(header_of(signing).unwrap(), None, "{signing}");
    }
    for name in ["x-amz-trailer", "x-amz-content-sha256", "if-none-match", "other"] {
        assert_eq!(header_of(name).unwrap_err().code(), ErrorCode::NotImplemented, "{name}");
    }
}

#[test]
fn outcomes_are_told_as_the_form_wants() {
    let answer = |fields: &[(&str, &str)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Form { fields }.answer()
    };
    assert_eq!(answer(&[]), FormAnswer::NoContent);
    assert_eq!(answer(&[("success_action_status", "200")]), FormAnswer::Ok);
    assert_eq!(answer(&[("success_action_status", "299")]), FormAnswer::NoContent);
    let redirect =
        answer(&[("success_action_redirect", "https://x.example/done?a=1"), ("success_action_status", "200")]);
    assert_eq!(redirect, FormAnswer::Redirect("https://x.example/done?a=1".parse().unwrap()));
    assert_eq!(answer(&[("redirect", "javascript:alert(1)")]), FormAnswer::NoContent);
}
