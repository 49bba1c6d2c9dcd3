// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

extension ConformanceSuite {
    static let cancelChecks = [
        ConformanceCheck("cancel: only the one", cancelOne),
        ConformanceCheck("cancel: everything on a descriptor, and nothing else", cancelAll),
        ConformanceCheck("cancel: after the event, either result", cancelLate),
        ConformanceCheck("cancel: an old name does nothing", cancelOldName),
        ConformanceCheck("close: ends all, and the number is clean", closeReuse),
        ConformanceCheck("close: a shutdown under way meets nobody else", closeOverShutdown),
    ]

    @Sendable
    static func closeOverShutdown(_ run: ConformanceRun) throws {
        // Wrong: a shutdown that is done late finds another connection under the number that was
        // closed meanwhile, and its peer reads an end that nobody sent.
        let driver = try BackendDriver(run)
        let (listener, address) = try Wires.listener()
        for _ in 0..<200 {
            let (old, oldFar) = try Wires.pair()
            let client = try Wires.connect(to: address)
            try Wires.ready(listener, UInt32(MILLRACE_POLLIN))
            let shutdown = driver.shutdown(old, MILLRACE_SHUT_WR)
            let close = driver.close(old)
            _ = try driver.result(of: close)
            // It takes the lowest number: most often that of `old`.
            let next = try Wires.check(millrace_socket_accept(listener), "accept")
            _ = try driver.result(of: shutdown)
            let events = millrace_poll_now(client, UInt32(MILLRACE_POLLIN))
            run.expect(events, equals: 0, "a shutdown reached a connection that came later")
            for descriptor in [next, client, oldFar] { Wires.close(descriptor) }
            if events != 0 { break }
        }
        Wires.close(listener)
    }

    static let pollChecks = [
        ConformanceCheck("poll: ready at once, later, cancelled", pollPipe),
        ConformanceCheck("poll: again and again, then closed by its owner", pollRepeated),
        ConformanceCheck("poll: several on one descriptor", pollSeveral),
        ConformanceCheck("wake: from another thread, before and during the wait", wakeWait),
        ConformanceCheck("wait: returns at the deadline", waitDeadline),
    ]

    @Sendable
    static func cancelOne(_ run: ConformanceRun) throws {
        // Wrong: cancelling one operation takes others with it.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let (other, otherFar) = try Wires.pair()
        let (first, _) = driver.receive(10, from: near)
        let (second, _) = driver.receive(10, from: other)
        let poll = driver.poll(near, MILLRACE_POLLIN)
        driver.turn(milliseconds: 5)
        driver.backend.cancel(first)
        run.expect(
            try driver.result(of: first), equals: -Int32(MILLRACE_ECANCELED),
            "a waiting receive was not cancelled")
        for _ in 0..<2 { driver.turn(milliseconds: 5) }
        run.expect(
            !driver.isOver(second) && !driver.isOver(poll),
            "a cancellation ended other operations too")
        try Wires.send([1], to: far)
        run.expect(
            try driver.result(of: poll) & Int32(MILLRACE_POLLIN) != 0,
            "a poll did not tell that bytes are there")
        driver.backend.cancel(second)
        _ = try driver.result(of: second)
        for descriptor in [near, other] { _ = try driver.result(of: driver.close(descriptor)) }
        for descriptor in [far, otherFar] { Wires.close(descriptor) }
    }

    @Sendable
    static func cancelAll(_ run: ConformanceRun) throws {
        // Wrong: something on the descriptor stays behind.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let (other, otherFar) = try Wires.pair()
        _ = Wires.fill(near)
        let stream = driver.receiveStream(near)
        let send = driver.send([1], to: near)
        let poll = driver.poll(near, MILLRACE_POLLIN)
        let kept = driver.receiveStream(other)
        driver.turn(milliseconds: 5)
        driver.backend.cancelAll(on: near)
        let cancelled = -Int32(MILLRACE_ECANCELED)
        run.expect(
            try driver.all(of: stream).map(\.result), equals: [cancelled],
            "a stream was not cancelled with its descriptor, once")
        run.expect(
            try driver.result(of: send), equals: cancelled,
            "a send was not cancelled with its descriptor")
        run.expect(
            try driver.result(of: poll), equals: cancelled,
            "a poll was not cancelled with its descriptor")
        for _ in 0..<2 { driver.turn(milliseconds: 5) }
        run.expect(
            !driver.isOver(kept), "a cancellation by descriptor ended an operation on another one")
        driver.backend.cancelAll(on: near)
        driver.backend.cancelAll(on: 9_999)
        driver.backend.cancelAll(on: -1)
        driver.turn(milliseconds: 5)
        for descriptor in [near, other] { _ = try driver.result(of: driver.close(descriptor)) }
        run.expect(driver.isOver(kept), "closing a descriptor did not end its stream")
        for descriptor in [far, otherFar] { Wires.close(descriptor) }
    }

