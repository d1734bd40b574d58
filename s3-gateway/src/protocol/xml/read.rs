//! The XML bodies that clients send. Namespaces and attributes are ignored. Invariant: a document is bounded in bytes,
//! depth and items; entities are never expanded, and a document type is refused; an element that isn't known, or is there
//! twice, is refused, since it may be a condition.

use object_http::unquoted;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

use super::super::checksum::{Checksum, ChecksumAlgorithm, invalid_value};
use super::super::error::{ErrorCode, S3Error};
use super::super::operation::PART_NUMBER_MAX;
use super::can_hold;

/// The largest body of XML.
pub const XML_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The most objects of one DeleteObjects.
pub const OBJECTS_MAX: usize = 1000;

/// The deepest element.
const DEPTH_MAX: usize = 16;

/// An object that DeleteObjects names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectToDelete {
    /// Its key.
    pub key: String,
    /// A version, which Lakebed's caller must refuse for this key.
    pub version_id: Option<String>,
    /// Delete it only if it has this ETag (unquoted).
    pub e_tag: Option<String>,
    /// A condition of directory buckets, by its element, which Lakebed's caller must refuse for this key.
    pub unjudged: Option<&'static str>,
}

/// The body of DeleteObjects: 1 to 1,000 objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteRequest {
    /// What to delete, in the client's order.
    pub objects: Vec<ObjectToDelete>,
    /// Whether the answer tells of errors only.
    pub quiet: bool,
}

/// A part that CompleteMultipartUpload names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedPart {
    /// 1 to 10,000.
    pub number: u32,
    /// Its ETag, unquoted.
    pub e_tag: String,
    /// Its checksum, when the client sends it along.
    pub checksum: Option<Checksum>,
}

/// Reads the body of DeleteObjects.
///
/// # Errors
/// MalformedXML, also for no objects and for more than [`OBJECTS_MAX`]; NotImplemented for elements that aren't known.
pub fn delete_objects(xml: &[u8]) -> Result<DeleteRequest, S3Error> {
    let mut objects = Vec::<ObjectToDelete>::new();
    let (mut key, mut version_id, mut e_tag, mut time, mut size, mut quiet) = (None, None, None, None, None, None);
    walk(xml, "Delete", |path, text| match path {
        ["Quiet"] => once(&mut quiet, text.trim().eq_ignore_ascii_case("true")),
        ["Object", "Key"] => once(&mut key, text.to_owned()),
        ["Object", "VersionId"] => once(&mut version_id, text.trim().to_owned()),
        ["Object", "ETag"] => once(&mut e_tag, unquoted(text).to_owned()),
        ["Object", "LastModifiedTime"] => once(&mut time, ()),
        ["Object", "Size"] => once(&mut size, ()),
        ["Object"] if objects.len() >= OBJECTS_MAX => Err(malformed()),
        ["Object"] => {
            let key = key.take().filter(|key| !key.is_empty()).ok_or_else(malformed)?;
            let unjudged = time.take().map(|()| "LastModifiedTime").or(size.take().map(|()| "Size"));
            objects.push(ObjectToDelete { key, version_id: version_id.take(), e_tag: e_tag.take(), unjudged });
            Ok(())
        }
        _ => Err(unknown(path)),
    })?;
    match objects.is_empty() {
        true => Err(malformed()),
        false => Ok(DeleteRequest { objects, quiet: quiet.unwrap_or(false) }),
    }
}

/// Reads the body of CompleteMultipartUpload: at least one part.
///
/// # Errors
/// MalformedXML, InvalidArgument for part numbers that can't be, InvalidPartOrder unless they ascend, NotImplemented for
/// elements that aren't known.
pub fn complete_multipart_upload(xml: &[u8]) -> Result<Vec<CompletedPart>, S3Error> {
    let mut parts = Vec::<CompletedPart>::new();
    let (mut number, mut e_tag, mut checksum) = (None, None, None);
    walk(xml, "CompleteMultipartUpload", |path, text| match path {
        ["Part", "PartNumber"] => once(&mut number, part_number(text.trim())?),
        ["Part", "ETag"] => once(&mut e_tag, unquoted(text).to_owned()),
        ["Part", name] => {
            let algorithm = ChecksumAlgorithm::ALL.into_iter().find(|algorithm| algorithm.element() == *name);
            let algorithm = algorithm.ok_or_else(|| unknown(path))?;
            once(&mut checksum, Checksum::parse(algorithm, text).ok_or_else(|| invalid_value(name))?)
        }
        ["Part"] => {
            let (Some(number), Some(e_tag)) = (number.take(), e_tag.take()) else { return Err(malformed()) };
            if parts.last().is_some_and(|last| last.number >= number) {
                return Err(ErrorCode::InvalidPartOrder.into());
            }
            parts.push(CompletedPart { number, e_tag, checksum: checksum.take() });
            Ok(())
        }
        _ => Err(unknown(path)),
    })?;
    match parts.is_empty() {
        true => Err(malformed()),
        false => Ok(parts),
    }
}

