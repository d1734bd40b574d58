//! The XML of what is said about a bucket or an object beside its bytes. Leaves listings and writes to `write`. Invariant:
//! element order and namespace are S3's.

use super::super::bucket_settings::Unset;
use super::super::checksum::{Checksum, ChecksumKind};
use super::super::error::S3Error;
use super::Writer;
use super::write::{Owner, checksum_and_kind, identity, owner};

/// What GetObjectAttributes answers; what isn't wanted, or isn't known, is left out.
#[derive(Debug, Clone, Default)]
pub struct ObjectAttributes {
    /// The ETag, unquoted: S3 has no quotes here.
    pub e_tag: Option<String>,
    /// The checksum.
    pub checksum: Option<(Checksum, ChecksumKind)>,
    /// The parts.
    pub parts: Option<PartsPage>,
    /// The storage class.
    pub storage_class: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
}

/// A page of an object's parts.
#[derive(Debug, Clone)]
pub struct PartsPage {
    /// How many parts the object has.
    pub count: u32,
    /// As asked.
    pub part_number_marker: u32,
    /// The last part of this page.
    pub next_part_number_marker: u32,
    /// As asked.
    pub max_parts: u32,
    /// Whether there is more.
    pub is_truncated: bool,
    /// Number and bytes of each.
    pub parts: Vec<(u32, u64)>,
}

/// `<Tagging>`.
pub fn tagging<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut xml = Writer::document();
    xml.open_root("Tagging");
    xml.open("TagSet");
    for (key, value) in tags {
        xml.open("Tag");
        xml.text("Key", key);
        xml.text("Value", value);
        xml.close();
    }
    xml.close();
    xml.close();
    xml.finish()
}

/// `<AccessControlPolicy>` of what belongs to its owner alone.
pub fn access_control(of: &Owner) -> String {
    let mut xml = Writer::document();
    xml.open_root("AccessControlPolicy");
    owner(&mut xml, "Owner", of);
    xml.open("AccessControlList");
    xml.open("Grant");
    let user = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"";
    xml.open_with("Grantee", user);
    identity(&mut xml, of);
    xml.close();
    xml.text("Permission", "FULL_CONTROL");
    xml.close();
    xml.close();
    xml.close();
    xml.finish()
}

/// `<ServerSideEncryptionConfiguration>` of a bucket whose store encrypts with keys of its own.
pub fn encryption() -> String {
    let mut xml = Writer::document();
    xml.open_root("ServerSideEncryptionConfiguration");
    xml.open("Rule");
    xml.open("ApplyServerSideEncryptionByDefault");
    xml.text("SSEAlgorithm", "AES256");
    xml.close();
    xml.value("BucketKeyEnabled", false);
    xml.close();
    xml.close();
    xml.finish()
}

/// The document of a setting that a bucket doesn't have.
///
/// # Errors
/// If S3 has an error for that.
pub fn unset(unset: Unset) -> Result<String, S3Error> {
    let (root, elements, text) = match unset {
        Unset::Error(code) => return Err(code.into()),
        Unset::Document(root, elements, text) => (root, elements, text),
    };
    let mut xml = Writer::document();
    xml.open_root(root);
    elements.iter().for_each(|element| xml.open(element));
    xml.raw_text(text);
    elements.iter().for_each(|_| xml.close());
    xml.close();
    Ok(xml.finish())
}

/// `<GetObjectAttributesResponse>`.
pub fn object_attributes(attributes: &ObjectAttributes) -> String {
    let mut xml = Writer::document();
    xml.open_root("GetObjectAttributesResponse");
    if let Some(e_tag) = &attributes.e_tag {
        xml.text("ETag", e_tag);
    }
    if let Some((checksum, kind)) = &attributes.checksum {
        xml.open("Checksum");
        checksum_and_kind(&mut xml, Some((checksum, *kind)));
        xml.close();
    }
    if let Some(page) = &attributes.parts {
        parts(&mut xml, page);
    }
    if let Some(storage_class) = &attributes.storage_class {
        xml.text("StorageClass", storage_class);
    }
    if let Some(size) = attributes.size {
        xml.value("ObjectSize", size);
    }
    xml.close();
    xml.finish()
}

fn parts(xml: &mut Writer, page: &PartsPage) {
    xml.open("ObjectParts");
    xml.value("PartsCount", page.count);
    xml.value("PartNumberMarker", page.part_number_marker);
    xml.value("NextPartNumberMarker", page.next_part_number_marker);
    xml.value("MaxParts", page.max_parts);
    xml.value("IsTruncated", page.is_truncated);
    for (number, size) in &page.parts {
        xml.open("Part");
        xml.value("PartNumber", number);
        xml.value("Size", size);
        xml.close();
    }
    xml.close();
}
