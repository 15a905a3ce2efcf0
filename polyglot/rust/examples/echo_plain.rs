//! echo: a plain RFC 18 worker that gives back what it gets. `echo_plain ENDPOINT [SERVICE]`
use binglide::worker::serve_plain;

fn main() -> Result<(), binglide::Fault> {
    let mut given = std::env::args().skip(1);
    let endpoint = given.next().expect("usage: echo_plain ENDPOINT [SERVICE]");
    let service = given.next().unwrap_or("echo".into());
    serve_plain(&endpoint, &service, |body| Ok(body.clone()))
}
