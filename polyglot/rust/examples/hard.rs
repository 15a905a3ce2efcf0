//! HARD: a service for tests, which does what services should not: by its parameter `how` it spins without end, panics,
//! kills its process, or is slow and asks for cancellation in between. `count` counts the bytes that it has seen.
use std::time::{Duration, Instant};

use binglide::worker::{serve, Definition, Field, Out, Outcome, Param, Rows, Service, TaskView};

struct Hard;

impl Service for Hard {
    fn definition(&self) -> Definition {
        let hows = ["well", "spin", "panic", "kill", "slow"];
        Definition::new("HARD")
            .uncached()
            .row_bytes(65_536)
            .param(Param::string("how", "well").one_of(hows).help("what goes wrong"))
            .field(Field::u8("count").sum().cells().per_byte_max(1))
    }

    fn compute(&self, input: &Rows, out: &Out, task: &TaskView) -> Outcome {
        match task.params.text("how") {
            "spin" => loop {
                std::hint::spin_loop();
            },
            "panic" if input.start() > 0 => panic!("as it was told"),
            "kill" => std::process::abort(),
            "slow" => {
                let until = Instant::now() + Duration::from_millis(20);
                while Instant::now() < until {
                    task.check()?;
                }
            }
            _ => {}
        }
        (0..input.rows()).for_each(|row| out.u8("count")[row] = input.row(row).len() as u64);
        Ok(())
    }
}

fn main() {
    serve(Hard)
}
