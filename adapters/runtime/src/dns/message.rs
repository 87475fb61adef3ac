//! DNS messages: a question into bytes, an answer out of them.

use headcount_core::planted;
use headcount_discoverer::env::{Cause, DomainName, Found, NameError, Record, RecordType, ServerTrouble};
use hickory_proto::op::{Edns, Header, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{self, DNSClass, Name, RData};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

/// A question on its way.
pub(super) struct Asked {
    id: u16,
    query: Query,
    /// The message.
    pub(super) bytes: Vec<u8>,
}

/// What a message is to somebody who asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Not an answer to this question: late, forged, or not DNS at all.
    Stray,
    /// An answer that breaks off or makes no sense.
    Malformed(Cause),
    /// An answer.
    Reply(Reply),
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// What there is.
    Found(Found),
    /// There is more than fits.
    Truncated,
    /// An error, by its response code.
    Code(u16),
}

/// Response codes with a meaning of their own.
const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;

impl Asked {
    /// A question with a random id; `edns` is the longest answer that may come over UDP.
    pub(super) fn new(name: &DomainName, record_type: RecordType, edns: Option<u16>) -> Result<Self, ServerTrouble> {
        let cannot = |error: hickory_proto::ProtoError| ServerTrouble::Malformed(Cause::new(error));
        let name = Name::from_labels(name.labels()).map_err(cannot)?;
        let query = Query::query(name, wire_type(record_type));
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(query.clone());
        if let Some(size) = edns {
            let mut edns = Edns::new();
            edns.set_max_payload(size);
            message.set_edns(edns);
        }
        Ok(Self {
            id: message.metadata.id,
            query,
            bytes: message.to_vec().map_err(cannot)?,
        })
    }

    /// Reads what came back.
    ///
    /// Of the message only what answers the question is read; mistakes in the sections behind it are nobody's
    /// loss.
    pub(super) fn read(&self, bytes: &[u8]) -> Heard {
        let mut decoder = BinDecoder::new(bytes);
        let Ok(header) = Header::read(&mut decoder) else {
            return Heard::Stray;
        };
        let (metadata, counts) = (header.metadata, header.counts);
        let is_answer = metadata.message_type == MessageType::Response && metadata.op_code == OpCode::Query;
        if planted!(metadata.id != self.id, AnyIdIsOurs, false) || !is_answer {
            return Heard::Stray;
        }
        let code = u16::from(metadata.response_code);
        let queries = match Message::read_queries(&mut decoder, usize::from(counts.queries)) {
            Ok(queries) => queries,
            Err(error) => return Heard::Malformed(Cause::new(error)),
        };
        match queries.as_slice() {
            [query] if self.is_about(query) => {}
            // A server that can't read the question can't repeat it.
            [] if code != NOERROR && code != NXDOMAIN => {}
            _ => return Heard::Stray,
        }
        if planted!(metadata.truncation, TruncatedIsWhole, false) {
            return Heard::Reply(Reply::Truncated);
        }
        match code {
            NXDOMAIN => {
                return Heard::Reply(planted!(
                    Reply::Found(Found::NoSuchName),
                    NoSuchNameIsTrouble,
                    Reply::Code(code)
                ));
            }
            NOERROR => {}
            code => return Heard::Reply(Reply::Code(code)),
        }
        match Message::read_records(&mut decoder, usize::from(counts.answers), false, OpCode::Query) {
            Ok((answers, ..)) => match self.records(answers) {
                Ok(records) => Heard::Reply(Reply::Found(Found::records(records))),
                Err(error) => Heard::Malformed(Cause::new(error)),
            },
            Err(error) => Heard::Malformed(Cause::new(error)),
        }
    }

    fn is_about(&self, query: &Query) -> bool {
        query.name == self.query.name
            && query.query_type == self.query.query_type
            && query.query_class == self.query.query_class
    }

    /// The records of the type that was asked for; aliases on the way to them are left out.
    fn records(&self, answers: Vec<rr::Record>) -> Result<Vec<Record>, NameError> {
        let wanted = |record: &rr::Record| {
            planted!(record.record_type() == self.query.query_type, OtherTypesAreTaken, true)
                && record.dns_class == DNSClass::IN
        };
        let records = answers.into_iter().filter(wanted);
        records
            .filter_map(|record| read_data(&record.data).transpose())
            .collect()
    }
}

