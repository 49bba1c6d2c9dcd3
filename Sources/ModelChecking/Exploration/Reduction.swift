// SPDX-License-Identifier: MIT

/// The exhaustive search: which thread goes on and how, so that every execution is like one that is
/// made, and few are made twice.
///
/// Two executions are alike when every load reads the same store and every location's stores have
/// the same order: then all that the program can notice is the same. Where the steps of two threads
/// do not change each other, one order of the two stands for both. Since a load answers any store
/// that it may see, and a store is put anywhere it may be, only these pairs must be tried in both
/// orders: a read before a write that it could have seen; two read-modify-writes; sequentially
/// consistent steps of one location, or a fence and such a step; a sleep and a wake; two that take
/// one lock.
///
/// What is done about them is source-DPOR with sleep sets, where a thread sleeps with respect to
/// the stores that were there when it was put to sleep: a later store gives a sleeping load
/// something new, and only that is tried.
///
/// Source: P. Abdulla, S. Aronis, B. Jonsson, K. Sagonas, "Optimal Dynamic Partial Order
/// Reduction", POPL 2014, for source sets; P. Godefroid, 1996, for sleep sets. Sleep sets per
/// store are ours; the tests compare it with search by brute force.
struct Reduction: ~Copyable {
    // Methods that only read are inlined, here and in the state: else Swift 6.3 hands each of them
    // a copy of the whole structure.

    /// A place where the search can take another way.
    struct Node {
        /// Threads that could go on, those of them with something new to do, those that must be
        /// tried, those whose every way was: a bit for each.
        var enabled: UInt8
        var awake: UInt8
        var wanted: UInt8
        var done: UInt8 = 0
        var sleeping: UInt8
        /// The step at which each sleeping thread was put to sleep.
        var sleepSteps: Clock
        /// What is being tried.
        var thread: Int32
        var choice: Int32 = 0
        /// The ways of the thread that are left, a bit for each.
        var remaining: UInt64 = 0
        /// Whether the ways of the thread are not known yet.
        var isFresh = true
        var preemptions: Int32 = 0
    }

    /// A step that was made.
    struct Event {
        var thread: Int32
        /// The step of the same location before it, -1 if there is none.
        var previous: Int32
        /// How many of the steps so far can have to do with other locations.
        var crossings: Int32
        var effect: StepEffect
        /// What came before it and had to: for each thread, one more than its last such step.
        var clock: Clock
    }

    /// What is to be done next.
    enum Decision {
        case thread(Int)
        /// All that can follow was tried elsewhere.
        case redundant
        /// The program did not do the same as before.
        case impossible
    }

    /// The way in which the chosen thread goes on.
    var choice = 0
    /// If not negative: no reduction, all orders with at most so many preemptions.
    var preemptionMax = -1

    private var nodes = PlainBuffer<Node>(capacity: 64)
    private var events = PlainBuffer<Event>(capacity: 64)
    /// How many nodes are of former executions.
    private var prefixCount = 0
    /// The last step of each thread, -1 before its first.
    private var lastSteps = Clock(repeating: -1)

    // MARK: - Executions

    /// Begins an execution with the choices that `nextExecution` has left.
    mutating func beginExecution() {
        prefixCount = nodes.count
        lastSteps = Clock(repeating: -1)
        events.removeLast(max(0, events.count - max(0, prefixCount - 1)))
    }

    /// Goes back to the last place with another way; false if there is none.
    mutating func nextExecution() -> Bool {
        while !nodes.isEmpty {
            let last = nodes.count - 1
            if nodes[last].remaining != 0 { return true }
            let bit = UInt8(1) &<< UInt8(nodes[last].thread)
            nodes[last].done |= bit
            nodes[last].sleeping |= bit
            nodes[last].sleepSteps[Int(nodes[last].thread)] = Int32(last)
            let next = nodes[last].wanted & nodes[last].awake & ~nodes[last].done
            if next != 0 {
                nodes[last].thread = Int32(next.trailingZeroBitCount)
                nodes[last].isFresh = true
                return true
            }
            nodes.removeLast()
        }
        return false
    }

    // MARK: - Choosing

