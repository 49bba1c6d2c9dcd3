// SPDX-License-Identifier: MIT

import AtomicSupport
import ModelChecking

/// A raw waiter of a model: a node, and how often it was woken.
@safe
final class RawWait {
    private let node: UnsafeMutablePointer<WaitNode>
    let wakes = Atomic<Int>(0)

    init(key: UInt64 = 0) {
        unsafe node = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
        // SAFETY: the wait's object outlives the execution's threads, which hold it.
        let waiter = unsafe Waiter(
            wake: { context in
                // SAFETY: the context is the object, which the threads of the model hold.
                let wait = unsafe Unmanaged<RawWait>.fromOpaque(context).takeUnretainedValue()
                wait.wakes.add(1, ordering: .acquiringAndReleasing)
            }, context: Unmanaged.passUnretained(self).toOpaque())
        unsafe node.initialize(to: WaitNode(waiter: waiter, key: key))  // SAFETY: as above.
    }

    deinit { unsafe node.deallocate() }  // SAFETY: allocated in `init`.

    func enqueue<Source: WaitSource & ~Copyable>(on source: borrowing Source) -> WaitAdmission {
        unsafe source.enqueue(node)  // SAFETY: the node lives as long as the object.
    }

    func withdraw<Source: WaitSource & ~Copyable>(
        from source: borrowing Source
    ) -> WaitWithdrawal {
        unsafe source.withdraw(node)  // SAFETY: as above.
    }

    /// How often it was woken; asked when all threads have ended.
    var wakeCount: Int { wakes.load(ordering: .acquiring) }
}

/// How a raw wait has ended, for the balance at the end of a model.
struct RawOutcome {
    var admission: WaitAdmission?
    var withdrawal: WaitWithdrawal?

    /// Whether the waiter has what it waited for; nil if the two answers do not fit each other.
    func isGranted(wakes: Int) -> Bool? {
        switch (admission, withdrawal, wakes) {
        case (.granted, nil, 0), (.granted, .late, 0): true
        case (.queued, nil, 1), (.queued, .late, 1): true
        case (.queued, nil, 0): false  // Nobody gave anything: it waits on.
        case (.queued, .removed, 0): false
        case (.withdrawn, .early, 0): false
        default: nil
        }
    }
}
