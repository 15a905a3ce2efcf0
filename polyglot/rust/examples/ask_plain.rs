//! A plain RFC 18 client: `ask_plain ENDPOINT SERVICE TEXT [TEXT…]` sends each text as a body frame and prints the frames
//! of the answer, a line each; a service with a descriptor is asked with `ask_plain ENDPOINT SERVICE --file FILE`. Ends
//! with 0 on an answer, 1 on an error.
use std::time::Duration;

use binglide::client::PlainClient;
use binglide::protocol::codec::pack;
use binglide::protocol::decode::decode_report;
use binglide::protocol::json::value_of;
use binglide::{fail, ErrorCode, Fault};

/// A broker heartbeats to nobody who is plain: after so long without an answer the request is sent again.
const SILENCE: Duration = Duration::from_secs(5);

fn main() {
    std::process::exit(match ask(std::env::args().skip(1).collect()) {
        Ok(()) => 0,
        Err(fault) => {
            eprintln!("ask_plain: {fault}");
            1
        }
    })
}

fn ask(given: Vec<String>) -> Result<(), Fault> {
    let usage = || fail(ErrorCode::Usage, "ask_plain ENDPOINT SERVICE TEXT… or ask_plain ENDPOINT SERVICE --file FILE");
    let [endpoint, service, rest @ ..] = &given[..] else { return Err(usage()) };
    let mut client = PlainClient::connect(endpoint)?;
    if let [option, file] = rest {
        if option == "--file" {
            let here = std::env::current_dir().map_err(|error| fail(ErrorCode::Io, error.to_string()))?;
            let path = here.join(file);
            let query = serde_json::json!({"inputs": [path.to_string_lossy()]});
            let print = |body: Vec<Vec<u8>>| decode_report(&body).map(|report| println!("{}", report.completion));
            let mut partials = Vec::new();
            let body = client.ask(service, vec![pack(&value_of(&query))], SILENCE, |body| partials.push(body))?;
            return partials.into_iter().chain([body]).try_for_each(print);
        }
    }
    let print = |body: Vec<Vec<u8>>| {
        body.iter().for_each(|frame| println!("{}", String::from_utf8_lossy(frame).escape_debug()));
    };
    let body = rest.iter().map(|text| text.clone().into_bytes()).collect();
    client.ask(service, body, SILENCE, print).map(print)
}
