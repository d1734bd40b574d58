//! The XML of what is said about a bucket or an object beside its bytes. Leaves listings and writes to `write`. Invariant:
//! element order and namespace are S3's.

use super::Writer;

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