    /// Decides who goes on at a step, and lists that thread's ways in `state.choices`.
    mutating func choose(
        _ state: inout ExecutionState, _ depth: Int, _ enabled: UInt8, _ lastThread: Int
    ) -> Decision {
        if depth >= nodes.count {
            guard addNode(&state, depth, enabled, lastThread) else { return .redundant }
        } else if enabled != nodes[depth].enabled {
            return .impossible
        }
        let thread = Int(nodes[depth].thread)
        state.listChoices(of: thread)
        if depth >= prefixCount - 1 { takeNextWay(&state, depth, thread) }
        choice = Int(nodes[depth].choice)
        return choice < state.choices.count ? .thread(thread) : .impossible
    }

    /// Takes the first way that is left of the node's thread.
    private mutating func takeNextWay(
        _ state: inout ExecutionState, _ depth: Int, _ thread: Int
    ) {
        if nodes[depth].isFresh {
            nodes[depth].isFresh = false
            nodes[depth].remaining = awakeChoices(
                &state, thread, nodes[depth].sleeping, nodes[depth].sleepSteps)
        }
        let remaining = nodes[depth].remaining
        nodes[depth].choice = Int32(remaining.trailingZeroBitCount)
        nodes[depth].remaining = remaining & (remaining &- 1)
    }

    /// The listed choices of a thread that were not tried elsewhere, a bit for each.
    @inline(__always)
    private func awakeChoices(
        _ state: inout ExecutionState, _ thread: Int, _ sleeping: UInt8, _ sleepSteps: Clock
    ) -> UInt64 {
        let count = state.choices.count
        precondition(count <= 64, "a step has more than 64 ways to go: make the model smaller")
        let all = count == 64 ? UInt64.max : (1 &<< UInt64(count)) &- 1
        if sleeping & (1 &<< UInt8(thread)) == 0 { return all }
        var awake: UInt64 = 0
        for index in 0..<count {
            let choice = state.choices[index]
            if choice.mode == .pass || choice.mode == .write { continue }
            if state.memory.stores[Int(choice.store)].step >= sleepSteps[thread] {
                awake |= 1 &<< UInt64(index)
            }
        }
        return awake
    }

    /// Adds the node of a new step; false if nothing new can follow.
    private mutating func addNode(
        _ state: inout ExecutionState, _ depth: Int, _ enabled: UInt8, _ lastThread: Int
    ) -> Bool {
        if preemptionMax >= 0 { return addPlainNode(depth, enabled, lastThread) }
        var node = Node(
            enabled: enabled, awake: enabled, wanted: 0, sleeping: 0, sleepSteps: Clock(),
            thread: 0)
        if depth > 0 {
            fallAsleep(&node, &state, depth)
            for thread in 1..<threadCountMax
            where node.sleeping & enabled & (1 &<< UInt8(thread)) != 0 {
                state.listChoices(of: thread)
                if awakeChoices(&state, thread, node.sleeping, node.sleepSteps) == 0 {
                    node.awake &= ~(1 &<< UInt8(thread))
                }
            }
        }
        if node.awake == 0 { return false }
        let isSame = node.awake & (1 &<< UInt8(lastThread)) != 0 && lastThread > 0
        let thread = isSame ? lastThread : node.awake.trailingZeroBitCount
        node.thread = Int32(thread)
        node.wanted = 1 &<< UInt8(thread)
        nodes.append(node)
        return true
    }

    /// A node of the search without reduction: every thread that may go on is wanted.
    private mutating func addPlainNode(_ depth: Int, _ enabled: UInt8, _ lastThread: Int) -> Bool {
        let last = lastThread > 0 ? UInt8(1) &<< UInt8(lastThread) : 0
        var wanted = enabled
        var preemptions: Int32 = 0
        if depth > 0 {
            let previous = nodes[depth - 1]
            preemptions = previous.preemptions
            // The step before left a thread that could have gone on: that was a preemption.
            if depth > 1, nodes[depth - 2].thread != previous.thread,
                previous.enabled & (1 &<< UInt8(nodes[depth - 2].thread)) != 0
            {
                preemptions += 1
            }
        }
        if Int(preemptions) >= preemptionMax, enabled & last != 0 { wanted = last }
        let isSame = wanted & last != 0
        var node = Node(
            enabled: enabled, awake: enabled, wanted: wanted, sleeping: 0, sleepSteps: Clock(),
            thread: Int32(isSame ? lastThread : wanted.trailingZeroBitCount))
        node.preemptions = preemptions
        nodes.append(node)
        return true
    }

