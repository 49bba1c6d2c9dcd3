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

extension ExecutionState {
    /// Whether a thread can take its next step now.
    @inline(__always)
    func isEnabled(_ thread: Int) -> Bool {
        switch threads[thread].status {
        case .ready: return isReady(thread)
        case .parked: return threads[thread].pending.hasDeadline
        case .finished: return false
        }
    }

    @inline(__always)
    private func isReady(_ thread: Int) -> Bool {
        switch threads[thread].pending.kind {
        case .yield: return hasNews(thread)
        case .lock: return isFree(threads[thread].location)
        default: return true
        }
    }

    /// Whether nobody holds a lock.
    @inline(__always)
    func isFree(_ lock: Int) -> Bool {
        memory.stores[Int(memory.locations[lock].last)].bits == AtomicBits(low: 0)
    }

    /// Whether somebody has written, behind what the thread read, to something that it read.
    @inline(__always)
    private func hasNews(_ thread: Int) -> Bool {
        var hasRead = false
        for index in threads[thread].reads.indices where threads[thread].reads[index].isRecent {
            if newsStep(threads[thread].reads[index]) != nil { return true }
            hasRead = true
        }
        return !hasRead
    }

    /// The step that wrote the newest store of what was read, if it is newer.
    @inline(__always)
    func newsStep(_ read: RepeatedRead) -> Int? {
        let last = Int(memory.locations[Int(read.location)].last)
        if memory.stores[last].position <= memory.stores[Int(read.store)].position { return nil }
        return Int(memory.stores[last].step)
    }

    /// Lists all ways in which the next step of a thread can go, the most ordinary first.
    mutating func listChoices(of number: Int) {
        choices.removeAll()
        let order = threads[number].pending.order
        switch threads[number].pending.kind {
        case .begin, .fence, .timeout, .wake, .yield:
            choices.append(Choice(mode: .pass))
        case .load:
            listReads(number, order, mode: .read) { _ in true }
        case .park:
            let expected = threads[number].pending.expected
            listReads(number, .relaxed, mode: .park) { $0 == expected }
            listReads(number, .relaxed, mode: .read) { $0 != expected }
        case .store:
            listWrites(number, order, mode: .write)
        case .update:
            listWrites(number, order, mode: .update)
        case .lock, .unlock:
            let newest = memory.locations[threads[number].location].last
            choices.append(Choice(mode: .update, store: Int32(newest)))
        case .compareExchange:
            listExchanges(number)
        }
    }

    @inline(__always)
    private mutating func listReads(
        _ number: Int, _ order: MemoryOrder, mode: Choice.Mode,
        where isWanted: (AtomicBits) -> Bool
    ) {
        let location = threads[number].location
        let floor =
            threads[number].pending.kind == .park
            ? memory.parkingFloor(number, location) : memory.floor(number, location, order)
        var store = Int(memory.locations[location].last)
        let newest = store
        while store >= 0, memory.stores[store].position >= floor {
            if isWanted(memory.stores[store].bits),
                store == newest || mayRepeat(number, store)
            {
                choices.append(Choice(mode: mode, store: Int32(store)))
            }
            store = Int(memory.stores[store].previous)
        }
    }

    private mutating func listWrites(
        _ number: Int, _ order: MemoryOrder, mode: Choice.Mode
    ) {
        let location = threads[number].location
        let floor = memory.floor(number, location, order)
        var store = Int(memory.locations[location].last)
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

    private mutating func listExchanges(_ number: Int) {
        let location = threads[number].location
        let expected = threads[number].pending.expected
        let mayFailSpuriously =
            threads[number].pending.isWeak && threads[number].spuriousFailuresLeft > 0
        let successFloor = memory.floor(number, location, threads[number].pending.order)
        let failureFloor = memory.floor(number, location, threads[number].pending.failureOrder)
        let newest = Int(memory.locations[location].last)
        var store = newest
        while store >= 0, memory.stores[store].position >= min(successFloor, failureFloor) {
            let position = memory.stores[store].position
            let isSeen = store == newest || mayRepeat(number, store)
            if memory.stores[store].bits != expected {
                if position >= failureFloor, isSeen {
                    choices.append(Choice(mode: .read, store: Int32(store)))
                }
            } else {
                let isFree =
                    store == newest || options.movesStores && memory.hasRoom(behind: store)
                if position >= successFloor, isFree {
                    choices.append(Choice(mode: .update, store: Int32(store)))
                }
                if mayFailSpuriously, position >= failureFloor, isSeen {
                    choices.append(Choice(mode: .spuriousFailure, store: Int32(store)))
                }
            }
            store = Int(memory.stores[store].previous)
        }
    }

    /// Whether a thread may read a store once more although there are newer ones: a loop that
    /// waits must see them in the end, and how often it does not makes no difference.
    @inline(__always)
    private func mayRepeat(_ thread: Int, _ store: Int) -> Bool {
        let site = threads[thread].pending.site.key
        let location = threads[thread].location
        for index in threads[thread].reads.indices {
            let read = threads[thread].reads[index]
            if read.site != site || Int(read.location) != location { continue }
            return Int(read.store) != store || Int(read.count) <= options.staleRepeatMax
        }
        return true
    }
}
