// SPDX-License-Identifier: MIT

/// Who is woken: a function and what it is called with. The raw form of waiting, for loops and
/// fibers; threads and tasks have forms of their own above it.
///
/// `wake` is called once for each grant, outside every lock, on the thread that made the grant. It
/// must be quick and must not wait. From its beginning on, the node that carried it is free again.
@frozen
@unsafe
public struct Waiter {
    /// What is called.
    public let wake: @convention(c) (UnsafeMutableRawPointer) -> Void

    /// What it is called with.
    public let context: UnsafeMutableRawPointer

    /// A waiter that is woken by `wake(context)`.
    @inlinable
    public init(
        wake: @convention(c) (UnsafeMutableRawPointer) -> Void, context: UnsafeMutableRawPointer
    ) {
        // SAFETY: the caller says that the two belong together.
        unsafe self.wake = wake
        unsafe self.context = context
    }
}

/// One wait: a link of a waiter list, in the waiter's own frame or block, where it must stay from
/// `enqueue` until the wake begins or `withdraw` answers `removed`.
///
/// A node serves one wait; the next begins with a fresh one. All of it is guarded by the list's
/// lock.
@frozen
@unsafe
public struct WaitNode {
    @usableFromInline
    enum State: UInt32 {
        /// Not yet enqueued, or let through without queueing.
        case idle
        /// Linked: a grant or a withdrawal comes.
        case queued
        /// Unlinked by a grant; its wake is called, or has been.
        case granted
        /// Given up by the waiter; nobody calls it.
        case withdrawn
    }

    @usableFromInline
    var next: UnsafeMutablePointer<WaitNode>?
    @usableFromInline
    var previous: UnsafeMutablePointer<WaitNode>?
    @usableFromInline
    let waiter: Waiter
    /// What some primitives match a wait with, e.g. the epoch of an event count.
    public let key: UInt64
    @usableFromInline
    var state: State

    /// A node that wakes `waiter`.
    @inlinable
    public init(waiter: Waiter, key: UInt64 = 0) {
        // SAFETY: plain stores; a node without neighbours.
        unsafe next = nil
        unsafe previous = nil
        unsafe self.waiter = waiter
        unsafe self.key = key  // SAFETY: as above.
        unsafe state = .idle
    }
}

/// What became of a request to wait.
@frozen
public enum WaitAdmission: Sendable {
    /// What was waited for is there, and is the caller's. The wake is not called.
    case granted
    /// The node is in the list; its wake is called once, unless it is withdrawn in time.
    case queued
    /// The node was withdrawn before it came. The wake is not called.
    case withdrawn
}

/// What became of a withdrawal.
@frozen
public enum WaitWithdrawal: Sendable {
    /// The node was in the list and is out of it: no wake, no grant.
    case removed
    /// The node was not yet enqueued; the coming `enqueue` answers `withdrawn`.
    case early
    /// Too late: the grant was made. Its wake has been called or is about to be, and what was
    /// granted is the caller's: use it, or give it on.
    case late
}

/// How a thread's or a task's wait has ended.
@frozen
public enum WaitEnd: UInt32, Sendable {
    /// It had not to wait: what it wanted was there.
    case admitted = 1
    /// It waited, and was granted what it waited for.
    case granted
    /// Its deadline passed or it was cancelled; it has nothing.
    case givenUp
}

/// Something that can be waited for by a thread, a task, or a raw waiter.
///
/// | Guarantee | `enqueue` / `withdraw`                                                           |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | blocking: a short lock; a holder that is preempted stalls the others             |
/// | Order     | FIFO among those that were queued                                                |
/// | Wake-ups  | each `queued` ends in one wake or one `removed`, never both, never neither       |
/// | Memory    | the node is the waiter's; nothing is allocated                                   |
public protocol WaitSource: ~Copyable, Sendable {
    /// Asks for what is waited for.
    @unsafe
    func enqueue(_ node: UnsafeMutablePointer<WaitNode>) -> WaitAdmission

    /// Gives a wait up. May be called once for each node, from any thread, also before and during
    /// `enqueue`.
    @unsafe
    func withdraw(_ node: UnsafeMutablePointer<WaitNode>) -> WaitWithdrawal
}
