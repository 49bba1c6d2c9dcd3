// SPDX-License-Identifier: MIT

@testable import ModelChecking

/// The outcomes of a random program by the axioms of C++20, from nothing but its text: every choice
/// of what each load reads and of the order of each location's stores is made, and those are kept
/// that the axioms allow. It shares no code with the model.
///
/// As in the model, a load reads no store that depends on it (no load buffering), and the order of
/// the sequentially consistent operations agrees with program order and reads-from.
struct AxiomaticModel {
    private struct Event {
        var thread: Int
        var access: RandomProgram.Access
        var location: Int
        var reads: Bool
        var canWrite: Bool
    }

    private let events: [Event]
    /// For each event, those behind it in its thread, a bit for each.
    private let later: [UInt64]
    private var outcomes: Set<[Int]> = []
    /// How many execution graphs the axioms allow.
    private(set) var graphCount = 0

    // One candidate: which store each event reads (-1 the first value), what it read and wrote.
    private var source: [Int]
    private var readValues: [Int]
    private var written: [Int?]

    init(_ program: RandomProgram) {
        var events: [Event] = []
        for (thread, accesses) in program.threads.enumerated() {
            for access in accesses { events.append(Self.event(access, thread)) }
        }
        later = events.indices.map { first in
            events.indices.reduce(UInt64(0)) { mask, second in
                second > first && events[second].thread == events[first].thread
                    ? mask | 1 << UInt64(second) : mask
            }
        }
        self.events = events
        source = Array(repeating: -1, count: events.count)
        readValues = Array(repeating: -1, count: events.count)
        written = Array(repeating: nil, count: events.count)
    }

    private static func event(_ access: RandomProgram.Access, _ thread: Int) -> Event {
        let (location, reads, writes) =
            switch access {
            case .load(let location, _): (location, true, false)
            case .store(let location, _, _): (location, false, true)
            case .exchange(let location, _, _): (location, true, true)
            case .add(let location, _): (location, true, true)
            case .compareExchange(let location, _, _, _, _): (location, true, true)
            case .fence: (-1, false, false)
            }
        return Event(
            thread: thread, access: access, location: location, reads: reads, canWrite: writes)
    }

    /// All outcomes, as `RandomProgram.outcomes` lists them.
    mutating func allOutcomes() -> Set<[Int]> {
        chooseSource(of: 0)
        return outcomes
    }

    // MARK: - Candidates

    private mutating func chooseSource(of event: Int) {
        if event == events.count {
            if evaluate() { orderStores() }
            return
        }
        if !events[event].reads { return chooseSource(of: event + 1) }
        for store in -1..<events.count {
            if store >= 0 {
                let isStore =
                    events[store].canWrite && events[store].location == events[event].location
                if store == event || !isStore { continue }
            }
            source[event] = store
            chooseSource(of: event + 1)
        }
        source[event] = -1
    }

    /// Finds the values, source before reader. False if the choice runs in a circle, or reads a
    /// store that is none.
    private mutating func evaluate() -> Bool {
        var done: UInt64 = 0
        for _ in events.indices {
            let next = events.indices.first { event in
                let isDone = done & (1 << UInt64(event)) != 0
                let isReady = events.indices.allSatisfy { before in
                    let mustBe =
                        later[before] & (1 << UInt64(event)) != 0
                        || events[event].reads && source[event] == before
                    return !mustBe || done & (1 << UInt64(before)) != 0
                }
                return !isDone && isReady
            }
            guard let next else { return false }
            done |= 1 << UInt64(next)
            var value = 0
            if events[next].reads, source[next] >= 0 {
                guard let stored = written[source[next]] else { return false }
                value = stored
            }
            readValues[next] = events[next].reads ? value : -1
            written[next] = writtenValue(events[next].access, value)
        }
        return true
    }

    private func writtenValue(_ access: RandomProgram.Access, _ old: Int) -> Int? {
        switch access {
        case .load, .fence: nil
        case .store(_, let value, _): value
        case .exchange(_, let value, _): value
        case .add: old + 1
        case .compareExchange(_, let expected, let desired, _, _):
            old == expected ? desired : nil
        }
    }

    private mutating func orderStores() {
        let stores = (0..<2).map { location in
            events.indices.filter { written[$0] != nil && events[$0].location == location }
        }
        for first in permutations(stores[0]) {
            for second in permutations(stores[1]) where isAllowed([first, second]) {
                let last = [first, second].map { order in order.last.flatMap { written[$0] } ?? 0 }
                outcomes.insert(readValues + last)
                graphCount += 1
            }
        }
    }

    private func permutations(_ items: [Int]) -> [[Int]] {
        if items.isEmpty { return [[]] }
        return items.indices.flatMap { index in
            var rest = items
            let item = rest.remove(at: index)
            return permutations(rest).map { [item] + $0 }
        }
    }

    // MARK: - Axioms

