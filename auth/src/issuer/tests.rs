//! Tokens of an identity provider whose documents are in memory: what is taken, what isn't, and how often it is asked.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use base64::engine::general_purpose::STANDARD;
use rcgen::KeyPair;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
    RsaKeyPair,
};
use serde_json::json;

use super::*;

const URL: &str = "https://id.example.org/lake";
const NOW: i64 = 1_790_000_000;

/// A 2048-bit key of these tests and of nothing else: PKCS #1, in base64.
const RSA_KEY: &str = include_str!("rsa_of_tests.b64");
const RSA_MODULUS: &str = "89FC0D22394C8205AF7A0736C44A18AF3DAF540D82EA2810F8FEE71FFDEFC28B032F86CB28AD5F806FE23224F6FEDCF33ED4031488E245DD9B525EACA10907E487AE04FDB6234D0647066A25238B7F6F71E308B98954695100924930E94CFCCA89192FE9753C1ADEF0CB3205572600C326BFCF5F77192425E6E2EEC3AE51684DB40213F3A719A496F92126DD543D900CF6113536C686D42DDAFEE89CA9DD1AA36037AAB691AC465679FFB154F03BDA232F189EDD033DF0EC5138F9E5A1347ADB5481D3A21CC6D03255CC5647751EC1741A58227AD7695CF91D0372CB828F6D017B455EFCDA6A5A13B938D1FA03FA0E8327AC34C4BF8C5EAA667E273AB62F1D5B";

struct Provider {
    keys: Mutex<Vec<Value>>,
    named: Mutex<String>,
    is_down: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Documents for Provider {
    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        self.asked.fetch_add(1, SeqCst);
        if self.is_down.load(SeqCst) {
            return Err("nobody answers".to_owned());
        }
        let named = self.named.lock().unwrap().clone();
        let document = match url {
            "https://id.example.org/lake/.well-known/openid-configuration" => {
                json!({ "issuer": named, "jwks_uri": "https://id.example.org/keys", "scopes_supported": ["openid"] })
            }
            "https://id.example.org/keys" => json!({ "keys": *self.keys.lock().unwrap() }),
            other => return Err(format!("{other} isn't there")),
        };
        Ok(document.to_string().into())
    }
}

impl Provider {
    fn new(keys: Vec<Value>) -> Arc<Self> {
        let (is_down, asked) = (AtomicBool::default(), AtomicUsize::default());
        Arc::new(Self { keys: Mutex::new(keys), named: Mutex::new(URL.to_owned()), is_down, asked })
    }

    fn trusted(self: &Arc<Self>, settings: IssuerSettings) -> Issuer {
        Issuer::new(settings, Arc::clone(self) as Arc<dyn Documents>)
    }

    /// How often its keys were asked for since the last call: two documents each time.
    fn asked(&self) -> usize {
        self.asked.swap(0, SeqCst).div_ceil(2)
    }
}

fn settings() -> IssuerSettings {
    let group = |value: &str, group: &str| (value.to_owned(), group.parse().unwrap());
    IssuerSettings {
        url: URL.to_owned(),
        audiences: vec!["lakebed".to_owned(), "lake".to_owned()],
        name_claim: "sub".to_owned(),
        groups_claim: "groups".to_owned(),
        groups: vec![
            group("admins", "Admins"),
            group("devs", "Developers"),
            group("ops", "Developers"),
            group("*", "All"),
        ],
    }
}

/// A key of the provider's, on a curve.
struct Curve {
    id: &'static str,
    pair: KeyPair,
}

impl Curve {
    fn new(id: &'static str) -> Self {
        Self { id, pair: KeyPair::generate().unwrap() }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key_raw();
        let half = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.id, "x": half(&point[1..33]), "y": half(&point[33..]) })
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "alg": "ES256", "kid": self.id }), claims)
    }

    fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pair.serialize_der(), &random);
        token(header, claims, |head| pair.unwrap().sign(&random, head).unwrap().as_ref().to_vec())
    }
}

/// A token with a signature of its first two parts.
fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let head = format!("{}.{}", encoded(header), encoded(claims));
    format!("{head}.{}", URL_SAFE_NO_PAD.encode(sign(head.as_bytes())))
}

fn rsa_jwk() -> Value {
    let modulus = URL_SAFE_NO_PAD.encode(hex::decode(RSA_MODULUS).unwrap());
    json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "rsa", "n": modulus, "e": "AQAB" })
}

