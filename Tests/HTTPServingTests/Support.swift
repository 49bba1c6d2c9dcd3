// SPDX-License-Identifier: MIT

@testable import HTTPServing

/// The bytes of a text.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The text of bytes.
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The text of a part of bytes.
func text(_ bytes: [UInt8], _ range: Range<Int>) -> String { text(Array(bytes[range])) }

/// What `body` throws, if it is of this type.
func failure<Failure: Error, Value>(_ body: () throws(Failure) -> Value) -> Failure? {
    do throws(Failure) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}