fn read_data(data: &RData) -> Result<Option<Record>, NameError> {
    let name = |name: &Name| DomainName::from_labels(name.iter());
    Ok(Some(match data {
        RData::A(address) => Record::A(address.0),
        RData::AAAA(address) => Record::Aaaa(address.0),
        RData::NS(host) => Record::Ns(name(&host.0)?),
        RData::MX(mx) => Record::Mx {
            preference: mx.preference,
            exchange: name(&mx.exchange)?,
        },
        RData::SRV(srv) => Record::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: name(&srv.target)?,
        },
        _ => return Ok(None),
    }))
}

fn wire_type(record_type: RecordType) -> rr::RecordType {
    match record_type {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
        RecordType::Mx => rr::RecordType::MX,
        RecordType::Ns => rr::RecordType::NS,
        RecordType::Srv => rr::RecordType::SRV,
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::ResponseCode;
    use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SRV, TXT};
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> DomainName {
        DomainName::parse(text).unwrap().0
    }

    fn asked(record_type: RecordType) -> Asked {
        Asked::new(&name("Web.sd.test"), record_type, Some(4096)).unwrap()
    }

    /// An answer to the question with these records about its name.
    fn answer(asked: &Asked, data: Vec<RData>) -> Message {
        let mut answer = Message::response(asked.id, OpCode::Query);
        answer.add_query(asked.query.clone());
        let records = data
            .into_iter()
            .map(|data| rr::Record::from_rdata(asked.query.name.clone(), 60, data));
        answer.add_answers(records);
        answer
    }

    fn heard(asked: &Asked, answer: &Message) -> Heard {
        asked.read(&answer.to_vec().unwrap())
    }

    fn found(found: Found) -> Heard {
        Heard::Reply(Reply::Found(found))
    }

    #[test]
    fn a_question_says_what_it_asks_and_how_much_it_takes() {
        let asked = asked(RecordType::Srv);
        let sent = Message::from_vec(&asked.bytes).unwrap();
        assert_eq!(sent.metadata.id, asked.id);
        assert!(sent.metadata.recursion_desired && sent.metadata.message_type == MessageType::Query);
        assert_eq!(sent.queries, std::slice::from_ref(&asked.query));
        assert_eq!(sent.edns.map(|edns| edns.max_payload()), Some(4096));
        let plain = Asked::new(&DomainName::ROOT, RecordType::Ns, None).unwrap();
        let sent = Message::from_vec(&plain.bytes).unwrap();
        assert!(sent.edns.is_none() && sent.queries[0].name.is_root());
    }

    #[test]
    fn records_of_every_type_are_read_in_order_and_others_left_out() {
        let host = || Name::from_labels(["h", "sd", "test"]).unwrap();
        let noise = || vec![RData::CNAME(CNAME(host())), RData::TXT(TXT::new(vec!["x".to_owned()]))];
        let cases = [
            (
                RecordType::A,
                vec![RData::A(A::new(10, 0, 0, 2)), RData::A(A::new(10, 0, 0, 1))],
                vec![Record::A([10, 0, 0, 2].into()), Record::A([10, 0, 0, 1].into())],
            ),
            (
                RecordType::Aaaa,
                vec![RData::AAAA(AAAA::new(0xfd00, 0, 0, 0, 0, 0, 0, 1))],
                vec![Record::Aaaa("fd00::1".parse().unwrap())],
            ),
            (
                RecordType::Mx,
                vec![RData::MX(MX::new(10, host()))],
                vec![Record::Mx {
                    preference: 10,
                    exchange: name("h.sd.test"),
                }],
            ),
            (
                RecordType::Ns,
                vec![RData::NS(NS(host()))],
                vec![Record::Ns(name("h.sd.test"))],
            ),
            (
                RecordType::Srv,
                vec![RData::SRV(SRV::new(1, 2, 3, Name::root()))],
                vec![Record::Srv {
                    priority: 1,
                    weight: 2,
                    port: 3,
                    target: DomainName::ROOT,
                }],
            ),
        ];
        for (record_type, data, records) in cases {
            let asked = asked(record_type);
            let all = answer(&asked, [noise(), data].concat());
            assert_eq!(heard(&asked, &all), found(Found::Records(records)));
            assert_eq!(
                heard(&asked, &answer(&asked, noise())),
                found(Found::NoData),
                "{record_type}"
            );
        }
    }

    /// A server may say more than it was asked, as some do for both families of addresses.
    #[test]
    fn a_record_of_another_type_than_was_asked_for_is_left_out() {
        let asked = asked(RecordType::A);
        let both = vec![
            RData::AAAA(AAAA::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
            RData::A(A::new(10, 0, 0, 1)),
        ];
        let only = vec![Record::A([10, 0, 0, 1].into())];
        assert_eq!(heard(&asked, &answer(&asked, both)), found(Found::Records(only)));
    }

    #[test]
    fn what_is_not_an_answer_to_the_question_is_not_taken_for_one() {
        let asked = asked(RecordType::A);
        let good = answer(&asked, vec![RData::A(A::new(10, 0, 0, 1))]);
        let changed = |change: fn(&mut Message)| {
            let mut message = good.clone();
            change(&mut message);
            heard(&asked, &message)
        };
        assert!(matches!(changed(|_| {}), Heard::Reply(Reply::Found(Found::Records(_)))));
        let other_case = |message: &mut Message| {
            message.queries[0].name = Name::from_labels(["wEB", "SD", "test"]).unwrap();
        };
        assert!(matches!(changed(other_case), Heard::Reply(_)));
        let strays: [fn(&mut Message); 6] = [
            |message| message.metadata.id ^= 1,
            |message| message.metadata.message_type = MessageType::Query,
            |message| message.metadata.op_code = OpCode::Notify,
            |message| message.queries.clear(),
            |message| message.queries[0].query_type = rr::RecordType::AAAA,
            |message| message.queries[0].name = Name::from_labels(["other", "test"]).unwrap(),
        ];
        for stray in strays {
            assert_eq!(changed(stray), Heard::Stray);
        }
        for length in 0..12 {
            assert_eq!(
                asked.read(&good.to_vec().unwrap()[..length]),
                Heard::Stray,
                "{length} bytes"
            );
        }
    }

    #[test]
    fn codes_and_truncation_are_told() {
        let asked = asked(RecordType::A);
        let with_code = |code| {
            let mut message = answer(&asked, vec![RData::CNAME(CNAME(Name::root()))]);
            message.metadata.response_code = code;
            message
        };
        assert_eq!(
            heard(&asked, &with_code(ResponseCode::NXDomain)),
            found(Found::NoSuchName)
        );
        let refused = Heard::Reply(Reply::Code(5));
        assert_eq!(heard(&asked, &with_code(ResponseCode::Refused)), refused);
        let mut formerr = Message::error_msg(asked.id, OpCode::Query, ResponseCode::FormErr);
        assert_eq!(
            heard(&asked, &formerr),
            Heard::Reply(Reply::Code(1)),
            "without the question"
        );
        formerr.metadata.response_code = ResponseCode::NXDomain;
        assert_eq!(
            heard(&asked, &formerr),
            Heard::Stray,
            "nobody denies a name without saying which"
        );
        let mut cut = answer(&asked, vec![RData::A(A::new(10, 0, 0, 1))]);
        cut.metadata.truncation = true;
        let mut bytes = cut.to_vec().unwrap();
        bytes.truncate(bytes.len() - 3);
        assert_eq!(
            asked.read(&bytes),
            Heard::Reply(Reply::Truncated),
            "in the middle of a record"
        );
    }

    #[test]
    fn mistakes_behind_the_answer_are_nobodys_loss() {
        let asked = asked(RecordType::A);
        let mut message = answer(&asked, vec![RData::A(A::new(10, 0, 0, 1))]);
        let without = message.to_vec().unwrap().len();
        message.add_additional(rr::Record::from_rdata(Name::root(), 1, RData::A(A::new(1, 1, 1, 1))));
        let bytes = message.to_vec().unwrap();
        let expected = Found::Records(vec![Record::A([10, 0, 0, 1].into())]);
        assert_eq!(asked.read(&bytes[..without + 2]), found(expected));
        assert!(matches!(asked.read(&bytes[..without - 2]), Heard::Malformed(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), flips in any::<[u8; 12]>()) {
            let asked = asked(RecordType::Srv);
            asked.read(&bytes);
            // And such that get past the checks.
            let start = asked.bytes.len().min(12);
            bytes.splice(..0, asked.bytes.iter().copied());
            for (byte, flip) in bytes.iter_mut().take(start).skip(2).zip(flips) {
                *byte ^= flip;
            }
            asked.read(&bytes);
        }
    }
}
