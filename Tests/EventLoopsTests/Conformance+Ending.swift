// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import Testing

extension ConformanceSuite {
    static let cancelChecks = [
        ConformanceCheck("cancel: only the one", cancelOne),
        ConformanceCheck("cancel: everything on a descriptor, and nothing else", cancelAll),
        ConformanceCheck("cancel: after the event, either result", cancelLate),
        ConformanceCheck("cancel: an old name does nothing", cancelOldName),
        ConformanceCheck("close: ends all, and the number is clean", closeReuse),
    ]

    static let pollChecks = [
        ConformanceCheck("poll: ready at once, later, cancelled", pollPipe),
        ConformanceCheck("poll: again and again, then closed by its owner", pollRepeated),
        ConformanceCheck("poll: several on one descriptor", pollSeveral),
        ConformanceCheck("wake: from another thread, before and during the wait", wakeWait),
        ConformanceCheck("wait: returns at the deadline", waitDeadline),
    ]

    @Sendable
    static func cancelOne(_ factory: BackendFactory) throws {
        // Wrong: cancelling one operation takes others with it.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        let (other, otherFar) = try Wires.pair()
        let (first, _) = driver.receive(10, from: near)
        let (second, _) = driver.receive(10, from: other)
        let poll = driver.poll(near, MILLRACE_POLLIN)
        driver.turn(milliseconds: 5)
        driver.backend.cancel(first)
        #expect(try driver.result(of: first) == -Int32(MILLRACE_ECANCELED))
        for _ in 0..<2 { driver.turn(milliseconds: 5) }
        #expect(!driver.isOver(second) && !driver.isOver(poll))
        try Wires.send([1], to: far)
        #expect(try driver.result(of: poll) & Int32(MILLRACE_POLLIN) != 0)
        driver.backend.cancel(second)
        _ = try driver.result(of: second)
        for descriptor in [near, other] { _ = try driver.result(of: driver.close(descriptor)) }
        for descriptor in [far, otherFar] { Wires.close(descriptor) }
    }

    @Sendable
    static func cancelAll(_ factory: BackendFactory) throws {
        // Wrong: something on the descriptor stays behind.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        let (other, otherFar) = try Wires.pair()
        while Wires.sendSome(Wires.pattern(1_000_000)[...], to: near) > 0 {}
        let stream = driver.receiveStream(near)
        let send = driver.send([1], to: near)
        let poll = driver.poll(near, MILLRACE_POLLIN)
        let kept = driver.receiveStream(other)
        driver.turn(milliseconds: 5)
        driver.backend.cancelAll(on: near)
        let cancelled = -Int32(MILLRACE_ECANCELED)
        #expect(try driver.all(of: stream).map(\.result) == [cancelled])
        #expect(try driver.result(of: send) == cancelled)
        #expect(try driver.result(of: poll) == cancelled)
        for _ in 0..<2 { driver.turn(milliseconds: 5) }
        #expect(!driver.isOver(kept))
        driver.backend.cancelAll(on: near)
        driver.backend.cancelAll(on: 9_999)
        driver.backend.cancelAll(on: -1)
        driver.turn(milliseconds: 5)
        for descriptor in [near, other] { _ = try driver.result(of: driver.close(descriptor)) }
        #expect(driver.isOver(kept))
        for descriptor in [far, otherFar] { Wires.close(descriptor) }
    }

    @Sendable
    static func cancelLate(_ factory: BackendFactory) throws {
        // Wrong: a cancellation that comes too late loses the bytes, or completes twice.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        for round in 0..<50 {
            let (operation, bytes) = driver.receive(10, from: near)
            if round % 2 == 0 { driver.turn(milliseconds: 0) }
            try Wires.send([UInt8(round)], to: far)
            driver.backend.cancel(operation)
            let result = try driver.result(of: operation)
            if result == 1 {
                #expect(bytes(1) == [UInt8(round)])
            } else {
                #expect(result == -Int32(MILLRACE_ECANCELED))
                #expect(try Wires.receive(1, from: near) == [UInt8(round)])
            }
        }
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func cancelOldName(_ factory: BackendFactory) throws {
        // Wrong: a late cancellation hits the operation that has the slot now.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        let (first, _) = driver.receive(10, from: near)
        try Wires.send([1], to: far)
        #expect(try driver.result(of: first) == 1)
        // The same slot, the next generation.
        let second = OperationID(rawValue: first.rawValue + 1 << 32)
        // SAFETY: no memory is named.
        unsafe driver.backend.submit(
            .receiveStream(descriptor: near, byteCountMax: .max), as: second)
        driver.backend.cancel(first)
        driver.backend.cancel(OperationID(rawValue: 7 << 32 | 12_345))
        for _ in 0..<3 { driver.turn(milliseconds: 5) }
        #expect(!driver.isOver(second))
        try Wires.send([2], to: far)
        try driver.turn(until: { driver.count(of: second) == 1 }, "the byte")
        #expect(driver.takeBytes(of: second) == [2])
        _ = try driver.result(of: driver.close(near))
        #expect(driver.count(of: first) == 1)
        Wires.close(far)
    }

