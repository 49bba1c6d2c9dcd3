// SPDX-License-Identifier: MIT

/// One way in which a step can go.
struct Choice {
    enum Mode: UInt8 {
        /// No memory is involved.
        case pass
        /// Reads the store.
        case read
        /// Writes directly behind the store.
        case write
        /// Reads the store and writes directly behind it.
        case update
        /// Reads the store and does not write, though it could.
        case spuriousFailure
        /// Reads the store and falls asleep.
        case park
    }

    var mode: Mode
    var store: Int32 = -1
}

extension Execution {
    /// Whether a thread can take its next step now.
    func isEnabled(_ thread: Int) -> Bool {
        let thread = threads[thread - 1]
        switch thread.status {
        case .ready: return thread.pending.kind != .yield || hasNews(thread)
        case .parked: return thread.pending.hasDeadline
        case .finished: return false
        }
    }

    /// Whether somebody has written, behind what the thread read, to something that it read.
    private func hasNews(_ thread: VirtualThread) -> Bool {
        if thread.reads.isEmpty { return true }
        return thread.reads.contains { newsStep($0) != nil }
    }

    /// The step that wrote the newest store of what was read, if it is newer.
    func newsStep(_ read: RepeatedRead) -> Int? {
        let last = Int(memory.locations[Int(read.location)].last)
        if memory.stores[last].position <= memory.stores[Int(read.store)].position { return nil }
        return Int(memory.stores[last].step)
    }

    /// Lists all ways in which the next step of a thread can go, the most ordinary first.
    func listChoices(of number: Int) {
        choices.removeAll(keepingCapacity: true)
        let thread = thread(number)
        let operation = thread.pending
        switch operation.kind {
        case .begin, .fence, .timeout, .wake, .yield:
            choices.append(Choice(mode: .pass))
        case .load:
            listReads(number, thread, operation.order, mode: .read) { _ in true }
        case .park:
            listReads(number, thread, .relaxed, mode: .park) { $0 == operation.expected }
            listReads(number, thread, .relaxed, mode: .read) { $0 != operation.expected }
        case .store:
            listWrites(number, thread, operation.order, mode: .write)
        case .update:
            listWrites(number, thread, operation.order, mode: .update)
        case .compareExchange:
            listExchanges(number, thread, operation)
        }
    }

    private func listReads(
        _ number: Int, _ thread: VirtualThread, _ order: MemoryOrder, mode: Choice.Mode,
        where isWanted: (AtomicBits) -> Bool
    ) {
        let floor = memory.floor(number, thread.location, order)
        var store = Int(memory.locations[thread.location].last)
        let newest = store
        while store >= 0, memory.stores[store].position >= floor {
            if isWanted(memory.stores[store].bits),
                store == newest || mayRepeat(thread, store)
            {
                choices.append(Choice(mode: mode, store: Int32(store)))
            }
            store = Int(memory.stores[store].previous)
        }
    }

    private func listWrites(
        _ number: Int, _ thread: VirtualThread, _ order: MemoryOrder, mode: Choice.Mode
    ) {
        let floor = memory.floor(number, thread.location, order)
        var store = Int(memory.locations[thread.location].last)
        choices.append(Choice(mode: mode, store: Int32(store)))
        guard options.movesStores else { return }
        store = Int(memory.stores[store].previous)
        while store >= 0, memory.stores[store].position >= floor {
            if memory.hasRoom(behind: store) {
                choices.append(Choice(mode: mode, store: Int32(store)))
            }
            store = Int(memory.stores[store].previous)
        }
    }

    private func listExchanges(
        _ number: Int, _ thread: VirtualThread, _ operation: AtomicOperation
    ) {
        let location = thread.location
        let successFloor = memory.floor(number, location, operation.order)
        let failureFloor = memory.floor(number, location, operation.failureOrder)
        let newest = Int(memory.locations[location].last)
        var store = newest
        while store >= 0, memory.stores[store].position >= min(successFloor, failureFloor) {
            let position = memory.stores[store].position
            let isSeen = store == newest || mayRepeat(thread, store)
            if memory.stores[store].bits != operation.expected {
                if position >= failureFloor, isSeen {
                    choices.append(Choice(mode: .read, store: Int32(store)))
                }
            } else {
                let isFree =
                    store == newest || options.movesStores && memory.hasRoom(behind: store)
                if position >= successFloor, isFree {
                    choices.append(Choice(mode: .update, store: Int32(store)))
                }
                if operation.isWeak, thread.spuriousFailuresLeft > 0, position >= failureFloor, isSeen {
                    choices.append(Choice(mode: .spuriousFailure, store: Int32(store)))
                }
            }
            store = Int(memory.stores[store].previous)
        }
    }

    /// Whether a thread may read a store once more although there are newer ones: a loop that
    /// waits must see them in the end, and how often it does not makes no difference.
    private func mayRepeat(_ thread: VirtualThread, _ store: Int) -> Bool {
        let site = thread.pending.site.key
        for read in thread.reads
        where read.site == site && Int(read.location) == thread.location {
            return Int(read.store) != store || Int(read.count) <= options.staleRepeatMax
        }
        return true
    }
}
