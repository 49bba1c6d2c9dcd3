// SPDX-License-Identifier: MIT

#if HTTP

    public import Logging

    extension AccessLog {
        /// The same as metadata of swift-log, one value for each thing known. Values that came from
        /// the client have gone through `LogText`.
        public static func metadata(
            _ figures: Figures, remote: Span<UInt8>?, method: Span<UInt8>, target: Span<UInt8>,
            userAgent: Span<UInt8>? = nil, requestID: Span<UInt8>? = nil
        ) -> Logger.Metadata {
            var result: Logger.Metadata = [
                "method": .string(LogText.text(method)),
                "target": .string(LogText.text(target)),
                "status": .stringConvertible(figures.status),
                "bytes": .stringConvertible(figures.byteCount),
                "microseconds": .stringConvertible(figures.durationNanoseconds / 1000),
            ]
            if let remote { result["remote"] = .string(LogText.text(remote)) }
            if let userAgent { result["user-agent"] = .string(LogText.text(userAgent)) }
            if let requestID { result["request-id"] = .string(LogText.text(requestID)) }
            return result
        }
    }

#endif
