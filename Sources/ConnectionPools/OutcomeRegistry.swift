// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// The outcomes that somebody asks for by ticket. Only messages sent so are looked up here; all
/// others pay nothing.
final class OutcomeRegistry: @unchecked Sendable {
    // Edges: the lock's carry the entries.
    private enum Entry {
        case open
        case awaited(CheckedContinuation<MessageOutcome?, Never>)
        case settled(MessageOutcome)
    }

    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    private var entries: [MessageTicket: Entry] = [:]

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var lock: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    /// A message with this ticket is about to be queued; false if one with this ticket is followed
    /// already.
    func open(_ ticket: MessageTicket) -> Bool {
        lock.withLock {
            guard entries[ticket] == nil else { return false }
            entries[ticket] = .open
            return true
        }
    }

    /// The message was not queued: there is no outcome, also for who asked already.
    func discard(_ ticket: MessageTicket) {
        let entry = lock.withLock { entries.removeValue(forKey: ticket) }
        if case .awaited(let continuation) = entry { continuation.resume(returning: nil) }
    }

    /// The message has its outcome.
    func settle(_ ticket: MessageTicket, _ outcome: MessageOutcome) {
        let waiter: CheckedContinuation<MessageOutcome?, Never>? = lock.withLock {
            switch entries[ticket] {
            case .awaited(let continuation):
                entries[ticket] = nil
                return continuation
            case .open:
                entries[ticket] = .settled(outcome)
                return nil
            case .settled, nil: return nil
            }
        }
        waiter?.resume(returning: outcome)
    }

    /// Waits for the outcome and forgets it; nil for a ticket that is not followed or is awaited
    /// already.
    func outcome(of ticket: MessageTicket) async -> MessageOutcome? {
        await withCheckedContinuation { continuation in
            enum Answer { case now(MessageOutcome?), later }
            let answer: Answer = lock.withLock {
                switch entries[ticket] {
                case .settled(let outcome):
                    entries[ticket] = nil
                    return .now(outcome)
                case .open:
                    entries[ticket] = .awaited(continuation)
                    return .later
                case .awaited, nil: return .now(nil)
                }
            }
            if case .now(let outcome) = answer { continuation.resume(returning: outcome) }
        }
    }
}
