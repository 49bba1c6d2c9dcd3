// SPDX-License-Identifier: MIT

extension Execution {
    /// Takes the next step of a thread in one of its ways: changes the memory, and leaves the answer
    /// in `outcome` and what matters for the search in `effect`. The thread is not entered.
    func perform(_ number: Int, _ choice: Choice) {
        let thread = thread(number)
        let operation = thread.pending
        let store = Int(choice.store)
        effect = operation.possibleEffect(at: thread.location)
        outcome = AtomicOutcome(value: AtomicBits(low: 0), isDone: true)
        if thread.location >= 0, memory.locations[thread.location].isGone, operation.kind != .wake {
            return fail(
                .useAfterFree,
                "\(name(of: number)) uses an atomic whose memory was given back (\(operation.site))"
            )
        }
        if store >= 0, choice.mode != .write {
            outcome.value = memory.stores[store].bits
            effect.readStep = Int(memory.stores[store].step)
        }
        record(number, operation, choice)
        switch choice.mode {
        case .pass:
            pass(number, thread, operation)
        case .read, .spuriousFailure:
            readOnly(number, thread, operation, choice)
        case .write:
            memory.write(
                operation.operand, behind: store, by: number, operation.order, isUpdate: false,
                step: step)
            noteWrite(thread)
        case .update:
            update(number, thread, operation, store)
        case .park:
            park(number, thread, operation, store)
        }
    }

    private func readOnly(
        _ number: Int, _ thread: VirtualThread, _ operation: AtomicOperation, _ choice: Choice
    ) {
        let store = Int(choice.store)
        effect.writes = false
        if operation.kind == .park { memory.passParkingLock(of: thread.location, by: number) }
        if choice.mode == .spuriousFailure { thread.spuriousFailuresLeft -= 1 }
        let isPlain = operation.kind != .compareExchange
        memory.read(store, by: number, isPlain ? operation.order : operation.failureOrder)
        outcome.isDone = !isPlain ? false : operation.kind != .park
        if operation.kind == .park { outcome.isDone = true }
        noteRead(thread, store)
    }

    private func update(
        _ number: Int, _ thread: VirtualThread, _ operation: AtomicOperation, _ store: Int
    ) {
        let old = memory.stores[store].bits
        let new =
            operation.kind == .compareExchange
            ? operation.operand
            : operation.update.newValue(
                of: old, operation.operand, byteCount: operation.byteCount,
                isSigned: operation.isSigned)
        memory.read(store, by: number, operation.order)
        memory.write(
            new, behind: store, by: number, operation.order, isUpdate: true, step: step)
        noteWrite(thread)
    }

    private func pass(_ number: Int, _ thread: VirtualThread, _ operation: AtomicOperation) {
        switch operation.kind {
        case .fence:
            memory.fence(number, operation.order)
        case .wake:
            wake(number, thread, countMax: Int(truncatingIfNeeded: operation.operand.low))
        case .timeout:
            sleepers.removeAll { $0.thread == number }
            thread.status = .ready
            memory.passParkingLock(of: thread.location, by: number)
            outcome.isDone = false
        case .yield:
            effect.enablingStep = thread.reads.lazy.compactMap { self.newsStep($0) }.min() ?? -1
        case .begin:
            effect.enablingStep = thread.wakingStep
        default:
            break
        }
    }

    // MARK: - Sleeping

    private func park(
        _ number: Int, _ thread: VirtualThread, _ operation: AtomicOperation, _ store: Int
    ) {
        effect.writes = false
        memory.passParkingLock(of: thread.location, by: number)
        memory.read(store, by: number, .relaxed)
        if number == 0 {
            return stop(.deadlock, "the caller (T0) sleeps, and no thread is there to wake it")
        }
        sleepers.append(Sleeper(thread: number, location: thread.location))
        thread.status = .parked
        thread.pending.kind = .timeout
    }

    /// Wakes the longest sleepers on the word.
    private func wake(_ number: Int, _ thread: VirtualThread, countMax: Int) {
        memory.passParkingLock(of: thread.location, by: number)
        var count = 0
        while count < countMax,
            let index = sleepers.firstIndex(where: { $0.location == thread.location })
        {
            let woken = sleepers.remove(at: index).thread
            count += 1
            effect.wokenThreads |= 1 &<< UInt8(woken)
            memory.passParkingLock(of: thread.location, by: woken)
            threads[woken - 1].status = .ready
            threads[woken - 1].pending.kind = .begin
            threads[woken - 1].wakingStep = step
        }
        outcome.value.low = UInt64(count)
    }

    // MARK: - Repetitions

    private func noteRead(_ thread: VirtualThread, _ store: Int) {
        let site = thread.pending.site.key
        for index in thread.reads.indices
        where thread.reads[index].site == site
            && Int(thread.reads[index].location) == thread.location
        {
            if Int(thread.reads[index].store) == store {
                thread.reads[index].count += 1
            } else {
                thread.reads[index].store = Int32(store)
                thread.reads[index].count = 1
            }
            return
        }
        thread.reads.append(
            RepeatedRead(
                site: site, location: Int32(thread.location), store: Int32(store), count: 1))
    }

    /// A write is progress: what is read from here on repeats nothing. The write itself is what a
    /// yield then waits to see replaced.
    private func noteWrite(_ thread: VirtualThread) {
        thread.reads.removeAll(keepingCapacity: true)
        thread.reads.append(
            RepeatedRead(
                site: 0, location: Int32(thread.location),
                store: Int32(memory.stores.count - 1), count: 1))
    }
}
