// SPDX-License-Identifier: MIT

/// Finds what was registered for a method and a path; made by a `RouterBuilder`, immutable.
///
/// Segment by segment, a literal wins over a typed parameter, that over a string, and that over the
/// wildcard; where a choice leads nowhere, or to a pattern without the method, the next one is
/// tried. So the longest prefix wins among wildcards. A known path answers 405 to every method that
/// it does not have; 501 is for an unknown path with a method that no route has (GET, HEAD and
/// OPTIONS always count as known: RFC 9110, 9.1).
///
/// The path is what stands in the request before "?", percent-encoded. It is matched segment by
/// segment, decoded after splitting; dot segments, NUL and broken encodings are refused whatever
/// the routes are. Letters are compared as they are. A wildcard takes what is left, which may be
/// empty: `/files/*rest` matches `/files/` and not `/files`.
public struct Router<Payload> {
    /// The most bytes of a path; a longer one is `RouteOutcome.pathTooLong`.
    public static var pathByteCountMax: Int { PathSegments.pathByteCountMax }

    @usableFromInline
    let table: RouteTable
    @usableFromInline
    let payloads: [Payload]
    private let patterns: [String]
    private let names: [[String]]

    init(table: RouteTable, payloads: [Payload], patterns: [RoutePattern]) {
        self.table = table
        self.payloads = payloads
        self.patterns = patterns.map(\.text)
        self.names = patterns.map(\.names)
    }

    /// The code of a method's name; `unknown` if no route has it and it is no common one.
    @inlinable
    public func methodCode(_ name: Span<UInt8>) -> MethodCode { table.code(name) }

    /// What there is for a method and a path; fills `parameters` where a route is found.
    ///
    /// Cost: see `RouteTable`. No allocation unless several patterns match a path without the
    /// method.
    @inlinable
    public func lookup(
        _ method: MethodCode, _ path: Span<UInt8>, _ parameters: inout RouteParameters
    ) -> RouteOutcome {
        table.lookup(method, path, &parameters)
    }

    /// The same, with the payload.
    @inlinable
    public func route(
        _ method: MethodCode, _ path: Span<UInt8>, _ parameters: inout RouteParameters
    ) -> RouteResult<Payload> {
        switch table.lookup(method, path, &parameters) {
        case .found(let id): .found(payloads[id.index], id)
        case let other: .other(other)
        }
    }

    /// The payload of a route that this router found.
    @inlinable
    public subscript(id: RouteID) -> Payload { payloads[id.index] }

    /// A route's pattern as it was registered: a label for logs and metrics of bounded variety.
    public func pattern(of id: RouteID) -> String { patterns[id.index] }

    /// The names of a route's parameters, in the order of `RouteParameters`.
    public func parameterNames(of id: RouteID) -> [String] { names[id.index] }

    /// The place of a parameter by its name; nil if the pattern has none of that name.
    public func parameterIndex(_ name: String, of id: RouteID) -> Int? {
        names[id.index].firstIndex(of: name)
    }

    /// How many routes there are.
    public var routeCount: Int { payloads.count }
}

extension Router: Sendable where Payload: Sendable {}
