//! How a command reaches the server. Owns the order in which endpoint and keys are looked for; `lakebed-sdk` talks.
//! Invariant: keys are used for the server that they are meant for: those of a profile of its URL or its installation,
//! those in `LAKEBED_*`, those that `lakebed env` set for it, and others only if the user asks for that.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use lakebed_sdk::{ConnectOptions, Credentials, Lakebed, Reason};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::commands::env;
use crate::environment::{self, parse_switch};
use crate::exit::{Usage, usage};
use crate::output::shown_path;
use crate::profile::{self, Profile, Profiles};

const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:8000";

/// The variable by which `lakebed env` says whose the AWS variables are that it sets: `ACCESS_KEY_ID@ENDPOINT`.
pub(crate) const ENV_MARK: &str = "LAKEBED_ENV";

/// Looks an environment variable up; an empty one is none.
pub(crate) type Variable<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Options of every command that talks to a server.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct ConnectionArgs {
    /// The server's URL [default: the profile's, else http://127.0.0.1:8000]
    #[arg(long, env = "LAKEBED_ENDPOINT", global = true, value_name = "URL")]
    endpoint: Option<String>,

    /// Which profile of the profile file to use [default: the endpoint's, else default]
    #[arg(long, env = "LAKEBED_PROFILE", global = true, value_name = "NAME")]
    profile: Option<String>,

    /// Use the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, though `lakebed env` didn't set them for this server
    #[arg(long, env = "LAKEBED_AWS_KEYS", global = true, value_parser = parse_switch)]
    aws_keys: bool,

    /// Certificate authorities (PEM) to trust for https, instead of the system's
    #[arg(long, env = "LAKEBED_CA_CERT", global = true, value_name = "FILE")]
    ca_cert: Option<PathBuf>,

    /// Send tokens to other machines, and let them send new keys, over plain HTTP, where the network can read them
    #[arg(long, env = "LAKEBED_ALLOW_PLAIN_HTTP", global = true, value_parser = parse_switch)]
    allow_plain_http: bool,
}

/// Where the keys were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    LakebedVariables,
    /// Set by `lakebed env`.
    MarkedVariables,
    AwsVariables,
    Profile(String),
    Input,
    Token,
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LakebedVariables => f.write_str("LAKEBED_ACCESS_KEY_ID"),
            Self::MarkedVariables => f.write_str("AWS_ACCESS_KEY_ID, as `lakebed env` set it"),
            Self::AwsVariables => f.write_str("AWS_ACCESS_KEY_ID"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Input => f.write_str("standard input"),
            Self::Token => f.write_str("the token"),
        }
    }
}

/// An access key, its secret, and its session's token.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: Option<String>,
}

/// A server and the keys for it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) server: Server,
    pub(crate) keys: Keys,
    pub(crate) source: KeySource,
}

/// A server, and how to reach it.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) endpoint: String,
    pub(crate) ca_cert: Option<Authorities>,
    allow_plain_http: bool,
}

/// Certificate authorities to trust.
#[derive(Debug, Clone)]
pub(crate) struct Authorities {
    pub(crate) path: PathBuf,
    pem: String,
}

impl ConnectionArgs {
    /// Finds endpoint and keys: of a profile that was named by `--profile` or `LAKEBED_PROFILE`; else the keys in
    /// `LAKEBED_ACCESS_KEY_ID` and `LAKEBED_SECRET_ACCESS_KEY`, the AWS variables if they are asked for or `lakebed env` set
    /// them, or the profile of the endpoint, in this order. A profile that can't be read is an error only if it is needed.
    pub(crate) async fn target(&self) -> Result<Target> {
        let profiles = profile::path().and_then(|path| profile::read(&path));
        self.target_by(&environment::text, profiles).await
    }