    @Sendable
    static func cancelLate(_ run: ConformanceRun) throws {
        // Wrong: a cancellation that comes too late loses the bytes, or completes twice.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        for round in 0..<50 {
            let (operation, bytes) = driver.receive(10, from: near)
            if round % 2 == 0 { driver.turn(milliseconds: 0) }
            try Wires.send([UInt8(round)], to: far)
            driver.backend.cancel(operation)
            let result = try driver.result(of: operation)
            if result == 1 {
                run.expect(
                    bytes(1), equals: [UInt8(round)],
                    "the byte of a receive that was cancelled too late is wrong")
            } else {
                run.expect(
                    result, equals: -Int32(MILLRACE_ECANCELED),
                    "a cancelled receive has neither its byte nor ECANCELED")
                run.expect(
                    try Wires.receive(1, from: near), equals: [UInt8(round)],
                    "a cancelled receive took the byte away")
            }
        }
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    @Sendable
    static func cancelOldName(_ run: ConformanceRun) throws {
        // Wrong: a late cancellation hits the operation that has the slot now.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let (first, _) = driver.receive(10, from: near)
        try Wires.send([1], to: far)
        run.expect(
            try driver.result(of: first), equals: 1,
            "a receive did not take the byte that was there")
        // The same slot, the next generation.
        let second = OperationID(rawValue: first.rawValue + 1 << 32)
        // SAFETY: no memory is named.
        unsafe driver.backend.submit(
            .receiveStream(descriptor: near, byteCountMax: .max), as: second)
        driver.backend.cancel(first)
        driver.backend.cancel(OperationID(rawValue: 7 << 32 | 12_345))
        for _ in 0..<3 { driver.turn(milliseconds: 5) }
        run.expect(
            !driver.isOver(second), "an old name cancelled the operation that has its slot now")
        try Wires.send([2], to: far)
        try driver.turn(until: { driver.count(of: second) == 1 }, "the byte")
        run.expect(
            driver.takeBytes(of: second), equals: [2],
            "the byte of the operation behind an old name is wrong")
        _ = try driver.result(of: driver.close(near))
        run.expect(driver.count(of: first), equals: 1, "a finished operation completed again")
        Wires.close(far)
    }

    @Sendable
    static func closeReuse(_ run: ConformanceRun) throws {
        // Wrong: what was meant for a closed socket reaches the next one with its number.
        let driver = try BackendDriver(run)
        for _ in 0..<20 {
            let (near, far) = try Wires.pair()
            let stream = driver.receiveStream(near)
            let poll = driver.poll(near, MILLRACE_POLLIN)
            driver.turn(milliseconds: 0)
            try Wires.send([1, 2, 3], to: far)
            let close = driver.close(near)
            run.expect(try driver.result(of: close), equals: 0, "closing a busy descriptor failed")
            _ = try driver.result(of: poll)
            try driver.turn(until: { driver.isOver(stream) }, "the stream's end")
            _ = driver.takeBytes(of: stream)
            let (again, againFar) = try Wires.pair()
            let next = driver.receiveStream(again)
            driver.turn(milliseconds: 1)
            run.expect(driver.count(of: next), equals: 0, "a stale completion")
            try Wires.send([9], to: againFar)
            try driver.turn(until: { driver.count(of: next) == 1 }, "the new byte")
            run.expect(
                driver.takeBytes(of: next), equals: [9], "the byte on a reused number is wrong")
            _ = try driver.result(of: driver.close(again))
            for descriptor in [far, againFar] { Wires.close(descriptor) }
        }
    }

    // MARK: Polls

    @Sendable
    static func pollPipe(_ run: ConformanceRun) throws {
        // Wrong: another library's descriptor cannot be waited for.
        let driver = try BackendDriver(run)
        let (reader, writer) = try Wires.pipe()
        let writable = driver.poll(writer, MILLRACE_POLLOUT)
        run.expect(
            try driver.result(of: writable) & Int32(MILLRACE_POLLOUT) != 0,
            "a poll did not tell that there is room")
        let later = driver.poll(reader, MILLRACE_POLLIN)
        for _ in 0..<2 { driver.turn(milliseconds: 5) }
        run.expect(!driver.isOver(later), "a poll of a silent pipe completed")
        Wires.write(writer)
        run.expect(
            try driver.result(of: later) & Int32(MILLRACE_POLLIN) != 0,
            "a poll did not tell that a byte came")
        let atOnce = driver.poll(reader, MILLRACE_POLLIN)
        run.expect(
            try driver.result(of: atOnce) & Int32(MILLRACE_POLLIN) != 0,
            "a poll did not tell that a byte is there")
        Wires.drain(reader)
        let cancelled = driver.poll(reader, MILLRACE_POLLIN)
        driver.turn(milliseconds: 5)
        driver.backend.cancel(cancelled)
        run.expect(
            try driver.result(of: cancelled), equals: -Int32(MILLRACE_ECANCELED),
            "a waiting poll was not cancelled")
        let hangUp = driver.poll(reader, MILLRACE_POLLIN)
        driver.turn(milliseconds: 5)
        Wires.close(writer)
        run.expect(
            try driver.result(of: hangUp) & Int32(MILLRACE_POLLHUP) != 0,
            "a poll did not tell that the pipe's other end is closed")
        Wires.close(reader)
        run.expect(
            try driver.result(of: driver.poll(9_999, 1)), equals: -Int32(MILLRACE_EBADF),
            "a poll of a closed descriptor is not refused")
    }

