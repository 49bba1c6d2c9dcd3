// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// The outcomes that somebody asks for by ticket. Only messages sent so are looked up here; all
/// others pay nothing.
final class OutcomeRegistry: @unchecked Sendable {
    // Edges: the lock's carry the entries.
    private enum Entry {
        case open
        case awaited(CheckedContinuation<MessageOutcome, Never>)
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

    /// The message was not queued.
    func discard(_ ticket: MessageTicket) {
        lock.withLock { entries[ticket] = nil }
    }

    /// The message has its outcome.
    func settle(_ ticket: MessageTicket, _ outcome: MessageOutcome) {
        let waiter: CheckedContinuation<MessageOutcome, Never>? = lock.withLock {
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
        enum Answer { case now(MessageOutcome), later, never }
        let answer: Answer = lock.withLock {
            switch entries[ticket] {
            case .settled(let outcome):
                entries[ticket] = nil
                return .now(outcome)
            case .open: return .later
            case .awaited, nil: return .never
            }
        }
        switch answer {
        case .now(let outcome): return outcome
        case .never: return nil
        case .later: return await wait(for: ticket)
        }
    }

    private func wait(for ticket: MessageTicket) async -> MessageOutcome? {
        await withCheckedContinuation { continuation in
            let settled: MessageOutcome? = lock.withLock {
                if case .settled(let outcome) = entries[ticket] {
                    entries[ticket] = nil
                    return outcome
                }
                entries[ticket] = .awaited(continuation)
                return nil
            }
            if let settled { continuation.resume(returning: settled) }
        }
    }
}