    async fn target_by(&self, variable: Variable<'_>, profiles: Result<Profiles>) -> Result<Target> {
        if let Some(name) = self.profile()? {
            let Some(profile) = profiles?.named(&name).cloned() else {
                usage!("no profile {name}: `lakebed login --profile {name}` makes one")
            };
            let server = self.server(self.endpoint().unwrap_or_else(|| profile.endpoint.clone()))?;
            return Ok(Target { server, source: KeySource::Profile(name), keys: profile.into() });
        }
        let usual = || profiles.as_ref().ok().and_then(|all| all.named(profile::DEFAULT)).map(|p| p.endpoint.clone());
        let endpoint = || self.endpoint().or_else(usual).unwrap_or_else(|| ENDPOINT_DEFAULT.to_owned());
        if let Some(keys) = keys_of("LAKEBED_", variable)? {
            return Ok(Target { server: self.server(endpoint())?, keys, source: KeySource::LakebedVariables });
        }
        if self.aws_keys
            && let Some(keys) = keys_of("AWS_", variable)?
        {
            return Ok(Target { server: self.server(endpoint())?, keys, source: KeySource::AwsVariables });
        }
        if let Some((keys, marked)) = marked_keys(variable)?
            && self.endpoint().is_none_or(|endpoint| profile::is_same_endpoint(&endpoint, &marked))
        {
            return Ok(Target { server: self.server(marked)?, keys, source: KeySource::MarkedVariables });
        }
        let server = self.server(endpoint())?;
        let profiles = profiles?;
        let Some((name, profile)) = choose(&profiles, &server).await? else {
            return Err(no_keys(&server.endpoint, variable));
        };
        Ok(Target { server, source: KeySource::Profile(name.to_owned()), keys: profile.clone().into() })
    }

    /// The profile's name, if one is named.
    pub(crate) fn profile(&self) -> Result<Option<String>> {
        let Some(name) = self.profile.as_deref().filter(|name| !name.is_empty()) else { return Ok(None) };
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            usage!(
                "{name:?} is no profile's name: use letters, digits, '-' and '_' (LAKEBED_PROFILE_FILE names the file)"
            );
        }
        Ok(Some(name.to_owned()))
    }

    /// The server to log in at: that of a URL, of the named profile, or of the profile `default`.
    pub(crate) fn server_to_log_in(&self, profiles: &Profiles) -> Result<Server> {
        let name = self.profile()?.unwrap_or_else(|| profile::DEFAULT.to_owned());
        let remembered = profiles.named(&name).map(|profile| profile.endpoint.clone());
        self.server(self.endpoint().or(remembered).unwrap_or_else(|| ENDPOINT_DEFAULT.to_owned()))
    }

    fn endpoint(&self) -> Option<String> {
        self.endpoint.clone().filter(|endpoint| !endpoint.is_empty())
    }

    fn server(&self, endpoint: String) -> Result<Server> {
        let named = self.ca_cert.as_deref().filter(|path| !path.as_os_str().is_empty());
        let ca_cert = named.map(Authorities::read).transpose()?;
        Ok(Server { endpoint, ca_cert, allow_plain_http: self.allow_plain_http })
    }
}

/// Chooses the profile of a server: the only one of its URL, else one of its installation, which the server tells.
async fn choose<'a>(profiles: &'a Profiles, server: &Server) -> Result<Option<(&'a str, &'a Profile)>> {
    let of_endpoint = profiles.of_endpoint(&server.endpoint);
    if let [only] = of_endpoint[..] {
        return Ok(Some(only));
    }
    if *profiles == Profiles::default() {
        return Ok(None);
    }
    let told = server.connect(&Credentials::none())?.health().await;
    let installation = told.map_err(|error| server.explain(error.into()))?.installation;
    let of_installation = profiles.of_installation(&installation);
    let unknown = of_endpoint.into_iter().find(|(_, profile)| profile.installation.is_none());
    Ok(of_installation.into_iter().next().or(unknown))
}