fn rsa_sign(algorithm: &str, claims: &Value) -> String {
    let encoding: &'static dyn RsaEncoding = match algorithm {
        "RS256" => &RSA_PKCS1_SHA256,
        "RS384" => &RSA_PKCS1_SHA384,
        "RS512" => &RSA_PKCS1_SHA512,
        "PS256" => &RSA_PSS_SHA256,
        "PS384" => &RSA_PSS_SHA384,
        "PS512" => &RSA_PSS_SHA512,
        other => panic!("{other} is none of RSA's"),
    };
    let pair = RsaKeyPair::from_der(&STANDARD.decode(RSA_KEY.trim()).unwrap()).unwrap();
    token(&json!({ "alg": algorithm, "kid": "rsa" }), claims, |head| {
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), head, &mut signature).unwrap();
        signature
    })
}

fn claims() -> Value {
    json!({
        "iss": URL, "sub": "ann-1", "aud": ["other", "lake"], "iat": NOW - 10, "exp": NOW + 600,
        "groups": ["devs", "ops", "cooks"], "email": "ann@example.org", "email_verified": true,
        "realm_access": { "roles": ["admins"] },
    })
}

/// The claims with some changed; those that become null are left out.
fn but(changes: &Value) -> Value {
    let mut all = claims();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    all
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

async fn verify(issuer: &Issuer, token: &str) -> Result<Identity, String> {
    issuer.verify(token, at(NOW)).await.map_err(|unknown| unknown.to_string())
}

fn unknown() -> Result<Identity, String> {
    Err(InvalidToken::Unknown.to_string())
}

#[tokio::test]
async fn a_token_makes_its_holder_a_user_in_the_mapped_groups() {
    let curve = Curve::new("a");
    let provider = Provider::new(vec![curve.jwk(), rsa_jwk(), json!({ "kty": "new", "crv": "later" })]);
    let issuer = provider.trusted(settings());
    let groups = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<GroupName>>();
    let identity = verify(&issuer, &curve.sign(&claims())).await.unwrap();
    assert_eq!(
        (identity.name.as_str(), identity.subject.as_str(), identity.audience.as_str()),
        ("oidc:ann-1", "ann-1", "lake")
    );
    assert_eq!(identity.groups, groups(&["All", "Developers"]));
    assert_eq!(identity.issued_at, at(NOW - 10));
    assert_eq!(verify(&issuer, &rsa_sign("RS256", &claims())).await, Ok(identity));
    let one = verify(&issuer, &curve.sign(&but(&json!({ "groups": "admins", "aud": "lakebed" })))).await.unwrap();
    assert_eq!(one.groups, groups(&["Admins", "All"]));
    assert_eq!(provider.asked(), 1, "its keys are remembered");

    let roles = IssuerSettings { groups_claim: "realm_access.roles".into(), name_claim: "email".into(), ..settings() };
    let issuer = provider.trusted(roles);
    let identity = verify(&issuer, &curve.sign(&claims())).await.unwrap();
    assert_eq!((identity.name.as_str(), identity.groups), ("oidc:ann@example.org", groups(&["Admins", "All"])));
    for unverified in [json!(null), json!(false), json!("true")] {
        let token = curve.sign(&but(&json!({ "email_verified": unverified })));
        assert_eq!(verify(&issuer, &token).await, Err(InvalidToken::Name.to_string()), "{unverified}");
    }
}

#[tokio::test]
async fn what_a_token_says_is_judged() {
    let curve = Curve::new("a");
    let issuer = Provider::new(vec![curve.jwk()]).trusted(settings());
    for (change, why) in [
        (json!({ "aud": "other" }), InvalidToken::Audience),
        (json!({ "aud": [] }), InvalidToken::Audience),
        (json!({ "aud": null }), InvalidToken::Unknown),
        (json!({ "iss": "https://id.example.org/another" }), InvalidToken::Unknown),
        (json!({ "iss": null }), InvalidToken::Unknown),
        (json!({ "sub": "" }), InvalidToken::Unknown),
        (json!({ "sub": "line\nend" }), InvalidToken::Name),
        (json!({ "exp": NOW }), InvalidToken::Expired),
        (json!({ "exp": NOW - 3600 }), InvalidToken::Expired),
        (json!({ "exp": null }), InvalidToken::Unknown),
        (json!({ "exp": "4000000000" }), InvalidToken::Unknown),
        (json!({ "nbf": NOW + 61 }), InvalidToken::NotYet),
        (json!({ "nbf": "soon" }), InvalidToken::Unknown),
        (json!({ "iat": NOW + 61 }), InvalidToken::NotYet),
        (json!({ "iat": null }), InvalidToken::Unknown),
        (json!({ "iat": NOW + 3600, "nbf": NOW - 60 }), InvalidToken::NotYet),
    ] {
        let judged = verify(&issuer, &curve.sign(&but(&change))).await;
        assert_eq!(judged, Err(why.to_string()), "{change}");
    }
    for change in
        [json!({ "nbf": NOW + 60 }), json!({ "iat": NOW + 60 }), json!({ "exp": 1e300 }), json!({ "groups": 7 })]
    {
        verify(&issuer, &curve.sign(&but(&change))).await.unwrap_or_else(|why| panic!("{change}: {why}"));
    }
    let many = (0..17).map(|number| (format!("g{number}"), format!("group {number}").parse().unwrap()));
    let issuer = Provider::new(vec![curve.jwk()]).trusted(IssuerSettings { groups: many.collect(), ..settings() });
    let all: Vec<_> = (0..17).map(|number| format!("g{number}")).collect();
    let token = curve.sign(&but(&json!({ "groups": all })));
    assert_eq!(verify(&issuer, &token).await, Err(InvalidToken::Groups.to_string()));
}

#[tokio::test]
async fn only_the_provider_s_keys_sign_and_with_their_own_algorithms() {
    let (curve, stranger) = (Curve::new("a"), Curve::new("a"));
    let secret = json!({ "kty": "oct", "kid": "shared", "k": URL_SAFE_NO_PAD.encode("shared") });
    let encryption = {
        let mut jwk = Curve::new("enc").jwk();
        jwk["use"] = json!("enc");
        jwk
    };
    let provider = Provider::new(vec![curve.jwk(), rsa_jwk(), secret, encryption]);
    let issuer = provider.trusted(settings());
    assert_eq!(verify(&issuer, &stranger.sign(&claims())).await, unknown(), "another key of the same name");
    let body = URL_SAFE_NO_PAD.encode(claims().to_string());
    for algorithm in ["none", "None", "NONE", "HS256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm, "kid": "a" }).to_string());
        assert_eq!(verify(&issuer, &format!("{header}.{body}.")).await, unknown(), "{algorithm}");
    }
    // The public key as a secret, and a secret that the provider publishes.
    let modulus = hex::decode(RSA_MODULUS).unwrap();
    for (kid, key) in [("rsa", &modulus[..]), ("shared", b"shared"), ("a", curve.pair.public_key_raw())] {
        for (algorithm, hash) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
            let key = hmac::Key::new(hash, key);
            let sign = |head: &[u8]| hmac::sign(&key, head).as_ref().to_vec();
            let token = token(&json!({ "alg": algorithm, "kid": kid }), &claims(), sign);
            assert_eq!(verify(&issuer, &token).await, unknown(), "{kid} with {algorithm}");
        }
    }
    for algorithm in ["RS512", "PS256"] {
        assert_eq!(verify(&issuer, &rsa_sign(algorithm, &claims())).await, unknown(), "its key is for RS256");
    }
    let critical = curve.sign_with(&json!({ "alg": "ES256", "kid": "a", "crit": ["exp"], "exp": 1 }), &claims());
    assert_eq!(verify(&issuer, &critical).await, unknown(), "an extension that must be understood, and isn't");
    let good = curve.sign(&claims());
    let (head, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(verify(&issuer, &format!("{head}.{}", &signature[1..])).await, unknown());
    assert_eq!(verify(&issuer, &format!("{head}.")).await, unknown());
    let another = URL_SAFE_NO_PAD.encode(but(&json!({ "sub": "admin" })).to_string());
    let header = head.split('.').next().unwrap();
    assert_eq!(verify(&issuer, &format!("{header}.{another}.{signature}")).await, unknown());
    assert_eq!(verify(&issuer, &"a".repeat(20_000)).await, unknown());
    let nameless = curve.sign_with(&json!({ "alg": "ES256" }), &claims());
    verify(&issuer, &nameless).await.expect("the only key for its algorithm");
}

#[tokio::test]
async fn every_algorithm_of_public_keys_is_verified() {
    let random = SystemRandom::new();
    let p384 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).unwrap();
    let p384 = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, p384.as_ref(), &random).unwrap();
    let edwards = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
    let (point, encoded) = (p384.public_key().as_ref(), |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes));
    let mut rsa = rsa_jwk();
    rsa.as_object_mut().unwrap().remove("alg");
    let issuer = Provider::new(vec![
        rsa,
        json!({ "kty": "EC", "crv": "P-384", "kid": "p384", "x": encoded(&point[1..49]), "y": encoded(&point[49..]) }),
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": encoded(edwards.public_key().as_ref()) }),
    ])
    .trusted(settings());
    let mut tokens =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map(|rsa| rsa_sign(rsa, &claims())).to_vec();
    let sign_p384 = |head: &[u8]| p384.sign(&random, head).unwrap().as_ref().to_vec();
    tokens.push(token(&json!({ "alg": "ES384", "kid": "p384" }), &claims(), sign_p384));
    let sign_edwards = |head: &[u8]| edwards.sign(head).as_ref().to_vec();
    tokens.push(token(&json!({ "alg": "EdDSA", "kid": "ed" }), &claims(), sign_edwards));
    for good in tokens {
        assert_eq!(verify(&issuer, &good).await.unwrap().subject, "ann-1", "{good}");
        let (head, signature) = good.rsplit_once('.').unwrap();
        let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        signature[20] ^= 1;
        assert_eq!(verify(&issuer, &format!("{head}.{}", encoded(&signature))).await, unknown(), "{good}");
    }
}

