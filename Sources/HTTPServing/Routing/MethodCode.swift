// SPDX-License-Identifier: MIT

/// A request method as a small number: the registered ones have fixed numbers, the methods that
/// only one router knows get theirs from it.
///
/// Methods are case-sensitive (RFC 9110, 9.1). Numbers below `commonCount` mean the same in every
/// router; `unknown` is a method that nobody registered.
@frozen
public struct MethodCode: RawRepresentable, Hashable, Sendable {
    /// The number.
    public let rawValue: UInt8

    /// The method of that number.
    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// How many methods have fixed numbers.
    public static let commonCount = 9

    /// How many methods one router can tell apart, the common ones among them.
    public static let countMax = 32

    /// GET.
    public static let get = MethodCode(rawValue: 0)
    /// HEAD.
    public static let head = MethodCode(rawValue: 1)
    /// POST.
    public static let post = MethodCode(rawValue: 2)
    /// PUT.
    public static let put = MethodCode(rawValue: 3)
    /// DELETE.
    public static let delete = MethodCode(rawValue: 4)
    /// CONNECT.
    public static let connect = MethodCode(rawValue: 5)
    /// OPTIONS.
    public static let options = MethodCode(rawValue: 6)
    /// TRACE.
    public static let trace = MethodCode(rawValue: 7)
    /// PATCH (RFC 5789).
    public static let patch = MethodCode(rawValue: 8)
    /// A method without a number.
    public static let unknown = MethodCode(rawValue: 255)

    /// The names of the common methods, in the order of their numbers.
    static let commonNames = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ]

    /// The common method of that name, or `unknown`.
    ///
    /// Cost: at most seven byte reads and one switch; no allocation.
    public init(_ name: Span<UInt8>) {
        guard name.count >= 3, name.count <= 7 else {
            self = .unknown
            return
        }
        self = Self.common(Self.word(name))
    }

    /// At most eight bytes as one number, the first in the highest place.
    private static func word(_ name: Span<UInt8>) -> UInt64 {
        var word: UInt64 = 0
        for index in name.indices { word = word &<< 8 | UInt64(name[index]) }
        return word
    }

    private static func common(_ word: UInt64) -> MethodCode {
        switch word {
        case 0x47_4554: .get
        case 0x4845_4144: .head
        case 0x504F_5354: .post
        case 0x50_5554: .put
        case 0x4445_4C45_5445: .delete
        case 0x43_4F4E_4E45_4354: .connect
        case 0x4F_5054_494F_4E53: .options
        case 0x54_5241_4345: .trace
        case 0x50_4154_4348: .patch
        default: .unknown
        }
    }

    /// The method's place in a set of methods; zero for `unknown`.
    var bit: UInt32 {
        rawValue < UInt8(Self.countMax) ? UInt32(1) &<< UInt32(rawValue) : 0
    }
}