/// Says what to do without keys.
fn no_keys(endpoint: &str, variable: Variable<'_>) -> anyhow::Error {
    let aws = match variable("AWS_ACCESS_KEY_ID") {
        Some(_) => "; AWS_ACCESS_KEY_ID is set, but perhaps for another service: --aws-keys uses it all the same",
        None => "",
    };
    anyhow::anyhow!(
        "no access key for {endpoint}: set LAKEBED_ACCESS_KEY_ID and LAKEBED_SECRET_ACCESS_KEY, say `lakebed login \
         --endpoint {endpoint}`, or start a server here with `lakebed run`, which writes a profile{aws}"
    )
}

/// The keys in the variables that begin so.
fn keys_of(prefix: &str, variable: Variable<'_>) -> Result<Option<Keys>> {
    let of_prefix = |name: &str| variable(&format!("{prefix}{name}"));
    match (of_prefix("ACCESS_KEY_ID"), of_prefix("SECRET_ACCESS_KEY")) {
        (Some(access_key_id), Some(secret_access_key)) => {
            Ok(Some(Keys { access_key_id, secret_access_key, session_token: of_prefix("SESSION_TOKEN") }))
        }
        (None, None) => Ok(None),
        _ => bail!("set both of {prefix}ACCESS_KEY_ID and {prefix}SECRET_ACCESS_KEY, or neither"),
    }
}

/// The keys in the AWS variables, if it is still those that `lakebed env` set there, and the server that they are for.
pub(crate) fn marked_keys(variable: Variable<'_>) -> Result<Option<(Keys, String)>> {
    let mark = variable(ENV_MARK).unwrap_or_default();
    let Some((id, endpoint)) = mark.split_once('@') else { return Ok(None) };
    Ok(keys_of("AWS_", variable)?.filter(|keys| keys.access_key_id == id).map(|keys| (keys, endpoint.to_owned())))
}

impl From<Profile> for Keys {
    fn from(profile: Profile) -> Self {
        let Profile { access_key_id, secret_access_key, session_token, .. } = profile;
        Self { access_key_id, secret_access_key, session_token }
    }
}

impl Authorities {
    fn read(path: &Path) -> Result<Self> {
        let shown = shown_path(path);
        let pem = std::fs::read(path).map_err(|error| {
            Usage(format!("can't read the certificates of --ca-cert (LAKEBED_CA_CERT), {shown}: {error}"))
        })?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let (trusted, _) = RootCertStore::empty().add_parsable_certificates(certificates.unwrap_or_default());
        let Some(pem) = String::from_utf8(pem).ok().filter(|_| trusted > 0) else {
            usage!(
                "--ca-cert (LAKEBED_CA_CERT) names {shown}, which isn't certificates in PEM (-----BEGIN CERTIFICATE-----): name \
                 the certificate of the authority"
            )
        };
        Ok(Self { path: path.to_owned(), pem })
    }
}

impl Server {
    /// Makes a client; it connects with its first call.
    pub(crate) fn connect(&self, credentials: &Credentials) -> Result<Lakebed> {
        let options = ConnectOptions {
            ca_certificate_pem: self.ca_cert.as_ref().map(|ca| ca.pem.clone()),
            allow_plain_http: self.allow_plain_http,
        };
        Ok(Lakebed::connect_lazy(&self.endpoint, credentials, options)?)
    }

    /// Refuses to let secrets over a network that could read them.
    pub(crate) fn check_private(&self) -> Result<()> {
        if !self.allow_plain_http && !lakebed_sdk::is_private(&self.endpoint) {
            usage!(
                "{} isn't encrypted, and this command's secrets would go over the network in the clear: use https://, or \
                 allow it with --allow-plain-http",
                self.endpoint
            );
        }
        Ok(())
    }

