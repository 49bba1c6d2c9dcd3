// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// An element whose contents lie on the heap: a consumer that gets it without the producer's edge
/// reads memory that it has no order with, which ThreadSanitizer sees.
@safe
struct Parcel: ~Copyable, @unchecked Sendable {
    private let words: UnsafeMutablePointer<UInt64>
    private let census: ParcelCensus

    init(producer: Int, number: UInt64, census: ParcelCensus) {
        // The words are written by assignment: unoptimised, `initialize(to:)` writes inside the
        // standard library, where ThreadSanitizer does not look.
        unsafe words = .allocate(capacity: 3)  // SAFETY: initialized below.
        unsafe words.initialize(repeating: 0, count: 3)  // SAFETY: three fresh words.
        unsafe words[0] = UInt64(producer)  // SAFETY: in bounds.
        unsafe words[1] = number  // SAFETY: in bounds.
        unsafe words[2] = Self.seal(producer, number)  // SAFETY: in bounds.
        self.census = census
        census.born.add(1, ordering: .relaxed)
    }

    deinit {
        unsafe words[2] = 0  // SAFETY: in bounds; a second death or a late reader meets it.
        unsafe words.deallocate()  // SAFETY: allocated in `init`, freed once.
        census.died.add(1, ordering: .relaxed)
    }

    /// Who made it.
    var producer: Int { unsafe Int(words[0]) }  // SAFETY: in bounds.

    /// Its number among its producer's.
    var number: UInt64 { unsafe words[1] }  // SAFETY: in bounds.

    /// Whether the contents are what the producer wrote.
    var isWhole: Bool {
        unsafe words[2] == Self.seal(producer, number)  // SAFETY: in bounds.
    }

    private static func seal(_ producer: Int, _ number: UInt64) -> UInt64 {
        (UInt64(producer) << 48 ^ number) &* 0x9E37_79B9_7F4A_7C15 | 1
    }
}

/// Counts parcels. Relaxed throughout: it must not make an edge that the primitive under test owes.
final class ParcelCensus: Sendable {
    let born = Atomic<Int>(0)
    let died = Atomic<Int>(0)

    var alive: Int { born.load(ordering: .relaxed) - died.load(ordering: .relaxed) }

    /// Whether all are dead, now or soon: a task that has ended may hold the last for a moment.
    var isEmptySoon: Bool {
        let limit = longEnough
        while alive > 0 && MonotonicInstant.now < limit { shortPause() }
        return alive == 0
    }
}

/// What one consumer saw: how many, their sum, and the last number of each producer.
struct Receipts {
    private(set) var count: UInt64 = 0
    private(set) var sum: UInt64 = 0
    private var last: [UInt64]

    init(producerCount: Int) {
        last = Array(repeating: 0, count: producerCount)
    }

    /// Notes a parcel; numbers start at one, and each producer's must rise at each consumer.
    mutating func note(_ parcel: borrowing Parcel, in context: StressContext) {
        let (producer, number) = (parcel.producer, parcel.number)
        context.check(parcel.isWhole, "a parcel's contents are not what its producer wrote")
        context.check(
            number > last[producer], "producer \(producer): \(number) after \(last[producer])")
        last[producer] = number
        count &+= 1
        sum &+= number
    }
}
