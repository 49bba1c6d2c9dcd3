// SPDX-License-Identifier: MIT

import AtomicSupport
import DrainAllocators
import ModelChecking
import Testing

/// Programs with the allocator that waits until everything is back.
enum DrainPrograms {
    /// An allocator whose memory is the model's, so that its end is watched.
    static func allocator(byteCountMax: Int) -> DrainAllocator {
        // SAFETY: the two functions are a pair.
        let source = unsafe MemorySource(
            allocate: { _, byteCount, alignment in
                unsafe ModelHeap.allocate(byteCount: byteCount, alignment: alignment)
            },
            deallocate: { _, memory, _, _ in
                unsafe ModelHeap.deallocate(memory)  // SAFETY: it came from the function above.
            }, context: nil)
        return unsafe DrainAllocator(byteCountMax: byteCountMax, source: source)
    }

    /// Threads that allocate, use and give back so often each, while one closes and waits until
    /// everything is back: nothing is out when its wait has ended.
    static func closing(_ turns: [Int]) -> (Model) -> Void {
        { model in
            let allocator = allocator(byteCountMax: 1_024)
            let shutDown = PlainCell(0)
            for (number, count) in turns.enumerated() {
                model.thread("user \(number)") {
                    for turn in 0..<count {
                        guard let record = allocator.make(turn) else { continue }
                        // Races with the store below if the wait does not cover this block.
                        model.check(shutDown.load() == 0, "out although all is back")
                        model.check(record.take() == turn)
                    }
                }
            }
            model.thread("closer") {
                allocator.close()
                let isDrained = allocator.blockingDrained(until: .never)
                model.check(isDrained)
                shutDown.store(1)
                model.check(allocator.make(9) == nil, "given out behind the close")
            }
            model.finally {
                model.check(allocator.outstanding.blockCount == 0)
                model.check(allocator.outstanding.byteCount == 0)
            }
        }
    }

    /// Threads that give so many blocks back each, while one waits and then ends the allocator.
    static func end(_ blocks: [Int], waiters: Int) -> (Model) -> Void {
        { model in
            let place = AllocatorPlace(allocator(byteCountMax: 1_024))
            let cells = blocks.map { _ in PlainCell(0) }
            for (number, count) in blocks.enumerated() {
                let memory = (0..<count).map { _ in place.allocate() }
                model.thread("user \(number)") {
                    for block in memory {
                        cells[number].store(1)
                        place.deallocate(block)
                    }
                }
            }
            for number in 0..<waiters {
                model.thread("waiter \(number)") {
                    place.waitUntilDrained(model)
                    for cell in cells { model.check(cell.load() == 1, "back without an edge") }
                    if waiters == 1 { place.end() }
                }
            }
            model.finally { if waiters > 1 { place.end() } }
        }
    }

    /// Threads that allocate out of one buffer, which has room for few, and give back.
    static func fixed(_ turns: [Int], byteCount: Int) -> (Model) -> Void {
        { model in
            let block = Shared(SharedBlock(byteCount: byteCount))
            // SAFETY: the block outlives the buffer: the end of the model keeps both.
            let memory = unsafe UnsafeMutableRawBufferPointer(
                start: block.value.base, count: byteCount)
            let buffer = Shared(unsafe FixedBuffer(memory))  // SAFETY: as above.
            let whole = buffer.value.largestFreeByteCount
            let place = AllocatorPlace(
                // SAFETY: ended before the buffer.
                unsafe DrainAllocator(byteCountMax: 1_024, source: buffer.value.source))
            for count in turns {
                model.thread {
                    for _ in 0..<count {
                        guard let block = place.tryAllocate() else { continue }
                        place.deallocate(block)
                    }
                }
            }
            model.finally {
                place.end()
                model.check(buffer.value.freeByteCount == buffer.value.byteCount)
                model.check(buffer.value.largestFreeByteCount == whole, "not joined")
                withExtendedLifetime(block) {}
            }
        }
    }

    /// Threads that allocate and give back under a limit, whose answers must fit an order.
    static func limit(_ turns: [Int], byteCountMax: Int, closes: Bool) -> (Model) -> Void {
        { model in
            let place = AllocatorPlace(allocator(byteCountMax: byteCountMax))
            let history = model.history(of: ByteLimit(maximum: byteCountMax))
            for count in turns {
                model.thread {
                    for _ in 0..<count {
                        var block: AllocatorPlace.Block?
                        _ = history.record(.allocate) {
                            block = place.tryAllocate()
                            return block != nil
                        }
                        guard let block else { continue }
                        _ = history.record(.deallocate) {
                            place.deallocate(block)
                            return true
                        }
                    }
                }
            }
            if closes {
                model.thread {
                    _ = history.record(.close) {
                        place.close()
                        return true
                    }
                }
            }
            model.finally { place.end() }
        }
    }
}