#[tokio::test]
async fn a_rotated_key_is_asked_for_and_unknown_ones_are_not_asked_for_again() {
    let (old, new) = (Curve::new("old"), Curve::new("new"));
    let provider = Provider::new(vec![old.jwk()]);
    let issuer = provider.trusted(settings());
    let token = |curve: &Curve| curve.sign(&but(&json!({ "exp": NOW + 1_000_000 })));
    let taken = async |curve: &Curve, later: i64| issuer.verify(&token(curve), at(NOW + later)).await.is_ok();
    assert!(taken(&old, 0).await);
    assert_eq!(provider.asked(), 1);
    *provider.keys.lock().unwrap() = vec![new.jwk()];
    assert!(!taken(&new, 1).await, "it was asked a moment ago");
    assert_eq!(provider.asked(), 0);
    assert!(taken(&new, 31).await && !taken(&old, 32).await, "what it doesn't publish any more counts no more");
    assert_eq!(provider.asked(), 1);

    for _ in 0..200 {
        let judged = issuer.verify(&token(&Curve::new("nobody's")), at(NOW + 100)).await;
        assert!(matches!(judged, Err(Unknown::Token(InvalidToken::Unknown))));
    }
    assert_eq!(provider.asked(), 1, "a flood of unknown keys is one question");
    assert!(taken(&new, 101).await);
    assert_eq!(provider.asked(), 0);
    assert!(taken(&new, 100 + 3600).await);
    assert_eq!(provider.asked(), 1, "an hour later it is asked again");
}

