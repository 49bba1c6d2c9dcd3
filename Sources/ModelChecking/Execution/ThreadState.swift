// SPDX-License-Identifier: MIT

/// Where a thread of the program under test stands.
@safe
struct ThreadState: ~Copyable {
    enum Status: UInt8 {
        /// Its next step is known; most can be taken at once.
        case ready
        /// It sleeps on a word.
        case parked
        /// Its body has returned, or there is none.
        case finished
    }

    var name = ""
    /// Its fiber, which the execution holds; the caller has none.
    var fiber: OpaquePointer?
    var status = Status.finished
    /// The next step, and the atomic that it uses.
    var pending = AtomicOperation(.begin, order: .relaxed, site: .none)
    var location = -1
    /// What that can do.
    var possibleEffect = StepEffect()
    /// What it has read since it last wrote, for repetitions and yields.
    var reads = PlainBuffer<RepeatedRead>()
    /// How often weak compare-exchanges of the thread may still fail for no reason.
    var spuriousFailuresLeft = 0
    /// Which of what the program calls its operations it is in, from 1; zero between them.
    var operation = 0
    /// How many it has begun.
    private var operationCount = 0
    /// The step that woke it, -1 if none did.
    var wakingStep = -1

    /// Begins an execution.
    mutating func begin(name: String, spuriousFailureMax: Int) {
        self.name = name
        status = .ready
        location = -1
        reads.removeAll()
        spuriousFailuresLeft = spuriousFailureMax
        wakingStep = -1
        operation = 0
        operationCount = 0
    }

    /// Begins an operation.
    mutating func beginOperation() {
        reads.removeAll()
        operationCount += 1
        operation = operationCount
    }

    /// Notes the next step, and the atomic that it uses.
    @inline(__always)
    mutating func announce(_ operation: borrowing AtomicOperation, at location: Int) {
        pending = copy operation
        self.location = location
        possibleEffect = StepEffect(operation, at: location)
    }

    /// Goes on otherwise than it was about to: by nothing, or by the end of its sleep.
    mutating func changeNextStep(to kind: AtomicOperation.Kind) {
        pending.kind = kind
        possibleEffect = StepEffect(pending, at: location)
    }
}

/// A read that may be repeated: the same place in the code, the same atomic, the same store.
struct RepeatedRead {
    var site: UInt64
    var location: Int32
    var store: Int32
    var count: Int32
    /// Whether it was made since the thread's last yield.
    var isRecent = true
}

/// A thread that sleeps on a word.
struct Sleeper {
    var thread: Int
    var location: Int
}

extension CodeSite {
    /// No place.
    static var none: CodeSite { CodeSite(file: "", line: 0) }
}
