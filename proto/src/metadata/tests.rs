//! Round trips of everything that has a message, and what must not decode.

mod any;

use model::{Answer, Command, CompletedUpload, Outcome, Part, Query, RequestId, Seal, Timestamp};
use proptest::prelude::*;
use prost::Message;

use super::*;

fn comes_back<T: Wire + PartialEq + std::fmt::Debug>(value: &T) -> Result<(), TestCaseError> {
    let bytes = encode(value);
    prop_assert_eq!(&decode::<T>(&bytes).expect("what was encoded decodes"), value);
    prop_assert_eq!(encode(&decode::<T>(&bytes).expect("as above")), bytes, "equal values have equal bytes");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn commands_come_back(command in any::command(), time in any::time()) {
        comes_back(&command)?;
        comes_back(&Stamped { time, command })?;
    }

    #[test]
    fn outcomes_come_back(outcome in any::outcome()) {
        comes_back(&outcome)?;
    }

    #[test]
    fn queries_come_back(query in any::query()) {
        comes_back(&query)?;
    }

    #[test]
    fn answers_come_back(answer in any::answer()) {
        comes_back(&answer)?;
    }

    #[test]
    fn any_bytes_decode_or_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _: Result<Stamped, _> = decode_command(&bytes);
        let _: Result<Outcome, _> = decode_outcome(&bytes);
        let _: Result<Query, _> = decode(&bytes);
        let _: Result<Answer, _> = decode(&bytes);
    }

    #[test]
    fn a_cut_command_never_decodes_to_another(command in any::command(), at in any::<prop::sample::Index>()) {
        let stamped = Stamped { time: Timestamp::from_millis(1), command };
        let bytes = encode_command(&stamped);
        let cut = at.index(bytes.len());
        if let Ok(decoded) = decode_command(&bytes[..cut]) {
            // Protobuf has no end mark inside a message, but the command is its last, length-prefixed field.
            prop_assert!(false, "cut at {cut} of {}: {decoded:?}", bytes.len());
        }
    }
}

fn seal() -> Command {
    Command::Seal(Seal { repository: "trips".parse().unwrap(), branch: "main".parse().unwrap() })
}

#[test]
fn a_command_of_a_newer_schema_is_refused() {
    let mut message = Stamped { time: Timestamp::from_millis(7), command: seal() }.to_message();
    message.schema = SCHEMA + 1;
    assert_eq!(decode_command(&message.encode_to_vec()), Err(DecodeError::NewerSchema { found: SCHEMA + 1 }));
}

#[test]
fn a_kind_that_newer_software_added_is_an_error() {
    // Field 2047 of `Command`, a kind that this version doesn't know: protobuf skips it, so no kind is left.
    let unknown = [0xfa, 0x7f, 0x00];
    assert_eq!(decode::<Command>(&unknown), Err(DecodeError::Missing("command.kind")));
}

#[test]
fn names_are_judged_when_decoded() {
    let mut message = seal().to_message();
    let Some(pb::command::Kind::Seal(inner)) = &mut message.kind else { panic!("a seal") };
    inner.repository = "No/Such".into();
    let error = Command::from_message(message).unwrap_err();
    assert!(matches!(&error, DecodeError::Invalid { field: "repository", .. }), "{error}");
}

#[test]
fn ids_have_their_lengths() {
    let id = RequestId(1);
    assert_eq!(request(&request_bytes(id)), Ok(id));
    assert!(request(&[0; 15]).is_err());
    assert!(commit("commit", &[0; 31]).is_err());
    assert!(digest("request", &[0; 31]).is_err());
}

#[test]
fn of_uploads_of_earlier_versions_it_is_not_known_what_these_did_not_keep() {
    let completed = pb::CompletedUpload { branch: "main".into(), path: "a".into(), ..Default::default() };
    assert_eq!(CompletedUpload::from_message(completed).unwrap().request, None);
    assert!(!Part::from_message(pb::Part::default()).unwrap().is_sole);
}

#[test]
fn the_bytes_of_the_log_stay_as_they_are() {
    // Golden: logs of earlier versions hold these bytes.
    let stamped = Stamped { time: Timestamp::from_millis(1_000), command: seal() };
    let golden = b"\x08\x01\x10\xe8\x07\x1a\x0f\x4a\x0d\x0a\x05trips\x12\x04main";
    assert_eq!(encode_command(&stamped), golden);
}