    /// Puts those threads to sleep whose next step was tried before the step that has just been
    /// made, and is not changed by it.
    @inline(__always)
    private func fallAsleep(_ node: inout Node, _ state: inout ExecutionState, _ depth: Int) {
        var sleepers = nodes[depth - 1].sleeping & ~(1 &<< UInt8(events[depth - 1].thread))
        if sleepers == 0 { return }
        let made = events[depth - 1].effect
        while sleepers != 0 {  // A bit less at each turn.
            let thread = sleepers.trailingZeroBitCount
            let bit = sleepers & (0 &- sleepers)
            sleepers &= ~bit
            let effect = state.threads[thread].possibleEffect
            if made.isOrderedWith(effect) || made.revives(effect) { continue }
            if made.wokenThreads & bit != 0 { continue }
            node.sleeping |= bit
            node.sleepSteps[thread] = nodes[depth - 1].sleepSteps[thread]
        }
    }

    // MARK: - Races

    /// Notes a step, and which earlier steps must be tried behind it.
    mutating func note(_ effect: StepEffect, of thread: Int, at depth: Int) {
        defer { lastSteps[thread] = Int32(depth) }
        if depth < prefixCount - 1 || preemptionMax >= 0 { return }
        var clock = lastSteps[thread] >= 0 ? events[Int(lastSteps[thread])].clock : Clock()
        let takesLock = effect.traits.contains(.locks)
        if !takesLock { join(effect.enablingStep, into: &clock) }
        let first = latest(at: effect.location, before: depth)
        let crossings = depth > 0 ? events[depth - 1].crossings : 0
        let looksAtAll = crossings > 0 || effect.crossesLocations
        var next = looksAtAll ? depth - 1 : first
        while next >= 0 {  // Ends: each is before the last.
            let index = next
            next = looksAtAll ? index - 1 : Int(events[index].previous)
            let other = Int(events[index].thread)
            if other == thread || Int(clock[other]) > index { continue }
            let isOrdered = events[index].effect.isOrderedWith(effect)
            let isRead = Int(effect.readStep) == index
            let isRace = isOrdered || events[index].effect.isChanged(by: effect)
            if isRace {
                let readsAnew = effect.reads && (isOrdered || isRead) ? Int(effect.location) : -1
                want(thread, at: index, depth, clock, readingAnew: readsAnew)
            }
            if isOrdered || isRead { clock.join(events[index].clock) }
        }
        // Not before: the step that gave the lock back is behind the one that took it, with which
        // this one must change places.
        if takesLock { join(effect.enablingStep, into: &clock) }
        clock[thread] = Int32(depth + 1)
        events.append(
            Event(
                thread: Int32(thread), previous: Int32(first),
                crossings: crossings + (effect.crossesLocations ? 1 : 0), effect: effect,
                clock: clock))
    }

    /// Puts what came before a step, if there is one, and the step itself, into a clock.
    @inline(__always)
    private func join(_ step: Int32, into clock: inout Clock) {
        if step >= 0 { clock.join(events[Int(step)].clock) }
    }

    /// The last step of a location before a step; -1 if there is none.
    @inline(__always)
    private func latest(at location: Int32, before depth: Int) -> Int {
        if location < 0 { return -1 }
        var index = depth - 1
        while index >= 0, events[index].effect.location != location { index -= 1 }
        return index
    }

    /// Sees that at an earlier step a thread is tried from which the present step can be reached
    /// before that one is made. If it will then read something else from a location, it may be
    /// what another of the steps before it writes there: it has to wait for them.
    private mutating func want(
        _ thread: Int, at index: Int, _ depth: Int, _ clock: Clock, readingAnew location: Int
    ) {
        var firsts = Clock(repeating: .max)
        var initials: UInt8 = 0
        var waits = false
        let raced = Int(events[index].thread)
        for step in (index + 1)..<depth where Int(events[step].clock[raced]) <= index {
            let mover = Int(events[step].thread)
            if location >= 0, Int(events[step].effect.location) == location {
                waits = waits || events[step].effect.writes
            }
            if firsts[mover] != .max { continue }
            if !any(events[step].clock .> firsts) { initials |= 1 &<< UInt8(mover) }
            firsts[mover] = Int32(step)
        }
        if !waits, firsts[thread] == .max, !any(clock .> firsts) { initials |= 1 &<< UInt8(thread) }
        let node = nodes[index]
        let asleep = node.enabled & ~node.awake
        if initials & (node.wanted | asleep) != 0 { return }
        let bit = UInt8(1) &<< UInt8(thread)
        let chosen = initials & bit != 0 ? bit : initials & (0 &- initials)
        nodes[index].wanted |= chosen & node.enabled != 0 ? chosen : node.enabled
    }
}
