//! AWS STS's query API, as far as it gives out short-lived keys and tells who calls: `POST /` with a form, signed for the
//! service `sts`, or with an identity provider's token in it. Leaves making the keys, and judging that token, to others. Invariant: a
//! [`Call`] exists only when its signature was verified over its body, or holds a token that its taker must judge.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use http::request::Parts;
use http::{Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::amz_headers;
use super::error::{ErrorCode, S3Error};
use super::query::Query;
use super::receive::{self, KeyLookup};
use super::signature_v4::{Claim, Service};
use super::signing_key::SigningKey;
use super::xml::Writer;

/// The longest form that is read: a policy is its largest field.
pub const FORM_BYTES_MAX: usize = 32 << 10;

/// The fields that are read, and `Version`, which there is one of. Others would narrow the keys, name who asks, or add to
/// what policies may look at: passed over, the keys could do more than was asked for.
const FIELDS: [&str; 7] =
    ["Action", "DurationSeconds", "Policy", "RoleArn", "RoleSessionName", "Version", "WebIdentityToken"];

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A verified call.
#[derive(Debug)]
pub struct Call {
    /// Who asks.
    pub by: By,
    /// What is asked for.
    pub action: Action,
    /// How long the keys shall last.
    pub seconds: Option<u64>,
    /// What they shall be narrowed to: a policy document.
    pub policy: Option<String>,
    /// What the caller calls the session.
    pub session_name: String,
}

/// How a caller of STS shows who they are.
#[derive(Debug)]
pub enum By {
    /// By the access key that signed: verified.
    Key(String),
    /// By an identity provider's token: as it came.
    WebIdentity(SecretString),
}

/// What STS is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Keys for a role. Lakebed has no roles: the keys are the caller's, narrowed if a policy is given.
    AssumeRole,
    /// Keys for the caller.
    GetSessionToken,
    /// Keys for who an identity provider says the caller is.
    AssumeRoleWithWebIdentity,
    /// Who calls. It needs no right, as in AWS.
    GetCallerIdentity,
}

impl Action {
    const ALL: [Self; 4] =
        [Self::AssumeRole, Self::AssumeRoleWithWebIdentity, Self::GetCallerIdentity, Self::GetSessionToken];

    /// Its name in the form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AssumeRole => "AssumeRole",
            Self::GetSessionToken => "GetSessionToken",
            Self::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
            Self::GetCallerIdentity => "GetCallerIdentity",
        }
    }

    fn parse(name: Option<&str>) -> Result<Self, S3Error> {
        let name = name.unwrap_or_default();
        Self::ALL.into_iter().find(|action| action.as_str() == name).ok_or_else(|| {
            let there = Self::ALL.map(Self::as_str).join(", ");
            S3Error::new(ErrorCode::InvalidAction, format!("Could not find operation {name:?}. There are {there}."))
        })
    }
}

/// Who calls, for GetCallerIdentity.
#[derive(Debug)]
pub struct Identity<'a> {
    /// The user's ARN, as policies name it.
    pub arn: &'a str,
    /// The user's id, which S3's answers have as that of the owner. It stands for AWS's account too, so that a client can
    /// expect the bucket's owner by it.
    pub user_id: &'a str,
}

/// Whom the keys are for.
#[derive(Debug)]
pub struct Holder<'a> {
    /// The user's name.
    pub user: &'a str,
    /// What an identity provider's token said, if one was shown: its subject, its audience, and the provider.
    pub web_identity: Option<(&'a str, &'a str, &'a str)>,
}

/// The keys that are given out.
#[derive(Debug)]
pub struct Keys<'a> {
    /// The public half.
    pub access_key_id: &'a str,
    /// The secret half.
    pub secret_access_key: &'a SecretString,
    /// Goes with both.
    pub session_token: &'a SecretString,
    /// When they end.
    pub expires: DateTime<Utc>,
}

/// Whether a request is STS's: no operation of S3 is a form that is posted to `/`.
pub fn is_sts(parts: &Parts) -> bool {
    let kind = parts.headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    parts.method == Method::POST && parts.uri.path() == "/" && kind.starts_with(b"application/x-www-form-urlencoded")
}