    private func isAllowed(_ orders: [[Int]]) -> Bool {
        // The place of each store in the order of its location; the first value is at -1.
        var place = Array(repeating: -1, count: events.count)
        for order in orders {
            for (index, store) in order.enumerated() { place[store] = index }
        }
        for event in events.indices where events[event].reads && written[event] != nil {
            let before = source[event] < 0 ? -1 : place[source[event]]
            if place[event] != before + 1 { return false }  // An update is not parted.
        }
        let happensBefore = closure(of: later, and: synchronizations())
        if events.indices.contains(where: { happensBefore[$0] & (1 << UInt64($0)) != 0 }) {
            return false
        }
        let coherence = coherenceOrder(place)
        for first in events.indices {
            for second in events.indices where coherence[second] & (1 << UInt64(first)) != 0 {
                if first == second || happensBefore[first] & (1 << UInt64(second)) != 0 {
                    return false
                }
            }
        }
        return hasCommonOrder(coherence, happensBefore)
    }

    /// For each event, those of the same location that come after it: by modification order, by
    /// reading it, or by overwriting what it read.
    private func coherenceOrder(_ place: [Int]) -> [UInt64] {
        var result = Array(repeating: UInt64(0), count: events.count)
        for first in events.indices where events[first].location >= 0 {
            for second in events.indices
            where events[second].location == events[first].location && first != second {
                if follows(second, first, place) { result[first] |= 1 << UInt64(second) }
            }
        }
        return closure(of: result, and: [])
    }

    private func follows(_ second: Int, _ first: Int, _ place: [Int]) -> Bool {
        let readPlace = { (event: Int) in source[event] < 0 ? -1 : place[source[event]] }
        if events[second].reads, source[second] == first { return true }
        guard written[second] != nil else { return false }
        if written[first] != nil, place[first] < place[second] { return true }
        return events[first].reads && readPlace(first) < place[second]
    }

    private func synchronizations() -> [(Int, Int)] {
        var result: [(Int, Int)] = []
        for reader in events.indices where events[reader].reads && source[reader] >= 0 {
            var targets = events.indices.filter { fence in
                later[reader] & (1 << UInt64(fence)) != 0 && isFence(fence) { $0.isAcquiring }
            }
            if order(of: reader).isAcquiring { targets.append(reader) }
            for release in releases(before: source[reader]) {
                for target in targets { result.append((release, target)) }
            }
        }
        return result
    }

    /// The events whose release a reader of the store sees: along its release sequence.
    private func releases(before store: Int) -> [Int] {
        var result: [Int] = []
        var store = store
        while store >= 0 {  // Ends: sources run in no circle.
            if order(of: store).isReleasing { result.append(store) }
            result += events.indices.filter { fence in
                later[fence] & (1 << UInt64(store)) != 0 && isFence(fence) { $0.isReleasing }
            }
            store = events[store].reads ? source[store] : -1
        }
        return result
    }

    private func isFence(_ event: Int, _ isWanted: (MemoryOrder) -> Bool) -> Bool {
        guard case .fence(let ordering) = events[event].access else { return false }
        return isWanted(ordering.order)
    }

    private func order(of event: Int) -> MemoryOrder {
        switch events[event].access {
        case .load(_, let ordering): ordering.order
        case .store(_, _, let ordering): ordering.order
        case .exchange(_, _, let ordering), .add(_, let ordering), .fence(let ordering):
            ordering.order
        case .compareExchange(_, _, _, let ordering, let failure):
            written[event] != nil ? ordering.order : failure.order
        }
    }

    /// Whether there is an order of the sequentially consistent operations and fences that program
    /// order, reads-from and [atomics.order] paragraph 4 allow.
    private func hasCommonOrder(_ coherence: [UInt64], _ happensBefore: [UInt64]) -> Bool {
        var edges: [(Int, Int)] = []
        let ordered = events.indices.filter { order(of: $0) == .sequentiallyConsistent }
        let fences = ordered.filter { events[$0].location < 0 }
        for first in events.indices {
            for second in events.indices where coherence[first] & (1 << UInt64(second)) != 0 {
                let starts =
                    ordered.filter { $0 == first }
                    + fences.filter { happensBefore[$0] & (1 << UInt64(first)) != 0 }
                let ends =
                    ordered.filter { $0 == second }
                    + fences.filter { happensBefore[second] & (1 << UInt64($0)) != 0 }
                for start in starts { for end in ends { edges.append((start, end)) } }
            }
        }
        for reader in events.indices where events[reader].reads && source[reader] >= 0 {
            edges.append((source[reader], reader))
        }
        let all = closure(of: later, and: edges)
        return !events.indices.contains { all[$0] & (1 << UInt64($0)) != 0 }
    }

    /// The transitive closure of some edges.
    private func closure(of start: [UInt64], and edges: [(Int, Int)]) -> [UInt64] {
        var result = start
        for (first, second) in edges { result[first] |= 1 << UInt64(second) }
        for middle in events.indices {
            for event in events.indices where result[event] & (1 << UInt64(middle)) != 0 {
                result[event] |= result[middle]
            }
        }
        return result
    }
}
