// SPDX-License-Identifier: MIT

/// What a step did, or can do, as far as it matters for the order of steps.
struct StepEffect {
    /// The atomic, -1 if there is none.
    var location = -1
    /// Whether the step read, and so could have read something else.
    var reads = false
    /// Whether it wrote.
    var writes = false
    /// Whether it can be, or was, a read-modify-write.
    var updates = false
    /// Whether it is sequentially consistent, on its location.
    var isOrdered = false
    /// Whether it is a sequentially consistent fence.
    var isFence = false
    /// Whether it sleeps, wakes, or ends a sleep.
    var parks = false
    /// The step whose store it read, -1 if none of this execution.
    var readStep = -1
    /// The step without which it could not have been taken, -1 if there is none.
    var enablingStep = -1
    /// The threads that it woke, a bit for each.
    var wokenThreads: UInt8 = 0

    /// Whether two steps of different threads must be tried in both orders, although either leaves
    /// the other possible: because each changes what the other one does.
    @inline(__always)
    func isOrderedWith(_ other: StepEffect) -> Bool {
        if isFence && (other.isFence || other.isOrdered) { return true }
        if other.isFence && isOrdered { return true }
        if location != other.location || location < 0 { return false }
        return isOrdered && other.isOrdered || parks && other.parks
    }

    /// Whether a step that was put to sleep must be tried again behind this one in all its ways. A
    /// sequentially consistent read has fewer of them behind other such steps than before them:
    /// what it could read before them of a new store shows only when it is made behind that store.
    @inline(__always)
    func revives(_ asleep: StepEffect) -> Bool {
        writes && asleep.isOrdered && asleep.reads && location == asleep.location
    }

    /// Whether this step, which came before `later`, could have done something new behind it: read
    /// what that wrote, or found the place that this one took.
    @inline(__always)
    func isChanged(by later: StepEffect) -> Bool {
        if location != later.location || location < 0 { return false }
        return reads && later.writes || updates && writes && later.updates
    }
}

extension AtomicOperation {
    /// What the operation can do, before it is known what it does.
    func possibleEffect(at location: Int) -> StepEffect {
        var effect = StepEffect()
        switch kind {
        case .begin, .yield:
            break
        case .load:
            effect.reads = true
        case .store:
            effect.writes = true
        case .update:
            (effect.reads, effect.writes, effect.updates) = (true, true, true)
        case .compareExchange:
            (effect.reads, effect.writes, effect.updates) = (true, true, true)
            effect.isOrdered = failureOrder == .sequentiallyConsistent
        case .fence:
            effect.isFence = order == .sequentiallyConsistent
        case .park:
            (effect.reads, effect.parks) = (true, true)
        case .timeout, .wake:
            effect.parks = true
        }
        if kind != .begin && kind != .yield && kind != .fence {
            effect.location = location
            if order == .sequentiallyConsistent { effect.isOrdered = true }
        }
        return effect
    }
}
