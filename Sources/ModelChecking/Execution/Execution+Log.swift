// SPDX-License-Identifier: MIT

/// What the log keeps of a step or of a plain access.
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
    /// The number of the step, and the store that it read or wrote directly behind.
    var step: Int32 = -1
    var store: Int32 = -1
    var location: Int32 = -1
    var address: UInt = 0
    var before = AtomicBits(low: 0)
    var after = AtomicBits(low: 0)
    var site: CodeSite
}

extension ExecutionState {
    /// Notes a step, before it is made.
    mutating func record(_ thread: Int, _ operation: AtomicOperation, _ choice: Choice) {
        if operation.kind == .begin { return }
        var entry = LogEntry(thread: Int32(thread), kind: operation.kind, site: operation.site)
        entry.update = operation.update
        entry.mode = choice.mode
        entry.step = Int32(step)
        entry.store = choice.store
        let isFailure = operation.kind == .compareExchange && choice.mode != .update
        entry.order = isFailure ? operation.failureOrder : operation.order
        entry.location = Int32(threads[thread].location)
        entry.address = operation.address
        if choice.store >= 0 {
            let store = memory.stores[Int(choice.store)]
            entry.isStale = store.next >= 0
            entry.before = store.bits
        }
        switch operation.kind {
        case .update:
            entry.after = operation.update.newValue(
                of: entry.before, operation.operand, byteCount: operation.byteCount,
                isSigned: operation.isSigned)
        default:
            entry.after = operation.operand
        }
        log.append(entry)
    }

    /// Notes a plain access.
    mutating func record(_ access: CellAccess, _ address: UInt, _ site: CodeSite) {
        var entry = LogEntry(thread: Int32(running), kind: nil, site: site)
        entry.access = access
        entry.address = address
        log.append(entry)
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
        }
    }

    fileprivate var value: String {
        guard let kind else { return "" }
        switch kind {
        case .begin, .fence, .timeout, .yield, .wake:
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