    /// Says of a failed command what only this side knows: whom it asked.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match reason(&error) {
            Some(Reason::Unreachable | Reason::Unknown | Reason::OutcomeUnknown)
                if let Some(advice) = self.connection_advice(&format!("{error:#}")) =>
            {
                error.context(format!("no connection to {}: {advice}", self.endpoint))
            }
            Some(Reason::Unreachable) => error.context(format!(
                "no answer from {} (another server: --endpoint or LAKEBED_ENDPOINT; `lakebed doctor` checks)",
                self.endpoint
            )),
            Some(Reason::Unknown) => error.context(format!(
                "what answers at {} doesn't speak this command's API (is it the address of `lakebed run` or of the API \
                 server, of no older version?)",
                self.endpoint
            )),
            _ => error,
        }
    }

    /// Says what to do about a connection that didn't come about, if the error tells: a certificate that isn't trusted, or a
    /// server that speaks the other of http and https.
    pub(crate) fn connection_advice(&self, error: &str) -> Option<String> {
        match (certificate_advice(error), &self.ca_cert) {
            (Some(_), Some(ca)) if error.contains("UnknownIssuer") => {
                let path = ca.path.display();
                return Some(format!("its certificate isn't from an authority in {path}: name another with --ca-cert"));
            }
            (Some(advice), _) => return Some(advice.to_owned()),
            (None, _) => {}
        }
        let (scheme, rest) = self.endpoint.split_once("://")?;
        match scheme.to_ascii_lowercase().as_str() {
            // What rustls says of an answer that isn't TLS.
            "https" if error.contains("InvalidContentType") => {
                Some(format!("it doesn't speak https: say http://{rest} if it is a Lakebed server without TLS"))
            }
            // What a Lakebed server says.
            "http" if error.contains("This port speaks HTTPS") => Some(format!("it speaks https: say https://{rest}")),
            // What h2 says of an answer that isn't HTTP/2, by other servers: a TLS alert is none, nor is HTTP/1.
            "http" if ["frame with invalid size", "stream closed because"].iter().any(|told| error.contains(told)) => {
                Some(format!(
                    "it doesn't speak http as Lakebed does: say https://{rest} if the server has a certificate"
                ))
            }
            _ => None,
        }
    }
}

impl Target {
    /// Makes a client; it connects with its first call.
    pub(crate) fn connect(&self) -> Result<Lakebed> {
        let Keys { access_key_id, secret_access_key, session_token } = &self.keys;
        let credentials = Credentials::new(access_key_id.as_str(), secret_access_key.as_str());
        let credentials = match session_token {
            Some(token) => credentials.with_session_token(token.as_str()),
            None => credentials,
        };
        self.server.connect(&credentials)
    }

    /// Says of a failed command what only this side knows: whom it asked, and where its keys came from.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match reason(&error) {
            Some(Reason::Unauthenticated) => error.context(format!(
                "{} doesn't take the key {} from {}",
                self.server.endpoint, self.keys.access_key_id, self.source
            )),
            Some(Reason::AccessDenied) if self.is_session_of_shell() => error.context(format!(
                "this shell has the keys of a session; {} has it use your own again, and so does leaving a subshell",
                env::of_profile(&self.profile_of_server())
            )),
            _ => self.server.explain(error),
        }
    }

    /// Returns whether `lakebed auth session` set the keys in this shell.
    fn is_session_of_shell(&self) -> bool {
        matches!(self.source, KeySource::MarkedVariables | KeySource::AwsVariables) && self.keys.session_token.is_some()
    }

    /// A profile with keys for the server, for advice.
    fn profile_of_server(&self) -> String {
        let profiles = profile::path().and_then(|path| profile::read(&path)).unwrap_or_default();
        let name = profiles.of_endpoint(&self.server.endpoint).first().map(|(name, _)| (*name).to_owned());
        name.unwrap_or_else(|| "NAME".to_owned())
    }
}