/// Verifies a call and reads it. All that it says is in its form: parameters in its query are refused.
///
/// # Errors
/// As for S3's requests; InvalidArgument for what STS has and Lakebed lacks.
pub async fn receive(parts: &Parts, form: &[u8], keys: &dyn KeyLookup, now: DateTime<Utc>) -> Result<Call, S3Error> {
    let fields = fields(form)?;
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    if fields.get("Action").map(String::as_str) == Some(Action::AssumeRoleWithWebIdentity.as_str()) {
        refuse_unknown(parts, &query)?;
        let missing = || S3Error::invalid_argument("WebIdentityToken", "", "It must be there.");
        let token = fields.get("WebIdentityToken").ok_or_else(missing)?.as_str().into();
        return read(By::WebIdentity(token), &fields);
    }
    let headers = receive::with_host(parts)?;
    let authorization = super::headers::single(&headers, header::AUTHORIZATION.as_str())?
        .ok_or_else(|| S3Error::new(ErrorCode::AccessDenied, "Access Denied. Sign the request."))?;
    let payload = hex::encode(Sha256::digest(form));
    let claim = Claim::of_header(authorization, &headers, now, Service::Sts, Some(payload))?;
    let token = receive::session_token(&headers, &query)?;
    let secret = receive::secret(keys, token.as_deref(), &claim.access_key_id).await?;
    let key = SigningKey::derive(&secret, &claim.day, &claim.region, Service::Sts);
    claim.verify(parts, &query, &headers, &key)?;
    refuse_unknown(parts, &query)?;
    read(By::Key(claim.access_key_id), &fields)
}

fn refuse_unknown(parts: &Parts, query: &Query) -> Result<(), S3Error> {
    match query.pairs().next() {
        Some((unknown, _)) => Err(S3Error::not_implemented(format!("The parameter {unknown} in the query of STS"))),
        None => amz_headers::refuse_unknown_of_sts(&parts.headers),
    }
}

fn read(by: By, fields: &BTreeMap<String, String>) -> Result<Call, S3Error> {
    let field = |name: &str| fields.get(name).map(String::as_str);
    let action = Action::parse(field("Action"))?;
    if let Some(lacking) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(S3Error::not_implemented(lacking));
    }
    let seconds = field("DurationSeconds").map(|text| {
        text.parse().map_err(|_| S3Error::invalid_argument("DurationSeconds", text, "It must be a number of seconds."))
    });
    Ok(Call {
        by,
        action,
        seconds: seconds.transpose()?,
        policy: field("Policy").map(str::to_owned),
        session_name: field("RoleSessionName").unwrap_or_default().to_owned(),
    })
}

fn fields(form: &[u8]) -> Result<BTreeMap<String, String>, S3Error> {
    let malformed = || S3Error::invalid_request("The form can't be read.");
    let text = std::str::from_utf8(form).map_err(|_| malformed())?;
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().map(String::from).map_err(|_| malformed())
    };
    let mut fields = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if fields.insert(decoded(name)?, decoded(value)?).is_some() {
            return Err(malformed());
        }
    }
    Ok(fields)
}

/// The answer that gives keys out.
pub fn answer(call: &Call, keys: &Keys<'_>, holder: &Holder<'_>, request_id: &str) -> String {
    let mut xml = begun(call.action);
    if call.action != Action::GetSessionToken {
        xml.open("AssumedRoleUser");
        xml.text("Arn", &format!("arn:lakefs:auth:::user/{}/{}", holder.user, call.session_name));
        xml.text("AssumedRoleId", &format!("{}:{}", keys.access_key_id, call.session_name));
        xml.close();
    }
    if let Some((subject, audience, provider)) = holder.web_identity {
        xml.text("SubjectFromWebIdentityToken", subject);
        xml.text("Audience", audience);
        xml.text("Provider", provider);
    }
    xml.open("Credentials");
    xml.text("AccessKeyId", keys.access_key_id);
    xml.text("SecretAccessKey", keys.secret_access_key.expose_secret());
    xml.text("SessionToken", keys.session_token.expose_secret());
    xml.text("Expiration", &keys.expires.to_rfc3339_opts(SecondsFormat::Secs, true));
    xml.close();
    ended(xml, request_id)
}

