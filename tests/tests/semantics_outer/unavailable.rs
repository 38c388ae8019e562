//! Section 10: what a call gets while an actor cannot decide.