/// Reads the body of PutObjectTagging: keys and values, as they are.
///
/// # Errors
/// MalformedXML; NotImplemented for elements that aren't known.
pub fn tagging(xml: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    let (mut tags, mut set, mut key, mut value) = (Vec::new(), None, None, None);
    walk(xml, "Tagging", |path, text| match path {
        ["TagSet"] => once(&mut set, ()),
        ["TagSet", "Tag", "Key"] => once(&mut key, text.to_owned()),
        ["TagSet", "Tag", "Value"] => once(&mut value, text.to_owned()),
        ["TagSet", "Tag"] => {
            let (Some(key), Some(value)) = (key.take(), value.take()) else { return Err(malformed()) };
            tags.push((key, value));
            Ok(())
        }
        _ => Err(unknown(path)),
    })?;
    set.map(|()| tags).ok_or_else(malformed)
}

/// Reads the body of CreateBucket, which may be empty: the location that the client wants.
///
/// # Errors
/// MalformedXML; NotImplemented for elements that aren't known, such as tags and directory buckets.
pub fn create_bucket(xml: &[u8]) -> Result<Option<String>, S3Error> {
    let mut location = None;
    if !xml.is_empty() {
        walk(xml, "CreateBucketConfiguration", |path, text| match path {
            ["LocationConstraint"] => once(&mut location, text.trim().to_owned()),
            _ => Err(unknown(path)),
        })?;
    }
    Ok(location.filter(|location| !location.is_empty()))
}

/// Takes an element's value; the element may be there once.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), S3Error> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(malformed()),
    }
}

fn unknown(path: &[&str]) -> S3Error {
    S3Error::not_implemented(format!("The element {}", path.join("/")))
}

fn part_number(text: &str) -> Result<u32, S3Error> {
    let number: i64 = text.parse().map_err(|_| malformed())?;
    u32::try_from(number).ok().filter(|number| (1..=PART_NUMBER_MAX).contains(number)).ok_or_else(|| {
        let why = "PartNumber must be >= 1 and <= 10000";
        S3Error::invalid_argument("partNumber", text, why)
    })
}

/// Calls `on_end` at the end of every element below the root, with the names that lead to it and its own text.
fn walk(xml: &[u8], root: &str, mut on_end: impl FnMut(&[&str], &str) -> Result<(), S3Error>) -> Result<(), S3Error> {
    if xml.len() > XML_BYTES_MAX {
        return Err(ErrorCode::MaxMessageLengthExceeded.into());
    }
    let xml = std::str::from_utf8(xml).ok().filter(|xml| can_hold(xml)).ok_or_else(malformed)?;
    let mut reader = Reader::from_str(xml.strip_prefix('\u{feff}').unwrap_or(xml));
    reader.config_mut().expand_empty_elements = true;
    let mut names = Vec::<String>::new();
    let mut texts = Vec::<String>::new();
    let mut seen_root = false;
    loop {
        match reader.read_event().map_err(|_| malformed())? {
            Event::Start(element) => {
                let name = element.local_name().into_inner();
                if names.is_empty() && (seen_root || name != root) || names.len() >= DEPTH_MAX {
                    return Err(malformed());
                }
                seen_root = true;
                names.push(name.to_owned());
                texts.push(String::new());
            }
            Event::End(_) => {
                let text = texts.pop().ok_or_else(malformed)?;
                let path: Vec<&str> = names.iter().skip(1).map(String::as_str).collect();
                if !path.is_empty() {
                    on_end(&path, &text)?;
                }
                names.pop();
            }
            Event::Text(text) => add(&mut texts, &text.xml10_content())?,
            Event::CData(text) => add(&mut texts, &text.xml10_content())?,
            Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(|_| malformed())? {
                Some(character) => match character.encode_utf8(&mut [0; 4]) {
                    text if can_hold(text) => add(&mut texts, text)?,
                    _ => return Err(malformed()),
                },
                None => add(&mut texts, resolve_predefined_entity(&reference).ok_or_else(malformed)?)?,
            },
            Event::DocType(_) => return Err(malformed()),
            Event::Eof if seen_root && names.is_empty() => return Ok(()),
            Event::Eof => return Err(malformed()),
            _ => {}
        }
    }
}

/// Adds to the text of the innermost element; outside of the root only white space may be.
fn add(texts: &mut [String], text: &str) -> Result<(), S3Error> {
    match texts.last_mut() {
        Some(innermost) => innermost.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(malformed()),
    }
    Ok(())
}

fn malformed() -> S3Error {
    ErrorCode::MalformedXML.into()
}
