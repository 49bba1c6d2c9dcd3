// SPDX-License-Identifier: MIT

/// What goes wrong in a simulated world, or merely goes another way than one expects. Each has a
/// chance in a `FaultPlan` and a counter in `SimulationStatistics`.
public enum Fault: Int, CaseIterable, Sendable {
    /// A receive brings fewer bytes than are there, down to one.
    case shortReceive
    /// A send takes fewer bytes than there is room for, down to one.
    case shortSend
    /// A connection is reset while bytes are under way; those are lost.
    case reset
    /// A box on the way ends a direction although more was to come: the rest is lost.
    case earlyEnd
    /// A connect is refused although somebody listens.
    case refusedConnect
    /// A connect ends with `EHOSTUNREACH`.
    case unreachableHost
    /// Nobody answers a connect; it ends with `ETIMEDOUT` after two minutes.
    case silentHost
    /// An accept finds no descriptor free: `EMFILE`.
    case noDescriptor
    /// A stream of completions ends with `ENOBUFS` although there are buffers.
    case noBuffer
    /// An operation ends with `ENOBUFS` before anything was done.
    case refusedSubmission
    /// An operation is begun later than those that are asked for behind it: `EAGAIN`.
    case delayedSubmission
    /// A completion is seen later.
    case delayedCompletion
    /// A batch holds one completion of several: the others wait as after an overflow of the queue.
    case completionOverflow
    /// A stream of completions ends by itself with a success.
    case endedStream
    /// An operation goes on although it is cancelled, and wins. Not counted if it does not: then
    /// the cancellation merely took long.
    case lostCancellation
    /// A cancellation takes effect later; what the operation's memory holds then is overwritten.
    case delayedCancellation
    /// A wait returns with nothing.
    case spuriousWakeUp
    /// The clock jumps ahead, by seconds or hours.
    case clockJump
    /// Bytes or a handshake take a thousand times as long as usual.
    case slowDelivery
    /// A name cannot be resolved.
    case unknownName
    // What is added here does not change what a seed draws for those above.
    /// The submission queue is full: what is asked for until the next wait begins behind what had
    /// room.
    case fullSubmissionQueue
    /// A completion overtakes those of other operations that came before it.
    case reorderedCompletion
    /// A socket gets the number that was closed last. Without the fault a number is not used again,
    /// so that who still uses one behind its close is found out.
    case reusedDescriptor
    /// Bytes or a handshake arrive at the very nanosecond until which the loop sleeps for a timer.
    case timerTie
    /// A script's end of a connection reads no more, until the network is well.
    case deafPeer
}