    @Sendable
    static func closeReuse(_ factory: BackendFactory) throws {
        // Wrong: what was meant for a closed socket reaches the next one with its number.
        let driver = try BackendDriver(factory)
        for _ in 0..<20 {
            let (near, far) = try Wires.pair()
            let stream = driver.receiveStream(near)
            let poll = driver.poll(near, MILLRACE_POLLIN)
            driver.turn(milliseconds: 0)
            try Wires.send([1, 2, 3], to: far)
            let close = driver.close(near)
            #expect(try driver.result(of: close) == 0)
            _ = try driver.result(of: poll)
            try driver.turn(until: { driver.isOver(stream) }, "the stream's end")
            _ = driver.takeBytes(of: stream)
            let (again, againFar) = try Wires.pair()
            let next = driver.receiveStream(again)
            driver.turn(milliseconds: 1)
            #expect(driver.count(of: next) == 0, "a stale completion")
            try Wires.send([9], to: againFar)
            try driver.turn(until: { driver.count(of: next) == 1 }, "the new byte")
            #expect(driver.takeBytes(of: next) == [9])
            _ = try driver.result(of: driver.close(again))
            for descriptor in [far, againFar] { Wires.close(descriptor) }
        }
    }

    // MARK: Polls

    @Sendable
    static func pollPipe(_ factory: BackendFactory) throws {
        // Wrong: another library's descriptor cannot be waited for.
        let driver = try BackendDriver(factory)
        let (reader, writer) = try Wires.pipe()
        let writable = driver.poll(writer, MILLRACE_POLLOUT)
        #expect(try driver.result(of: writable) & Int32(MILLRACE_POLLOUT) != 0)
        let later = driver.poll(reader, MILLRACE_POLLIN)
        for _ in 0..<2 { driver.turn(milliseconds: 5) }
        #expect(!driver.isOver(later))
        Wires.write(writer)
        #expect(try driver.result(of: later) & Int32(MILLRACE_POLLIN) != 0)
        let atOnce = driver.poll(reader, MILLRACE_POLLIN)
        #expect(try driver.result(of: atOnce) & Int32(MILLRACE_POLLIN) != 0)
        Wires.drain(reader)
        let cancelled = driver.poll(reader, MILLRACE_POLLIN)
        driver.turn(milliseconds: 5)
        driver.backend.cancel(cancelled)
        #expect(try driver.result(of: cancelled) == -Int32(MILLRACE_ECANCELED))
        let hangUp = driver.poll(reader, MILLRACE_POLLIN)
        driver.turn(milliseconds: 5)
        Wires.close(writer)
        #expect(try driver.result(of: hangUp) & Int32(MILLRACE_POLLHUP) != 0)
        Wires.close(reader)
        #expect(try driver.result(of: driver.poll(9_999, 1)) == -Int32(MILLRACE_EBADF))
    }

    @Sendable
    static func pollRepeated(_ factory: BackendFactory) throws {
        // Wrong: the second poll misses what the first one's registration saw.
        let driver = try BackendDriver(factory)
        for _ in 0..<3 {
            let (reader, writer) = try Wires.pipe()
            for round in 0..<10 {
                let poll = driver.poll(reader, MILLRACE_POLLIN)
                if round % 3 != 0 { driver.turn(milliseconds: 0) }
                Wires.write(writer)
                #expect(try driver.result(of: poll) & Int32(MILLRACE_POLLIN) != 0)
                if round % 2 == 0 { Wires.drain(reader) }
                if round % 2 == 1 { Wires.drain(reader) }
            }
            let last = driver.poll(reader, MILLRACE_POLLIN)
            driver.turn(milliseconds: 0)
            driver.backend.cancel(last)
            #expect(try driver.result(of: last) == -Int32(MILLRACE_ECANCELED))
            // The owner closes it now; the numbers come back in the next round.
            Wires.close(reader)
            Wires.close(writer)
        }
    }

