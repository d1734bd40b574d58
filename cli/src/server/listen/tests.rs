//! Clients that are slow on purpose, each over a connection of its own. None of these tests waits for a time to pass: they
//! wait for the server to hang up.

use futures::stream;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::*;

/// Answers `/endless` with bytes without end, refuses `/refused` unread, and answers anything else once its body is read. Who sends `authorization` has proved
/// who they are.
#[derive(Clone)]
struct Doors;

impl Respond for Doors {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        if request.headers().contains_key("authorization") {
            Connection::is_of_a_caller(request.extensions().get());
        }
        if request.uri().path() == "/endless" {
            let bytes = stream::repeat_with(|| Ok::<_, Infallible>(bytes::Bytes::from_static(&[7; 65536])));
            return Response::new(Body::from_stream(bytes));
        }
        if request.uri().path() == "/refused" {
            return Response::builder().status(403).body(Body::from("not you")).unwrap();
        }
        let read = request.into_body().collect().await;
        Response::new(Body::from(read.map_or_else(|error| error.to_string(), |read| read.to_bytes().len().to_string())))
    }
}

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(3600);

/// A server with short timeouts; it ends with the sender.
async fn start() -> (SocketAddr, oneshot::Sender<()>) {
    let second = Duration::from_secs(1);
    let bounds = Bounds { strangers: LONG, first_bytes: second, taking: second, lingering: second };
    start_with(bounds, Limits::of(100)).await
}

async fn start_with(bounds: Bounds, limits: Limits) -> (SocketAddr, oneshot::Sender<()>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap().limited(limits);
    let listener = Listener { bounds, ..listener };
    let address = listener.tcp.local_addr().unwrap();
    let (end, ended) = oneshot::channel();
    tokio::spawn(listener.serve(Doors, async { drop(ended.await) }));
    (address, end)
}

/// What the server says until it hangs up.
async fn until_hung_up(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut said)).await;
    // A reset is a way to hang up too.
    drop(read.expect("the server hangs up"));
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn who_says_nothing_or_never_ends_their_headers_is_hung_up_on() {
    let (address, _end) = start().await;
    for beginning in ["", "P", "PRI * HTTP/2.0", "PUT /x HTTP/1.1\r\nhost: x\r\nx-slow: ", "GET / HTTP/1.1\r\n"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let said = until_hung_up(stream).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{beginning:?}: {said}");
    }
}

#[tokio::test]
async fn a_request_of_http_1_1_names_its_host() {
    let (address, _end) = start().await;
    let refused = "HTTP/1.1 400";
    for (head, status) in [
        ("GET / HTTP/1.1\r\n", refused),
        ("POST /api/v1/repositories HTTP/1.1\r\ncontent-length: 0\r\n", refused),
        ("POST /x HTTP/1.1\r\ncontent-type: application/grpc\r\n", refused),
        ("GET / HTTP/1.1\r\nhost: x\r\n", "HTTP/1.1 200"),
        ("GET / HTTP/1.1\r\nhost:\r\n", "HTTP/1.1 200"),
        ("GET http://x/ HTTP/1.1\r\n", refused),
        ("GET / HTTP/1.0\r\n", "HTTP/1.0 200"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let said = until_hung_up(stream).await;
        assert!(said.starts_with(status), "{head:?}: {said}");
        assert!(status != refused || said.contains("no Host header"), "{said}");
    }
}

#[tokio::test]
async fn a_connection_without_a_next_request_is_closed() {
    let (address, _end) = start().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let said = until_hung_up(stream).await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("\r\n\r\n0"), "{said}");
}

#[tokio::test]
async fn who_takes_nothing_of_the_answer_is_hung_up_on() {
    let (address, _end) = start().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // Nothing is read until the server has given up: then a write is answered by a reset, in the end.
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while stream.write_all(b"x").await.is_ok() {
        assert!(std::time::Instant::now() < deadline, "the server still waits for a client that takes nothing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn who_sends_slowly_but_steadily_is_served() {
    let (address, _end) = start().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"PUT /x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n").await.unwrap();
    // All in all it takes longer than any of the bounds.
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stream.write_all(b"x").await.unwrap();
    }
    let said = until_hung_up(stream).await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with('5'), "{said}");
}

/// Sends a whole request over a connection that stays, and reads the head of its answer.
async fn ask(stream: &mut TcpStream, authorization: &str) -> io::Result<String> {
    stream.write_all(format!("GET / HTTP/1.1\r\nhost: x\r\n{authorization}\r\n").as_bytes()).await?;
    let mut said = vec![0; 1024];
    let read = stream.read(&mut said).await?;
    Ok(String::from_utf8_lossy(&said[..read]).into_owned())
}

const PROOF: &str = "authorization: AWS4-HMAC-SHA256\r\n";