#[tokio::test]
async fn a_provider_that_is_down_is_said_to_be_and_its_keys_count_for_a_day() {
    let curve = Curve::new("a");
    let provider = Provider::new(vec![curve.jwk()]);
    let issuer = provider.trusted(settings());
    let token = curve.sign(&but(&json!({ "exp": NOW + 1_000_000 })));
    provider.is_down.store(true, SeqCst);
    for later in 0..10 {
        let told = issuer.verify(&token, at(NOW + later)).await.unwrap_err();
        assert!(matches!(told, Unknown::Issuer(_)), "{told}");
    }
    assert_eq!(provider.asked(), 1, "it isn't asked for each token");
    provider.is_down.store(false, SeqCst);
    let taken = async |later: i64| issuer.verify(&token, at(NOW + later)).await.map(|_| ());
    taken(31).await.unwrap();
    provider.is_down.store(true, SeqCst);
    taken(31 + 86_399).await.expect("known keys count while it is down");
    assert!(matches!(taken(31 + 86_400).await, Err(Unknown::Issuer(_))));
    provider.is_down.store(false, SeqCst);
    taken(31 + 86_500).await.unwrap();
    *provider.named.lock().unwrap() = "https://id.example.org/another".to_owned();
    let told = provider.trusted(settings()).verify(&token, at(NOW)).await.unwrap_err();
    assert!(told.to_string().contains("another issuer"), "{told}");
    *provider.keys.lock().unwrap() = vec![];
    *provider.named.lock().unwrap() = URL.to_owned();
    let told = provider.trusted(settings()).verify(&token, at(NOW)).await.unwrap_err();
    assert!(told.to_string().contains("no key"), "{told}");
}
