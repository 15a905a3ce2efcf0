//! Who is alive: one small clock a peer. Pure: time comes in, in milliseconds of a clock that only goes forward.
//!
//! A peer is late when nothing came from it for 5 intervals (G-16); a beat of our own is due when we sent it nothing for
//! one (G-15).

/// Silent intervals after which a peer is late.
pub const LIVENESS_LIMIT: f64 = 5.0;

/// When the peer was last heard, and when we last spoke.
#[derive(Clone, Debug, PartialEq)]
pub struct Liveness {
    /// Milliseconds between heartbeats.
    pub interval_ms: f64,
    heard_at: f64,
    spoke_at: f64,
}

impl Liveness {
    /// Both clocks begin now.
    pub fn new(interval_ms: f64, now: f64) -> Liveness {
        Liveness { interval_ms, heard_at: now, spoke_at: now }
    }

    /// Something came.
    pub fn heard(&mut self, now: f64) {
        self.heard_at = self.heard_at.max(now);
    }

    /// Something was sent.
    pub fn spoke(&mut self, now: f64) {
        self.spoke_at = self.spoke_at.max(now);
    }

    /// Nothing came for 5 intervals.
    pub fn is_late(&self, now: f64) -> bool {
        now >= self.heard_at + self.interval_ms * LIVENESS_LIMIT
    }

    /// Nothing was sent for an interval.
    pub fn beat_is_due(&self, now: f64) -> bool {
        now >= self.spoke_at + self.interval_ms
    }

    /// The next moment at which either answer may change.
    pub fn deadline(&self) -> f64 {
        (self.heard_at + self.interval_ms * LIVENESS_LIMIT).min(self.spoke_at + self.interval_ms)
    }
}
