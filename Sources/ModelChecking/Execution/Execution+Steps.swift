// SPDX-License-Identifier: MIT

extension ExecutionState {
    /// Takes the next step of a thread in one of its ways: changes the memory, leaves the answer in
    /// `outcome` and what matters for the search in `effect`. The thread is not entered.
    mutating func perform(_ number: Int, _ choice: Choice) {
        let location = threads[number].location
        let store = Int(choice.store)
        effect = threads[number].possibleEffect
        outcome = AtomicOutcome(value: AtomicBits(low: 0), isDone: true)
        if location >= 0, memory.locations[location].isGone, threads[number].pending.kind != .wake {
            return failForGoneAtomic(number)
        }
        if store >= 0, choice.mode != .write {
            outcome.value = memory.stores[store].bits
            noteSource(memory.stores[store].step, of: threads[number].pending.kind)
        }
        record(number, choice)
        switch choice.mode {
        case .pass:
            pass(number)
        case .read, .spuriousFailure:
            readOnly(number, choice)
        case .write:
            memory.write(
                threads[number].pending.operand, behind: store, by: number,
                threads[number].pending.order, isUpdate: false, step: step)
            noteWrite(number)
        case .update:
            update(number, store)
        case .park:
            park(number, store)
        }
    }

    /// Notes which step wrote what this one finds. Whoever takes a lock could not do so before it
    /// was given back, but before it was taken: that it reads from the one does not order it behind
    /// the other.
    @inline(__always)
    private mutating func noteSource(_ step: Int32, of kind: AtomicOperation.Kind) {
        if kind == .lock {
            effect.enablingStep = step
        } else {
            effect.readStep = step
        }
    }

    private mutating func failForGoneAtomic(_ number: Int) {
        fail(
            .useAfterFree,
            "\(name(of: number)) uses an atomic whose memory was given back"
                + " (\(threads[number].pending.site))")
    }

    private mutating func readOnly(_ number: Int, _ choice: Choice) {
        let store = Int(choice.store)
        let kind = threads[number].pending.kind
        effect.traits.remove(.writes)
        if kind == .park {
            memory.passParkingLock(of: threads[number].location, by: number)
        }
        if choice.mode == .spuriousFailure { threads[number].spuriousFailuresLeft -= 1 }
        let isPlain = kind != .compareExchange
        memory.read(
            store, by: number,
            isPlain ? threads[number].pending.order : threads[number].pending.failureOrder)
        outcome.isDone = isPlain
        noteRead(number, store)
    }

    private mutating func update(_ number: Int, _ store: Int) {
        let new = threads[number].pending.newValue(of: memory.stores[store].bits)
        let order = threads[number].pending.order
        memory.read(store, by: number, order)
        memory.write(new, behind: store, by: number, order, isUpdate: true, step: step)
        noteWrite(number)
    }

    private mutating func pass(_ number: Int) {
        switch threads[number].pending.kind {
        case .fence:
            memory.fence(number, threads[number].pending.order)
        case .wake:
            wake(
                number, countMax: Int(truncatingIfNeeded: threads[number].pending.operand.low))
        case .timeout:
            removeSleeper(number)
            threads[number].status = .ready
            memory.passParkingLock(of: threads[number].location, by: number)
            outcome.isDone = false
        case .yield:
            effect.enablingStep = Int32(firstNews(of: number))
            noteYield(number)
        case .begin:
            effect.enablingStep = Int32(threads[number].wakingStep)
        default:
            break
        }
    }

    /// The earliest of the steps that wrote something new to what a thread has read.
    @inline(__always)
    private func firstNews(of thread: Int) -> Int {
        var first = Int.max
        for index in threads[thread].reads.indices where threads[thread].reads[index].isRecent {
            first = min(first, newsStep(threads[thread].reads[index]) ?? .max)
        }
        return first == .max ? -1 : first
    }

    // MARK: - Sleeping

    private mutating func park(_ number: Int, _ store: Int) {
        effect.traits.remove(.writes)
        memory.passParkingLock(of: threads[number].location, by: number)
        memory.read(store, by: number, .relaxed)
        if number == 0 {
            return fail(.deadlock, "the caller (T0) sleeps, and no thread is there to wake it")
        }
        sleepers.append(Sleeper(thread: number, location: threads[number].location))
        threads[number].status = .parked
        threads[number].changeNextStep(to: .timeout)
    }

    private mutating func removeSleeper(_ number: Int) {
        for index in sleepers.indices.reversed() where sleepers[index].thread == number {
            _ = sleepers.remove(at: index)
        }
    }

    /// Wakes the longest sleepers on the word.
    private mutating func wake(_ number: Int, countMax: Int) {
        memory.passParkingLock(of: threads[number].location, by: number)
        let location = threads[number].location
        var count = 0
        while count < countMax,
            let index = sleepers.indices.first(where: { sleepers[$0].location == location })
        {
            let woken = sleepers.remove(at: index).thread
            count += 1
            effect.wokenThreads |= 1 &<< UInt8(woken)
            memory.passParkingLock(of: threads[number].location, by: woken)
            threads[woken].status = .ready
            threads[woken].changeNextStep(to: .begin)
            threads[woken].wakingStep = step
        }
        outcome.value.low = UInt64(count)
    }

    // MARK: - Repetitions

    private mutating func noteRead(_ thread: Int, _ store: Int) {
        let site = threads[thread].pending.site.key
        for index in threads[thread].reads.indices
        where threads[thread].reads[index].site == site
            && Int(threads[thread].reads[index].location) == threads[thread].location
        {
            if Int(threads[thread].reads[index].store) == store {
                threads[thread].reads[index].count += 1
            } else {
                threads[thread].reads[index].store = Int32(store)
                threads[thread].reads[index].count = 1
            }
            threads[thread].reads[index].isRecent = true
            return
        }
        threads[thread].reads.append(
            RepeatedRead(
                site: site, location: Int32(threads[thread].location), store: Int32(store), count: 1
            ))
    }

    /// What the thread does next depends on what it reads from here on. What it read before and
    /// does not read again is no reason to let it turn.
    private mutating func noteYield(_ thread: Int) {
        for index in threads[thread].reads.indices {
            threads[thread].reads[index].isRecent = false
        }
    }

    /// A write is progress: what is read from here on repeats nothing. The write itself is what a
    /// yield then waits to see replaced.
    private mutating func noteWrite(_ thread: Int) {
        threads[thread].reads.removeAll()
        threads[thread].reads.append(
            RepeatedRead(
                site: 0, location: Int32(threads[thread].location),
                store: Int32(memory.stores.count - 1), count: 1))
    }
}