/// Says what to do about a certificate that isn't trusted, if that is what an error is about.
fn certificate_advice(error: &str) -> Option<&'static str> {
    let advice = [
        (
            "UnknownIssuer",
            "its certificate isn't from an authority that is trusted here: name the authority with --ca-cert",
        ),
        (
            "CaUsedAsEndEntity",
            "its certificate is an authority's own (CA:TRUE), which can't be a server's too: sign one for the server with \
             it (basicConstraints=CA:FALSE), start the server with that, and name the authority with --ca-cert",
        ),
        ("NotValidForName", "its certificate is for other names: use one of those as the endpoint's host"),
        ("Expired", "its certificate has expired: renew it"),
    ];
    advice.into_iter().find(|(kind, _)| error.contains(kind)).map(|(_, advice)| advice)
}

fn reason(error: &anyhow::Error) -> Option<Reason> {
    call(error).map(|call| call.reason)
}

/// The failed call that an error is about, if it is about one.
pub(crate) fn call(error: &anyhow::Error) -> Option<&lakebed_sdk::Error> {
    error.chain().find_map(|cause| cause.downcast_ref::<lakebed_sdk::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "http://127.0.0.1:8000";
    const THERE: &str = "https://there.example";
    const AWS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKREAL"), ("AWS_SECRET_ACCESS_KEY", "s")];
    const OURS: [(&str, &str); 2] = [("LAKEBED_ACCESS_KEY_ID", "AKOURS"), ("LAKEBED_SECRET_ACCESS_KEY", "s")];

    fn profiles() -> Profiles {
        let text = format!(
            "[default]\nendpoint = '{HERE}'\naccess_key_id = 'AKHERE'\nsecret_access_key = 's'\n\
             [there]\nendpoint = '{THERE}'\naccess_key_id = 'AKTHERE'\nsecret_access_key = 's'\n"
        );
        toml::from_str(&text).unwrap()
    }

    fn to(endpoint: &str) -> ConnectionArgs {
        ConnectionArgs { endpoint: Some(endpoint.to_owned()), ..ConnectionArgs::default() }
    }

    /// Which key is used where.
    async fn used(args: ConnectionArgs, variables: &[(&str, &str)]) -> Result<(String, String), String> {
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let target = args.target_by(&variable, Ok(profiles())).await.map_err(|error| format!("{error:#}"))?;
        Ok((target.keys.access_key_id, target.server.endpoint))
    }

    fn key(id: &str, endpoint: &str) -> Result<(String, String), String> {
        Ok((id.to_owned(), endpoint.to_owned()))
    }

    #[tokio::test]
    async fn keys_go_to_the_server_that_they_are_for() {
        let anywhere = ConnectionArgs::default;
        assert_eq!(used(anywhere(), &AWS).await, key("AKHERE", HERE), "AWS's own keys are another service's");
        assert_eq!(used(to(THERE), &AWS).await, key("AKTHERE", THERE));
        assert_eq!(used(to("HTTPS://there.example/"), &[]).await.unwrap().0, "AKTHERE");
        assert_eq!(used(to(THERE), &OURS).await, key("AKOURS", THERE));
        let asked = ConnectionArgs { aws_keys: true, ..to(THERE) };
        assert_eq!(used(asked.clone(), &AWS).await, key("AKREAL", THERE));
        assert_eq!(used(asked, &[]).await, key("AKTHERE", THERE));
        let named = ConnectionArgs { profile: Some("there".to_owned()), ..anywhere() };
        assert_eq!(used(named.clone(), &OURS).await, key("AKTHERE", THERE));
        assert_eq!(used(ConnectionArgs { endpoint: Some(HERE.to_owned()), ..named }, &[]).await, key("AKTHERE", HERE));
    }

    #[tokio::test]
    async fn what_lakebed_env_set_counts_for_its_server_alone() {
        let marked = |mark| [AWS[0], AWS[1], (ENV_MARK, mark)];
        let there = format!("AKREAL@{THERE}");
        let anywhere = ConnectionArgs::default;
        assert_eq!(used(anywhere(), &marked(&there)).await, key("AKREAL", THERE), "and names the server");
        assert_eq!(used(to(THERE), &marked(&there)).await, key("AKREAL", THERE));
        assert_eq!(used(to(HERE), &marked(&there)).await, key("AKHERE", HERE));
        let of_another_key = format!("AKOLD@{THERE}");
        assert_eq!(used(anywhere(), &marked(&of_another_key)).await, key("AKHERE", HERE), "they were changed since");
    }

    #[test]
    fn certificates_that_aren_t_trusted_are_explained() {
        for (kind, says) in [("UnknownIssuer", "--ca-cert"), ("Other(OtherError(CaUsedAsEndEntity))", "CA:FALSE")] {
            let told = format!("can't reach the server: invalid peer certificate: {kind}");
            assert!(certificate_advice(&told).unwrap().contains(says), "{kind}");
        }
        assert_eq!(certificate_advice("connection refused"), None);
    }

    #[test]
    fn what_isn_t_an_authority_s_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let begin = "-----BEGIN CERTIFICATE-----\n";
        for (path, says) in [
            (folder.path().join("nosuch.pem"), "No such file"),
            (folder.path().to_owned(), "can't read"),
            (file("empty.pem", b""), "PEM"),
            (file("key.pem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "PEM"),
            (file("ca.der", b"\x30\x82\x01\xff"), "PEM"),
            (file("none.pem", format!("{begin}AAAA\n-----END CERTIFICATE-----\n").as_bytes()), "PEM"),
            (file("half.pem", format!("{begin}AAAA\n").as_bytes()), "PEM"),
            (file("two.pem", format!("{begin}AAAA\n-----END CERTIFICATE-----\n{begin}!\n").as_bytes()), "PEM"),
        ] {
            let args = ConnectionArgs { ca_cert: Some(path.clone()), ..ConnectionArgs::default() };
            let error = args.server(THERE.to_owned()).unwrap_err();
            let told = error.to_string();
            assert!(error.is::<Usage>() && told.contains(says) && told.contains("--ca-cert"), "{path:?}: {told}");
        }
    }

    #[test]
    fn the_other_of_http_and_https_is_named() {
        let advice = |endpoint: &str, error: &str| {
            ConnectionArgs::default().server(endpoint.to_owned()).unwrap().connection_advice(error)
        };
        let no_tls = "can't reach the server: received corrupt message of type InvalidContentType";
        assert!(advice("https://lake:8000", no_tls).unwrap().contains("say http://lake:8000"));
        for no_http in [
            "This port speaks HTTPS: begin the URL with https://",
            "connection error detected: frame with invalid size",
            "the connection broke: stream closed because of a broken pipe",
        ] {
            assert!(advice("http://lake:8000", no_http).unwrap().contains("say https://lake:8000"));
        }
        assert_eq!(advice("http://lake:8000", "Connection refused (os error 111)"), None);
    }

    #[tokio::test]
    async fn without_keys_it_says_what_to_do() {
        let no_profiles = |args: ConnectionArgs, variables: &'static [(&str, &str)]| async move {
            let variable =
                |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            format!("{:#}", args.target_by(&variable, Ok(Profiles::default())).await.unwrap_err())
        };
        assert!(no_profiles(to(THERE), &AWS).await.contains("--aws-keys"));
        let told = no_profiles(to(THERE), &[]).await;
        assert!(told.contains(&format!("lakebed login --endpoint {THERE}")) && !told.contains("AWS"), "{told}");
        assert!(no_profiles(to(THERE), &OURS[..1]).await.contains("set both"));
        let unknown = ConnectionArgs { profile: Some("x".to_owned()), ..ConnectionArgs::default() };
        assert!(no_profiles(unknown, &[]).await.contains("lakebed login --profile x"));
    }
}
