// SPDX-License-Identifier: MIT

/// A fixed array that a backend fills with completions and the loop empties.
@safe
public struct CompletionBatch: ~Copyable {
    /// Where the completions lie; `capacity` of them.
    public let base: UnsafeMutablePointer<Completion>
    /// How many fit.
    public let capacity: Int
    /// How many there are.
    public private(set) var count = 0

    /// A batch for at most `capacity` completions.
    public init(capacity: Int) {
        precondition(capacity > 0, "a batch holds at least one completion")
        // SAFETY: freed in `deinit`.
        unsafe base = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    deinit {
        unsafe base.deallocate()  // SAFETY: allocated in `init`; completions are trivial.
    }

    /// Whether no further completion fits.
    public var isFull: Bool { count == capacity }

    /// Adds one completion. The batch must not be full.
    public mutating func append(_ completion: Completion) {
        precondition(count < capacity, "the completion batch is full")
        unsafe (base + count).initialize(to: completion)  // SAFETY: within the allocation.
        count += 1
    }

    /// Says that a backend has written `added` completions behind the last one.
    public mutating func didWrite(_ added: Int) {
        precondition(added >= 0 && count + added <= capacity, "more completions than fit")
        count += added
    }

    /// Puts what `body` answers in the place of each completion from `start` on; those for which it
    /// answers nil are dropped. The others keep their order.
    public mutating func revise(from start: Int, _ body: (Completion) -> Completion?) {
        precondition(start >= 0 && start <= count, "no completion at this place")
        var kept = start
        for index in start..<count {
            // SAFETY: below `count`.
            guard let completion = body(unsafe base[index]) else { continue }
            unsafe base[kept] = completion  // SAFETY: at most `index`.
            kept += 1
        }
        count = kept
    }

    /// Forgets all completions.
    public mutating func removeAll() {
        count = 0
    }

    /// The completion at a place.
    public subscript(index: Int) -> Completion {
        precondition(index >= 0 && index < count, "no completion at this place")
        return unsafe base[index]  // SAFETY: checked above.
    }
}
