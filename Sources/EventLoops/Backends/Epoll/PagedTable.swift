// SPDX-License-Identifier: MIT

/// Entries numbered from zero, as many as were asked for: pages of 128, allocated in order. An
/// array that doubles would hold up to two entries for each that is used, and these are most of
/// what the backend keeps for an idle connection.
@safe
struct PagedTable<Entry: BitwiseCopyable>: ~Copyable {
    private let blank: Entry
    private var pages: [Page] = []

    @safe
    private struct Page {
        let entries: UnsafeMutablePointer<Entry>
    }

    private static var shift: Int { 7 }
    private static var pageCount: Int { 1 << shift }

    /// A table without entries; new ones are `blank`.
    init(blank: Entry) { self.blank = blank }

    deinit {
        for page in pages { unsafe page.entries.deallocate() }  // SAFETY: allocated by `reach`.
    }

    /// How many entries there are.
    var count: Int { pages.count << Self.shift }

    /// Makes entries up to this one.
    @inline(__always)
    mutating func reach(_ index: Int) { if index >= count { grow(to: index) } }

    @inline(never)
    private mutating func grow(to index: Int) {
        while index >= count {  // Ends: every turn adds a page.
            let entries = UnsafeMutablePointer<Entry>.allocate(capacity: Self.pageCount)
            // SAFETY: just allocated.
            unsafe entries.initialize(repeating: blank, count: Self.pageCount)
            unsafe pages.append(Page(entries: entries))  // SAFETY: ours until `deinit`.
        }
    }

    @inline(__always)
    subscript(index: Int) -> Entry {
        _read {
            precondition(index >= 0 && index < count, "no such entry")
            let page = pages[index >> Self.shift]
            yield unsafe page.entries[index & (Self.pageCount - 1)]  // SAFETY: checked above.
        }
        _modify {
            precondition(index >= 0 && index < count, "no such entry")
            let page = pages[index >> Self.shift]
            // SAFETY: as above; the table is changed by one at a time.
            yield unsafe &page.entries[index & (Self.pageCount - 1)]
        }
    }
}
