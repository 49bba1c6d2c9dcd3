// SPDX-License-Identifier: MIT

public import TimerWheels

/// Called on the loop's thread when a timer has come to its end: the context, and whether the loop
/// stopped before the deadline.
public typealias TimerHandler = @convention(c) (UnsafeMutableRawPointer, Bool) -> Void

/// Names a timer of a loop.
public typealias LoopTimer = TimerToken

/// What the wheel keeps for one timer.
@safe
struct TimerJob {
    let handler: TimerHandler
    let context: UnsafeMutableRawPointer
}
