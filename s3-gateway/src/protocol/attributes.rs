//! What GetObjectAttributes is asked, in headers. Invariant: an attribute that S3 hasn't is refused, and not left out.

use http::HeaderMap;

use super::error::S3Error;
use super::headers;

const ATTRIBUTES: &str = "x-amz-object-attributes";
const MAX_PARTS: &str = "x-amz-max-parts";
const MARKER: &str = "x-amz-part-number-marker";

/// The most parts of a page.
const PARTS_MAX: u32 = 1000;

/// What of an object is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedAttributes {
    /// Its ETag.
    pub e_tag: bool,
    /// Its checksum.
    pub checksum: bool,
    /// The parts that it was uploaded in.
    pub parts: bool,
    /// Its storage class.
    pub storage_class: bool,
    /// Its size.
    pub size: bool,
    /// Only parts after this number.
    pub part_number_marker: u32,
    /// The most parts of a page, 0 to 1,000.
    pub max_parts: u32,
}

impl WantedAttributes {
    /// Reads the headers.
    ///
    /// # Errors
    /// InvalidRequest if no attribute is named, InvalidArgument for one that S3 hasn't, and for numbers that are none.
    pub(crate) fn of(request: &HeaderMap) -> Result<Self, S3Error> {
        let max_parts = number(request, MAX_PARTS)?.unwrap_or(PARTS_MAX).min(PARTS_MAX);
        let part_number_marker = number(request, MARKER)?.unwrap_or(0);
        let mut wanted = Self { max_parts, part_number_marker, ..Self::default() };
        let mut is_any = false;
        // A list, which some clients send as a header for each.
        for value in request.get_all(ATTRIBUTES) {
            let text = String::from_utf8_lossy(value.as_bytes());
            for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                let slot = match name {
                    "ETag" => &mut wanted.e_tag,
                    "Checksum" => &mut wanted.checksum,
                    "ObjectParts" => &mut wanted.parts,
                    "StorageClass" => &mut wanted.storage_class,
                    "ObjectSize" => &mut wanted.size,
                    _ => return Err(S3Error::invalid_argument(ATTRIBUTES, name, "Invalid attribute name specified.")),
                };
                (*slot, is_any) = (true, true);
            }
        }
        match is_any {
            true => Ok(wanted),
            false => Err(S3Error::invalid_request(format!(
                "The {ATTRIBUTES} header specifying the attributes to be retrieved is either missing or empty"
            ))),
        }
    }
}

fn number(request: &HeaderMap, name: &str) -> Result<Option<u32>, S3Error> {
    let Some(text) = headers::single(request, name)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let number: u64 = text.trim().parse().map_err(|_| {
        S3Error::invalid_argument(name, text, format!("Provided {name} not an integer from 0 to 2147483647."))
    })?;
    Ok(Some(u32::try_from(number).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::super::error::ErrorCode;
    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Result<WantedAttributes, ErrorCode> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        WantedAttributes::of(&map).map_err(|error| error.code())
    }

    #[test]
    fn attributes_are_a_list() {
        let some = WantedAttributes { e_tag: true, size: true, max_parts: 1000, ..WantedAttributes::default() };
        assert_eq!(read(&[(ATTRIBUTES, "ETag, ObjectSize")]), Ok(some.clone()));
        assert_eq!(read(&[(ATTRIBUTES, "ETag"), (ATTRIBUTES, "ObjectSize,")]), Ok(some));
        let paged = read(&[(ATTRIBUTES, "ObjectParts"), (MAX_PARTS, "2"), (MARKER, "7")]).unwrap();
        assert_eq!((paged.parts, paged.max_parts, paged.part_number_marker), (true, 2, 7));
        assert_eq!(read(&[(ATTRIBUTES, "ObjectParts"), (MAX_PARTS, "5000")]).unwrap().max_parts, 1000);
        assert_eq!(read(&[]), Err(ErrorCode::InvalidRequest));
        assert_eq!(read(&[(ATTRIBUTES, "")]), Err(ErrorCode::InvalidRequest));
        assert_eq!(read(&[(ATTRIBUTES, "ETag,Owner")]), Err(ErrorCode::InvalidArgument));
        assert_eq!(read(&[(ATTRIBUTES, "ETag"), (MAX_PARTS, "x")]), Err(ErrorCode::InvalidArgument));
        assert_eq!(read(&[(ATTRIBUTES, "ETag"), (MARKER, "-1")]), Err(ErrorCode::InvalidArgument));
    }
}