/// The answer that tells who calls.
pub fn identity(of: &Identity<'_>, request_id: &str) -> String {
    let mut xml = begun(Action::GetCallerIdentity);
    xml.text("Arn", of.arn);
    xml.text("UserId", of.user_id);
    xml.text("Account", of.user_id);
    ended(xml, request_id)
}

fn begun(action: Action) -> Writer {
    let (response, result) = match action {
        Action::AssumeRole => ("AssumeRoleResponse", "AssumeRoleResult"),
        Action::GetSessionToken => ("GetSessionTokenResponse", "GetSessionTokenResult"),
        Action::AssumeRoleWithWebIdentity => ("AssumeRoleWithWebIdentityResponse", "AssumeRoleWithWebIdentityResult"),
        Action::GetCallerIdentity => ("GetCallerIdentityResponse", "GetCallerIdentityResult"),
    };
    let mut xml = Writer::document();
    xml.open_root_in(response, NAMESPACE);
    xml.open(result);
    xml
}

fn ended(mut xml: Writer, request_id: &str) -> String {
    xml.close();
    xml.open("ResponseMetadata");
    xml.text("RequestId", request_id);
    xml.close();
    xml.close();
    xml.finish()
}

/// A refusal as STS's clients read it, with its status.
pub fn refusal(error: &S3Error, request_id: &str) -> (StatusCode, String) {
    let status = error.status();
    let mut xml = Writer::document();
    xml.open_root_in("ErrorResponse", NAMESPACE);
    xml.open("Error");
    xml.text("Type", if status.is_server_error() { "Receiver" } else { "Sender" });
    xml.text("Code", error.code().as_str());
    xml.text("Message", error.message());
    xml.close();
    xml.text("RequestId", request_id);
    xml.close();
    (status, xml.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_form(form: &str) -> Result<Call, S3Error> {
        read(By::Key("AK".into()), &fields(form.as_bytes())?)
    }

    #[test]
    fn forms_are_read_once_and_whole() {
        let call =
            read_form("Action=AssumeRole&Version=2011-06-15&DurationSeconds=900&RoleSessionName=a+b%26c").unwrap();
        assert_eq!((call.action, call.seconds, call.session_name.as_str()), (Action::AssumeRole, Some(900), "a b&c"));
        for bad in [
            "",
            "Action=GetFederationToken",
            "Action=AssumeRole&Action=AssumeRole",
            "Action=AssumeRole&DurationSeconds=x",
            "Action=GetSessionToken&SerialNumber=1&TokenCode=2",
        ] {
            assert!(read_form(bad).is_err(), "{bad}");
        }
        assert!(read_form("Action=%ff").is_err());
    }

    #[test]
    fn an_action_that_isnt_there_is_told_which_are() {
        for (form, named) in
            [("Action=GetFederationToken", "GetFederationToken"), ("Version=2011-06-15", "GetCallerIdentity")]
        {
            let error = read_form(form).unwrap_err();
            assert_eq!((error.code(), error.status().as_u16()), (ErrorCode::InvalidAction, 400), "{error}");
            assert!(error.message().contains(named) && error.message().contains("AssumeRole, "), "{error}");
        }
        assert_eq!(read_form("Action=GetCallerIdentity&Version=2011-06-15").unwrap().action, Action::GetCallerIdentity);
    }

    #[test]
    fn fields_that_are_not_known_are_refused_by_their_names() {
        for field in ["PolicyArns.member.2.arn", "Tags.member.1.Key", "SourceIdentity", "ExternalId", "policy", "New"] {
            let error = read_form(&format!("Action=AssumeRole&{field}=x")).unwrap_err();
            assert_eq!((error.code(), error.message().contains(field)), (ErrorCode::NotImplemented, true), "{error}");
        }
    }
}
