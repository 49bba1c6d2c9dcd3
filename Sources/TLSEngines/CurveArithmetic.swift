// SPDX-License-Identifier: MIT

#if TLS

    internal import CBearSSL
    internal import EllipticCurves

    /// What BearSSL calls for elliptic curves: X25519 and P-256 by `EllipticCurves`, the other
    /// curves by BearSSL itself.
    ///
    /// BearSSL 0.6 computes in 31-bit limbs, which costs four to twenty times as much. The contract
    /// is that of `br_ec_impl` (bearssl_ec.h), with two differences: what is agreed on by X25519
    /// must not be zero (RFC 8422, section 5.11; BearSSL does not look), and a scalar of `muladd`
    /// may be zero, as one of a good signature may.
    @safe
    struct CurveArithmetic: @unchecked Sendable {
        /// Lives as long as the process.
        static let shared = CurveArithmetic()

        let table: UnsafePointer<br_ec_impl>

        private init() {
            // SAFETY: BearSSL's table is constant; ours is not changed any more, and never freed.
            let table = UnsafeMutablePointer<br_ec_impl>.allocate(capacity: 1)
            unsafe table.initialize(to: br_ec_get_default().pointee)
            unsafe table.pointee.mul = { point, pointCount, scalar, scalarCount, curve in
                // SAFETY: as in `multiply`.
                unsafe CurveArithmetic.multiply(point, pointCount, scalar, scalarCount, curve)
            }
            unsafe table.pointee.mulgen = { result, scalar, scalarCount, curve in
                // SAFETY: as in `multiplyBase`.
                unsafe CurveArithmetic.multiplyBase(result, scalar, scalarCount, curve)
            }
            // SAFETY: as above.
            unsafe table.pointee.muladd = { first, second, count, x, xCount, y, yCount, curve in
                // SAFETY: as in `multiplyAdd`.
                unsafe CurveArithmetic.multiplyAdd(
                    first, second, count, x, xCount, y, yCount, curve)
            }
            unsafe self.table = UnsafePointer(table)  // SAFETY: as above.
        }

        /// BearSSL lends so many bytes for a call; a curve of its own is computed there.
        private static func multiply(
            _ point: UnsafeMutablePointer<UInt8>?, _ pointCount: Int,
            _ scalar: UnsafePointer<UInt8>?, _ scalarCount: Int, _ curve: Int32
        ) -> UInt32 {
            // SAFETY: as many bytes as BearSSL lends.
            let bytes = unsafe UnsafeMutableBufferPointer(start: point, count: pointCount)
            let number = unsafe UnsafeBufferPointer(start: scalar, count: scalarCount)
            switch curve {
            case CurveNumber.p256:
                // SAFETY: as above.
                let number = unsafe CurveScalar(highestFirst: number.span)
                return unsafe replace(bytes, InlineArray<65, UInt8>(repeating: 0)) {
                    point, result in
                    P256.multiply(point, by: number.bytes.span, into: &result)
                }
            case CurveNumber.x25519:
                if pointCount != X25519.byteCount { return 0 }
                // SAFETY: as above.
                guard let number = unsafe CurveScalar(lowestFirst: number.span) else { return 0 }
                return unsafe replace(bytes, InlineArray<32, UInt8>(repeating: 0)) {
                    point, result in
                    X25519.multiply(scalar: number.bytes.span, point: point, into: &result)
                }
            default:
                // SAFETY: the arguments are BearSSL's.
                return unsafe br_ec_get_default().pointee.mul(
                    point, pointCount, scalar, scalarCount, curve)
            }
        }

        /// The number of bytes that were written.
        private static func multiplyBase(
            _ result: UnsafeMutablePointer<UInt8>?, _ scalar: UnsafePointer<UInt8>?,
            _ scalarCount: Int, _ curve: Int32
        ) -> Int {
            // SAFETY: as many bytes as BearSSL lends; room for a point of the curve.
            let number = unsafe UnsafeBufferPointer(start: scalar, count: scalarCount)
            switch curve {
            case CurveNumber.p256:
                // SAFETY: as above.
                let number = unsafe CurveScalar(highestFirst: number.span)
                let bytes = unsafe UnsafeMutableBufferPointer(
                    start: result, count: P256.pointByteCount)
                var span = unsafe bytes.mutableSpan  // SAFETY: as above.
                // The scalar is not zero by contract; else these are zeroes.
                _ = P256.multiplyBase(by: number.bytes.span, into: &span)
                return P256.pointByteCount
            case CurveNumber.x25519:
                // SAFETY: as above.
                guard let number = unsafe CurveScalar(lowestFirst: number.span) else { return 0 }
                let bytes = unsafe UnsafeMutableBufferPointer(
                    start: result, count: X25519.byteCount)
                var span = unsafe bytes.mutableSpan  // SAFETY: as above.
                X25519.publicKey(scalar: number.bytes.span, into: &span)
                return X25519.byteCount
            default:
                // SAFETY: the arguments are BearSSL's.
                return unsafe br_ec_get_default().pointee.mulgen(
                    result, scalar, scalarCount, curve)
            }
        }

        /// `first` becomes x · first + y · second; without a second, the base point stands there.
        private static func multiplyAdd(
            _ first: UnsafeMutablePointer<UInt8>?, _ second: UnsafePointer<UInt8>?, _ count: Int,
            _ x: UnsafePointer<UInt8>?, _ xCount: Int, _ y: UnsafePointer<UInt8>?, _ yCount: Int,
            _ curve: Int32
        ) -> UInt32 {
            guard curve == CurveNumber.p256 else {
                // SAFETY: the arguments are BearSSL's.
                return unsafe br_ec_get_default().pointee.muladd(
                    first, second, count, x, xCount, y, yCount, curve)
            }
            // SAFETY: as many bytes as BearSSL lends.
            let bytes = unsafe UnsafeMutableBufferPointer(start: first, count: count)
            let x = unsafe CurveScalar(
                highestFirst: UnsafeBufferPointer(start: x, count: xCount).span)
            // SAFETY: as above.
            let y = unsafe CurveScalar(
                highestFirst: UnsafeBufferPointer(start: y, count: yCount).span)
            guard let second = unsafe second else {
                // SAFETY: as above.
                return unsafe replace(bytes, InlineArray<65, UInt8>(repeating: 0)) {
                    point, result in
                    P256.multiplyAdd(
                        point, by: x.bytes.span, baseScalar: y.bytes.span, into: &result)
                }
            }
            // SAFETY: as above.
            let other = unsafe UnsafeBufferPointer(start: second, count: count)
            return unsafe replace(bytes, InlineArray<65, UInt8>(repeating: 0)) { point, result in
                // SAFETY: as above.
                unsafe P256.multiplyAdd(
                    point, by: x.bytes.span, other: other.span, by: y.bytes.span, into: &result)
            }
        }

        /// Bytes become what the closure makes of them in `memory`; 1 if it could. Bytes of another
        /// number are refused by the closure, and stay.
        private static func replace<let count: Int>(
            _ bytes: UnsafeMutableBufferPointer<UInt8>, _ memory: InlineArray<count, UInt8>,
            _ compute: (borrowing Span<UInt8>, inout MutableSpan<UInt8>) -> Bool
        ) -> UInt32 {
            var memory = memory
            var result = memory.mutableSpan
            // SAFETY: lent for the call.
            let isGood = unsafe compute(bytes.span, &result)
            if bytes.count == count {
                // SAFETY: as above.
                for index in 0..<count { unsafe bytes[index] = result[index] }
            }
            return isGood ? 1 : 0
        }
    }

    /// The numbers of curves (RFC 8422, section 5.1.1).
    enum CurveNumber {
        static let p256: Int32 = 23
        static let x25519: Int32 = 29
    }

#endif
