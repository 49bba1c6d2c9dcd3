// SPDX-License-Identifier: MIT

/// A row of values that grows at its end and has one owner: what an array is here, without its
/// reference counts and its checks of uniqueness, which were a third of an execution's time.
/// Emptied, it keeps its memory, so that executions after the first few allocate nothing.
///
/// The types of its values are not private: Swift 6.3 makes invalid code of such at -Onone.
@safe
struct PlainBuffer<Element: ~Copyable>: ~Copyable {
    private var base: UnsafeMutablePointer<Element>
    private var capacity: Int
    private(set) var count = 0

    /// An empty buffer with room for so many values, at least one.
    init(capacity: Int = 16) {
        self.capacity = capacity
        unsafe base = .allocate(capacity: capacity)  // SAFETY: freed in `deinit`.
    }

    deinit {
        unsafe base.deinitialize(count: count)  // SAFETY: so many are initialized, always.
        unsafe base.deallocate()  // SAFETY: allocated here.
    }

    var isEmpty: Bool {
        @inline(__always) get { count == 0 }
    }

    var indices: Range<Int> {
        @inline(__always) get { 0..<count }
    }

    subscript(index: Int) -> Element {
        @inline(__always) unsafeAddress {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            return unsafe UnsafePointer(base + index)  // SAFETY: checked above.
        }
        @inline(__always) unsafeMutableAddress {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            return unsafe base + index  // SAFETY: checked above.
        }
    }

    @inline(__always)
    mutating func append(_ element: consuming Element) {
        if count == capacity { grow() }
        unsafe (base + count).initialize(to: element)  // SAFETY: there is room behind the last.
        count += 1
    }

    @inline(__always)
    mutating func removeAll() { removeLast(count) }

    /// Drops so many values at the end.
    @inline(__always)
    mutating func removeLast(_ number: Int = 1) {
        precondition(UInt(bitPattern: number) <= UInt(bitPattern: count))
        count -= number
        unsafe (base + count).deinitialize(count: number)  // SAFETY: they were initialized.
    }

    /// Takes a value out; those behind it move up.
    mutating func remove(at index: Int) -> Element {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
        count -= 1
        // SAFETY: checked above; what moves up was initialized.
        let element = unsafe (base + index).move()
        unsafe (base + index).moveInitialize(from: base + index + 1, count: count - index)
        return element
    }

    @inline(never)
    private mutating func grow() {
        let wide = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
        // SAFETY: the new memory has room for what moves there.
        unsafe wide.moveInitialize(from: base, count: count)
        unsafe base.deallocate()  // SAFETY: as in `deinit`; it is empty now.
        unsafe base = wide
        capacity *= 2
    }
}

extension PlainBuffer {
    /// A buffer with so many equal values.
    init(repeating element: Element, count: Int) {
        self.init(capacity: max(1, count))
        append(element, count: count)
    }

    /// Adds so many equal values.
    @inline(__always)
    mutating func append(_ element: Element, count number: Int) {
        while capacity - count < number { grow() }
        // SAFETY: there is room behind the last.
        unsafe (base + count).initialize(repeating: element, count: number)
        count += number
    }

    /// Adds a copy of some of the buffer's own values.
    @inline(__always)
    mutating func append(copying range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        while capacity - count < range.count { grow() }
        // SAFETY: the range lies in front of the end, and there is room behind it.
        unsafe (base + count).initialize(from: base + range.lowerBound, count: range.count)
        count += range.count
    }

    /// Sets some values, which are plain, to the same one.
    @inline(__always)
    mutating func fill(_ range: Range<Int>, with element: Element) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        // SAFETY: the range lies in front of the end.
        unsafe (base + range.lowerBound).update(repeating: element, count: range.count)
    }

    /// The values, for the results.
    var array: [Element] { indices.map { self[$0] } }
}