    @Sendable
    static func pollSeveral(_ factory: BackendFactory) throws {
        // Wrong: only one of those who wait for a descriptor is told.
        let driver = try BackendDriver(factory)
        let (near, far) = try Wires.pair()
        let first = driver.poll(near, MILLRACE_POLLIN)
        let second = driver.poll(near, MILLRACE_POLLIN)
        let cancelled = driver.poll(near, MILLRACE_POLLIN)
        driver.turn(milliseconds: 5)
        driver.backend.cancel(cancelled)
        #expect(try driver.result(of: cancelled) == -Int32(MILLRACE_ECANCELED))
        try Wires.send([1], to: far)
        #expect(try driver.result(of: first) & Int32(MILLRACE_POLLIN) != 0)
        #expect(try driver.result(of: second) & Int32(MILLRACE_POLLIN) != 0)
        // After the polls the descriptor serves as a socket of the loop.
        let (operation, _) = driver.receive(10, from: near)
        #expect(try driver.result(of: operation) == 1)
        let (next, _) = driver.receive(10, from: near)
        driver.turn(milliseconds: 5)
        try Wires.send([1, 2], to: far)
        #expect(try driver.result(of: next) == 2)
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    // MARK: Waiting

    @Sendable
    static func wakeWait(_ factory: BackendFactory) throws {
        // Wrong: a posted job waits for the next packet.
        let driver = try BackendDriver(factory)
        driver.turn(milliseconds: 0)
        let start = MonotonicInstant.now
        for _ in 0..<3 {
            driver.backend.wake()
            driver.turn(milliseconds: 20_000)
        }
        let waker = Waker(driver.backend)
        for round in 0..<20 {
            let thread = waker.wakeLater(spins: round * 2000)
            driver.turn(milliseconds: 20_000)
            millrace_thread_join(thread)
        }
        #expect(MonotonicInstant.now.nanoseconds(since: start) < 10_000_000_000)
    }

    @Sendable
    static func waitDeadline(_ factory: BackendFactory) throws {
        // Wrong: timers fire early, late, or keep a processor busy.
        let driver = try BackendDriver(factory)
        driver.turn(milliseconds: 0)
        let start = MonotonicInstant.now
        let deadline = start.advanced(byNanoseconds: 30_000_000)
        var turns = 0
        var batch = CompletionBatch(capacity: 16)
        while MonotonicInstant.now < deadline {
            driver.backend.wait(until: deadline, into: &batch)
            turns += 1
        }
        #expect(turns < 100, "the wait did not sleep")
        driver.backend.wait(until: start, into: &batch)
        #expect(batch.count == 0)
    }
}

/// Wakes a backend from another thread.
private final class Waker: @unchecked Sendable {
    private let backend: any EventBackend
    private var spins = 0

    init(_ backend: any EventBackend) { self.backend = backend }

    /// Starts a thread that spins a little and wakes. One at a time.
    func wakeLater(spins: Int) -> UInt64 {
        self.spins = spins
        var handle: UInt64 = 0
        // SAFETY: the caller joins the thread while it holds `self`.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        // SAFETY: as above.
        let status = unsafe millrace_thread_start(
            &handle,
            { context in
                // SAFETY: only compares with nil.
                guard let context = unsafe context else { return }
                // SAFETY: as above.
                let waker = unsafe Unmanaged<Waker>.fromOpaque(context).takeUnretainedValue()
                for _ in 0..<waker.spins { millrace_spin_hint() }
                waker.backend.wake()
            }, context, "waker")
        precondition(status == 0)
        return handle
    }
}

extension Wires {
    /// Writes one byte.
    static func write(_ descriptor: Int32) {
        var byte: UInt8 = 1
        _ = unsafe millrace_write(descriptor, &byte, 1)  // SAFETY: one byte.
    }

    /// Reads what a pipe holds.
    static func drain(_ descriptor: Int32) {
        var bytes = [UInt8](repeating: 0, count: 4096)
        _ = unsafe millrace_read(descriptor, &bytes, bytes.count)  // SAFETY: as many.
    }
}
