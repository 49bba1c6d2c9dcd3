// SPDX-License-Identifier: MIT

import Testing

@testable import EventLoops

@Suite("The table of operations")
struct OperationTableTests {
    @Test("An operation is found under its name until its last completion, and no other is")
    func names() throws {
        // Wrong: a completion is given to somebody else, or a slot is lost.
        let table = Table(capacity: 4)
        for round in 0..<10 {
            let ids = (0..<5).map { table.insert(on: $0) }
            #expect(ids[4] == nil, "round \(round): an operation beyond the capacity")
            let known = try ids[..<4].map { try #require($0) }
            #expect(table.count == 4 && Set(known).count == 4)
            #expect(Set(table.names) == Set(known) && table.names.count == 4)
            #expect(table.take(known[0], hasMore: true))
            #expect(table.contains(known[0]) && table.count == 4)
            for (index, id) in known.enumerated() {
                #expect(table.take(id))
                #expect(!table.contains(id) && !table.take(id) && !table.ask(id))
                #expect(table.count == 3 - index && table.names.count == 3 - index)
            }
        }
    }

    @Test("A name that was never given out is nobody's")
    func strangers() {
        // Wrong: a made-up name reads memory that nobody has initialized.
        let table = Table(capacity: 4)
        let strangers = [0, 1, 1 << 32, 1 << 32 | 3, .max] as [UInt64]
        for _ in 0..<2 {
            let names = table.names
            for id in strangers.map({ OperationID(rawValue: $0) }) where !names.contains(id) {
                #expect(!table.contains(id) && !table.ask(id) && !table.take(id))
            }
            #expect(table.names.count == table.count)
            #expect(table.insert(on: 3)?.index == UInt32(table.count - 1))
        }
        #expect(table.count == 2)
    }

    @Test("Operations on a descriptor are counted until somebody asks them to end")
    func unasked() throws {
        // Wrong: closing a descriptor leaves an operation on it waiting, or costs a walk each time.
        let table = Table(capacity: 4)
        #expect(!table.hasUnasked(on: 5) && !table.hasUnasked(on: 1 << 19))
        // Descriptors that high are not counted: there may always be one.
        let highest: Int32 = 1 << 20
        #expect(table.hasUnasked(on: highest) && !table.hasUnasked(on: highest - 1))
        for descriptor in [0, 7, highest - 1, highest, .max] as [Int32] {
            let isUncounted = descriptor >= highest
            let first = try #require(table.insert(on: descriptor))
            let other = try #require(table.insert(on: descriptor))
            #expect(table.hasUnasked(on: descriptor))
            #expect(table.take(first) && table.hasUnasked(on: descriptor))
            let next = try #require(table.insert(on: descriptor))
            #expect(next.index == first.index && next != first, "the same slot, another name")
            #expect(!table.ask(first) && table.ask(other))
            #expect(table.hasUnasked(on: descriptor))
            #expect(table.ask(next) && table.ask(next))
            #expect(table.hasUnasked(on: descriptor) == isUncounted)
            #expect(table.take(other) && table.take(next) && table.count == 0)
            #expect(table.hasUnasked(on: descriptor) == isUncounted)
            let unasked = try #require(table.insert(on: descriptor))
            #expect(table.take(unasked) && table.hasUnasked(on: descriptor) == isUncounted)
        }
    }

    @Test("An operation without a descriptor has its place like any other")
    func noDescriptor() throws {
        // Wrong: a request on no descriptor traps, or counts for another one.
        let table = Table(capacity: 2)
        let id = try #require(table.insert(on: -1))
        #expect(!table.hasUnasked(on: -1) && !table.hasUnasked(on: 0) && table.count == 1)
        #expect(table.ask(id) && table.take(id) && table.count == 0)
    }

    @Test("A slot that was never used knows no name, whatever lies in its memory")
    func earlierLife() {
        // If this failed, the name of another loop's operation would end or complete what nobody
        // has begun.
        let names = Self.namesOfTableThatIsGone(capacity: 40)
        // The allocator gives the same memory again, and what lies there looks like operations.
        let table = Table(capacity: 40)
        for name in names {
            #expect(!table.contains(name) && !table.ask(name) && !table.take(name))
            #expect(table.insert(on: -1) == name)
        }
        #expect(table.count == 40)
    }

    private static func namesOfTableThatIsGone(capacity: Int) -> [OperationID] {
        let table = Table(capacity: capacity)
        return (0..<capacity).compactMap { _ in table.insert(on: -1) }
    }

    @Test("The next name of a free slot is nobody's yet")
    func nextName() throws {
        // If this failed, who asks such a one to end would cut off the list of free slots.
        let table = Table(capacity: 2)
        let first = try #require(table.insert(on: 3))
        #expect(table.take(first))
        let next = OperationID(rawValue: first.rawValue + 1 << 32)
        #expect(!table.contains(next) && !table.ask(next) && !table.take(next))
        #expect(table.insert(on: 3) == next)
        #expect(table.insert(on: 3)?.index == 1)
    }
}

/// A table by reference: what is expected cannot have one that is not copied.
private final class Table {
    private var table: OperationTable
    private var byte: UInt8 = 0

    init(capacity: Int) {
        table = OperationTable(capacity: capacity)
    }

    var count: Int { table.count }

    var names: [OperationID] {
        var names: [OperationID] = []
        table.forEach { names.append($0) }
        return names
    }

    func insert(on descriptor: Int32) -> OperationID? {
        // SAFETY: neither is called nor looked at.
        unsafe withUnsafeMutablePointer(to: &byte) {
            unsafe table.insert({ _, _, _, _ in }, UnsafeMutableRawPointer($0), on: descriptor)
        }
    }

    func contains(_ id: OperationID) -> Bool { table.contains(id) }

    func ask(_ id: OperationID) -> Bool { table.ask(id) }

    func hasUnasked(on descriptor: Int32) -> Bool { table.hasUnasked(on: descriptor) }

    /// Whether somebody was to be told.
    func take(_ id: OperationID, hasMore: Bool = false) -> Bool {
        // SAFETY: only whether there is one is looked at.
        unsafe table.take(Completion(id: id, result: 0, hasMore: hasMore)) != nil
    }
}
