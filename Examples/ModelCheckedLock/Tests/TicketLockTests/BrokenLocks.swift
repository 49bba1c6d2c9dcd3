// SPDX-License-Identifier: MIT

#if Model
    import ModelChecking
    import TicketLocks

    /// What the programs of the models ask of a lock.
    protocol Lock: ~Copyable {
        borrowing func lock()
        borrowing func unlock()
    }

    extension TicketLock: Lock {}

    /// Takes its ticket by a load and a store: two threads can get the same.
    struct TornLock: Lock, ~Copyable {
        let next = Atomic<UInt32>(0)
        let serving = Atomic<UInt32>(0)

        func lock() {
            let ticket = next.load(ordering: .relaxed)
            next.store(ticket &+ 1, ordering: .relaxed)
            while serving.load(ordering: .acquiring) != ticket { ModelThreads.yield() }
        }

        func unlock() {
            serving.store(serving.load(ordering: .relaxed) &+ 1, ordering: .releasing)
        }
    }

    /// Serves the next ticket by a store that releases nothing. Processors of x86-64 do not show
    /// the difference.
    struct RelaxedLock: Lock, ~Copyable {
        let next = Atomic<UInt32>(0)
        let serving = Atomic<UInt32>(0)

        func lock() {
            let ticket = next.wrappingAdd(1, ordering: .relaxed).oldValue
            while serving.load(ordering: .acquiring) != ticket { ModelThreads.yield() }
        }

        func unlock() {
            serving.store(serving.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        }
    }
#endif
