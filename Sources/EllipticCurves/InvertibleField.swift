// SPDX-License-Identifier: MIT

/// What the tables need of a field: to divide many points by their Z.
protocol InvertibleField {
    static var one: Self { get }
    /// Of a number that is not zero.
    var inverse: Self { get }
    static func * (left: Self, right: Self) -> Self
}

extension InvertibleField {
    /// The inverses of all, none of which is zero, with one inversion and three multiplications
    /// for each (P. L. Montgomery's trick).
    static func inverses(_ elements: [Self]) -> [Self] {
        var product = one
        // What stands before each, then its inverse.
        var results = elements.map { element in
            defer { product = product * element }
            return product
        }
        var inverse = product.inverse
        for index in elements.indices.reversed() {
            results[index] = inverse * results[index]
            inverse = inverse * elements[index]
        }
        return results
    }
}
