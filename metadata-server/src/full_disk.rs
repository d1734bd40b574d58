//! Whether an error is that of a full disk: the one cause that heals by itself once somebody makes room, and with which
//! nothing is damaged. RocksDB and openraft pass the operating system's words on, so the words are what is looked at.

use std::fmt::Display;

/// Whether an error says that there is no room left, or none that this user may have.
pub(crate) fn says_full(error: &impl Display) -> bool {
    let text = error.to_string();
    ["No space left on device", "Disk quota exceeded", "disk is full"].iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_operating_system_s_words_are_known() {
        for code in [28, 122] {
            assert!(says_full(&io::Error::from_raw_os_error(code)), "{}", io::Error::from_raw_os_error(code));
        }
        assert!(says_full(&"IO error: No space left on device: While appending to file: /x/000004.log"));
        assert!(!says_full(&io::Error::from_raw_os_error(5)));
    }
}