    @Sendable
    static func pollRepeated(_ run: ConformanceRun) throws {
        // Wrong: the second poll misses what the first one's registration saw.
        let driver = try BackendDriver(run)
        for _ in 0..<3 {
            let (reader, writer) = try Wires.pipe()
            for round in 0..<10 {
                let poll = driver.poll(reader, MILLRACE_POLLIN)
                if round % 3 != 0 { driver.turn(milliseconds: 0) }
                Wires.write(writer)
                run.expect(
                    try driver.result(of: poll) & Int32(MILLRACE_POLLIN) != 0,
                    "a repeated poll did not tell that a byte is there")
                if round % 2 == 0 { Wires.drain(reader) }
                if round % 2 == 1 { Wires.drain(reader) }
            }
            let last = driver.poll(reader, MILLRACE_POLLIN)
            driver.turn(milliseconds: 0)
            driver.backend.cancel(last)
            run.expect(
                try driver.result(of: last), equals: -Int32(MILLRACE_ECANCELED),
                "a waiting poll was not cancelled")
            // The owner closes it now; the numbers come back in the next round.
            Wires.close(reader)
            Wires.close(writer)
        }
    }

    @Sendable
    static func pollSeveral(_ run: ConformanceRun) throws {
        // Wrong: only one of those who wait for a descriptor is told.
        let driver = try BackendDriver(run)
        let (near, far) = try Wires.pair()
        let first = driver.poll(near, MILLRACE_POLLIN)
        let second = driver.poll(near, MILLRACE_POLLIN)
        let cancelled = driver.poll(near, MILLRACE_POLLIN)
        driver.turn(milliseconds: 5)
        driver.backend.cancel(cancelled)
        run.expect(
            try driver.result(of: cancelled), equals: -Int32(MILLRACE_ECANCELED),
            "one of several polls was not cancelled")
        try Wires.send([1], to: far)
        run.expect(
            try driver.result(of: first) & Int32(MILLRACE_POLLIN) != 0,
            "the first of several polls did not tell that a byte is there")
        run.expect(
            try driver.result(of: second) & Int32(MILLRACE_POLLIN) != 0,
            "the second of several polls did not tell that a byte is there")
        // After the polls the descriptor serves as a socket of the loop.
        let (operation, _) = driver.receive(10, from: near)
        run.expect(
            try driver.result(of: operation), equals: 1,
            "a receive after polls did not take the byte")
        let (next, _) = driver.receive(10, from: near)
        driver.turn(milliseconds: 5)
        try Wires.send([1, 2], to: far)
        run.expect(
            try driver.result(of: next), equals: 2,
            "a waiting receive after polls did not take the bytes")
        _ = try driver.result(of: driver.close(near))
        Wires.close(far)
    }

    // MARK: Waiting

    @Sendable
    static func wakeWait(_ run: ConformanceRun) throws {
        // Wrong: a posted job waits for the next packet.
        let driver = try BackendDriver(run)
        driver.turn(milliseconds: 0)
        let deadline = run.deadline
        for _ in 0..<3 {
            driver.backend.wake()
            driver.turn(milliseconds: run.patienceNanoseconds / 500_000)
            try run.require(.now < deadline, "a wake-up before the wait was lost")
        }
        let waker = Waker(driver.backend)
        for round in 0..<20 {
            let thread = waker.wakeLater(spins: round * 2000)
            driver.turn(milliseconds: run.patienceNanoseconds / 500_000)
            millrace_thread_join(thread)
            try run.require(.now < deadline, "a wake-up was lost")
        }
    }

    @Sendable
    static func waitDeadline(_ run: ConformanceRun) throws {
        // Wrong: timers fire early, late, or keep a processor busy.
        let driver = try BackendDriver(run)
        // A wake-up is over with the return that it caused.
        driver.backend.wake()
        for _ in 0..<3 { driver.turn(milliseconds: 1) }
        let start = MonotonicInstant.now
        let deadline = start.advanced(byNanoseconds: 30_000_000)
        var turns = 0
        var batch = CompletionBatch(capacity: 16)
        while MonotonicInstant.now < deadline {
            driver.backend.wait(until: deadline, into: &batch)
            turns += 1
        }
        run.expect(turns < 100, "the wait did not sleep")
        // The least of ten, because a busy machine delays some of them.
        var leastDelay = UInt64.max
        for _ in 0..<10 {
            let deadline = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000)
            while .now < deadline { driver.backend.wait(until: deadline, into: &batch) }
            leastDelay = min(leastDelay, MonotonicInstant.now.nanoseconds(since: deadline))
        }
        run.expect(
            leastDelay < 20_000_000, "every wait is late, by \(leastDelay / 1_000_000) ms at least")
        driver.backend.wait(until: start, into: &batch)
        run.expect(batch.count, equals: 0, "a wait for nothing brought completions")
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
