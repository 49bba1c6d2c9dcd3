// SPDX-License-Identifier: MIT

/// What the log keeps of a step or of a plain access: enough to tell of it later.
struct LogEntry {
    var thread: Int32
    /// What was done, or nil for a plain access.
    var kind: AtomicOperation.Kind?
    var update = UpdateKind.exchange
    var access = CellAccess.read
    var order = MemoryOrder.relaxed
    var mode = Choice.Mode.pass
    /// Whether the read, or the place of the write, was not the newest.
    var isStale = false
    var isSigned = false
    var byteCount: UInt8 = 0
    /// The number of the step, and the store that it read or wrote directly behind.
    var step: Int32
    var store: Int32
    var location: Int32
    var address: UInt
    var before: AtomicBits
    var operand: AtomicBits
    var site: CodeSite

    /// What was written, if something was.
    var after: AtomicBits {
        if kind != .update { return operand }
        return update.newValue(of: before, operand, byteCount: byteCount, isSigned: isSigned)
    }
}

extension ExecutionState {
    /// Notes a step, before it is made.
    mutating func record(_ thread: Int, _ choice: Choice) {
        let kind = threads[thread].pending.kind
        if kind == .begin { return }
        let isFailure = kind == .compareExchange && choice.mode != .update
        let store = Int(choice.store)
        log.append(
            LogEntry(
                thread: Int32(truncatingIfNeeded: thread), kind: kind,
                update: threads[thread].pending.update,
                order: isFailure
                    ? threads[thread].pending.failureOrder : threads[thread].pending.order,
                mode: choice.mode, isStale: store >= 0 && memory.stores[store].next >= 0,
                isSigned: threads[thread].pending.isSigned,
                byteCount: threads[thread].pending.byteCount,
                step: Int32(truncatingIfNeeded: step), store: choice.store,
                location: Int32(truncatingIfNeeded: threads[thread].location),
                address: threads[thread].pending.address,
                before: store >= 0 ? memory.stores[store].bits : AtomicBits(low: 0),
                operand: threads[thread].pending.operand, site: threads[thread].pending.site))
    }

    /// Notes a plain access.
    mutating func record(_ access: CellAccess, _ address: UInt, _ site: CodeSite) {
        log.append(
            LogEntry(
                thread: Int32(truncatingIfNeeded: running), kind: nil, access: access, step: -1,
                store: -1, location: -1, address: address, before: AtomicBits(low: 0),
                operand: AtomicBits(low: 0), site: site))
    }

    /// The log for people.
    func trace() -> ModelTrace {
        ModelTrace(
            entries: log.array.map { entry in
                ModelTrace.Entry(
                    thread: Int(entry.thread), action: entry.action, place: place(of: entry),
                    value: entry.value, site: entry.site)
            })
    }

    private func place(of entry: LogEntry) -> String {
        if entry.kind == nil { return heap.name(of: entry.address) ?? "cell" }
        if entry.location < 0 { return "" }
        let name = heap.name(of: entry.address).map { " (\($0))" } ?? ""
        return "#\(entry.location)\(name)"
    }

    // MARK: - Sentences

    /// What is wrong with a plain access.
    func describe(
        _ fault: CellFault, _ access: CellAccess, _ site: CodeSite
    ) -> (ModelFailure.Kind, String) {
        let who = name(of: running)
        let other = name(of: fault.other)
        switch fault.kind {
        case .race:
            let verb = fault.otherWrites ? "wrote" : "read"
            return (
                .dataRace,
                "\(who) \(access.verb) a place at \(site) that \(other) \(verb) at"
                    + " \(fault.otherSite), and nothing orders the two"
            )
        case .overwrite:
            return (
                .lifetime,
                "\(who) puts a value at \(site) where one lives that \(other) put at"
                    + " \(fault.otherSite)"
            )
        case .empty:
            return (
                .lifetime,
                "\(who) \(access.verb) a place at \(site) that is empty since \(other) was at"
                    + " \(fault.otherSite)"
            )
        case .leak:
            return describeEnd(fault, site)
        }
    }

    /// What is wrong with the end of some memory.
    func describeEnd(_ fault: CellFault, _ site: CodeSite) -> (ModelFailure.Kind, String) {
        let who = name(of: running)
        let other = name(of: fault.other)
        if fault.kind == .leak {
            return (
                .lifetime,
                "\(who) gives memory back at \(site) in which a value lives that \(other) put at"
                    + " \(fault.otherSite)"
            )
        }
        return (
            .useAfterFree,
            "\(who) gives memory back at \(site) that \(other) used at \(fault.otherSite), and"
                + " nothing orders the two"
        )
    }
}

extension CellAccess {
    fileprivate var verb: String {
        switch self {
        case .initialize: "fills"
        case .move: "empties"
        case .read: "reads"
        case .write: "overwrites"
        }
    }
}

extension LogEntry {
    fileprivate var action: String {
        guard let kind else { return "plain \(access)" }
        switch kind {
        case .begin: return "begin"
        case .load: return "load \(order)"
        case .store: return "store \(order)"
        case .update: return "\(update) \(order)"
        case .compareExchange: return "compareExchange \(order)"
        case .fence: return "fence \(order)"
        case .park: return mode == .park ? "sleep" : "not to sleep"
        case .timeout: return "time runs out"
        case .wake: return "wake"
        case .yield: return "yield"
        case .lock: return "lock"
        case .unlock: return "unlock"
        }
    }

    fileprivate var value: String {
        guard let kind else { return "" }
        switch kind {
        case .begin, .fence, .timeout, .yield, .wake, .lock, .unlock:
            return ""
        case .load, .park:
            return before.text + (isStale ? " (stale)" : "")
        case .store:
            return after.text + (isStale ? " (moved before newer)" : "")
        case .update:
            return "\(before.text) → \(after.text)" + (isStale ? " (moved before newer)" : "")
        case .compareExchange:
            if mode == .update {
                return "\(before.text) → \(after.text)" + (isStale ? " (moved before newer)" : "")
            }
            let reason = mode == .spuriousFailure ? ", spurious" : isStale ? ", stale" : ""
            return "\(before.text) (failed\(reason))"
        }
    }
}

extension AtomicBits {
    /// The value as a number, or as two in hexadecimal.
    var text: String {
        if high == 0 { return low < 1 << 20 ? "\(low)" : "0x" + String(low, radix: 16) }
        return "0x" + String(high, radix: 16) + ":0x" + String(low, radix: 16)
    }
}