/// Waits that are no matter of the test, but for strangers'.
fn patient_but_with_strangers(strangers: Duration) -> Bounds {
    Bounds { strangers, first_bytes: LONG, taking: LONG, lingering: LONG }
}

#[tokio::test]
async fn who_never_proves_who_they_are_is_hung_up_on_however_busy_they_look() {
    let (address, _end) = start_with(patient_but_with_strangers(Duration::from_secs(1)), Limits::of(100)).await;
    let mut caller = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut caller, PROOF).await.unwrap().starts_with("HTTP/1.1 200"));
    // A byte now and then is in time for each wait by itself.
    let mut stranger = TcpStream::connect(address).await.unwrap();
    stranger.write_all(b"POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n").await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while stranger.write_all(b"x").await.is_ok() {
        assert!(std::time::Instant::now() < deadline, "the server still waits for a body that trickles");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The caller's is older.
    assert!(ask(&mut caller, "").await.unwrap().starts_with("HTTP/1.1 200"), "they had proved it before");
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let limits = Limits { connections: 12, strangers: 8, strangers_of_an_address: 6 };
    let (address, _end) = start_with(patient_but_with_strangers(LONG), limits).await;
    let mut callers = Vec::new();
    for _ in 0..4 {
        let mut caller = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut caller, PROOF).await.unwrap().starts_with("HTTP/1.1 200"));
        callers.push(caller);
    }
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    for caller in &mut callers {
        assert!(ask(caller, PROOF).await.unwrap().starts_with("HTTP/1.1 200"), "who was there before is served");
    }
    let mut next = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut next, PROOF).await.unwrap().starts_with("HTTP/1.1 200"), "and so is who comes");
    assert!(until_hung_up(silent.remove(0)).await.is_empty(), "the oldest made way");
}

/// The head of a request that will be refused.
fn refused(length: usize, more: &str) -> Vec<u8> {
    format!("PUT /refused HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{more}\r\n").into_bytes()
}

#[tokio::test]
async fn who_sends_all_before_reading_reads_the_refusal() {
    let (address, _end) = start_with(patient_but_with_strangers(LONG), Limits::of(100)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = 64 << 20;
    stream.write_all(&refused(length, "")).await.unwrap();
    stream.write_all(&vec![7; length]).await.expect("no broken pipe");
    let said = until_hung_up(stream).await;
    assert!(said.starts_with("HTTP/1.1 403") && said.ends_with("not you"), "{said}");
    assert!(said.contains("connection: close\r\n"), "{said}");
}

#[tokio::test]
async fn a_refusal_doesnt_wait_for_a_body_without_end() {
    // Long enough for a busy machine to read the answer.
    let bounds = Bounds { lingering: Duration::from_secs(4), ..patient_but_with_strangers(LONG) };
    let (address, _end) = start_with(bounds, Limits::of(100)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&refused(usize::MAX >> 1, "")).await.unwrap();
    let mut said = Vec::new();
    let mut piece = vec![7; 1 << 20];
    while !said.ends_with(b"not you") {
        stream.write_all(&piece).await.unwrap();
        let read = stream.try_read(&mut piece).unwrap_or(0);
        said.extend_from_slice(&piece[..read]);
    }
    // Nor does the connection.
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while stream.write_all(&piece).await.is_ok() {
        assert!(std::time::Instant::now() < deadline, "the server still reads what nobody wants");
    }
}

#[tokio::test]
async fn a_small_refused_body_costs_no_connection() {
    let (address, _end) = start_with(patient_but_with_strangers(LONG), Limits::of(100)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(&refused(100_000, "")).await.unwrap();
        stream.write_all(&[7; 100_000]).await.unwrap();
        let mut said = Vec::new();
        while !said.ends_with(b"not you") {
            said.push(stream.read_u8().await.expect("the connection stays"));
        }
        assert!(!String::from_utf8_lossy(&said).contains("connection: close"));
    }
}

#[tokio::test]
async fn a_body_that_is_held_back_isnt_asked_for() {
    let (address, _end) = start_with(patient_but_with_strangers(LONG), Limits::of(100)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&refused(10, "expect: 100-continue\r\n")).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"not you") {
        said.push(stream.read_u8().await.unwrap());
    }
    let said = String::from_utf8_lossy(&said);
    assert!(said.starts_with("HTTP/1.1 403") && said.contains("connection: close\r\n"), "{said}");
}

/// HTTP/2 tells the client to stop sending, and the connection stays.
#[tokio::test]
async fn a_refusal_over_http_2_costs_no_connection() {
    let (address, _end) = start_with(patient_but_with_strangers(LONG), Limits::of(100)).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    for _ in 0..2 {
        let body = http_body_util::Full::new(bytes::Bytes::from(vec![7; 16 << 20]));
        let request = Request::put(format!("http://{address}/refused")).body(body).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "not you");
    }
}
