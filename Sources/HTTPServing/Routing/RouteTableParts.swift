// SPDX-License-Identifier: MIT

/// The arrays of a `RouteTable` in memory that never moves and never changes, so that the lookup
/// neither counts references nor compares indices that it made itself (debug builds compare).
@safe
final class RouteTableParts: @unchecked Sendable {
    private let nodes: UnsafeMutableBufferPointer<RouteNode>
    private let edges: UnsafeMutableBufferPointer<RouteEdge>
    /// The bytes of all literals.
    private let text: UnsafeMutableBufferPointer<UInt8>
    /// Open addressing, at most half of the places taken.
    private let statics: UnsafeMutableBufferPointer<StaticRoute>
    private let routes: UnsafeMutableBufferPointer<Int32>

    /// How many places the table of whole paths has: a power of two, or zero.
    let staticCount: Int

    init(_ draft: RouteTableDraft) {
        // SAFETY: fresh memory that only this object names; freed in `deinit`.
        unsafe nodes = Self.copy(draft.nodes)
        unsafe edges = Self.copy(draft.edges)
        unsafe text = Self.copy(draft.text)
        let table = draft.staticTable()
        staticCount = table.count
        // SAFETY: as above.
        unsafe statics = Self.copy(table)
        unsafe routes = Self.copy(draft.routes)
    }

    deinit {
        // SAFETY: allocated in `init`; the elements are trivial.
        unsafe nodes.deallocate()
        unsafe edges.deallocate()
        unsafe text.deallocate()
        // SAFETY: as above.
        unsafe statics.deallocate()
        unsafe routes.deallocate()
    }

    private static func copy<Element: BitwiseCopyable>(
        _ source: [Element]
    ) -> UnsafeMutableBufferPointer<Element> {
        let result = UnsafeMutableBufferPointer<Element>.allocate(capacity: source.count)
        _ = unsafe result.initialize(from: source)  // SAFETY: as many places as elements.
        return unsafe result
    }

    @inline(__always)
    func node(_ index: Int) -> RouteNode {
        return unsafe nodes[index]  // SAFETY: an index of the draft.
    }

    @inline(__always)
    func edge(_ index: Int) -> RouteEdge {
        return unsafe edges[index]  // SAFETY: an index of the draft.
    }

    @inline(__always)
    func route(_ index: Int) -> Int {
        return Int(unsafe routes[index])  // SAFETY: an index of the draft.
    }

    @inline(__always)
    func staticRoute(_ index: Int) -> StaticRoute {
        assert(index >= 0 && index < staticCount)
        return unsafe statics[index]  // SAFETY: masked by the caller.
    }

    /// Whether the literal from `start` is what the path has from `pathStart`.
    @inline(__always)
    func equals(_ start: Int, _ path: Span<UInt8>, _ pathStart: Int, _ byteCount: Int) -> Bool {
        // SAFETY: the literal lies in the text, which outlives the call.
        RouteTable.equal(unsafe text.span, start, path, pathStart, byteCount)
    }

    /// Whether the literal from `start` is what a range of the path decodes to.
    func equalsDecoded(
        _ start: Int, _ byteCount: Int, _ path: Span<UInt8>, _ range: Range<Int>
    ) -> Bool {
        // SAFETY: as in `equals`.
        let literal = unsafe text.span.extracting(start..<(start &+ byteCount))
        return PercentCoding.equals(path, range, literal, plusIsSpace: false)
    }
}