/// An allocator that a thread of the model can end.
@safe
final class AllocatorPlace {
    /// How large each block is.
    static var byteCount: Int { 16 }
    private let place: UnsafeMutablePointer<DrainAllocator>

    init(_ allocator: consuming DrainAllocator) {
        unsafe place = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
        unsafe place.initialize(to: allocator)  // SAFETY: ended by `end`.
    }

    deinit { unsafe place.deallocate() }  // SAFETY: allocated in `init`.

    /// A block that is out.
    @safe
    struct Block {
        fileprivate let address: UnsafeMutableRawPointer
    }

    func allocate() -> Block {
        guard let block = tryAllocate() else { preconditionFailure("refused") }
        return block
    }

    func tryAllocate() -> Block? {
        // SAFETY: given back by `deallocate`.
        let memory = unsafe place.pointee.allocate(byteCount: Self.byteCount)
        return unsafe memory?.baseAddress.map { unsafe Block(address: $0) }  // SAFETY: as above.
    }

    func deallocate(_ block: Block) {
        unsafe place.pointee.deallocate(block.address)  // SAFETY: given out, and back once.
    }

    func close() { unsafe place.pointee.close() }  // SAFETY: it lives.

    func waitUntilDrained(_ model: Model) {
        // SAFETY: it lives until `end`.
        let isDrained = unsafe place.pointee.blockingDrained(until: .never)
        model.check(isDrained)
    }

    func end() { unsafe place.deinitialize(count: 1) }  // SAFETY: called once.
}

/// Blocks of one size under a limit of bytes, until it is closed.
struct ByteLimit: SequentialSpecification {
    enum Operation {
        case allocate
        case deallocate
        case close
    }

    struct State: Hashable {
        var byteCount = 0
        var isClosed = false
    }

    var maximum: Int
    var initialState: State { State() }

    func apply(_ operation: Operation, _ result: Bool, to state: inout State) -> Bool {
        switch operation {
        case .allocate:
            let isPossible =
                !state.isClosed && state.byteCount + AllocatorPlace.byteCount <= maximum
            if isPossible { state.byteCount += AllocatorPlace.byteCount }
            return result == isPossible
        case .deallocate: state.byteCount -= AllocatorPlace.byteCount
        case .close: state.isClosed = true
        }
        return true
    }
}

@Suite("Models of DrainAllocator")
struct DrainModelTests {
    @Test("nothing is out when the wait behind a close has ended", arguments: [[1], [2]])
    func closing(turns: [Int]) {
        // Wrong: an allocation next to the close is neither refused nor waited for.
        let result = exhaust(turns, program: DrainPrograms.closing(turns))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("nothing is out, with two users")
    func closingOfMany() {
        // Wrong: as above.
        let result = exhaustAroundLock(program: DrainPrograms.closing([1, 1]))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "the allocator may end when all is back, and all has been seen",
        arguments: [([1], 1), ([2], 1), ([1, 1], 1)])
    func end(blocks: [Int], waiters: Int) {
        // Wrong: whoever gives the last block back touches the allocator afterwards.
        let result = exhaust(
            blocks, waiters, program: DrainPrograms.end(blocks, waiters: waiters))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("several wait until all is back")
    func waiters() {
        // Wrong: one of them sleeps on.
        let result = exhaustAroundLock(program: DrainPrograms.end([1, 1], waiters: 2))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test(
        "the limit and the close are exact",
        arguments: [([1, 1], 16, false), ([2, 1], 16, true), ([2, 1], 32, false)])
    func limit(turns: [Int], byteCountMax: Int, closes: Bool) {
        // Wrong: more bytes are out than allowed, or refused although there is room.
        let result = exhaust(
            turns, byteCountMax, closes,
            program: DrainPrograms.limit(turns, byteCountMax: byteCountMax, closes: closes))
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a buffer is whole again when all is back", arguments: [[1, 1], [2, 1]])
    func fixed(turns: [Int]) {
        // Wrong: two split a block at the same moment, or a block does not join its buddy.
        let program = DrainPrograms.fixed(turns, byteCount: 1_024)
        let isLarge = turns.contains(2)  // Five million executions.
        let result =
            isLarge ? exhaustIfLong(turns, program: program) : exhaust(turns, program: program)
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive || isLarge)
    }
}
