// SPDX-License-Identifier: MIT

/// What a step did, or can do, as far as it matters for the order of steps.
struct StepEffect {
    struct Traits: OptionSet {
        var rawValue: UInt8
        /// It read, and so could have read something else.
        static var reads: Traits { Traits(rawValue: 1) }
        /// It wrote.
        static var writes: Traits { Traits(rawValue: 2) }
        /// It can be, or was, a read-modify-write.
        static var updates: Traits { Traits(rawValue: 4) }
        /// It is sequentially consistent, on its location.
        static var isOrdered: Traits { Traits(rawValue: 8) }
        /// It is a sequentially consistent fence.
        static var isFence: Traits { Traits(rawValue: 16) }
        /// It sleeps, wakes, or ends a sleep.
        static var parks: Traits { Traits(rawValue: 32) }
        /// It takes a lock.
        static var locks: Traits { Traits(rawValue: 64) }
    }

    /// The atomic, -1 if there is none.
    var location: Int32 = -1
    /// The step whose store it read, -1 if none of this execution.
    var readStep: Int32 = -1
    /// The step without which it could not have been taken, -1 if there is none.
    var enablingStep: Int32 = -1
    var traits: Traits = []
    /// The threads that it woke, a bit for each.
    var wokenThreads: UInt8 = 0

    var reads: Bool { traits.contains(.reads) }
    var writes: Bool { traits.contains(.writes) }

    /// Whether the step can have to do with one of another location: only such pairs need a look.
    var crossesLocations: Bool { traits.contains(.isFence) }

    /// Whether two steps of different threads must be tried in both orders, although either leaves
    /// the other possible: because each changes what the other one does.
    @inline(__always)
    func isOrderedWith(_ other: StepEffect) -> Bool {
        let both = traits.intersection(other.traits)
        if !traits.union(other.traits).isDisjoint(with: .isFence) {
            if both.contains(.isFence) { return true }
            let either = traits.symmetricDifference(other.traits)
            if either.contains([.isFence, .isOrdered]) { return true }
        }
        if location != other.location || location < 0 { return false }
        return !both.isDisjoint(with: [.isOrdered, .parks, .locks])
    }

    /// Whether a step that was put to sleep must be tried again behind this one in all its ways. A
    /// sequentially consistent read has fewer of them behind other such steps than before them:
    /// what it could read before them of a new store shows only when it is made behind that store.
    @inline(__always)
    func revives(_ asleep: StepEffect) -> Bool {
        writes && asleep.traits.contains([.isOrdered, .reads]) && location == asleep.location
    }

    /// Whether this step, which came before `later`, could have done something new behind it: read
    /// what that wrote, or found the place that this one took.
    @inline(__always)
    func isChanged(by later: StepEffect) -> Bool {
        if location != later.location || location < 0 { return false }
        return reads && later.writes
            || traits.contains([.updates, .writes]) && later.traits.contains(.updates)
    }
}

extension StepEffect {
    /// What an operation can do, before it is known what it does.
    init(_ operation: borrowing AtomicOperation, at location: Int) {
        switch operation.kind {
        case .begin, .yield:
            return
        case .fence:
            if operation.order == .sequentiallyConsistent { traits = .isFence }
            return
        case .load:
            traits = .reads
        case .store:
            traits = .writes
        case .update:
            traits = [.reads, .writes, .updates]
        case .compareExchange:
            traits = [.reads, .writes, .updates]
            if operation.failureOrder == .sequentiallyConsistent { traits.insert(.isOrdered) }
        case .park:
            traits = [.reads, .parks]
        case .timeout, .wake:
            traits = .parks
        case .lock:
            traits = .locks
        case .unlock:
            break
        }
        self.location = Int32(location)
        if operation.order == .sequentiallyConsistent { traits.insert(.isOrdered) }
    }
}
