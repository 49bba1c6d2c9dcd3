// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

@Suite("Sleeping and waking in a model")
struct ParkingTests {
    /// A word to sleep on, and a flag that goes with it.
    @safe
    private final class Gate {
        let word: UnsafeMutablePointer<Atomic<UInt32>>
        let flag = Atomic(0)
        let sleepers = Atomic(0)

        init() {
            unsafe word = .allocate(capacity: 1)  // SAFETY: freed in `deinit`.
            unsafe word.initialize(to: Atomic(0))  // SAFETY: as above.
        }

        deinit { unsafe word.deallocate() }  // SAFETY: allocated in `init`.

        func sleep(hasDeadline: Bool = false) -> Bool {
            // SAFETY: the word lives as long as the gate.
            unsafe ModelParking.wait(on: word, while: 0, hasDeadline: hasDeadline)
        }

        func open(wakes: Bool = true) {
            // SAFETY: as above.
            unsafe word.pointee.store(1, ordering: .releasing)
            if wakes { unsafe ModelParking.wake(word, count: .max) }  // SAFETY: as above.
        }

        var isOpen: Bool {
            unsafe word.pointee.load(ordering: .acquiring) == 1  // SAFETY: as above.
        }
    }

    @Test("whoever sleeps is woken, and sees what was done before")
    func sleepAndWake() {
        // Wrong: a wake is lost between the look at the word and the sleep.
        let result = explore { model in
            let gate = Gate()
            let cell = PlainCell(0)
            for _ in 0..<2 {
                model.thread {
                    while !gate.isOpen { _ = gate.sleep() }
                    model.check(cell.load() == 1)
                }
            }
            model.thread {
                cell.store(1)
                gate.open()
            }
        }
        #expect(result.holds, "\(result)")
        #expect(result.isExhaustive)
    }

    @Test("a wake that is left out is a lost wake-up")
    func lostWake() {
        // Wrong: threads that sleep for ever are taken for threads that have ended.
        let result = explore { model in
            let gate = Gate()
            model.thread("sleeper") {
                while !gate.isOpen { _ = gate.sleep() }
            }
            model.thread { gate.open(wakes: false) }
        }
        #expect(result.failure?.kind == .deadlock)
        #expect(result.failure?.message.contains("sleeper") == true)
    }

    @Test("the wake of one of two sleepers leaves the other")
    func oneWake() {
        // Wrong: the number of threads to wake is not minded.
        let result = explore { model in
            let gate = Gate()
            for _ in 0..<2 {
                model.thread {
                    while !gate.isOpen { _ = gate.sleep() }
                }
            }
            model.thread {
                // SAFETY: the word lives as long as the gate.
                unsafe gate.word.pointee.store(1, ordering: .releasing)
                unsafe ModelParking.wake(gate.word, count: 1)  // SAFETY: as above.
            }
        }
        #expect(result.failure?.kind == .deadlock)
    }

    @Test("a sleep with a deadline may end by it, or by the wake")
    func deadline() {
        // Wrong: one of the two ways a timed wait can end is never tried.
        var endings: Set<Bool> = []
        let result = explore(.exhaustive) { model in
            let gate = Gate()
            model.thread {
                if !gate.isOpen { endings.insert(gate.sleep(hasDeadline: true)) }
            }
            model.thread { gate.open() }
        }
        #expect(result.holds, "\(result)")
        #expect(endings == [true, false])
    }

    @Test("skipping the wake when nobody has said that he sleeps needs the common order")
    func dekker() {
        // Wrong: the fault for which event counts exist passes.
        func handshake(
            _ store: AtomicUpdateOrdering, _ load: AtomicLoadOrdering
        ) -> Exploration {
            explore { model in
                let gate = Gate()
                model.thread("sleeper") {
                    _ = gate.sleepers.exchange(1, ordering: store)
                    if gate.flag.load(ordering: load) == 0 { _ = gate.sleep() }
                }
                model.thread("waker") {
                    _ = gate.flag.exchange(1, ordering: store)
                    if gate.sleepers.load(ordering: load) == 1 { gate.open() }
                }
            }
        }
        let good = handshake(.sequentiallyConsistent, .sequentiallyConsistent)
        #expect(good.holds, "\(good)")
        let bad = handshake(.acquiringAndReleasing, .acquiring)
        #expect(bad.failure?.kind == .deadlock)
    }
}
